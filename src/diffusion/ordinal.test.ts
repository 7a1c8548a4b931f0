import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { normals, PURPOSE } from './noise';
import { distance, distanceMatrix, ordinalTriples, rms } from './ordinal';

const base = normals(3, PURPOSE.FORWARD, 0, 64);
const direction = normals(3, PURPOSE.FORWARD, 1, 64);
const onLine = (s: number) => base.map((v, i) => v + s * direction[i]!);

describe('ordinal geometry', () => {
  test('distances are root-mean-square', () => {
    expect(rms(Float32Array.of(3, -3, 3, -3))).toBe(3);
    expect(distance(Float32Array.of(0, 0), Float32Array.of(3, 4))).toBeCloseTo(Math.sqrt(12.5), 12);
  });

  test('points in order on a line have no slack', () => {
    const distances = distanceMatrix([0, 1, 1.5, 4].map(onLine));
    const triples = ordinalTriples(distances, 4);
    expect(triples).toHaveLength(4);
    for (const t of triples) {
      expect(t.slack).toBeCloseTo(0, 5);
      expect(t.straightness).toBeCloseTo(1, 5);
      expect(t.cosine).toBeCloseTo(1, 5);
      expect(t.ordered).toBe(true);
    }
  });

  test('a middle grade beyond an end breaks the order', () => {
    const [t] = ordinalTriples(distanceMatrix([0, 3, 1].map(onLine)), 3);
    expect(t).toMatchObject({ p: 0, q: 1, r: 2, ordered: false });
    expect(t!.cosine).toBeCloseTo(-1, 5);
    expect(t!.slack).toBeCloseTo(4, 4);
  });

  test('a right angle', () => {
    const [t] = ordinalTriples(
      distanceMatrix([Float32Array.of(0, 0), Float32Array.of(1, 0), Float32Array.of(1, 1)]),
      3,
    );
    expect(t!.cosine).toBeCloseTo(0, 12);
    expect(t!.straightness).toBeCloseTo(Math.SQRT1_2, 12);
  });

  test('coinciding estimates', () => {
    const [all] = ordinalTriples(distanceMatrix([base, base, base]), 3);
    expect(all).toMatchObject({ slack: 0, straightness: 1, cosine: 1, ordered: true });
    const [ends] = ordinalTriples(distanceMatrix([base, onLine(1), base]), 3);
    expect(ends).toMatchObject({ slack: Infinity, straightness: 0, ordered: false });
  });

  test('the matrix is symmetric, the triangle holds, and every triple is there', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 7 }), fc.nat(1000), (count, seed) => {
        const estimates = Array.from({ length: count }, (_, k) => normals(seed, PURPOSE.FORWARD, k, 16));
        const m = distanceMatrix(estimates);
        for (let p = 0; p < count; p++) {
          expect(m[p * count + p]).toBe(0);
          for (let q = 0; q < count; q++) expect(m[p * count + q]).toBe(m[q * count + p]);
        }
        const triples = ordinalTriples(m, count);
        expect(triples).toHaveLength((count * (count - 1) * (count - 2)) / 6);
        for (const t of triples) {
          expect(t.slack).toBeGreaterThanOrEqual(-1e-6);
          expect(t.straightness * (1 + t.slack)).toBeCloseTo(1, 9);
        }
      }),
    );
  });
});
