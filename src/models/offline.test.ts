import { beforeEach, expect, test, vi } from 'vitest';
import { cacheBytes, forgetOthers, keep } from './offline';

const stored = new Map<string, string>();
let fetched: string[];

const cache = {
  async match(url: string) {
    const text = stored.get(url);
    return text === undefined ? undefined : new Response(text);
  },
  async matchAll() {
    return [...stored.values()].map((text) => new Response(text));
  },
  async add(url: string) {
    fetched.push(url);
    if (url.endsWith('gone')) throw new TypeError('404');
    stored.set(url, 'four');
  },
  async keys() {
    return [...stored.keys()].map((url) => ({ url }));
  },
  async delete({ url }: { url: string }) {
    return stored.delete(url);
  },
};

beforeEach(() => {
  stored.clear();
  fetched = [];
  vi.stubGlobal('caches', { open: async () => cache });
});

test('keeps what is not there yet, and says whether all of it is', async () => {
  stored.set('http://host/a', 'here already');
  expect(await keep('c', ['http://host/a', 'http://host/b'])).toBe(true);
  expect(fetched).toEqual(['http://host/b']);
  expect(await keep('c', ['http://host/gone', 'http://host/c'])).toBe(false);
  expect([...stored.keys()]).toEqual(['http://host/a', 'http://host/b', 'http://host/c']);
  expect(await cacheBytes('c')).toBe('here already'.length + 8);
});

test('forgets the rest', async () => {
  await keep('c', ['http://host/old', 'http://host/new']);
  await forgetOthers('c', ['http://host/new', 'http://host/never-kept']);
  expect([...stored.keys()]).toEqual(['http://host/new']);
});

test('does nothing where the browser refuses a cache', async () => {
  vi.stubGlobal('caches', undefined);
  expect(await keep('c', ['http://host/a'])).toBe(false);
  await expect(forgetOthers('c', [])).resolves.toBeUndefined();
  expect(await cacheBytes('c')).toBe(0);
});
