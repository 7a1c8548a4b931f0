/**
 * An ordinality run as plain values: which trajectories it consists of, and what is measured along one of them. The same
 * run is done by the page's worker and by the command line, trajectory by trajectory, so that it can be stopped and
 * resumed anywhere.
 */
import { z } from 'zod';
import { measureTrajectory } from '../diffusion';
import type { BundleManifest } from './manifest';
import type { Network } from './network';
import { sampleRequestSchema, type SampleRequest } from './request';
import { prepareSample } from './sampling';
import { MAX_SEEDS } from './seeds';

const { model, variant, severity, seed, sampler, steps, guidance, eta } = sampleRequestSchema.shape;

export const ordinalityRequestSchema = z.strictObject({
  model,
  /** Variant keys that are compared on the same noise. */
  variants: z.array(variant).min(1),
  /** Severities at which pictures are drawn; at every step of each, all grades' estimates are compared. */
  severities: z.array(severity).min(1),
  seeds: z.array(seed).min(1).max(MAX_SEEDS),
  sampler,
  steps,
  guidance,
  eta,
});
export type OrdinalityRequest = z.infer<typeof ordinalityRequestSchema>;

/** Names one trajectory of a run. */
export interface TrajectoryName {
  readonly variant: string;
  readonly severity: number;
  readonly seed: number;
}

const trajectoryStepSchema = z.strictObject({
  /** Diffusion time in [0, 1] (t / T for table schedules). */
  t: z.number(),
  alpha: z.number(),
  sigma: z.number(),
  /** Root-mean-square distances of the grades' noise estimates: the pairs (0,1), (0,2) … (C-2,C-1). */
  distances: z.array(z.number().nonnegative()),
});
export const trajectorySchema = z.strictObject({
  variant,
  severity,
  seed,
  /** One per sampler step, from noise to picture. */
  steps: z.array(trajectoryStepSchema),
  /** The grader's probabilities of the grades for the finished picture; null without a grader. */
  read: z.array(z.number()).nullable(),
});
export type TrajectoryStep = z.infer<typeof trajectoryStepSchema>;
export type Trajectory = z.infer<typeof trajectorySchema>;

/** Every trajectory of a run. Seeds come first, so that a run cut short has whole seeds. */
export function plannedTrajectories({ seeds, severities, variants }: OrdinalityRequest): TrajectoryName[] {
  return seeds.flatMap((s) =>
    severities.flatMap((v) => variants.map((key) => ({ variant: key, severity: v, seed: s }))),
  );
}

export function trajectoryKey({ variant: key, severity: at, seed: s }: TrajectoryName): string {
  return `${key}/${at}/${s}`;
}

/** The picture at the end of a trajectory. */
export function sampleRequestOf(run: OrdinalityRequest, name: TrajectoryName): SampleRequest {
  return {
    model: run.model,
    variant: name.variant,
    severity: name.severity,
    seed: name.seed,
    sampler: run.sampler,
    steps: run.steps,
    guidance: run.guidance,
    eta: run.eta,
  };
}

/** The pairs of a row-major C x C distance matrix, as `TrajectoryStep.distances` keeps them. */
export function pairsOf(matrix: ArrayLike<number>, count: number): number[] {
  const pairs: number[] = [];
  for (let p = 0; p < count; p++) for (let q = p + 1; q < count; q++) pairs.push(matrix[p * count + q]!);
  return pairs;
}

/** The row-major C x C matrix of `pairsOf`. */
export function matrixOf(pairs: readonly number[], count: number): Float64Array {
  const matrix = new Float64Array(count * count);
  let at = 0;
  for (let p = 0; p < count; p++) {
    for (let q = p + 1; q < count; q++) {
      matrix[p * count + q] = matrix[q * count + p] = pairs[at++]!;
    }
  }
  return matrix;
}

/**
 * Draws one picture and measures all grades at each of its steps.
 * @param onStep sees each step as it is made, with its index; what it throws ends the run.
 * @throws StudioError as `prepareSample` and `Network.run`.
 */
export async function measure(
  manifest: BundleManifest,
  network: Network,
  request: SampleRequest,
  onStep: (index: number) => void | Promise<void> = () => undefined,
): Promise<{ steps: TrajectoryStep[]; picture: Float32Array }> {
  const { schedule, loop } = prepareSample(manifest, network, request);
  const count = manifest.grades.length;
  const measured: TrajectoryStep[] = [];
  const picture = await measureTrajectory(loop, count, (step) => {
    measured.push({
      t: schedule.toUnit(step.t),
      alpha: step.alpha,
      sigma: step.sigma,
      distances: pairsOf(step.distances, count),
    });
    return onStep(step.index);
  });
  return { steps: measured, picture };
}
