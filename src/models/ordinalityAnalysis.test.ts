import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  matrixOf,
  pairsOf,
  plannedTrajectories,
  trajectoryKey,
  type OrdinalityRequest,
  type Trajectory,
} from './ordinality';
import {
  curve,
  gradeRead,
  meanDistances,
  measureRun,
  orderPlaces,
  reading,
  triplesOf,
  type PlaceKey,
} from './ordinalityAnalysis';

/** Grades at positions on a line, so that every measure is known. */
function at(name: Partial<Trajectory>, ...steps: number[][]): Trajectory {
  return {
    variant: 'odm',
    severity: 1,
    seed: 0,
    read: null,
    ...name,
    steps: steps.map((positions, k) => ({
      t: 1 - k / steps.length,
      alpha: 0.6,
      sigma: 0.8,
      distances: pairsOf(
        positions.flatMap((a) => positions.map((b) => Math.abs(a - b))),
        positions.length,
      ),
    })),
  };
}
const LINE = [0, 1, 2];
/** The middle grade lies beyond the end: slack 2, straightness 1/3, cosine -1, out of order. */
const BENT = [0, 2, 1];

describe('runs', () => {
  const request: OrdinalityRequest = {
    model: 'phantom',
    variants: ['odm', 'dm'],
    severities: [0, 2.5],
    seeds: [7, 3],
    sampler: 'ddim',
    steps: 4,
    guidance: 1,
    eta: 0,
  };

  test('finish one seed before the next, each trajectory once', () => {
    const names = plannedTrajectories(request);
    expect(names.slice(0, 4).map((n) => n.seed)).toEqual([7, 7, 7, 7]);
    expect(new Set(names.map(trajectoryKey)).size).toBe(8);
  });

  test('pairs and matrices are the same thing', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 10 }),
        fc.infiniteStream(fc.double({ min: 0, noNaN: true })),
        (n, s) => {
          const pairs = Array.from({ length: (n * (n - 1)) / 2 }, () => s.next().value as number);
          expect(pairsOf(matrixOf(pairs, n), n)).toEqual(pairs);
        },
      ),
    );
  });
});

describe('curves', () => {
  test('average the triples of a seed before counting seeds', () => {
    const run = measureRun(
      [
        at({ seed: 1, severity: 0 }, LINE, BENT),
        at({ seed: 1, severity: 2 }, BENT, BENT),
        at({ seed: 2, severity: 0 }, LINE, BENT),
        at({ seed: 2, variant: 'dm' }, BENT, BENT),
      ],
      3,
    );
    const violations = curve(run, 'odm', 'violations', null);
    expect(violations.map(({ mean, n }) => [mean, n])).toEqual([
      [0.25, 2],
      [1, 2],
    ]);
    expect(curve(run, 'odm', 'slack', 0)[1]!.mean).toBeCloseTo(2, 12);
    expect(curve(run, 'dm', 'cosine', null)[0]!.mean).toBe(-1);
    expect(curve(run, 'dm', 'outer', null)[0]).toMatchObject({ mean: 1, n: 1, low: NaN });
    expect(curve(run, 'fast', 'outer', null)).toEqual([]);
  });

  test('two grades have a distance and no triples', () => {
    const run = measureRun([at({}, [0, 3])], 2);
    expect(triplesOf(2)).toEqual([]);
    expect(curve(run, 'odm', 'outer', null)[0]!.mean).toBe(3);
    expect(curve(run, 'odm', 'straightness', null)[0]).toMatchObject({ mean: NaN, n: 0 });
    expect(orderPlaces(run, 'slack', true).count).toBe(0);
  });

  test('distances are averaged over what is asked for', () => {
    const run = measureRun([at({ seed: 1 }, [0, 1, 2]), at({ seed: 2 }, [0, 3, 6])], 3);
    const all = { seed: null, severity: null };
    expect([...meanDistances(run, 'odm', 0, all)!].slice(0, 3)).toEqual([0, 2, 4]);
    expect([...meanDistances(run, 'odm', 0, { ...all, seed: 2 })!].slice(0, 3)).toEqual([0, 3, 6]);
    expect(meanDistances(run, 'dm', 0, all)).toBeNull();
    expect(meanDistances(run, 'odm', 5, all)).toBeNull();
  });
});

