import { describe, expect, it } from 'vitest';
import { parseCsv } from '../../../../exchange/csv';
import { exampleManifest } from '../../../../models/testing';
import { gradeResult, pairResult, resultsCsv, subset, type Answer } from './results';
import { planRound, type Item, type QuizSettings } from './round';

const manifest = exampleManifest();
const settings: QuizSettings = {
  mode: 'grade',
  model: 'example',
  variant: 'odm',
  count: 3,
  seed: 1,
  feedback: 'end',
};
const real = (grade: number): Item => ({ grade, source: { kind: 'real', file: `a,${grade}.png` } });
const answer = (grade: number, given: number): Answer => ({
  question: { items: [real(grade)], truth: grade },
  answer: given,
  seconds: 1.26,
});

describe('grades', () => {
  it('are counted, with what n allows to say', () => {
    const result = gradeResult([answer(0, 0), answer(1, 2), answer(2, 2), answer(2, 2)], 3);
    expect(result).toMatchObject({ n: 4, right: 3, asked: [1, 1, 2], recall: [1, 0, 1], error: 0.25 });
    expect(result.confusion.counts).toEqual([1, 0, 0, 0, 0, 1, 0, 0, 2]);
    // scikit-learn: cohen_kappa_score([0, 1, 2, 2], [0, 2, 2, 2], weights='quadratic')
    expect(result.kappa).toBeCloseTo(0.8333333, 6);
    expect(result.interval[0]).toBeGreaterThan(0.3);
    expect(result.interval[1]).toBeLessThan(0.96);
  });

  it('of nothing are nothing', () => {
    const result = gradeResult([], 3);
    expect(result).toMatchObject({ n: 0, right: 0, interval: [0, 1] });
    expect(result.kappa).toBeNaN();
  });

  it('go into a table that can be read again', () => {
    const synthetic = planRound({ ...settings, count: 1 }, manifest)[0]!;
    const text = resultsCsv(
      [answer(1, 2), { question: synthetic, answer: 0, seconds: 2 }],
      settings,
      manifest,
    );
    const [header, first, second] = parseCsv(text);
    expect(header).toEqual([
      'question',
      'model',
      'variant',
      'kind',
      'picture',
      'grade',
      'answer',
      'right',
      'seconds',
    ]);
    expect(first).toEqual(['1', 'example', 'odm', 'real', 'a,1.png', '1', '2', 'false', '1.3']);
    expect(second?.slice(3, 5)).toEqual(['synthetic', 'seed 1']);
  });

  it('can be looked at by kind', () => {
    const synthetic = planRound({ ...settings, count: 2 }, manifest);
    const all = [answer(0, 0), ...synthetic.map((question) => ({ question, answer: 0, seconds: 1 }))];
    expect([subset(all, 'all').length, subset(all, 'synthetic').length, subset(all, 'real').length]).toEqual([
      3, 2, 1,
    ]);
  });
});

it('pairs are counted by how far apart they are', () => {
  const pair = (a: number, b: number, given: number): Answer => ({
    question: { items: [real(a), real(b)], truth: a > b ? 0 : 1 },
    answer: given,
    seconds: 1,
  });
  const answers = [pair(0, 2, 1), pair(1, 0, 1), pair(1, 2, 1)];
  expect(pairResult(answers)).toMatchObject({
    n: 3,
    right: 2,
    byDistance: [
      { distance: 1, n: 2, right: 1 },
      { distance: 2, n: 1, right: 1 },
    ],
  });
  const rows = parseCsv(resultsCsv(answers, { ...settings, mode: 'pair' }, manifest));
  expect(rows[1]).toEqual([
    '1',
    'example',
    'odm',
    'real',
    'a,0.png',
    '0',
    'a,2.png',
    '2',
    'right',
    'true',
    '1',
  ]);
});
