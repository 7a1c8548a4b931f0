import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  accuracy,
  answers,
  confusion,
  meanAbsoluteError,
  quadraticKappa,
  recalls,
  truths,
  wilsonInterval,
} from './agreement';

interface Golden {
  size: number;
  truth: number[];
  answer: number[];
  confusion: number[];
  kappa: number;
  accuracy: number;
  error: number;
  recall: (number | null)[];
}

const goldens = JSON.parse(
  readFileSync(new URL('./golden/agreement.json', import.meta.url), 'utf8'),
) as Golden[];

describe('against scikit-learn', () => {
  it.each(goldens.map((g) => [`${g.size} grades, ${g.truth.length} judgements`, g] as const))(
    '%s',
    (_, g) => {
      const c = confusion(
        g.size,
        g.truth.map((truth, i) => ({ truth, answer: g.answer[i]! })),
      );
      expect(c.counts).toEqual(g.confusion);
      expect(quadraticKappa(c)).toBeCloseTo(g.kappa, 12);
      expect(accuracy(c)).toBeCloseTo(g.accuracy, 12);
      expect(meanAbsoluteError(c)).toBeCloseTo(g.error, 12);
      recalls(c).forEach((recall, k) => {
        const expected = g.recall[k];
        if (expected === null) expect(recall).toBeNaN();
        else expect(recall).toBeCloseTo(expected!, 12);
      });
    },
  );
});

const judgements = fc.integer({ min: 2, max: 7 }).chain((size) =>
  fc.record({
    size: fc.constant(size),
    list: fc.array(fc.record({ truth: fc.nat(size - 1), answer: fc.nat(size - 1) }), {
      minLength: 1,
      maxLength: 40,
    }),
  }),
);

describe('properties', () => {
  it('every judgement is counted once, and kappa never exceeds 1', () => {
    fc.assert(
      fc.property(judgements, ({ size, list }) => {
        const c = confusion(size, list);
        const total = (values: number[]) => values.reduce((a, b) => a + b, 0);
        expect(total(truths(c))).toBe(list.length);
        expect(total(answers(c))).toBe(list.length);
        const kappa = quadraticKappa(c);
        if (!Number.isNaN(kappa)) expect(kappa).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('is the same for the scale upside down and for truth and answers swapped', () => {
    fc.assert(
      fc.property(judgements, ({ size, list }) => {
        const kappa = quadraticKappa(confusion(size, list));
        const flip = (k: number) => size - 1 - k;
        const flipped = list.map((j) => ({ truth: flip(j.truth), answer: flip(j.answer) }));
        const swapped = list.map((j) => ({ truth: j.answer, answer: j.truth }));
        for (const other of [flipped, swapped]) {
          const again = quadraticKappa(confusion(size, other));
          if (Number.isNaN(kappa)) expect(again).toBeNaN();
          else expect(again).toBeCloseTo(kappa, 10);
        }
      }),
    );
  });
});

it('all right is 1, always the other end is negative, nothing asked is not a number', () => {
  const grades = [0, 1, 2];
  expect(
    quadraticKappa(
      confusion(
        3,
        grades.map((truth) => ({ truth, answer: truth })),
      ),
    ),
  ).toBe(1);
  expect(
    quadraticKappa(
      confusion(
        3,
        [0, 2, 0, 2].map((truth) => ({ truth, answer: 2 - truth })),
      ),
    ),
  ).toBeLessThan(-0.9);
  expect(quadraticKappa(confusion(3, []))).toBeNaN();
  expect(quadraticKappa(confusion(3, [{ truth: 1, answer: 1 }]))).toBeNaN();
});

it('refuses a grade off the scale', () => {
  expect(() => confusion(3, [{ truth: 0, answer: 3 }])).toThrow(RangeError);
  expect(() => confusion(3, [{ truth: 0.5, answer: 1 }])).toThrow(RangeError);
});

it("Wilson's interval: published values, and never outside 0..1", () => {
  // Newcombe 1998, table I: 81 of 263, and 0 of 20
  const [low, high] = wilsonInterval(81, 263);
  expect([low, high].map((v) => v.toFixed(4))).toEqual(['0.2553', '0.3662']);
  expect(wilsonInterval(0, 20).map((v) => v.toFixed(4))).toEqual(['0.0000', '0.1611']);
  expect(wilsonInterval(0, 0)).toEqual([0, 1]);
});
