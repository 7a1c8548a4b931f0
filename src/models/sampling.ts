/**
 * From a request to a running sampler: the manifest's schedule, the sampler's table and the conditioning, around a
 * network of any runtime. The engine's worker and the command line both draw through here.
 */
import {
  CLEAN,
  conditioningPlan,
  createSchedule,
  normals,
  PURPOSE,
  requireFitting,
  sampleLoop,
  samplerTable,
  sampleTogether,
  type LoopState,
  type SampleLoop,
  type SampleStep,
  type Schedule,
} from '../diffusion';
import { StudioError } from '../errors';
import { isDiffusion, type BundleManifest, type GeneratorVariant } from './manifest';
import { networkTime, pictureLength, type Network } from './network';
import { sampleRequestSchema, severityAt, type SampleRequest } from './request';
import { guidanceAt } from './variants';

export interface PreparedSample {
  readonly schedule: Schedule;
  /** What `sampleLoop` and `measureTrajectory` take. */
  readonly loop: SampleLoop;
  /** Rows that the sampler sends through the network, from noise or from where it goes on (NFE). */
  readonly evaluations: number;
  /** Whether it asks anywhere for a severity beyond the trained grades. */
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

function requireValid(request: SampleRequest): void {
  const parsed = sampleRequestSchema.safeParse(request);
  if (!parsed.success) throw invalidRequest('The request is not valid.', parsed.error.message);
}

/** The variant of a request. @throws StudioError `request-invalid` when there is none. */
function variantOf(manifest: BundleManifest, { variant }: SampleRequest) {
  const entry = manifest.variants[variant];
  if (!entry) throw invalidRequest(`The model ${manifest.id} has no variant ${variant}.`);
  return entry;
}

/**
 * Everything that one run of a diffusion model needs.
 * @param from the state of this very run at one of its steps, to go on from there instead of from noise.
 * @throws StudioError `request-invalid` when the request is malformed or the model cannot do what it asks.
 */
export function prepareSample(
  manifest: BundleManifest,
  network: Network,
  request: SampleRequest,
  from?: LoopState,
): PreparedSample {
  requireValid(request);
  if (!isDiffusion(variantOf(manifest, request))) {
    throw invalidRequest('This variant makes its picture in one evaluation: it has no steps to look at.');
  }
  const { grades, inputs, diffusion } = manifest;
  const schedule = createSchedule(diffusion.schedule);
  try {
    const table = samplerTable(schedule, diffusion.tRange, request);
    const plans = table.map(({ t }, index) =>
      conditioningPlan({
        grades: grades.map((grade) => grade.value),
        severity: severityAt(request, index),
        guidance: guidanceAt(manifest, request, t),
        mixable: inputs.y.kind === 'weights',
      }),
    );
    const loop: SampleLoop = {
      table,
      conditioning: plans.map(({ rows }) => rows),
      prediction: diffusion.prediction,
      seed: request.seed,
      length: pictureLength(manifest),
      evaluate: (x, t, rows) => network.run(x, networkTime(manifest, schedule, t), rows),
      ...(from && { from }),
    };
    requireFitting(loop);
    return {
      schedule,
      loop,
      evaluations: plans.slice(from?.index ?? 0).reduce((sum, { rows }) => sum + rows.length, 0),
      extrapolated: plans.some(({ extrapolated }) => extrapolated),
    };
  } catch (thrown) {
    if (!(thrown instanceof RangeError)) throw thrown;
    throw invalidRequest(`These settings do not work with this model: ${thrown.message}.`, thrown.stack);
  }
}

/**
 * One row of class weights for a severity: within the grades a mix of its two neighbours, beyond an end the last segment
 * continued, (1 + a) end - a neighbour. A generator mixes the grades' embeddings by it.
 */
function mixedRow(grades: BundleManifest['grades'], severity: number): number[] {
  const values = grades.map((grade) => grade.value);
  const { rows } = conditioningPlan({ grades: values, severity, guidance: 1, mixable: true });
  return values.map((_, k) => rows.reduce((sum, row) => sum + row.coefficient * row.weights[k]!, 0));
}

/** Pictures of a generator, in one batch. */
async function generate(
  manifest: BundleManifest,
  { latent }: GeneratorVariant,
  network: Network,
  requests: readonly SampleRequest[],
): Promise<Float32Array[]> {
  const z = new Float32Array(requests.length * latent);
  requests.forEach(({ seed }, i) => z.set(normals(seed, PURPOSE.LATENT, 0, latent), i * latent));
  const rows = requests.map(({ severity }) => [...mixedRow(manifest.grades, severity), 0]);
  const output = await network.run(z, 0, rows);
  const length = pictureLength(manifest);
  return requests.map((_, i) => output.slice(i * length, (i + 1) * length));
}

/** What a consumer of steps gets of any variant. */
export interface PreparedRun {
  /** Steps before the finished picture, as the request counts them. */
  readonly count: number;
  /** Rows that go through the network (NFE). */
  readonly evaluations: number;
  /** A step's time as a number from 0 to 1. */
  toUnit(t: number): number;
  /** See `sampleLoop`; of a generator, the finished picture alone, with noise estimates of zero. */
  steps(): AsyncGenerator<SampleStep, void, undefined>;
}

/**
 * The run of a request, whatever its variant is.
 * @param from as for `prepareSample`; a generator has nothing to go on from.
 * @throws StudioError `request-invalid`.
 */
export function prepareRun(
  manifest: BundleManifest,
  network: Network,
  request: SampleRequest,
  from?: LoopState,
): PreparedRun {
  requireValid(request);
  const entry = variantOf(manifest, request);
  if (isDiffusion(entry)) {
    const { schedule, loop, evaluations } = prepareSample(manifest, network, request, from);
    return {
      count: loop.table.length,
      evaluations,
      toUnit: (t) => schedule.toUnit(t),
      steps: () => sampleLoop(loop),
    };
  }
  return {
    count: request.steps,
    evaluations: 1,
    toUnit: (t) => t,
    async *steps() {
      const [x] = await generate(manifest, entry, network, [request]);
      yield {
        index: request.steps,
        t: 0,
        ...CLEAN,
        x: x!,
        x0: x!.slice(),
        epsilon: new Float32Array(x!.length),
      };
    },
  };
}

/** The steps of one picture. @throws StudioError as `prepareRun` and `Network.run`. */
export function sampleSteps(
  manifest: BundleManifest,
  network: Network,
  request: SampleRequest,
): AsyncGenerator<SampleStep, void, undefined> {
  return prepareRun(manifest, network, request).steps();
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
  const entry = requests[0] && variantOf(manifest, requests[0]);
  if (entry && !isDiffusion(entry)) {
    requests.forEach(requireValid);
    await between();
    return generate(manifest, entry, network, requests);
  }
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
