/**
 * Getting the weights of a variant: from the Cache API, or downloaded with progress; in either case nothing is handed
 * on whose SHA-256 is not the manifest's. The cache is keyed by that hash, so a new release never meets old weights.
 */
import { cancelled, StudioError } from '../errors';
import { openCache } from './offline';
import { isImported } from './imported';
import { sha256Hex } from './sha256';
import { fetchFrom } from './source';

const CACHE_NAME = 'weights-v1';

export interface WeightsRequest {
  readonly url: string;
  /** Lower-case hexadecimal SHA-256 of the file. */
  readonly sha256: string;
  /** Size of the file. */
  readonly bytes: number;
  /** Called as bytes arrive, at most once per chunk, and once at the end. */
  readonly onProgress: (loadedBytes: number, fromCache: boolean) => void;
  /** Called once before the hash is computed. */
  readonly onVerify: () => void;
  readonly signal?: AbortSignal | undefined;
}

function missing(url: string): StudioError {
  return new StudioError({
    code: 'weights-missing',
    message: "The model's weights are not on the server.",
    remedy: 'Choose another model or variant; if you host the studio, copy the bundle again.',
    detail: url,
  });
}

function mismatch(url: string, detail: string): StudioError {
  return new StudioError({
    code: 'hash-mismatch',
    message: 'The weights that arrived are not the ones that the manifest names.',
    remedy: 'Try again; if it happens again, the bundle on the server is broken.',
    detail: `${url}: ${detail}`,
  });
}

/** Reads a response's body into one array of the known size, reporting progress. */
async function readBody(response: Response, request: WeightsRequest): Promise<Uint8Array<ArrayBuffer>> {
  const { url, bytes, onProgress, signal } = request;
  const all = new Uint8Array(bytes);
  let loaded = 0;
  try {
    const reader = response.body?.getReader();
    if (!reader) throw new Error('the response has no body');
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (loaded + value.length > bytes) {
        await reader.cancel();
        throw mismatch(url, `more than ${bytes} bytes`);
      }
      all.set(value, loaded);
      loaded += value.length;
      onProgress(loaded, false);
    }
  } catch (thrown) {
    if (signal?.aborted) throw cancelled();
    if (thrown instanceof StudioError) throw thrown;
    throw new StudioError({
      code: 'download-failed',
      message: 'The download of the weights broke off.',
      remedy: 'Check the connection, then try again.',
      detail: url,
      cause: thrown,
    });
  }
  if (loaded !== bytes) throw mismatch(url, `${loaded} bytes instead of ${bytes}`);
  return all;
}

async function verified(request: WeightsRequest, content: Uint8Array<ArrayBuffer>): Promise<boolean> {
  request.onVerify();
  const hash = await sha256Hex(content);
  if (request.signal?.aborted) throw cancelled();
  return hash === request.sha256;
}

/**
 * The verified bytes of a weights file.
 * @throws StudioError `weights-missing`, `hash-mismatch`, `download-failed` or `cancelled`.
 */
export async function fetchWeights(request: WeightsRequest): Promise<Uint8Array<ArrayBuffer>> {
  // Where the browser refuses a cache, every visit downloads.
  const cache = await openCache(CACHE_NAME);
  const key = new URL(`sha256/${request.sha256}`, request.url).href;
  const stored = await cache?.match(key);
  if (stored) {
    const content = new Uint8Array(await stored.arrayBuffer());
    request.onProgress(content.length, true);
    if (await verified(request, content)) return content;
    // Damaged on disk: download it again.
    await cache?.delete(key);
  }

  const response = await fetchFrom(request.url, request.signal, { cache: 'no-cache' });
  // A host that answers unknown paths with its front page sends HTML with status 200.
  if (response.status === 404 || response.headers.get('content-type')?.startsWith('text/html')) {
    await response.body?.cancel();
    throw missing(request.url);
  }
  const content = await readBody(response, request);
  if (!(await verified(request, content))) throw mismatch(request.url, `SHA-256 is not ${request.sha256}`);
  // A full disk must not stop a picture from being made.
  // What the person brought along is kept already.
  if (!isImported(request.url)) await cache?.put(key, new Response(content)).catch(() => undefined);
  return content;
}

/** A weights file that is kept on this machine. */
export interface StoredWeights {
  readonly sha256: string;
  readonly bytes: number;
}

/** The hash is the end of a stored file's address, whichever address it was fetched for. */
const hashOf = (url: string) => url.slice(url.lastIndexOf('/') + 1);

/** Every weights file that is kept on this machine, those of models long gone included. */
export async function storedWeights(): Promise<StoredWeights[]> {
  const cache = await openCache(CACHE_NAME);
  const stored = new Map<string, number>();
  for (const request of (await cache?.keys()) ?? []) {
    const response = await cache?.match(request);
    if (response) stored.set(hashOf(request.url), (await response.blob()).size);
  }
  return [...stored].map(([sha256, bytes]) => ({ sha256, bytes }));
}

/** Deletes a weights file from this machine; a model at work keeps working until the page is left. */
export async function deleteWeights(sha256: string): Promise<void> {
  const cache = await openCache(CACHE_NAME);
  for (const request of (await cache?.keys()) ?? []) {
    if (hashOf(request.url) === sha256) await cache?.delete(request);
  }
}
