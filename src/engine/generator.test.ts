/** A generator in the engine: one evaluation, one frame, the same noise and class weights as the lab's, and nothing to measure. */
import { describe, expect, test, vi } from 'vitest';
import { normals, PURPOSE } from '../diffusion';
import type { BundleManifest } from '../models/manifest';
import { networkInputs, requireNames } from '../models/network';
import type { SampleRequest } from '../models/request';
import { samplePictures } from '../models/sampling';
import { exampleWithGenerator } from '../models/testing';
import { canonicalRequest, samplingDefaults } from '../models/variants';
import { Engine, type EngineDependencies } from './engine';
import type { DrawnPicture, StepFrame } from './types';

const LENGTH = 3 * 8 * 8;
const never = new AbortController().signal;
const ignore = () => undefined;

/** Every pixel is the sum of z, plus ten times the mean grade. */
const generate = vi.fn(async (z: Float32Array, _t: number, rows: readonly (readonly number[])[]) => {
  const width = z.length / rows.length;
  return Float32Array.from({ length: rows.length * LENGTH }, (_, i) => {
    const k = Math.floor(i / LENGTH);
    const own = width === 4 ? z.subarray(k * 4, k * 4 + 4) : z;
    return own.reduce((a, b) => a + b, 0) + 10 * rows[k]!.reduce((a, weight, g) => a + weight * g, 0);
  });
});

const sumOf = (seed: number, purpose: 3 | 4) => normals(seed, purpose, 0, 4).reduce((a, b) => a + b, 0);

function manifest(): BundleManifest {
  const made = exampleWithGenerator();
  const reference = made.parity.stylegan2!;
  const value = sumOf(reference.seed, PURPOSE.PARITY) + 10;
  made.parity.stylegan2 = { ...reference, values: new Array<number>(64).fill(value), rms: Math.abs(value) };
  return made;
}

async function loaded(): Promise<Engine> {
  const dependencies: EngineDependencies = {
    threads: 1,
    readManifest: async () => manifest(),
    fetchWeights: async () => Uint8Array.of(1),
    openGpu: () => Promise.reject(new Error('no GPU')),
    openSession: async () => ({
      provider: 'wasm',
      detail: '',
      run: generate,
      isLost: () => false,
      release: async () => undefined,
    }),
    openGrader: () => Promise.reject(new Error('no grader')),
  };
  const engine = new Engine(dependencies);
  const at = { bundleUrl: 'http://host/models/example/', variant: 'stylegan2', provider: 'wasm' } as const;
  expect((await engine.load(at, ignore, never)).parityMaxError).toBeLessThan(1e-5);
  generate.mockClear();
  return engine;
}

const request: SampleRequest = {
  model: 'example',
  variant: 'stylegan2',
  severity: 1,
  seed: 7,
  sampler: 'ddim',
  steps: 1,
  guidance: 1,
  eta: 0,
};

describe('a generator', () => {
  test('makes its picture in one evaluation, as one frame', async () => {
    const engine = await loaded();
    const frames: StepFrame[] = [];
    const summary = await engine.sample({ ...request, severity: 0.25 }, (f) => frames.push(f), never);
    expect(generate).toHaveBeenCalledTimes(1);
    expect(generate.mock.calls[0]![2]).toEqual([[0.75, 0.25, 0, 0]]);
    expect(summary.nfe).toBe(1);
    expect(frames).toHaveLength(1);
    const [frame] = frames;
    expect(frame).toMatchObject({ index: 1, steps: 1, t: 0, alpha: 1, sigma: 0 });
    expect(frame!.x[0]).toBeCloseTo(sumOf(7, PURPOSE.LATENT) + 2.5, 4);
    expect(frame!.x0).toEqual(frame!.x);
    expect(frame!.x0.buffer).not.toBe(frame!.x.buffer);
    expect(Math.max(...frame!.epsilon)).toBe(0);
  });

  test('continues the last segment beyond an end, in one row', async () => {
    const engine = await loaded();
    await engine.sample({ ...request, severity: 2.5 }, ignore, never);
    expect(generate.mock.calls[0]![2]).toEqual([[0, -0.5, 1.5, 0]]);
  });

  test('draws many in one batch, each from its own seed and severity', async () => {
    const engine = await loaded();
    const drawn: DrawnPicture[] = [];
    const wanted = [request, { ...request, seed: 8, severity: 2 }];
    await engine.pictures(wanted, (p) => drawn.push(p), never);
    expect(generate).toHaveBeenCalledTimes(1);
    expect(drawn[1]!.picture).toHaveLength(LENGTH);
    expect(drawn[0]!.picture[5]).toBeCloseTo(sumOf(7, PURPOSE.LATENT) + 10, 4);
    expect(drawn[1]!.picture[5]).toBeCloseTo(sumOf(8, PURPOSE.LATENT) + 20, 4);
  });

  test('has no steps to measure and no neighbours to compare, and says so', async () => {
    const engine = await loaded();
    const words = { code: 'request-invalid', message: expect.stringContaining('one evaluation') };
    await expect(engine.measure(request, ignore, never)).rejects.toMatchObject(words);
    const asked = { model: 'example', variant: 'stylegan2', x: new Float32Array(LENGTH), t: 0.5 };
    await expect(engine.neighbours(asked, never)).rejects.toMatchObject(words);
    expect(generate).not.toHaveBeenCalled();
  });

  test('refuses what is no request at all', async () => {
    const engine = await loaded();
    await expect(engine.sample({ ...request, seed: -1 }, ignore, never)).rejects.toMatchObject({
      code: 'request-invalid',
    });
    const network = { run: generate };
    await expect(
      samplePictures(manifest(), network, [{ ...request, variant: 'none' }], async () => undefined),
    ).rejects.toMatchObject({ code: 'request-invalid' });
  });
});

test('its inputs are z and the class weights without the null class', () => {
  const inputs = networkInputs(manifest(), 'stylegan2', Float32Array.of(1, 2, 3, 4), 0, [
    [1, 0, 0, 0],
    [0, 0.5, 0.5, 0],
  ]);
  expect(inputs).toEqual({
    z: { type: 'float32', data: Float32Array.of(1, 2, 3, 4, 1, 2, 3, 4), dims: [2, 4] },
    y: { type: 'float32', data: Float32Array.of(1, 0, 0, 0, 0.5, 0.5), dims: [2, 3] },
  });
  const names = { inputNames: ['z', 'y'], outputNames: ['picture'] };
  expect(() => requireNames(manifest(), 'stylegan2', names)).not.toThrow();
  expect(() => requireNames(manifest(), 'odm', names)).toThrow(/x, t, x0/);
});

test('its picture has one name, whatever was set for a sampler', () => {
  const made = manifest();
  const wished = { ...request, sampler: 'ddpm', steps: 50, guidance: 3, eta: 0.5 } as const;
  expect(canonicalRequest(made, wished)).toEqual(request);
  expect(canonicalRequest(made, { ...wished, variant: 'odm' })).toEqual({ ...wished, variant: 'odm' });
  expect(samplingDefaults(made, 'stylegan2')).toEqual({ sampler: 'ddim', steps: 4, guidance: 1, eta: 0 });
});
