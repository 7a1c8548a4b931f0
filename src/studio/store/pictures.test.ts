import { expect, it } from 'vitest';
import type { SampleRequest } from '../../models/request';
import { PictureCache, requestKey } from './pictures';

const request = (seed: number): SampleRequest => ({
  model: 'eye',
  variant: 'odm',
  severity: 2.5,
  seed,
  sampler: 'dpmpp-2m',
  steps: 4,
  guidance: 1,
  eta: 0,
});
const picture = (seed: number, length = 10) => ({
  request: request(seed),
  chw: new Float32Array(length),
  provider: 'wasm' as const,
});

it('finds a picture by an equal request, and only by that', () => {
  const cache = new PictureCache();
  cache.add(picture(1));
  expect(cache.get(request(1))).toBeDefined();
  expect(cache.get(request(2))).toBeUndefined();
  expect(cache.get({ ...request(1), severity: 2 })).toBeUndefined();
  // Eta is part of what DDIM draws, and of nothing else.
  expect(requestKey({ ...request(1), eta: 1 })).toBe(requestKey(request(1)));
  expect(requestKey({ ...request(1), sampler: 'ddim', eta: 1 })).not.toBe(
    requestKey({ ...request(1), sampler: 'ddim' }),
  );
});

it('lets the one go that was not used for longest', () => {
  const cache = new PictureCache(120);
  for (const seed of [1, 2, 3]) cache.add(picture(seed));
  cache.get(request(1));
  cache.add(picture(4));
  expect([1, 2, 3, 4].map((seed) => cache.get(request(seed)) !== undefined)).toEqual([
    true,
    false,
    true,
    true,
  ]);
  // The same picture again takes no more room; one larger than the limit is kept alone.
  cache.add(picture(4));
  expect(cache.get(request(3))).toBeDefined();
  cache.add(picture(5, 1000));
  expect([1, 3, 4, 5].map((seed) => cache.get(request(seed)) !== undefined)).toEqual([
    false,
    false,
    false,
    true,
  ]);
});
