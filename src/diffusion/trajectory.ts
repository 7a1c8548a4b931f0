/**
 * What every grade estimates along one sampling run: at each step, from the very same x_t, the distances between the
 * grades' noise estimates. Everything else (triples, straightness, the planar map) follows from the distances alone.
 */
import { oneHot } from './conditioning';
import { sampleLoop, type SampleLoop } from './loop';
import { distanceMatrix } from './ordinal';
import { toEpsilon, toX0, type Prediction } from './prediction';
import type { Level } from './schedule';

/** One-hot rows of all grades, without guidance. */
export function gradeRows(count: number): number[][] {
  return Array.from({ length: count }, (_, k) => oneHot(k, count));
}

/**
 * The grades' predicted pictures and noise estimates from one x_t.
 * @param output [C, length], flat, in the network's own prediction.
 */
export function gradeEstimates(
  prediction: Prediction,
  output: Float32Array,
  x: Float32Array,
  level: Level,
): { x0: Float32Array[]; epsilon: Float32Array[] } {
  const count = output.length / x.length;
  const x0 = Array.from({ length: count }, (_, k) =>
    toX0(prediction, output.subarray(k * x.length, (k + 1) * x.length), x, level),
  );
  return { x0, epsilon: x0.map((estimate) => toEpsilon(estimate, x, level)) };
}

/** What was measured at one step, before its update. */
export interface MeasuredStep extends Level {
  readonly index: number;
  /** Time in the schedule's own units. */
  readonly t: number;
  /** Root-mean-square distances of the grades' noise estimates, row-major C x C. */
  readonly distances: Float64Array;
}

const sameRow = (a: readonly number[], b: readonly number[]) => a.every((v, i) => v === b[i]);

/**
 * Runs a sampling loop and measures the grades at each of its steps. Both go through the network in one batch a step:
 * what the sampler asks is mostly one of the grades anyway.
 * @param count number of grades C, at least 2.
 * @param onStep sees each measurement as it is made; what it throws ends the run.
 * @returns the finished picture, flat CHW.
 */
export async function measureTrajectory(
  loop: SampleLoop,
  count: number,
  onStep: (step: MeasuredStep) => void | Promise<void>,
): Promise<Float32Array> {
  const grades = gradeRows(count);
  let index = 0;
  let measured: MeasuredStep | undefined;
  const steps = sampleLoop({
    ...loop,
    async evaluate(x, t, asked) {
      const others = asked.filter((row) => !grades.some((grade) => sameRow(grade, row)));
      const batch = [...grades, ...others];
      const places = asked.map((row) => batch.findIndex((other) => sameRow(other, row)));
      const output = await loop.evaluate(x, t, batch);
      const { alpha, sigma } = loop.table[index]!;
      const { epsilon } = gradeEstimates(loop.prediction, output.subarray(0, count * x.length), x, {
        alpha,
        sigma,
      });
      measured = { index, t, alpha, sigma, distances: distanceMatrix(epsilon) };
      index++;
      const wanted = new Float32Array(places.length * x.length);
      for (const [k, place] of places.entries()) {
        wanted.set(output.subarray(place * x.length, (place + 1) * x.length), k * x.length);
      }
      return wanted;
    },
  });
  let picture = new Float32Array(loop.length);
  for await (const step of steps) {
    if (step.index === loop.table.length) picture = step.x as Float32Array<ArrayBuffer>;
    else if (measured) await onStep(measured);
  }
  return picture;
}
