/**
 * The one file that talks to onnxruntime-web. The life of a session:
 *
 * 1. `openSession` names one execution provider. The runtime is loaded for it, lazily: WASM runs use the plain WASM
 *    build, because the same provider inside the WebGPU build is up to three times slower; WebGPU runs use the JSPI build
 *    where the browser can suspend WebAssembly, else the larger and slower Asyncify one.
 * 2. Each build is configured once, before its first session: where its two files are (the bundler's URLs: the build
 *    condition `onnxruntime-web-use-extern-wasm` leaves them to us, and keeps our worker's entry out of the runtime's
 *    threads), and how many threads it may start.
 * 3. A WebGPU session gets a device of our own making. `preferredLayout: 'NCHW'` is not a matter of taste: with the
 *    default some 3x3 convolutions are silently wrong (https://github.com/microsoft/onnxruntime/issues/29651).
 * 4. `run` sends one batch through and returns float32 values in CPU memory. Runs must not overlap: see `SerialQueue`.
 * 5. When the device is lost, `run` rejects with `device-lost` and the session is dead; a new one needs a new device.
 * 6. A WebAssembly trap leaves the runtime unusable for good; it is reported as `worker-crashed`, and a new worker helps.
 */
import type * as Ort from 'onnxruntime-web';
import type { InferenceSession, Tensor } from 'onnxruntime-web';
import asyncifyMjs from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.mjs?url';
import asyncifyWasm from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url';
import jspiMjs from 'onnxruntime-web/ort-wasm-simd-threaded.jspi.mjs?url';
import jspiWasm from 'onnxruntime-web/ort-wasm-simd-threaded.jspi.wasm?url';
import plainMjs from 'onnxruntime-web/ort-wasm-simd-threaded.mjs?url';
import plainWasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url';
import { StudioError } from '../errors';
import type { BundleManifest } from '../models/manifest';
import {
  graderOf,
  inputForm,
  networkOf,
  requireNames,
  type Network,
  type PlainTensor,
} from '../models/network';
import { forgetOthers, keep, RUNTIME_CACHE } from '../models/offline';
import { nameNodes } from '../models/onnxNodes';
import type { Gpu } from './gpu';
import type { ProviderName } from './types';

/** Where a session computes. */
export type Target =
  | { readonly provider: 'webgpu'; readonly gpu: Gpu }
  | { readonly provider: 'wasm'; readonly threads: number };

/** A network ready to run. Its runs may also end with `device-lost` or `worker-crashed`. */
export interface NetworkSession extends Network {
  readonly provider: ProviderName;
  /** e.g. the adapter, or `2 threads`. */
  readonly detail: string;
  /** Whether its device is gone; such a session never runs again. */
  isLost(): boolean;
  release(): Promise<void>;
}

type Runtime = typeof Ort;

/**
 * Operators that a GPU may compute with an error of 2^-11 (the WebGPU specification asks for no more). In a denoiser
 * they turn the time into levels and embeddings, a few numbers that everything depends on: on the CPU, the difference
 * between the providers falls a hundredfold.
 */
const IMPRECISE_ON_GPU = ['Sin', 'Cos'];

/** How long a run may take to reject by itself once its device is lost. */
const LOST_GRACE_MS = 3000;
/** How long the news of a lost device may take to follow an error that it caused. */
const LOST_NOTICE_MS = 200;

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

const absolute = (url: string) => new URL(url, import.meta.url).href;

function configure(runtime: Runtime, mjs: string, wasm: string, threads: number): Runtime {
  runtime.env.logLevel = 'error';
  runtime.env.wasm.wasmPaths = { mjs: absolute(mjs), wasm: absolute(wasm) };
  runtime.env.wasm.numThreads = threads;
  return runtime;
}

/** A runtime's script, imported. @throws StudioError `worker-crashed`: an import that failed is not tried again. */
async function imported(script: Promise<Runtime>): Promise<Runtime> {
  try {
    return await script;
  } catch (thrown) {
    throw new StudioError({
      code: 'worker-crashed',
      message: 'The engine could not be loaded.',
      remedy: 'Check the connection, then try again.',
      detail: String(thrown),
      cause: thrown,
    });
  }
}

