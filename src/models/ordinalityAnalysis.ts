/**
 * From the distances of a run's trajectories to what is charted, listed and exported: the measures of every triple,
 * curves with intervals, the worst places, and how the grader read the pictures. Pure functions of plain values.
 */
import {
  bootstrapInterval,
  confusion,
  meanInterval,
  ordinalTriples,
  quadraticKappa,
  type Confusion,
  type Interval,
  type OrdinalTriple,
} from '../diffusion';
import { matrixOf, type Trajectory, type TrajectoryName } from './ordinality';

/** Measures of a triple p < q < r; each is averaged over triples unless one is chosen. */
export const TRIPLE_MEASURES = ['straightness', 'slack', 'violations', 'cosine'] as const;
export type TripleMeasure = (typeof TRIPLE_MEASURES)[number];
/** `outer` is the distance from the lowest to the highest grade, which needs no triple. */
export type Measure = TripleMeasure | 'outer';

/** Grade indices p < q < r. */
export type TripleIndices = readonly [number, number, number];

export function triplesOf(count: number): TripleIndices[] {
  const triples: TripleIndices[] = [];
  for (let p = 0; p < count; p++) {
    for (let q = p + 1; q < count; q++) for (let r = q + 1; r < count; r++) triples.push([p, q, r]);
  }
  return triples;
}

/** Every triple of every step of a trajectory: `[step][triple]`, the triples as `triplesOf` orders them. */
export function measuredTriples(trajectory: Trajectory, count: number): OrdinalTriple[][] {
  return trajectory.steps.map(({ distances }) => ordinalTriples(matrixOf(distances, count), count));
}

export function valueOf(triple: OrdinalTriple, measure: TripleMeasure): number {
  return measure === 'violations' ? (triple.ordered ? 0 : 1) : triple[measure];
}

export interface CurvePoint extends Interval {
  readonly step: number;
  /** Diffusion time in [0, 1]. */
  readonly t: number;
  readonly sigma: number;
}

/** A variant's trajectories with their triples, computed once. */
export interface MeasuredRun {
  readonly count: number;
  readonly trajectories: readonly Trajectory[];
  readonly triples: ReadonlyMap<Trajectory, OrdinalTriple[][]>;
}

/** @param known measurements of an earlier state of the same run, which are taken over. */
export function measureRun(
  trajectories: readonly Trajectory[],
  count: number,
  known?: MeasuredRun,
): MeasuredRun {
  const triples = new Map(
    trajectories.map((one) => [one, known?.triples.get(one) ?? measuredTriples(one, count)]),
  );
  return { count, trajectories, triples };
}

/**
 * One measure along the steps, for one variant. Severities and triples of one seed belong together, so they are averaged
 * first; the interval is over seeds, and `n` counts them.
 * @param triple index into `triplesOf(count)`, or null for the mean over all triples; ignored for `outer`.
 */
export function curve(
  run: MeasuredRun,
  variant: string,
  measure: Measure,
  triple: number | null,
): CurvePoint[] {
  const own = run.trajectories.filter((one) => one.variant === variant);
  const first = own[0];
  if (!first) return [];
  return first.steps.map(({ t, sigma }, step) => {
    const bySeed = new Map<number, { sum: number; count: number }>();
    for (const one of own) {
      const group = bySeed.get(one.seed) ?? { sum: 0, count: 0 };
      bySeed.set(one.seed, group);
      const add = (value: number) => {
        group.sum += value;
        group.count++;
      };
      if (measure === 'outer') {
        // The pair (0, C - 1).
        add(one.steps[step]!.distances[run.count - 2]!);
      } else {
        const all = run.triples.get(one)![step]!;
        for (const each of triple === null ? all : [all[triple]!]) add(valueOf(each, measure));
      }
    }
    const values = [...bySeed.values()].filter((g) => g.count > 0).map((g) => g.sum / g.count);
    return { step, t, sigma, ...meanInterval(values) };
  });
}

/** The mean distance matrix at a step over a variant's trajectories (or one seed's), row-major C x C; null without any. */
export function meanDistances(
  run: MeasuredRun,
  variant: string,
  step: number,
  only: { readonly seed: number | null; readonly severity: number | null },
): Float64Array | null {
  const own = run.trajectories.filter(
    (one) =>
      one.variant === variant &&
      (only.seed === null || one.seed === only.seed) &&
      (only.severity === null || one.severity === only.severity),
  );
  if (own.length === 0) return null;
  const pairs = (own[0]!.steps[step]?.distances ?? []).map(
    (_, k) => own.reduce((sum, one) => sum + one.steps[step]!.distances[k]!, 0) / own.length,
  );
  return pairs.length === 0 ? null : matrixOf(pairs, run.count);
}

