import { expect, it } from 'vitest';
import type { Entry } from '../../../storage/gallery';
import { dayOf, matches, NO_FILTER, optionsOf } from './filter';

const entry: Entry = {
  id: 'a',
  madeAt: new Date(2026, 10, 26, 0, 30).getTime(),
  times: 1,
  request: {
    model: 'fundus-idrid',
    variant: 'odm',
    severity: 3,
    seed: 42,
    sampler: 'ddim',
    steps: 8,
    guidance: 1,
    eta: 0,
  },
  modelSha256: '',
  modelTitle: 'Fundus',
  gradeText: 'DR 3, Severe NPDR',
  provider: 'WASM',
  status: 'finished',
  frame: { index: 8, steps: 8 },
  note: 'For the Lecture on exudates',
  star: false,
  bytes: 1,
  hasTrajectory: false,
  batches: ['b'],
  deletedAt: null,
};

it('finds by words in note, model and grade, and by the whole seed', () => {
  for (const text of ['', 'lecture', 'LECT exud', 'fundus', 'severe 42', 'odm', ' 42 ']) {
    expect(matches(entry, { ...NO_FILTER, text }), text).toBe(true);
  }
  for (const text of ['4', 'lecture moderate', '43']) {
    expect(matches(entry, { ...NO_FILTER, text }), text).toBe(false);
  }
});

it('finds by model, grade, day, star and batch', () => {
  const yes = { model: 'fundus-idrid', grade: 'DR 3, Severe NPDR', day: '2026-11-26', batch: 'b' };
  const no = { model: 'phantom', grade: 'DR 2', day: '2026-11-25', batch: 'c', starred: true };
  expect(matches(entry, { ...NO_FILTER, ...yes })).toBe(true);
  expect(matches({ ...entry, star: true }, { ...NO_FILTER, starred: true })).toBe(true);
  for (const [key, value] of Object.entries(no)) {
    expect(matches(entry, { ...NO_FILTER, [key]: value }), key).toBe(false);
  }
});

it('days are those of the person’s calendar', () => {
  expect(dayOf(new Date(2026, 0, 5, 23, 59).getTime())).toBe('2026-01-05');
});

it('counts what there is to choose from', () => {
  const other = { ...entry, request: { ...entry.request, model: 'phantom' }, modelTitle: 'Phantom' };
  expect(optionsOf([entry, other, entry], (e) => [e.request.model, e.modelTitle])).toEqual([
    { value: 'fundus-idrid', label: 'Fundus', count: 2 },
    { value: 'phantom', label: 'Phantom', count: 1 },
  ]);
});
