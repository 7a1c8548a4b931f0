import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { deleteWeights, fetchWeights, storedWeights, type WeightsRequest } from './weights';

const content = new TextEncoder().encode('what a network knows');
const sha256 = createHash('sha256').update(content).digest('hex');
const url = 'http://host/models/example/odm.onnx';

/** The part of the Cache API that is used, in memory. */
class MemoryCache {
  readonly entries = new Map<string, Uint8Array<ArrayBuffer>>();
  async match(key: string | { url: string }) {
    const stored = this.entries.get(typeof key === 'string' ? key : key.url);
    return stored && new Response(stored);
  }
  async keys() {
    return [...this.entries.keys()].map((url) => ({ url }));
  }
  async put(key: string, response: Response) {
    this.entries.set(key, new Uint8Array(await response.arrayBuffer()));
  }
  async delete(key: string | { url: string }) {
    return this.entries.delete(typeof key === 'string' ? key : key.url);
  }
}

let cache: MemoryCache;
let progress: [number, boolean][];

const request = (changes: Partial<WeightsRequest> = {}): WeightsRequest => ({
  url,
  sha256,
  bytes: content.length,
  onProgress: (loaded, fromCache) => progress.push([loaded, fromCache]),
  onVerify: () => undefined,
  ...changes,
});

/** Answers every request with these chunks; the last may be an error that breaks the transfer off. */
function serve(chunks: (Uint8Array | Error)[], init?: ResponseInit) {
  const fetcher = vi.fn(async () => {
    const left = [...chunks];
    const body = new ReadableStream({
      pull(controller) {
        const chunk = left.shift();
        if (chunk === undefined) controller.close();
        else if (chunk instanceof Error) controller.error(chunk);
        else controller.enqueue(chunk);
      },
    });
    return new Response(body, init);
  });
  vi.stubGlobal('fetch', fetcher);
  return fetcher;
}

beforeEach(() => {
  cache = new MemoryCache();
  progress = [];
  vi.stubGlobal('caches', { open: async () => cache });
});

describe('fetchWeights', () => {
  test('downloads with progress, verifies, and keeps what it has by hash', async () => {
    const fetcher = serve([content.slice(0, 5), content.slice(5)]);
    expect(await fetchWeights(request())).toEqual(content);
    expect(progress).toEqual([
      [5, false],
      [content.length, false],
    ]);
    expect([...cache.entries.keys()]).toEqual([`http://host/models/example/sha256/${sha256}`]);

    progress = [];
    expect(await fetchWeights(request())).toEqual(content);
    expect(progress).toEqual([[content.length, true]]);
    expect(fetcher).toHaveBeenCalledTimes(1);
  });

  test('never hands on or keeps what has another hash', async () => {
    serve([content.map((byte) => byte ^ 1)]);
    await expect(fetchWeights(request())).rejects.toMatchObject({ code: 'hash-mismatch' });
    expect(cache.entries.size).toBe(0);
  });

  test.each([
    ['shorter', [content.slice(0, 5)]],
    ['longer', [content, content]],
  ])('a file that is %s than announced is a mismatch', async (_, chunks) => {
    serve(chunks);
    await expect(fetchWeights(request())).rejects.toMatchObject({ code: 'hash-mismatch' });
  });

  test('a damaged cache entry is downloaded again', async () => {
    cache.entries.set(`http://host/models/example/sha256/${sha256}`, Uint8Array.of(1, 2, 3));
    serve([content]);
    expect(await fetchWeights(request())).toEqual(content);
    expect([...cache.entries.values()]).toEqual([content]);
  });

  test('absent weights: 404, or a host that sends its front page', async () => {
    serve([], { status: 404 });
    await expect(fetchWeights(request())).rejects.toMatchObject({ code: 'weights-missing' });
    serve([content], { headers: { 'content-type': 'text/html; charset=utf-8' } });
    await expect(fetchWeights(request())).rejects.toMatchObject({ code: 'weights-missing' });
  });

  test('a transfer that breaks off', async () => {
    serve([new Error('reset')]);
    await expect(fetchWeights(request())).rejects.toMatchObject({ code: 'download-failed' });
  });

  test('a cancelled transfer', async () => {
    const controller = new AbortController();
    serve([content.slice(0, 5), new Error('aborted')]);
    const job = fetchWeights(request({ signal: controller.signal, onProgress: () => controller.abort() }));
    await expect(job).rejects.toMatchObject({ code: 'cancelled' });
  });

  test('without a cache it downloads every time', async () => {
    vi.stubGlobal('caches', { open: () => Promise.reject(new Error('SecurityError')) });
    const fetcher = serve([content]);
    await fetchWeights(request());
    await fetchWeights(request());
    expect(fetcher).toHaveBeenCalledTimes(2);
  });

  test('a full disk is no reason to fail', async () => {
    vi.spyOn(cache, 'put').mockRejectedValue(new Error('QuotaExceededError'));
    serve([content]);
    await expect(fetchWeights(request())).resolves.toEqual(content);
  });

  test('says so where the page cannot verify', async () => {
    vi.stubGlobal('crypto', {});
    serve([content]);
    await expect(fetchWeights(request())).rejects.toMatchObject({ remedy: expect.stringContaining('https') });
  });
});

describe('what is kept', () => {
  test('is listed with its size, and deleted by its hash wherever it came from', async () => {
    serve([content]);
    await fetchWeights(request());
    cache.entries.set('http://elsewhere/old/sha256/abc', new Uint8Array(5));
    expect(await storedWeights()).toEqual([
      { sha256, bytes: content.length },
      { sha256: 'abc', bytes: 5 },
    ]);
    await deleteWeights('abc');
    expect(await storedWeights()).toEqual([{ sha256, bytes: content.length }]);
    await deleteWeights(sha256);
    expect(await storedWeights()).toEqual([]);
  });

  test('is nothing where the browser refuses a cache', async () => {
    vi.stubGlobal('caches', undefined);
    expect(await storedWeights()).toEqual([]);
    await expect(deleteWeights('abc')).resolves.toBeUndefined();
  });
});
