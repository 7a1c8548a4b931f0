/**
 * From a request to a running sampler: the manifest's schedule, the sampler's table and the conditioning, around a
 * network of any runtime. The engine's worker and the command line both draw through here.
 */
import {
  conditioningPlan,
  createSchedule,
  sampleLoop,
  samplerTable,
  sampleTogether,
  type SampleLoop,
  type SampleStep,
  type Schedule,
} from '../diffusion';
import { StudioError } from '../errors';
import type { BundleManifest } from './manifest';
import { networkTime, pictureLength, type Network } from './network';
import { sampleRequestSchema, type SampleRequest } from './request';

export interface PreparedSample {
  readonly schedule: Schedule;
  /** What `sampleLoop` and `measureTrajectory` take. */
  readonly loop: SampleLoop;
  /** Rows that the sampler sends through the network in all (NFE). */
  readonly evaluations: number;
  readonly extrapolated: boolean;
}

export function invalidRequest(message: string, detail = ''): StudioError {
  return new StudioError({
    code: 'request-invalid',
    message,
    remedy: 'Change the settings, then try again.',
    detail,
  });
}

/**
 * Everything that one run needs.
 * @throws StudioError `request-invalid` when the request is malformed or the model cannot do what it asks.
 */
export function prepareSample(
  manifest: BundleManifest,
  network: Network,
  request: SampleRequest,
): PreparedSample {
  const parsed = sampleRequestSchema.safeParse(request);
  if (!parsed.success) throw invalidRequest('The request is not valid.', parsed.error.message);
  const { grades, inputs, diffusion } = manifest;
  const schedule = createSchedule(diffusion.schedule);
  try {
    const table = samplerTable(schedule, diffusion.tRange, request);
    const plan = conditioningPlan({
      grades: grades.map((grade) => grade.value),
      severity: request.severity,
      guidance: request.guidance,
      mixable: inputs.y.kind === 'weights',
    });
    return {
      schedule,
      loop: {
        table,
        conditioning: plan.rows,
        prediction: diffusion.prediction,
        seed: request.seed,
        length: pictureLength(manifest),
        evaluate: (x, t, rows) => network.run(x, networkTime(manifest, schedule, t), rows),
      },
      evaluations: table.length * plan.rows.length,
      extrapolated: plan.extrapolated,
    };
  } catch (thrown) {
    if (!(thrown instanceof RangeError)) throw thrown;
    throw invalidRequest(`These settings do not work with this model: ${thrown.message}.`, thrown.stack);
  }
}

/** The steps of one picture; see `sampleLoop`. @throws StudioError as `prepareSample` and `Network.run`. */
export function sampleSteps(
  manifest: BundleManifest,
  network: Network,
  request: SampleRequest,
): AsyncGenerator<SampleStep, void, undefined> {
  return sampleLoop(prepareSample(manifest, network, request).loop);
}

/**
 * The finished pictures of requests that share model, variant, sampler, steps and eta, drawn together: one batch an
 * evaluation time. `between` is awaited before each evaluation, for whoever wants to stop or to let others pass.
 * @throws StudioError as `prepareSample` and `Network.run`.
 */
export async function samplePictures(
  manifest: BundleManifest,
  network: Network,
  requests: readonly SampleRequest[],
  between: () => Promise<void>,
): Promise<Float32Array[]> {
  const prepared = requests.map((request) => prepareSample(manifest, network, request));
  return sampleTogether(
    prepared.map(({ loop }) => loop),
    async (questions, t) => {
      await between();
      const rows = questions.flatMap((question) => question.rows);
      const length = pictureLength(manifest);
      const x = new Float32Array(rows.length * length);
      let row = 0;
      for (const question of questions) question.rows.forEach(() => x.set(question.x, row++ * length));
      const output = await network.run(x, networkTime(manifest, prepared[0]!.schedule, t), rows);
      row = 0;
      return questions.map((question) => {
        const from = row * length;
        row += question.rows.length;
        return output.subarray(from, row * length);
      });
    },
  );
}
