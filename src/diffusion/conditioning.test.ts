import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { combine, conditioningPlan } from './conditioning';

const grades = [0, 1, 1.5, 3];
const plan = (severity: number, guidance = 1, mixable = true) =>
  conditioningPlan({ grades, severity, guidance, mixable });

describe('conditioningPlan', () => {
  test.each([
    [0, [1, 0, 0, 0, 0]],
    [1, [0, 1, 0, 0, 0]],
    [1.25, [0, 0.5, 0.5, 0, 0]],
    [2.25, [0, 0, 0.5, 0.5, 0]],
    [3, [0, 0, 0, 1, 0]],
  ])('severity %d is one row of weights %j', (severity, weights) => {
    expect(plan(severity)).toEqual({ rows: [{ weights, coefficient: 1 }], extrapolated: false });
  });

  test('beyond the top it goes on along the last segment', () => {
    const { rows, extrapolated } = plan(3.75);
    expect(extrapolated).toBe(true);
    expect(rows).toEqual([
      { weights: [0, 0, 1, 0, 0], coefficient: -0.5 },
      { weights: [0, 0, 0, 1, 0], coefficient: 1.5 },
    ]);
  });

  test('below the bottom it goes on along the first segment', () => {
    const { rows, extrapolated } = plan(-0.5);
    expect(extrapolated).toBe(true);
    expect(rows).toEqual([
      { weights: [1, 0, 0, 0, 0], coefficient: 1.5 },
      { weights: [0, 1, 0, 0, 0], coefficient: -0.5 },
    ]);
  });

  test('guidance adds the null row', () => {
    expect(plan(1, 2).rows).toEqual([
      { weights: [0, 1, 0, 0, 0], coefficient: 2 },
      { weights: [0, 0, 0, 0, 1], coefficient: -1 },
    ]);
    expect(plan(1, 0).rows).toEqual([{ weights: [0, 0, 0, 0, 1], coefficient: 1 }]);
  });

  test('a network of class indices gets whole grades only', () => {
    expect(plan(1.25, 1, false).rows).toEqual([
      { weights: [0, 1, 0, 0, 0], coefficient: 0.5 },
      { weights: [0, 0, 1, 0, 0], coefficient: 0.5 },
    ]);
    expect(plan(1.5, 1, false).rows).toEqual([{ weights: [0, 0, 1, 0, 0], coefficient: 1 }]);
    expect(() => plan(1, 2, false)).toThrow(RangeError);
  });

  test('weights and coefficients always sum to one', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -5, max: 8, noNaN: true }),
        fc.double({ min: 0, max: 20, noNaN: true }),
        (severity, guidance) => {
          const { rows } = plan(severity, guidance);
          expect(rows.length).toBeLessThanOrEqual(3);
          expect(rows.reduce((s, row) => s + row.coefficient, 0)).toBeCloseTo(1, 9);
          for (const row of rows) expect(row.weights.reduce((s, w) => s + w, 0)).toBeCloseTo(1, 12);
        },
      ),
    );
  });

  test('the clinical value of the mix is the severity', () => {
    fc.assert(
      fc.property(fc.double({ min: -1, max: 5, noNaN: true }), fc.boolean(), (severity, mixable) => {
        const { rows } = plan(severity, 1, mixable);
        const value = rows.reduce(
          (sum, row) => sum + row.coefficient * grades.reduce((s, g, k) => s + g * row.weights[k]!, 0),
          0,
        );
        expect(value).toBeCloseTo(severity, 9);
      }),
    );
  });

  test('refuses a severity that is not a number', () => {
    expect(() => plan(Number.NaN)).toThrow(RangeError);
  });
});

test('combine sums rows by coefficient', () => {
  expect([...combine(Float32Array.of(1, 2, 3, 10, 20, 30), [2, -1], 3)]).toEqual([-8, -16, -24]);
});
