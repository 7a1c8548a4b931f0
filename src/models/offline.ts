/**
 * What is kept on this machine so that the studio works without a network, apart from the page itself, which the service
 * worker keeps: weights by their hash (`weights.ts`), the runtime's WebAssembly and the bundles' descriptions. The service
 * worker (vite.config.ts) answers from the caches named here; they are filled without it too, because on a first visit
 * everything is fetched before it is at work.
 */

/** WebAssembly of onnxruntime, by its address in the build. */
export const RUNTIME_CACHE = 'runtime-v1';
/** `catalogue.json` and what describes each bundle. */
export const DESCRIPTIONS_CACHE = 'descriptions-v1';

/** A cache, or nothing where the browser refuses one (private windows, plain http, other realms). */
export async function openCache(name: string): Promise<Cache | undefined> {
  try {
    return await caches.open(name);
  } catch {
    return undefined;
  }
}

/**
 * Keeps copies of files, unless they are there. Best effort: a full disk or a lost connection must not stop anything.
 * @returns whether all of them are kept now.
 */
export async function keep(cacheName: string, urls: readonly string[]): Promise<boolean> {
  const cache = await openCache(cacheName);
  if (!cache) return false;
  const results = await Promise.allSettled(
    urls.map(async (url) => {
      if (!(await cache.match(url))) await cache.add(url);
    }),
  );
  return results.every((result) => result.status === 'fulfilled');
}

/** Forgets what is kept beside these files, e.g. the WebAssembly of an older release. */
export async function forgetOthers(cacheName: string, urls: readonly string[]): Promise<void> {
  const cache = await openCache(cacheName);
  for (const request of (await cache?.keys()) ?? []) {
    if (!urls.includes(request.url)) await cache?.delete(request);
  }
}

/** Bytes of everything in a cache. */
export async function cacheBytes(cacheName: string): Promise<number> {
  const cache = await openCache(cacheName);
  let bytes = 0;
  for (const response of (await cache?.matchAll()) ?? []) bytes += (await response.blob()).size;
  return bytes;
}
