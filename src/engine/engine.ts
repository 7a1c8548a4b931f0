/**
 * What the worker does, apart from the wire: it keeps the loaded models, chooses the provider, and runs the jobs one
 * after the other. Runtime, GPU and downloads are passed in, so that a test can stand in for them.
 */
import {
  createSchedule,
  distanceMatrix,
  gradeEstimates,
  gradeRows,
  normals,
  oneHot,
  ordinalTriples,
  PURPOSE,
  rms,
  type LoopState,
  type Schedule,
} from '../diffusion';
import { cancelled, StudioError } from '../errors';
import { isDiffusion, type BundleManifest } from '../models/manifest';
import { networkTime, pictureLength } from '../models/network';
import { measure } from '../models/ordinality';
import type { SampleRequest } from '../models/request';
import { invalidRequest, prepareRun, samplePictures } from '../models/sampling';
import type { WeightsRequest } from '../models/weights';
import type { Gpu } from './gpu';
import { SerialQueue } from './queue';
import type { GraderSession, NetworkSession, Target } from './session';
import type {
  DrawnPicture,
  LoadedModel,
  LoadProgress,
  LoadRequest,
  MeasureResult,
  NeighbourRequest,
  NeighbourResult,
  ProviderChoice,
  SampleSummary,
  StepFrame,
} from './types';

export interface EngineDependencies {
  readManifest(bundleUrl: string, signal?: AbortSignal): Promise<BundleManifest>;
  fetchWeights(request: WeightsRequest): Promise<Uint8Array>;
  openGpu(acceptSoftware: boolean): Promise<Gpu>;
  openSession(
    weights: Uint8Array,
    manifest: BundleManifest,
    variant: string,
    target: Target,
  ): Promise<NetworkSession>;
  openGrader(
    weights: Uint8Array,
    manifest: BundleManifest,
    names: NonNullable<BundleManifest['grader']>,
    target: Target,
  ): Promise<GraderSession>;
  /** Threads that a WASM session may use; 1 where the page is not cross-origin isolated. */
  readonly threads: number;
}

/** A model that is ready, with what is needed to make it again. */
interface Entry {
  readonly request: LoadRequest;
  readonly loaded: LoadedModel;
  readonly session: NetworkSession;
  readonly schedule: Schedule;
  /** Jobs in the middle of their work with it: a background job keeps its session while others pass. */
  users: number;
}

/** Allowed difference from the parity reference, relative to the output's RMS where that exceeds 1. */
const PARITY_TOLERANCE = 2e-3;
/** Models kept ready; the one not used for longest goes first. */
const MAX_MODELS = 4;
/** Pictures drawn at once in the background. */
const MAX_BATCH = 4;
/** Devices lost before the CPU takes over for good. */
const MAX_LOST_DEVICES = 2;

const silent = () => undefined;

/**
 * Lets the worker receive messages, such as a cancellation: a WASM run is over before its promise is seen, so without
 * this a whole picture would be one task.
 */