/** A build of the runtime: its script, and the two files that the script asks for. */
interface Build {
  readonly script: () => Promise<Runtime>;
  readonly mjs: string;
  readonly wasm: string;
}

const PLAIN: Build = { script: () => import('onnxruntime-web/wasm'), mjs: plainMjs, wasm: plainWasm };
const JSPI: Build = { script: () => import('onnxruntime-web/jspi'), mjs: jspiMjs, wasm: jspiWasm };
const ASYNCIFY: Build = {
  script: () => import('onnxruntime-web/webgpu'),
  mjs: asyncifyMjs,
  wasm: asyncifyWasm,
};

function buildFor(target: Target): Build {
  if (target.provider === 'wasm') return PLAIN;
  return 'Suspending' in WebAssembly ? JSPI : ASYNCIFY;
}

/** The build for a target, loaded and configured; the number of threads is settled by the first call. */
async function loadRuntime(target: Target): Promise<Runtime> {
  const { script, mjs, wasm } = buildFor(target);
  // What little a WebGPU session leaves to the CPU is not worth starting more than one thread.
  return configure(await imported(script()), mjs, wasm, target.provider === 'wasm' ? target.threads : 1);
}

/** Keeps a build that has proved to work for visits without a network; in development it would only be in the way. */
function keepForOffline({ wasm }: Build): void {
  if (!import.meta.env.PROD) return;
  void keep(RUNTIME_CACHE, [absolute(wasm)]);
  void forgetOthers(
    RUNTIME_CACHE,
    [PLAIN, JSPI, ASYNCIFY].map((build) => absolute(build.wasm)),
  );
}

/** What the errors of a WebAssembly instance that is broken for good have in their text. */
const TRAP =
  /out of bounds|unreachable|Aborted\(|out of memory|could not allocate|allocation failed|bad_alloc/i;
/** What onnxruntime says when its own files did not load or start; it does not try twice. */
const NO_BACKEND = /no available backend found|previous call to 'initWasm\(\)'/;

/** The typed error of something that went wrong `doing` something, e.g. `evaluating the model`. */
function failure(thrown: unknown, doing: string, otherwise: 'model-unsupported' | 'internal'): StudioError {
  if (thrown instanceof StudioError) return thrown;
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  const common = { detail: thrown instanceof Error ? (thrown.stack ?? text) : text, cause: thrown };
  if (NO_BACKEND.test(text)) {
    return new StudioError({
      code: 'worker-crashed',
      message: 'The engine could not be started.',
      remedy: 'Check the connection, then try again.',
      ...common,
    });
  }
  if (thrown instanceof WebAssembly.RuntimeError || TRAP.test(text)) {
    return new StudioError({
      code: 'worker-crashed',
      message: `The engine broke down while ${doing}; most likely it ran out of memory.`,
      remedy: 'Try again, which starts a new engine; closing other tabs frees memory.',
      ...common,
    });
  }
  return new StudioError({
    code: otherwise,
    message: `The engine failed while ${doing}.`,
    remedy:
      otherwise === 'internal'
        ? 'Try again, or open the studio with ?ep=wasm to compute on the CPU.'
        : 'Choose another model, or open the studio with ?ep=wasm to compute on the CPU.',
    ...common,
  });
}

function deviceLost(reason: string): StudioError {
  return new StudioError({
    code: 'device-lost',
    message: 'The GPU was lost in the middle of the work.',
    remedy: 'Try again: the studio takes a new one, or computes on the CPU.',
    detail: reason,
  });
}

/** Our plain tensors as the runtime's own. */
function feeds(runtime: Runtime, tensors: Record<string, PlainTensor>): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { type, data, dims }]) => [
      name,
      type === 'float32' ? new runtime.Tensor(type, data, dims) : new runtime.Tensor(type, data, dims),
    ]),
  );
}

/** Settles like `work`, but no later than a while after the device is lost: a run that waits for it may never end. */
function orLost<T>(work: Promise<T>, gpu: Gpu): Promise<T> {
  const lost = gpu.device.lost.then(async () => {
    await pause(LOST_GRACE_MS);
    throw deviceLost(gpu.lost.reason ?? '');
  });
  return Promise.race([work, lost]);
}

