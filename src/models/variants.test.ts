/** What a bundle makes of a request's settings: where its guidance acts, and what the sampler then asks of the network. */
import { describe, expect, it } from 'vitest';
import type { Network } from './network';
import type { SampleRequest } from './request';
import { prepareSample } from './sampling';
import { exampleManifest } from './testing';
import { guidanceAt } from './variants';

const request: SampleRequest = {
  model: 'example',
  variant: 'odm',
  severity: 1,
  seed: 1,
  sampler: 'ddim',
  steps: 5,
  guidance: 3,
  eta: 0,
};
const network = { run: () => Promise.reject(new Error('not asked')) } as unknown as Network;

describe('guidance in a part of the times', () => {
  const limited = () => {
    const manifest = exampleManifest();
    manifest.diffusion.guidanceRange = [0.01, 0.5];
    return manifest;
  };

  it('acts within it, both ends included, and everywhere when nothing is said', () => {
    const at = (t: number) => guidanceAt(limited(), request, t);
    expect([0.009, 0.01, 0.3, 0.5, 0.501].map(at)).toEqual([1, 3, 3, 3, 1]);
    expect(guidanceAt(exampleManifest(), request, 0.9)).toBe(3);
  });

  it('is what the sampler asks for: two rows at a guided time, one at another', () => {
    const { loop, evaluations } = prepareSample(limited(), network, request);
    const times = loop.table.map(({ t }) => t);
    // 0.99, 0.745, 0.5, 0.255, 0.01 of the cosine schedule
    expect(times.map((t) => t <= 0.5)).toEqual([false, false, true, true, true]);
    expect(loop.conditioning.map((rows) => rows.length)).toEqual([1, 1, 2, 2, 2]);
    expect(evaluations).toBe(8);
    expect(loop.conditioning[0]![0]!.coefficient).toBe(1);
    expect(loop.conditioning[2]!.map(({ coefficient }) => coefficient)).toEqual([3, -2]);
  });

  it('costs nothing at guidance 1', () => {
    expect(prepareSample(limited(), network, { ...request, guidance: 1 }).evaluations).toBe(5);
  });
});