test('all places can be ordered by any of their columns', () => {
  const run = measureRun(
    [at({ seed: 1 }, LINE, [0, 1.5, 1]), at({ seed: 2 }, BENT, LINE), at({ seed: 3, variant: 'dm' }, BENT)],
    3,
  );
  const places = (by: PlaceKey, falling: boolean) =>
    orderPlaces(run, by, falling)
      .slice(0, 99)
      .map(({ seed, step }) => `${seed}/${step}`);
  expect(orderPlaces(run, 'slack', true).count).toBe(5);
  // Same keys keep the order of the run, whichever way it goes.
  expect(places('slack', true)).toEqual(['2/0', '3/0', '1/1', '1/0', '2/1']);
  expect(places('cosine', false)).toEqual(['1/1', '2/0', '3/0', '1/0', '2/1']);
  expect(places('ordered', false).slice(0, 3)).toEqual(['1/1', '2/0', '3/0']);
  expect(places('variant', false)[0]).toBe('3/0');
  expect(places('seed', true)).toEqual(['3/0', '2/0', '2/1', '1/0', '1/1']);
  expect(places('step', true)).toEqual(['1/1', '2/1', '1/0', '2/0', '3/0']);
  const [worst] = orderPlaces(run, 'slack', true).slice(0, 1);
  expect(worst).toMatchObject({ variant: 'odm', severity: 1, seed: 2, triple: { p: 0, q: 1, r: 2 } });
  expect(worst!.triple.slack).toBeCloseTo(2, 12);
});

test('a place is what it was measured as, whatever the order', () => {
  const distance = fc.integer({ min: 0, max: 30 }).map((v) => v / 10);
  const trajectory = fc.array(fc.tuple(distance, distance, distance), { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(
      fc.array(trajectory, { maxLength: 5 }),
      fc.constantFrom('slack', 'seed', 'step', 'cosine'),
      fc.boolean(),
      (all, by, falling) => {
        const run = measureRun(
          all.map((steps, seed) => at({ seed }, ...steps)),
          3,
        );
        const places = orderPlaces(run, by, falling).slice(0, 99);
        expect(places).toHaveLength(all.flat().length);
        const value = (place: (typeof places)[number]) =>
          by === 'slack' || by === 'cosine' ? place.triple[by] : place[by];
        for (const [i, place] of places.entries()) {
          expect(place.triple).toBe(run.triples.get(run.trajectories[place.seed]!)![place.step]![0]);
          if (i > 0)
            expect(
              falling ? value(place) <= value(places[i - 1]!) : value(place) >= value(places[i - 1]!),
            ).toBe(true);
        }
      },
    ),
  );
});

test('the grade read is the median, not the likeliest', () => {
  expect(gradeRead([0.3, 0.25, 0.45])).toBe(1);
  expect(gradeRead([0.5, 0, 0.5])).toBe(0);
  expect(gradeRead([0, 0, 1])).toBe(2);
  // A sum that rounding left below one half.
  expect(gradeRead([0.1, 0.2, 0.2 - 1e-12, 0.5])).toBe(2);
});

test('what the grader read', () => {
  const sure = (k: number) => [0, 1, 2].map((i) => (i === k ? 0.9 : 0.05));
  const trajectories = [0, 1, 2].flatMap((severity) =>
    [1, 2, 3].map((seed) => at({ severity, seed, read: sure(seed === 3 ? 0 : severity) }, LINE)),
  );
  const found = reading([...trajectories, at({ severity: 0.5, read: sure(1) }, LINE)], 'odm', [0, 1, 2])!;
  expect(found.n).toBe(9);
  expect(found.confusion.counts).toEqual([3, 0, 0, 1, 2, 0, 1, 0, 2]);
  expect(found.kappa).toMatchObject({ mean: expect.closeTo(8 / 13, 12), n: 3 });
  expect(found.kappa.low).toBeLessThanOrEqual(8 / 13);
  expect(reading([at({}, LINE)], 'odm', [0, 1, 2])).toBeNull();
});
