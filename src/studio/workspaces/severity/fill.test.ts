import { expect, it } from 'vitest';
import { cancelled, StudioError } from '../../../errors';
import type { SampleRequest } from '../../../models/request';
import { Filler, NOT_FILLING, type FillerParts, type FillState } from './fill';

const cell = (seed: number): SampleRequest => ({
  model: 'eye',
  variant: 'odm',
  severity: 1,
  seed,
  sampler: 'ddim',
  steps: 4,
  guidance: 1,
  eta: 0,
});
const CELLS = Array.from({ length: 12 }, (_, i) => cell(i));

function setUp(parts: Partial<FillerParts> = {}) {
  const drawn = new Set<number>();
  const batches: number[][] = [];
  const states: FillState[] = [];
  const rig: { afterBatch: (n: number) => void } = { afterBatch: () => undefined };
  const filler = new Filler({
    atOnce: 3,
    known: (r) => drawn.has(r.seed),
    onChange: (s) => states.push(s),
    draw: async (requests, onDone, signal) => {
      await Promise.resolve();
      if (signal.aborted) throw cancelled();
      batches.push(requests.map((r) => r.seed));
      requests.forEach((r, place) => {
        drawn.add(r.seed);
        onDone(place);
      });
      rig.afterBatch(batches.length);
      if (signal.aborted) throw cancelled();
    },
    ...parts,
  });
  return { filler, batches, drawn, rig, last: () => states.at(-1) ?? NOT_FILLING };
}

it('fills what is in sight first, then the rest, a few at a time', async () => {
  const { filler, batches, last } = setUp();
  filler.show([6, 7, 8, 9]);
  await filler.fill(CELLS);
  expect(batches).toEqual([[6, 7, 8], [9], [0, 1, 2], [3, 4, 5], [10, 11]]);
  expect(last()).toMatchObject({ status: 'done', done: 12, total: 12 });
});

it('scrolling changes what comes next', async () => {
  const { filler, batches, rig } = setUp();
  filler.show([0, 1, 2, 3]);
  rig.afterBatch = (n) => {
    if (n === 1) filler.show([10, 11]);
  };
  await filler.fill(CELLS);
  expect(batches.slice(0, 3)).toEqual([
    [0, 1, 2],
    [10, 11],
    [3, 4, 5],
  ]);
});

it('does not draw again what is known, and counts it as done', async () => {
  const { filler, batches, drawn, last } = setUp();
  for (const seed of [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]) drawn.add(seed);
  await filler.fill(CELLS);
  expect(batches).toEqual([[10, 11]]);
  expect(last().done).toBe(12);
});

it('cancelled, it keeps what was made, and filling again goes on', async () => {
  const { filler, batches, rig, last } = setUp();
  rig.afterBatch = (n) => {
    if (n === 2) filler.cancel();
  };
  await filler.fill(CELLS);
  expect(last()).toMatchObject({ status: 'cancelled', done: 6 });
  await filler.fill(CELLS);
  expect(batches.flat()).toEqual(CELLS.map((c) => c.seed));
  expect(last().status).toBe('done');
});

it('another filling takes the place of the one under way', async () => {
  const { filler, last } = setUp();
  const first = filler.fill(CELLS);
  await filler.fill(CELLS.slice(0, 2));
  await first;
  expect(last()).toMatchObject({ status: 'done', done: 2, total: 2 });
});

it('draws again what had to make room only while it is in sight', async () => {
  // Nothing is ever kept: what was drawn is lost at once.
  const { filler, batches, rig } = setUp({ known: () => false });
  filler.show([0, 1, 2]);
  rig.afterBatch = (n) => {
    if (n === 2) filler.show([0]);
  };
  await filler.fill(CELLS);
  expect(batches).toEqual([[0, 1, 2], [3, 4, 5], [0], [6, 7, 8], [9, 10, 11]]);
});

it('says what went wrong', async () => {
  const { filler, last } = setUp({
    draw: async () => {
      throw new StudioError({ code: 'worker-crashed', message: 'm', remedy: 'r' });
    },
  });
  await filler.fill(CELLS);
  expect(last()).toMatchObject({ status: 'failed', error: { code: 'worker-crashed' } });
});
