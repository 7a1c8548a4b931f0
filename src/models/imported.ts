/**
 * Bundles that the person brought along, kept in the Cache API under addresses of their own, from where they are read like
 * any other bundle. They never leave the machine.
 */
import { cancelled, StudioError } from '../errors';
import type { OpenedBundle } from './bundleFiles';

const CACHE_NAME = 'imported-bundles-v1';
const FOLDER = 'imported-bundles/';

/** Address of an imported bundle's folder below the page's own. */
export function importedUrl(base: string, id: string): string {
  return new URL(`${FOLDER}${id}/`, base).href;
}

export const isImported = (url: string): boolean => new URL(url).pathname.includes(`/${FOLDER}`);

async function openStore(): Promise<Cache> {
  try {
    return await caches.open(CACHE_NAME);
  } catch (thrown) {
    throw new StudioError({
      code: 'storage-failed',
      message: 'This browser keeps nothing for this page, so a bundle can’t be brought along.',
      remedy: 'Open the studio over https or on localhost, and not in a private window.',
      cause: thrown,
    });
  }
}

/** What a server would answer for a file of an imported bundle. */
export async function importedResponse(url: string, signal?: AbortSignal): Promise<Response> {
  const found = await (await openStore()).match(url);
  if (signal?.aborted) throw cancelled();
  return found ?? new Response('Not found', { status: 404 });
}

/** Keeps a bundle, in the place of an earlier one of the same id. @throws StudioError `storage-failed`. */
export async function keepBundle(base: string, { manifest, files }: OpenedBundle): Promise<void> {
  const store = await openStore();
  await removeBundle(base, manifest.id);
  const folder = importedUrl(base, manifest.id);
  try {
    for (const [file, content] of files) await store.put(folder + file, new Response(content));
    // Last: a bundle is there when its manifest is.
    await store.put(
      `${folder}manifest.json`,
      new Response(JSON.stringify(manifest), { headers: { 'content-type': 'application/json' } }),
    );
  } catch (thrown) {
    await removeBundle(base, manifest.id);
    throw new StudioError({
      code: 'storage-failed',
      message: 'The browser has no room for this bundle.',
      remedy: 'Remove other bundles or free disk space, then try again.',
      cause: thrown,
    });
  }
}

export async function removeBundle(base: string, id: string): Promise<void> {
  const store = await openStore();
  const folder = importedUrl(base, id);
  for (const request of await store.keys()) if (request.url.startsWith(folder)) await store.delete(request);
}

/** Ids of the bundles that are kept; none where the browser keeps nothing. */
export async function importedIds(base: string): Promise<string[]> {
  let store: Cache;
  try {
    store = await openStore();
  } catch {
    return [];
  }
  const root = new URL(FOLDER, base).href;
  return (await store.keys())
    .map(({ url }) => url)
    .filter((url) => url.startsWith(root) && url.endsWith('/manifest.json'))
    .map((url) => url.slice(root.length, -'/manifest.json'.length))
    .sort();
}