interface OpenRuntime {
  readonly session: InferenceSession;
  /** One output of one run, checked by `read`. */
  run<T>(
    inputs: Record<string, PlainTensor>,
    output: string,
    read: (output: Tensor | undefined) => T,
  ): Promise<T>;
  isLost(): boolean;
  release(): Promise<void>;
}

/**
 * A session of any ONNX file.
 * @throws StudioError `model-unsupported`, `device-lost`, `worker-crashed` or `internal`.
 */
async function openRuntime(weights: Uint8Array, target: Target): Promise<OpenRuntime> {
  const gpu = target.provider === 'webgpu' ? target.gpu : undefined;
  const guarded = <T>(work: Promise<T>) => (gpu ? orLost(work, gpu) : work);
  const explain = async (thrown: unknown, doing: string, otherwise: 'model-unsupported' | 'internal') => {
    // A run may reject a moment before the device says that it is lost.
    if (gpu) await Promise.race([gpu.device.lost, pause(LOST_NOTICE_MS)]);
    return gpu?.lost.reason === undefined ? failure(thrown, doing, otherwise) : deviceLost(gpu.lost.reason);
  };

  let runtime: Runtime;
  let session: InferenceSession;
  try {
    runtime = await loadRuntime(target);
    const { model, names: onCpu } = gpu
      ? nameNodes(weights, IMPRECISE_ON_GPU)
      : { model: weights, names: [] };
    session = await guarded(
      runtime.InferenceSession.create(model, {
        executionProviders: [
          gpu
            ? {
                name: 'webgpu',
                preferredLayout: 'NCHW',
                // An empty list is refused.
                ...(onCpu.length > 0 && { forceCpuNodeNames: onCpu }),
                device: gpu.device,
              }
            : { name: 'wasm' },
        ],
        graphOptimizationLevel: 'all',
        logSeverityLevel: 3,
      }),
    );
  } catch (thrown) {
    throw await explain(thrown, 'preparing the model', 'model-unsupported');
  }
  keepForOffline(buildFor(target));
  return {
    session,
    async run(inputs, output, read) {
      try {
        const results = await guarded(session.run(feeds(runtime, inputs), [output]));
        return read(results[output]);
      } catch (thrown) {
        throw await explain(thrown, 'evaluating the model', 'internal');
      }
    },
    isLost: () => gpu?.lost.reason !== undefined,
    async release() {
      // A session whose device is gone has nothing left to give back.
      if (gpu?.lost.reason === undefined) await session.release();
    },
  };
}

/**
 * Makes a session of verified weights.
 * @throws StudioError `model-unsupported` (not an ONNX model that this runtime can run, or other inputs than the
 * manifest's), `device-lost`, `worker-crashed` or `internal`.
 */
export async function openSession(
  weights: Uint8Array,
  manifest: BundleManifest,
  variant: string,
  target: Target,
): Promise<NetworkSession> {
  const opened = await openRuntime(weights, target);
  try {
    requireNames(manifest, variant, opened.session);
  } catch (thrown) {
    await opened.release();
    throw thrown;
  }
  const threads = target.provider === 'wasm' ? target.threads : 0;
  return {
    provider: target.provider === 'webgpu' ? 'webgpu' : threads > 1 ? 'wasm-threads' : 'wasm',
    detail: target.provider === 'webgpu' ? target.gpu.detail : `${threads} thread${threads === 1 ? '' : 's'}`,
    ...networkOf(manifest, variant, inputForm(weights, manifest, variant), opened.run),
    isLost: opened.isLost,
    release: opened.release,
  };
}

/** A bundle's grader, ready. */
export interface GraderSession {
  /** Probabilities of the grades, lowest first, for one picture: flat CHW in -1..1. */
  read(picture: Float32Array): Promise<number[]>;
  release(): Promise<void>;
}

/** Makes a session of a grader's verified weights. @throws StudioError as `openSession`. */
export async function openGrader(
  weights: Uint8Array,
  manifest: BundleManifest,
  names: { readonly input: { readonly name: string }; readonly output: { readonly name: string } },
  target: Target,
): Promise<GraderSession> {
  const opened = await openRuntime(weights, target);
  return { read: graderOf(manifest, names, opened.run), release: opened.release };
}