/** One triple at one step of one trajectory. */
export interface Place extends TrajectoryName {
  readonly step: number;
  readonly t: number;
  readonly sigma: number;
  readonly triple: OrdinalTriple;
}

/** What places can be ordered by. `triple` goes by its grades, `ordered` has what is out of order first when rising. */
export type PlaceKey =
  'variant' | 'severity' | 'seed' | 'step' | 'triple' | 'ordered' | Exclude<TripleMeasure, 'violations'>;

/** Every measured place in an order; a place is made when it is asked for, so that a long run costs little memory. */
export interface OrderedPlaces {
  readonly count: number;
  slice(from: number, to: number): Place[];
}

/** All places of a run, ordered by a key; places with the same key stay in the order of the run. */
export function orderPlaces(run: MeasuredRun, by: PlaceKey, falling: boolean): OrderedPlaces {
  const perTrajectory = run.trajectories.map((one) => run.triples.get(one)!);
  const count = perTrajectory.reduce(
    (sum, steps) => sum + steps.reduce((s, triples) => s + triples.length, 0),
    0,
  );
  const [owner, stepOf, tripleOf] = [new Uint32Array(count), new Uint16Array(count), new Uint16Array(count)];
  const keys = new Float64Array(count);
  const variants = [...new Set(run.trajectories.map((one) => one.variant))].sort();
  let row = 0;
  for (const [index, steps] of perTrajectory.entries()) {
    const one = run.trajectories[index]!;
    const rank = variants.indexOf(one.variant);
    for (const [step, triples] of steps.entries()) {
      for (const [k, triple] of triples.entries()) {
        owner[row] = index;
        stepOf[row] = step;
        tripleOf[row] = k;
        keys[row++] =
          by === 'variant'
            ? rank
            : by === 'severity' || by === 'seed'
              ? one[by]
              : by === 'step'
                ? step
                : by === 'triple'
                  ? k
                  : Number(triple[by]);
      }
    }
  }
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  const sign = falling ? -1 : 1;
  order.sort((a, b) => {
    const [x, y] = [keys[a]!, keys[b]!];
    return x === y ? a - b : x < y ? -sign : sign;
  });
  return {
    count,
    slice: (from, to) =>
      Array.from(order.subarray(from, to), (at) => {
        const one = run.trajectories[owner[at]!]!;
        const { variant, severity, seed } = one;
        const step = stepOf[at]!;
        const { t, sigma } = one.steps[step]!;
        return {
          variant,
          severity,
          seed,
          step,
          t,
          sigma,
          triple: run.triples.get(one)![step]![tripleOf[at]!]!,
        };
      }),
  };
}

/** How the grader read one variant's finished pictures. */
export interface Reading {
  readonly confusion: Confusion;
  /** Quadratically weighted kappa, with a 95 % bootstrap interval over seeds; NaN where it is not defined. */
  readonly kappa: Interval;
  /** Pictures asked at one of the grades and read. */
  readonly n: number;
}

/**
 * The grade that a grader reads, as an index: the median of its probabilities, the lowest grade at which half of them is
 * reached, as the evaluation protocol reads it.
 */
export function gradeRead(probabilities: readonly number[]): number {
  let sum = 0;
  const at = probabilities.findIndex((p) => (sum += p) >= 0.5 - 1e-9);
  return at < 0 ? probabilities.length - 1 : at;
}

/**
 * Asked against read, for pictures asked at a whole grade; the answer is `gradeRead`.
 * @param grades the grades' clinical values.
 * @returns null when no picture was read.
 */
export function reading(
  trajectories: readonly Trajectory[],
  variant: string,
  grades: readonly number[],
): Reading | null {
  const judged = trajectories.flatMap(({ variant: own, severity, seed, read }) => {
    const truth = grades.indexOf(severity);
    return own === variant && read && truth >= 0 ? [{ seed, truth, answer: gradeRead(read) }] : [];
  });
  if (judged.length === 0) return null;
  const size = grades.length;
  const seeds = [...new Set(judged.map((j) => j.seed))];
  const bySeed = seeds.map((s) => judged.filter((j) => j.seed === s));
  const whole = confusion(size, judged);
  return {
    confusion: whole,
    kappa: bootstrapInterval(bySeed, (groups) => quadraticKappa(confusion(size, groups.flat()))),
    n: judged.length,
  };
}