function receiveMessages(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

const nameOf = ({ loaded }: Entry) => `${loaded.manifest.id}/${loaded.variant}`;

/** Places of requests that can be drawn together, in the order of the list. */
function batches(requests: readonly SampleRequest[]): number[][] {
  const open = new Map<string, number[]>();
  const all: number[][] = [];
  for (const [index, { model, variant, sampler, steps, eta }] of requests.entries()) {
    const key = JSON.stringify([model, variant, sampler, steps, eta]);
    const batch = open.get(key);
    if (batch && batch.length < MAX_BATCH) {
      batch.push(index);
    } else {
      const fresh = [index];
      open.set(key, fresh);
      all.push(fresh);
    }
  }
  return all;
}

export class Engine {
  private readonly queue = new SerialQueue();
  /** By model and variant; the most recently used last. */
  private readonly entries = new Map<string, Entry>();
  /** How to make again what had to make room, by model and variant. */
  private readonly requests = new Map<string, LoadRequest>();
  /** The grader used last, by its hash. */
  private grader: { readonly sha256: string; readonly session: GraderSession } | undefined;
  private gpu: Gpu | undefined;
  private lostDevices = 0;

  constructor(private readonly dependencies: EngineDependencies) {}

  /**
   * Makes a model ready, or finds it ready. Several stay ready side by side.
   * @throws StudioError (every code but `request-invalid` and `output-not-finite` can only come from here or a reload).
   */
  load(
    request: LoadRequest,
    onProgress: (progress: LoadProgress) => void,
    signal: AbortSignal,
  ): Promise<LoadedModel> {
    return this.queue.run(signal, async () => {
      for (const entry of this.entries.values()) {
        const same =
          entry.request.bundleUrl === request.bundleUrl &&
          entry.request.variant === request.variant &&
          entry.request.provider === request.provider;
        if (same && !entry.session.isLost()) return this.keep(entry).loaded;
      }
      return (await this.open(request, onProgress, signal)).loaded;
    });
  }

  /**
   * Draws a picture, giving one frame for each step and one for the end.
   * @param from the state of this very run at one of its steps: only the frames from there on are made.
   * @throws StudioError `request-invalid`, `cancelled`, `device-lost`, `output-not-finite`, `worker-crashed`, `internal`.
   */
  sample(
    request: SampleRequest,
    onFrame: (frame: StepFrame) => void,
    signal: AbortSignal,
    from?: LoopState,
  ): Promise<SampleSummary> {
    return this.queue.run(signal, async () => {
      const start = performance.now();
      const { manifest, session } = await this.find(request.model, request.variant, signal);
      const { count, evaluations, toUnit, steps: begin } = prepareRun(manifest, session, request, from);
      const steps = begin();
      for (;;) {
        const stepStart = performance.now();
        const { done, value: step } = await steps.next();
        if (done) break;
        if (signal.aborted) throw cancelled();
        const { index, alpha, sigma, x, x0, epsilon } = step;
        onFrame({
          index,
          steps: count,
          t: index === count ? 0 : toUnit(step.t),
          alpha,
          sigma,
          x,
          x0,
          epsilon,
          norms: { x: rms(x), x0: rms(x0), epsilon: rms(epsilon) },
          ms: performance.now() - stepStart,
        });
        await receiveMessages();
        if (signal.aborted && index < count) throw cancelled();
      }
      return {
        request,
        provider: session.provider,
        nfe: evaluations,
        totalMs: performance.now() - start,
      };
    });
  }

  /**
   * Draws the finished pictures of a list, in the background, several in one batch where they share a table.
   * @throws StudioError as `sample`; pictures given before stay valid.
   */
  pictures(
    requests: readonly SampleRequest[],
    onPicture: (drawn: DrawnPicture) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const between = () => this.breathe(signal);
    return this.queue.run(
      signal,
      async () => {
        for (const batch of batches(requests)) {
          const start = performance.now();
          const { model, variant } = requests[batch[0]!]!;
          await this.holding({ model, variant }, signal, async ({ loaded, session }) => {
            const wanted = batch.map((index) => requests[index]!);
            const drawn = await samplePictures(loaded.manifest, session, wanted, between);
            const ms = performance.now() - start;
            const { provider } = session;
            batch.forEach((index, i) => onPicture({ index, picture: drawn[i]!, provider, ms }));
          });
        }
      },
      'background',
    );
  }

  /**
   * Measures all grades along one sampling run, in the background, and has the bundle's grader, if there is one, read the
   * finished picture.
   * @param onStep counts the steps done.
   * @throws StudioError as `sample`, or as `load` for the grader.
   */
  measure(
    request: SampleRequest,
    onStep: (done: number) => void,
    signal: AbortSignal,
  ): Promise<MeasureResult> {
    return this.queue.run(
      signal,
      () =>
        this.holding(request, signal, async ({ request: { bundleUrl }, loaded: { manifest }, session }) => {
          const start = performance.now();
          const { steps, picture } = await measure(manifest, session, request, async (index) => {
            onStep(index + 1);
            await this.breathe(signal);
          });
          const grader = await this.graderOf(bundleUrl, manifest, signal);
          const read = grader ? await grader.read(picture) : null;
          return { steps, read, provider: session.provider, ms: performance.now() - start };
        }),
      'background',
    );
  }

  /**
   * All grades' estimates from one x_t, as one batch. Times outside the trained range (the finished picture) are
   * evaluated at its nearest end; the result says at which time.
   * @throws StudioError as `sample`.
   */
  neighbours(request: NeighbourRequest, signal: AbortSignal): Promise<NeighbourResult> {
    return this.queue.run(signal, async () => {
      const start = performance.now();
      const { manifest, session, schedule } = await this.find(request.model, request.variant, signal);
      const { grades, diffusion } = manifest;
      const { x } = request;
      if (!isDiffusion(manifest.variants[request.variant]!)) {
        throw invalidRequest(
          'This variant makes its picture in one evaluation: it has no noise to estimate.',
        );
      }
      if (x.length !== pictureLength(manifest))
        throw invalidRequest('The picture is not of the size that this model makes.');
      const [low, high] = diffusion.tRange;
      const t = Math.min(high, Math.max(low, schedule.fromUnit(request.t)));
      const level = schedule.level(t);

      const output = await session.run(x, networkTime(manifest, schedule, t), gradeRows(grades.length));
      if (signal.aborted) throw cancelled();
      const { x0, epsilon } = gradeEstimates(diffusion.prediction, output, x, level);
      const distances = distanceMatrix(epsilon);
      return {
        t: schedule.toUnit(t),
        ...level,
        x0,
        epsilon,
        distances,
        triples: ordinalTriples(distances, grades.length),
        ms: performance.now() - start,
      };
    });
  }

  /**
   * The parity reference of weights that come without one, from one evaluation on the CPU. That it succeeds at all says
   * that the model runs here.
   * @param manifest complete but for this variant's reference values.
   * @throws StudioError `model-unsupported`, `output-not-finite`, `worker-crashed`, `internal` or `cancelled`.
   */
  reference(
    manifest: BundleManifest,
    variant: string,
    weights: Uint8Array,
    signal: AbortSignal,
  ): Promise<BundleManifest['parity'][string]> {
    return this.queue.run(signal, async () => {
      const target = { provider: 'wasm', threads: this.dependencies.threads } as const;
      const session = await this.dependencies.openSession(weights, manifest, variant, target);
      try {
        const schedule = createSchedule(manifest.diffusion.schedule);
        const output = await this.runParity(session, manifest, variant, schedule);
        const reference = manifest.parity[variant]!;
        return {
          ...reference,
          values: reference.indices.map((index) => output[index]!),
          rms: rms(output),
        };
      } finally {
        void session.release().catch(silent);
      }
    });
  }

  /** Between two runs of a background job: messages arrive, and what the page waits for goes first. */
  private async breathe(signal: AbortSignal): Promise<void> {
    await receiveMessages();
    await this.queue.giveWay();
    if (signal.aborted) throw cancelled();
  }

  /** A background job's work with a model, which keeps its session meanwhile, whatever other jobs load. */
  private async holding<T>(
    { model, variant }: { readonly model: string; readonly variant: string },
    signal: AbortSignal,
    work: (entry: Entry) => Promise<T>,
  ): Promise<T> {
    const entry = await this.entry(model, variant, signal);
    entry.users++;
    try {
      return await work(entry);
    } finally {
      entry.users--;
      if (this.entries.get(nameOf(entry)) !== entry) this.release(entry);
    }
  }

  /** The grader of a bundle on the CPU: a classifier of one picture now and then is no work for a GPU. */
  private async graderOf(
    bundleUrl: string,
    manifest: BundleManifest,
    signal: AbortSignal,
  ): Promise<GraderSession | null> {
    const { grader } = manifest;
    if (!grader) return null;
    if (this.grader?.sha256 === grader.sha256) return this.grader.session;
    const weights = await this.dependencies.fetchWeights({
      url: bundleUrl + grader.file,
      sha256: grader.sha256,
      bytes: grader.bytes,
      onProgress: silent,
      onVerify: silent,
      signal,
    });
    const target = { provider: 'wasm', threads: this.dependencies.threads } as const;
    const session = await this.dependencies.openGrader(weights, manifest, grader, target);
    void this.grader?.session.release().catch(silent);
    this.grader = { sha256: grader.sha256, session };
    return session;
  }

  /** What a job needs of a loaded model. */
  private async find(model: string, variant: string, signal: AbortSignal) {
    const { loaded, session, schedule } = await this.entry(model, variant, signal);
    return { manifest: loaded.manifest, session, schedule };
  }

  /** A loaded model by name, made again when its device was lost or it had to make room meanwhile. */
  private async entry(model: string, variant: string, signal: AbortSignal): Promise<Entry> {
    const name = `${model}/${variant}`;
    const request = this.requests.get(name);
    if (!request) throw invalidRequest(`The model ${model} (${variant}) has not been loaded.`);
    let entry = this.entries.get(name);
    if (!entry || entry.session.isLost()) entry = await this.open(request, silent, signal);
    return this.keep(entry);
  }

  /** Makes an entry the most recently used one and lets go of those beyond the limit. */
  private keep(entry: Entry): Entry {
    const key = nameOf(entry);
    const old = this.entries.get(key);
    this.entries.delete(key);
    this.entries.set(key, entry);
    this.requests.set(key, entry.request);
    if (old && old !== entry) this.release(old);
    for (const [name, other] of this.entries) {
      if (this.entries.size <= MAX_MODELS) break;
      this.entries.delete(name);
      this.release(other);
    }
    return entry;
  }

  /** Frees a session, unless a job that has given way still needs it: that job then frees it itself. */
  private release({ users, session }: Entry): void {
    // Not awaited by any job, and a failure to free memory is no reason to fail one.
    if (users === 0) void session.release().catch(silent);
  }

  private async open(
    request: LoadRequest,
    onProgress: (progress: LoadProgress) => void,
    signal: AbortSignal,
  ): Promise<Entry> {
    onProgress({ phase: 'manifest' });
    const manifest = await this.dependencies.readManifest(request.bundleUrl, signal);
    const variant = manifest.variants[request.variant];
    if (!variant) {
      throw invalidRequest(`The model ${manifest.id} has no variant ${request.variant}.`, request.bundleUrl);
    }

    const downloadStart = performance.now();
    const weights = await this.dependencies.fetchWeights({
      url: request.bundleUrl + variant.file,
      sha256: variant.sha256,
      bytes: variant.bytes,
      onProgress: (loadedBytes, fromCache) =>
        onProgress({ phase: 'download', loadedBytes, totalBytes: variant.bytes, fromCache }),
      onVerify: () => onProgress({ phase: 'verify' }),
      signal,
    });
    const downloadMs = performance.now() - downloadStart;

    const schedule = createSchedule(manifest.diffusion.schedule);
    const make = async (target: Target, note: string): Promise<Entry> => {
      if (signal.aborted) throw cancelled();
      const provider = target.provider === 'webgpu' ? 'webgpu' : target.threads > 1 ? 'wasm-threads' : 'wasm';
      onProgress({ phase: 'session', provider });
      const sessionStart = performance.now();
      const session = await this.dependencies.openSession(weights, manifest, request.variant, target);
      const sessionMs = performance.now() - sessionStart;
      try {
        // The first run compiles shaders and allocates; the parity reference serves as its input.
        onProgress({ phase: 'warm-up', provider });
        const warmUpStart = performance.now();
        const output = await this.runParity(session, manifest, request.variant, schedule);
        const warmUpMs = performance.now() - warmUpStart;
        onProgress({ phase: 'parity', provider });
        const parityMaxError = checkParity(output, manifest, request.variant, session);
        if (signal.aborted) throw cancelled();
        const loaded: LoadedModel = {
          manifest,
          variant: request.variant,
          provider: session.provider,
          providerDetail: session.detail,
          providerNote: note,
          parityMaxError,
          timings: { downloadMs, sessionMs, warmUpMs },
        };
        return { request, loaded, session, schedule, users: 0 };
      } catch (thrown) {
        await session.release().catch(silent);
        throw thrown;
      }
    };
    return this.keep(await this.withProvider(request.provider, make));
  }

  /**
   * Makes an entry on the best provider that works: WebGPU, then WASM. A choice of `webgpu` is an order, unless devices
   * have been lost repeatedly.
   */
  private async withProvider(
    choice: ProviderChoice,
    make: (target: Target, note: string) => Promise<Entry>,
  ): Promise<Entry> {
    const wasm: Target = { provider: 'wasm', threads: this.dependencies.threads };
    if (choice === 'wasm') return make(wasm, '');
    let note = '';
    for (;;) {
      if (this.gpu?.lost.reason !== undefined) {
        this.gpu = undefined;
        this.lostDevices++;
      }
      if (this.lostDevices >= MAX_LOST_DEVICES) return make(wasm, 'The GPU was lost repeatedly.');
      try {
        this.gpu ??= await this.dependencies.openGpu(choice === 'webgpu');
        return await make({ provider: 'webgpu', gpu: this.gpu }, '');
      } catch (thrown) {
        const error = StudioError.from(thrown);
        if (error.code === 'device-lost') continue;
        if (choice === 'webgpu' || error.code === 'cancelled') throw error;
        // The WASM build is a module of its own, so even a breakdown of the other leaves it usable.
        note = error.message;
      }
      return make(wasm, note);
    }
  }

  private runParity(
    session: NetworkSession,
    manifest: BundleManifest,
    variant: string,
    schedule: Schedule,
  ): Promise<Float32Array> {
    const { inputs, parity, grades } = manifest;
    const reference = parity[variant]!;
    const entry = manifest.variants[variant]!;
    if (!isDiffusion(entry)) {
      return session.run(normals(reference.seed, PURPOSE.PARITY, 0, entry.latent), 0, [reference.y]);
    }
    const x = normals(reference.seed, PURPOSE.PARITY, 0, pictureLength(manifest));
    const row = inputs.y.kind === 'weights' ? reference.y : oneHot(reference.y[0]!, grades.length);
    return session.run(x, networkTime(manifest, schedule, reference.t!), [row]);
  }
}

/**
 * Largest absolute difference of an output from the manifest's reference.
 * @throws StudioError `parity-failed` when it, or that of the RMS, is beyond the tolerance.
 */
function checkParity(
  output: Float32Array,
  manifest: BundleManifest,
  variant: string,
  session: NetworkSession,
): number {
  const { indices, values, rms: expectedRms } = manifest.parity[variant]!;
  let worst = 0;
  for (const [k, index] of indices.entries()) worst = Math.max(worst, Math.abs(output[index]! - values[k]!));
  const rmsError = Math.abs(rms(output) - expectedRms);
  const tolerance = PARITY_TOLERANCE * Math.max(1, expectedRms);
  if (worst > tolerance || rmsError > tolerance) {
    throw new StudioError({
      code: 'parity-failed',
      message: `The model computes wrong values on this ${session.provider === 'webgpu' ? 'GPU' : 'processor'}.`,
      remedy:
        session.provider === 'webgpu'
          ? 'Open the studio with ?ep=wasm to compute on the CPU.'
          : 'Choose another model; if you host the studio, build the bundle again with the training lab.',
      detail: `${session.provider}: largest difference ${worst}, difference of the RMS ${rmsError}, allowed ${tolerance}`,
    });
  }
  return worst;
}
