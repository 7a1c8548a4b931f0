import { describe, expect, test } from 'vitest';
import { networkInputs, networkOf, pictureLength, type PlainTensor } from './network';
import { exampleManifest } from './testing';

const manifest = exampleManifest();
const length = pictureLength(manifest);
const rows = [0, 1, 2].map((k) => [0, 1, 2, 3].map((i) => (i === k ? 1 : 0)));

/** Adds ten times the grade to every value, so that mixed-up rows show. */
async function runBatch<T>(
  inputs: Record<string, PlainTensor>,
  _output: string,
  read: (output: { type: string; size: number; dims: number[]; data: Float32Array }) => T,
): Promise<T> {
  const x = inputs['x']!;
  const y = inputs['y']!;
  const batch = x.dims[0]!;
  const data = Float32Array.from(x.data as Float32Array, (v, i) => {
    const row = (y.data as Float32Array).subarray(Math.floor(i / length) * 4, Math.floor(i / length) * 4 + 4);
    return v + 10 * row.indexOf(1);
  });
  return read({ type: 'float32', size: data.length, dims: [batch], data });
}

describe('files that fix their batch', () => {
  test.each([1, 2, 5])('of %i pictures give what an open batch gives', async (batch) => {
    const x = Float32Array.from({ length }, (_, i) => i / length);
    const many = Float32Array.from({ length: 3 * length }, (_, i) => i / length);
    const open = networkOf(manifest, 'odm', { batch: null, time: 'each' }, runBatch);
    const fixed = networkOf(manifest, 'odm', { batch, time: 'each' }, (inputs, output, read) => {
      expect(inputs['x']!.dims[0]).toBe(batch);
      return runBatch(inputs, output, read);
    });
    expect(await fixed.run(x, 0.5, rows)).toEqual(await open.run(x, 0.5, rows));
    expect(await fixed.run(many, 0.5, rows)).toEqual(await open.run(many, 0.5, rows));
  });
});

test('the time has the shape that the file takes', () => {
  const x = new Float32Array(length);
  const dims = (time: 'each' | 'one' | 'scalar') =>
    networkInputs(manifest, 'odm', x, 0.25, rows, { batch: null, time })['t'];
  expect(dims('each')).toEqual({ type: 'float32', data: Float32Array.of(0.25, 0.25, 0.25), dims: [3] });
  expect(dims('one')).toEqual({ type: 'float32', data: Float32Array.of(0.25), dims: [1] });
  expect(dims('scalar')).toEqual({ type: 'float32', data: Float32Array.of(0.25), dims: [] });
});
