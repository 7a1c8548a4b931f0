/** The ordinal geometry against NumPy's, from the definitions (training/golden/make_ordinal_golden.py). */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { distanceMatrix, ordinalTriples, type OrdinalTriple } from './ordinal';
import { planarMap, symmetricEigen } from './planar';

interface Case {
  points: number[][];
  distances: number[][];
  triples: OrdinalTriple[];
  map: [number, number][];
  shares: [number, number];
}
const { cases } = JSON.parse(readFileSync(new URL('golden/ordinal.json', import.meta.url), 'utf8')) as {
  cases: Case[];
};

const close = (a: number, b: number) => expect(Math.abs(a - b)).toBeLessThan(1e-7 * Math.max(1, Math.abs(b)));

describe.each(cases.map((c) => [`${c.points.length} grades of ${c.points[0]!.length} values`, c] as const))(
  'as NumPy: %s',
  (_, golden) => {
    const count = golden.points.length;
    const matrix = distanceMatrix(golden.points.map((p) => Float32Array.from(p)));

    test('distances', () => {
      golden.distances.flat().forEach((d, i) => close(matrix[i]!, d));
    });

    test('triples', () => {
      const triples = ordinalTriples(matrix, count);
      expect(triples).toHaveLength(golden.triples.length);
      golden.triples.forEach((expected, i) => {
        const found = triples[i]!;
        expect(found).toMatchObject({
          p: expected.p,
          q: expected.q,
          r: expected.r,
          ordered: expected.ordered,
        });
        close(found.slack, expected.slack);
        close(found.straightness, expected.straightness);
        close(found.cosine, expected.cosine);
      });
    });

    test('planar map', () => {
      const { points, shares } = planarMap(matrix, count);
      golden.map.forEach(([x, y], i) => {
        close(points[i]![0], x);
        close(points[i]![1], y);
      });
      shares.forEach((share, i) => close(share, golden.shares[i]!));
    });
  },
);

describe('planar map', () => {
  const onLine = (positions: readonly number[]) =>
    Float64Array.from(positions.flatMap((a) => positions.map((b) => Math.abs(a - b))));

  test('points on a line lie on the first axis, in their order', () => {
    const { points, shares } = planarMap(onLine([0, 1, 1.5, 4]), 4);
    expect(points.map(([x]) => x - points[0]![0])).toEqual([0, 1, 1.5, 4].map((v) => expect.closeTo(v, 9)));
    for (const [, y] of points) expect(y).toBeCloseTo(0, 6);
    expect(shares[0]).toBeCloseTo(1, 9);
  });

  test('coinciding points and two points have a map', () => {
    expect(planarMap(new Float64Array(9), 3)).toEqual({
      points: [
        [0, 0],
        [0, 0],
        [0, 0],
      ].map((p) => p.map((v) => expect.closeTo(v, 12))),
      shares: [0, 0],
    });
    expect(planarMap(Float64Array.of(0, 2, 2, 0), 2).points.map(([x]) => x)).toEqual(
      [-1, 1].map((v) => expect.closeTo(v, 12)),
    );
  });

  test('distances within the map are never longer than the true ones', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 10 }).chain((n) =>
          fc.array(fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 4, maxLength: 4 }), {
            minLength: n,
            maxLength: n,
          }),
        ),
        (raw) => {
          const count = raw.length;
          const matrix = distanceMatrix(raw.map((p) => Float32Array.from(p)));
          const { points } = planarMap(matrix, count);
          for (let i = 0; i < count; i++) {
            for (let j = 0; j < count; j++) {
              const shown = Math.hypot(points[i]![0] - points[j]![0], points[i]![1] - points[j]![1]);
              expect(shown).toBeLessThan(matrix[i * count + j]! + 1e-6);
            }
          }
        },
      ),
    );
  });
});

test('eigenvectors of a symmetric matrix are orthonormal and belong to their values', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: 25, maxLength: 25 }),
      (raw) => {
        const m = (i: number, j: number) => raw[Math.min(i, j) * 5 + Math.max(i, j)]!;
        const matrix = Float64Array.from({ length: 25 }, (_, k) => m(Math.floor(k / 5), k % 5));
        const { values, vectors } = symmetricEigen(matrix, 5);
        vectors.forEach((v, k) => {
          for (let i = 0; i < 5; i++) {
            const image = v.reduce((s, e, j) => s + m(i, j) * e, 0);
            expect(image).toBeCloseTo(values[k]! * v[i]!, 7);
          }
          vectors.forEach((w, l) => {
            expect(v.reduce((s, e, i) => s + e * w[i]!, 0)).toBeCloseTo(k === l ? 1 : 0, 9);
          });
        });
        expect([...values].sort((a, b) => b - a)).toEqual(values);
      },
    ),
  );
});
