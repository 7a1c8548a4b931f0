import { describe, expect, it } from 'vitest';
import { exampleManifest } from '../../models/testing';
import type { SampleRequest } from '../../models/request';
import { createStudioStore, NO_NEIGHBOURS, type RunInfo, type StudioState } from '../store/state';
import { gradeAt, reached, startRequest, withNames, type Before } from './goals';
import type { Goal, Lesson } from './schema';

const request: SampleRequest = {
  model: 'example',
  variant: 'odm',
  severity: 1,
  seed: 5,
  sampler: 'ddim',
  steps: 10,
  guidance: 1,
  eta: 0,
};

const run = (change: Partial<SampleRequest> = {}, status: RunInfo['status'] = 'finished'): RunInfo => ({
  id: 1,
  request: { ...request, ...change },
  manifest: exampleManifest(),
  provider: 'wasm',
  status,
  held: [],
  totalMs: null,
  nfe: null,
});

const state = (change: Partial<StudioState> = {}) => createStudioStore(change).getState();
const before: Before = { run: run() };

/** [goal, a state that reaches it, one that does not] */
const CASES: [Goal, Partial<StudioState>, Partial<StudioState>][] = [
  [
    { on: 'cursor', from: 0.4, to: 0.6 },
    { run: run(), cursor: 5 },
    { run: run(), cursor: 7 },
  ],
  [{ on: 'playing' }, { playing: true }, {}],
  [{ on: 'view', is: ['x0', 'epsilon'] }, { view: 'epsilon' }, { view: 'x' }],
  [{ on: 'grade', is: 'highest' }, { run: run({ severity: 2 }) }, { run: run({ severity: 2 }, 'running') }],
  [{ on: 'grade', is: 'other' }, { run: run({ severity: 0 }) }, { run: run() }],
  [{ on: 'seed' }, { run: run({ seed: 6 }) }, { run: run() }],
  [{ on: 'variant', is: 'dm' }, { run: run({ variant: 'dm' }) }, { run: run() }],
  [{ on: 'variant', is: 'other' }, { run: run({ variant: 'x' }) }, { run: run() }],
  [
    { on: 'neighbours' },
    { neighbours: { ...NO_NEIGHBOURS, status: 'ready' } },
    { neighbours: NO_NEIGHBOURS },
  ],
  [
    { on: 'compared', is: 'highest' },
    { run: run(), compared: 2 },
    { run: run(), compared: 0 },
  ],
  [{ on: 'compared', is: 'other' }, { compared: 0 }, { compared: null }],
  [{ on: 'workspace', is: 'severity' }, { workspace: 'severity' }, {}],
];

describe('goals', () => {
  it.each(CASES)('%o', (goal, yes, no) => {
    expect(reached(goal, state(yes), before)).toBe(true);
    expect(reached(goal, state(no), before)).toBe(false);
  });

  it('tells a grade from a severity between two and one beyond the end', () => {
    const at = (severity: number) =>
      state({ draft: { ...request, severity }, manifests: { example: exampleManifest() } });
    const kinds = ['between', 'beyond', 'grade'] as const;
    const found = (severity: number) =>
      kinds.filter((is) => reached({ on: 'severity', is }, at(severity), before));
    expect([0.5, 2.5, -1, 2].map(found)).toEqual([['between'], ['beyond'], ['beyond'], ['grade']]);
    expect(reached({ on: 'severity', is: 'grade' }, state(), before)).toBe(false);
  });

  it('nothing is reached on an empty page', () => {
    for (const [goal] of CASES) expect(reached(goal, state(), { run: null })).toBe(false);
  });
});

it('places on scales of two to ten grades', () => {
  expect(
    [2, 3, 5, 10].map((n) => (['lowest', 'middle', 'highest'] as const).map((p) => gradeAt(p, n))),
  ).toEqual([
    [0, 1, 1],
    [0, 1, 2],
    [0, 2, 4],
    [0, 5, 9],
  ]);
});

it('starts with what the lesson says and the model’s own defaults', () => {
  const lesson = { start: { grade: 'highest', seed: 3, steps: 12, variant: 'nope' } } as Lesson;
  expect(startRequest(lesson, exampleManifest())).toEqual({
    model: 'example',
    variant: 'odm',
    severity: 2,
    seed: 3,
    sampler: 'ddim',
    steps: 12,
    guidance: 1,
    eta: 0,
  });
});

it('says the model’s names', () => {
  const text = 'From {lowest} over {chosen} to {highest}; {unknown}.';
  expect(withNames(text, exampleManifest(), 1)).toBe('From G 0 over G 1 to G 2; {unknown}.');
  expect(withNames('{chosen}', exampleManifest(), 1.5)).toBe('the chosen severity');
  expect(withNames('{highest}', null, null)).toBe('the highest grade');
});
