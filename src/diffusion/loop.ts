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
  readonly conditioning: readonly ConditioningRow[];
  readonly prediction: Prediction;
  /** Unsigned 32-bit seed of the first x and of every step's noise. */
  readonly seed: number;
  /** Elements of a picture, C x H x W. */
  readonly length: number;
  readonly evaluate: Evaluate;
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
 * Draws one picture, yielding N + 1 steps. What the consumer does between two steps (show one, stop) is its own
 * affair; nothing more is evaluated until it asks for the next. An error of `evaluate` passes through.
 */
export async function* sampleLoop(run: SampleLoop): AsyncGenerator<SampleStep, void, undefined> {
  const { table, seed, length, prediction } = run;
  const rows = run.conditioning.map((row) => row.weights);
  const coefficients = run.conditioning.map((row) => row.coefficient);
  let x = normals(seed, PURPOSE.INIT, 0, length);
  let previous: Float32Array | undefined;
  let lastEpsilon = new Float32Array(length);
  for (const [index, row] of table.entries()) {
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
