/**
 * The sampling loop: the one place where a table of coefficients meets a network. It knows neither the runtime nor a
 * clock; what evaluates the network is passed in, so that a browser worker, a command line and a test share it.
 */
import { combine, type ConditioningRow } from './conditioning';
import { normals, PURPOSE } from './noise';
import { toEpsilon, toX0, type Prediction } from './prediction';
import type { SamplerRow } from './sampler';
import { CLEAN } from './schedule';

/**
 * Evaluates the network for several rows of class weights at one x and one time, in one batch.
 * @param x one picture, flat CHW.
 * @param t time in the schedule's own units.
 * @param rows K rows of C + 1 class weights.
 * @returns K outputs in the network's own prediction, flat [K, CHW].
 */
export type Evaluate = (
  x: Float32Array,
  t: number,
  rows: readonly (readonly number[])[],
) => Promise<Float32Array>;

export interface SampleLoop {
  readonly table: readonly SamplerRow[];
  /** What the network is asked at each step, one entry a row of the table; a grade changed on the way changes it there. */
  readonly conditioning: readonly (readonly ConditioningRow[])[];
  readonly prediction: Prediction;
  /** Unsigned 32-bit seed of the first x and of every step's noise. */
  readonly seed: number;
  /** Elements of a picture, C x H x W. */
  readonly length: number;
  readonly evaluate: Evaluate;
  /** Where to go on; without it, from the seed's noise. */
  readonly from?: LoopState;
}

/** A run in the middle, before the update of step `index`. */
export interface LoopState {
  /** 0 .. N - 1. */
  readonly index: number;
  /** x_t, flat CHW. */
  readonly x: Float32Array;
  /** x0 estimated in the step before; null where there was none. A row with c other than 0 needs it. */
  readonly previous: Float32Array | null;
}

/**
 * One step. `index` 0..N-1 holds x before the update of that row and what was estimated there; `index` N is the
 * finished picture: x = x0, at alpha 1 and sigma 0, with the last noise estimate. The arrays belong to the receiver.
 */
export interface SampleStep {
  readonly index: number;
  /** Time in the schedule's own units; 0 for the finished picture. */
  readonly t: number;
  readonly alpha: number;
  readonly sigma: number;
  readonly x: Float32Array;
  readonly x0: Float32Array;
  readonly epsilon: Float32Array;
}

/** @throws RangeError when table, conditioning and `from` do not fit each other. */
export function requireFitting({ table, conditioning, length, from }: SampleLoop): void {
  if (conditioning.length !== table.length)
    throw new RangeError(`${conditioning.length} conditionings for ${table.length} steps`);
  if (!from) return;
  const row = table[from.index];
  if (!row || from.x.length !== length)
    throw new RangeError(`a run of ${table.length} steps cannot go on at step ${from.index}`);
  if (!from.previous && row.c !== 0)
    throw new RangeError('this sampler goes on only with the estimate of the step before');
}

/** x' = a x + b x0 + c x0_prev + d z in float64, rounded to float32: a new array. */
export function update(
  row: SamplerRow,
  x: Float32Array,
  x0: Float32Array,
  previous: Float32Array | undefined,
  z: Float32Array | undefined,
): Float32Array {
  const next = new Float32Array(x.length);
  for (let i = 0; i < x.length; i++) {
    let value = row.a * x[i]! + row.b * x0[i]!;
    if (previous) value += row.c * previous[i]!;
    if (z) value += row.d * z[i]!;
    next[i] = value;
  }
  return next;
}

/**
 * Draws one picture, yielding N + 1 steps, or those from `from.index` on: exactly what a run from noise yields there, the
 * noise of a step being the seed's and the step's alone. What the consumer does between two steps (show one, stop) is its
 * own affair; nothing more is evaluated until it asks for the next. An error of `evaluate` passes through.
 * @throws RangeError as `requireFitting`.
 */
export async function* sampleLoop(run: SampleLoop): AsyncGenerator<SampleStep, void, undefined> {
  const { table, conditioning, seed, length, prediction, from } = run;
  requireFitting(run);
  const first = from?.index ?? 0;
  let x = from ? from.x.slice() : normals(seed, PURPOSE.INIT, 0, length);
  let previous = from?.previous ?? undefined;
  let lastEpsilon = new Float32Array(length);
  for (const [index, row] of table.entries()) {
    if (index < first) continue;
    const asked = conditioning[index]!;
    const rows = asked.map(({ weights }) => weights);
    const coefficients = asked.map(({ coefficient }) => coefficient);
    const output = combine(await run.evaluate(x, row.t, rows), coefficients, length);
    const x0 = toX0(prediction, output, x, row);
    const epsilon = toEpsilon(x0, x, row);
    const z = row.d === 0 ? undefined : normals(seed, PURPOSE.STEP, index, length);
    const next = update(row, x, x0, row.c === 0 ? undefined : previous, z);
    // Copies are kept before the step is given away: the receiver may transfer its buffers.
    previous = x0.slice();
    if (index + 1 === table.length) lastEpsilon = epsilon.slice();
    yield { index, t: row.t, alpha: row.alpha, sigma: row.sigma, x, x0, epsilon };
    x = next;
  }
  yield { index: table.length, t: 0, ...CLEAN, x, x0: x.slice(), epsilon: lastEpsilon };
}
