import { describe, expect, it } from 'vitest';
import { exampleManifest } from '../../../models/testing';
import type { SampleRequest } from '../../../models/request';
import type { Axis } from '../../../exchange/link';
import { axisValues, firstAxis, gridRefusal, planGrid, withinLimits } from './grid';

const manifest = exampleManifest();
const low = manifest.grades[0]!.value;
const high = manifest.grades.at(-1)!.value;
const base: SampleRequest = {
  model: 'example',
  variant: 'odm',
  severity: low,
  seed: 0xfffffffe,
  sampler: 'ddim',
  steps: 8,
  guidance: 1.5,
  eta: 0,
};
const axis = (name: Axis['name'], from: number, to: number, count: number): Axis => ({
  name,
  from,
  to,
  count,
});
const labels = (a: Axis) => axisValues(a, manifest).map((v) => v.label);

describe('what stands on an axis', () => {
  it('severity: every half grade to begin with; whole grades by name, what lies beyond marked', () => {
    const first = firstAxis('severity', manifest, base);
    expect(axisValues(first, manifest).map((v) => v.change.severity)).toEqual([
      low,
      low + 0.5,
      low + 1,
      low + 1.5,
      high,
    ]);
    expect(labels(first)[0]).toBe(manifest.grades[0]!.short);
    expect(labels(axis('severity', high, high + 1, 3)).slice(1)).toEqual([
      `${high + 0.5} (extrap.)`,
      `${high + 1} (extrap.)`,
    ]);
  });

  it('seeds go round at the end of 32 bits', () => {
    expect(axisValues(axis('seed', 0xfffffffe, 0, 3), manifest).map((v) => v.change.seed)).toEqual([
      0xfffffffe, 0xffffffff, 0,
    ]);
  });

  it('steps rise by a factor, each once', () => {
    expect(labels(axis('steps', 1, 32, 6))).toEqual([
      '1 step',
      '2 steps',
      '4 steps',
      '8 steps',
      '16 steps',
      '32 steps',
    ]);
    expect(axisValues(axis('steps', 1, 3, 20), manifest)).toHaveLength(3);
  });

  it('guidance is spread evenly, and one place is enough', () => {
    expect(axisValues(axis('guidance', 1, 4, 4), manifest).map((v) => v.change.guidance)).toEqual([
      1, 2, 3, 4,
    ]);
    expect(axisValues(axis('guidance', 2, 4, 1), manifest).map((v) => v.change.guidance)).toEqual([2]);
  });

  it('variants are all there are', () => {
    expect(axisValues(firstAxis('variant', manifest, base), manifest).map((v) => v.change.variant)).toEqual(
      Object.keys(manifest.variants),
    );
  });
});

it('a cell is what is set up, changed by its row and its column', () => {
  const plan = planGrid(axis('severity', low, high, 2), axis('seed', 1, 0, 3), manifest, base);
  expect(plan.cells).toHaveLength(6);
  expect(plan.cells[4]).toEqual({ ...base, severity: high, seed: 2 });
});

it('says why a grid can’t be', () => {
  const seeds = axis('seed', 0, 0, 100);
  const check = (rows: Axis, columns: Axis) =>
    gridRefusal(rows, columns, planGrid(rows, columns, manifest, base));
  expect(check(seeds, seeds)).toContain('must differ');
  expect(check(seeds, axis('guidance', 0, 20, 20))).toContain('2000 pictures');
  expect(check(seeds, axis('guidance', 1, 2, 2))).toBeNull();
});

it('an axis from a link is kept within what it can be here', () => {
  const axis = { name: 'steps', from: 0, to: 9999, count: 100 } as const;
  expect(withinLimits(axis, 24, manifest)).toEqual({ name: 'steps', from: 1, to: 1000, count: 24 });
  const fine = { name: 'severity', from: low, to: high, count: 3 } as const;
  expect(withinLimits(fine, 24, manifest)).toEqual(fine);
});
