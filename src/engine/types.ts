/**
 * What crosses the border between the page and the worker: plain, structured-cloneable values only. Pictures are
 * float32 CHW in the model's range [-1, 1] (noise estimates are unbounded); their buffers are transferred, not copied.
 */
import type { LoopState } from '../diffusion';
import type { ErrorInfo } from '../errors';
import type { BundleManifest } from '../models/manifest';
import type { TrajectoryStep } from '../models/ordinality';
import type { SampleRequest } from '../models/request';

/** An execution provider as we name it: exactly one, the one really in use. */
export type ProviderName = 'webgpu' | 'wasm-threads' | 'wasm';
/** What the person asked for (`?ep=`). `auto` probes WebGPU, then WASM. */
export type ProviderChoice = 'auto' | 'webgpu' | 'wasm';

export type LoadProgress =
  | { phase: 'manifest' }
  /** `total` comes from the manifest; `fromCache` when nothing had to be downloaded. */
  | { phase: 'download'; loadedBytes: number; totalBytes: number; fromCache: boolean }
  | { phase: 'verify' }
  | { phase: 'session'; provider: ProviderName }
  | { phase: 'warm-up'; provider: ProviderName }
  | { phase: 'parity'; provider: ProviderName };

export interface LoadRequest {
  /** URL of the bundle's folder, ending in `/`. */
  readonly bundleUrl: string;
  readonly variant: string;
  readonly provider: ProviderChoice;
}

export interface LoadedModel {
  readonly manifest: BundleManifest;
  readonly variant: string;
  readonly provider: ProviderName;
  /** e.g. the adapter's vendor and architecture, or `2 threads`. */
  readonly providerDetail: string;
  /** Why a better provider was not used; empty when there is nothing to say. */
  readonly providerNote: string;
  /** Largest absolute difference from the manifest's parity reference. */
  readonly parityMaxError: number;
  readonly timings: { downloadMs: number; sessionMs: number; warmUpMs: number };
}

/**
 * One sampler step. `index` runs 0..steps-1 while denoising, and `steps` is the finished picture.
 * The frame at `index` holds the state BEFORE the step's update together with what the model estimated there;
 * the last frame (index = steps) has x = x0 = the final picture and epsilon = the last estimate.
 */
export interface StepFrame {
  readonly index: number;
  readonly steps: number;
  /** Continuous diffusion time in [0, 1] (t / T for table schedules). */
  readonly t: number;
  readonly alpha: number;
  readonly sigma: number;
  readonly x: Float32Array;
  readonly x0: Float32Array;
  readonly epsilon: Float32Array;
  readonly norms: { x: number; x0: number; epsilon: number };
  /** Milliseconds this step took in the worker. */
  readonly ms: number;
}

export interface SampleSummary {
  readonly request: SampleRequest;
  readonly provider: ProviderName;
  /** Number of function evaluations: rows sent through the network in this run or part of one. */
  readonly nfe: number;
  readonly totalMs: number;
}

/** One finished picture of a list of requests. */
export interface DrawnPicture {
  /** Place in the list. */
  readonly index: number;
  /** Flat CHW. */
  readonly picture: Float32Array;
  readonly provider: ProviderName;
  /** Milliseconds in the worker; pictures drawn together share the time. */
  readonly ms: number;
}

/** All grades' estimates from one x_t, in one batch, without guidance. */
export interface NeighbourRequest {
  readonly model: string;
  readonly variant: string;
  readonly x: Float32Array;
  readonly t: number;
}

export interface NeighbourResult {
  readonly t: number;
  readonly alpha: number;
  readonly sigma: number;
  /** One per grade, in the manifest's order. */
  readonly x0: Float32Array[];
  readonly epsilon: Float32Array[];
  /** Root-mean-square distance between the grades' noise estimates, row-major C*C. */
  readonly distances: Float64Array;
  /** One per triple p < q < r of grade indices, every triple. */
  readonly triples: NeighbourTriple[];
  readonly ms: number;
}

/** What was measured along one sampling run. */
export interface MeasureResult {
  /** One per step. */
  readonly steps: TrajectoryStep[];
  /** The grader's probabilities of the grades for the finished picture; null when the bundle has no grader. */
  readonly read: number[] | null;
  readonly provider: ProviderName;
  readonly ms: number;
}

export interface NeighbourTriple {
  readonly p: number;
  readonly q: number;
  readonly r: number;
  /** (d_pq + d_qr) / d_pr - 1; zero on a straight, ordered line. */
  readonly slack: number;
  /** d_pr / (d_pq + d_qr); one on a straight, ordered line. */
  readonly straightness: number;
  /** cos of the angle between (q - p) and (r - q). */
  readonly cosine: number;
  /** Whether d_pr is at least d_pq and d_qr. */
  readonly ordered: boolean;
}

/** How a job ended, when it did not end well. */
export interface JobFailure {
  readonly error: ErrorInfo;
}

/**
 * The worker's surface, as the page sees it through `src/engine/client.ts`. Rejections are always `StudioError`s.
 * An aborted job rejects with code `cancelled`; frames already streamed stay valid.
 */
export interface EngineClient {
  load(
    request: LoadRequest,
    onProgress: (p: LoadProgress) => void,
    signal?: AbortSignal,
  ): Promise<LoadedModel>;
  /** `from` is the state of this very run at one of its steps: only the frames from there on are made. */
  sample(
    request: SampleRequest,
    onFrame: (f: StepFrame) => void,
    signal?: AbortSignal,
    from?: LoopState,
  ): Promise<SampleSummary>;
  /**
   * Finished pictures, in the background: gives way between two evaluations to everything else. Requests that share model,
   * variant, sampler and steps are drawn several at once. Pictures made before an abort stay valid.
   */
  pictures(
    requests: readonly SampleRequest[],
    onPicture: (p: DrawnPicture) => void,
    signal?: AbortSignal,
  ): Promise<void>;
  neighbours(request: NeighbourRequest, signal?: AbortSignal): Promise<NeighbourResult>;
  /** Measures all grades along one sampling run, in the background; `onStep` counts the steps done. */
  measure(
    request: SampleRequest,
    onStep: (done: number) => void,
    signal?: AbortSignal,
  ): Promise<MeasureResult>;
  /** The parity reference of weights that come without one; rejects when the model does not run here. */
  reference(
    manifest: BundleManifest,
    variant: string,
    weights: Uint8Array,
    signal?: AbortSignal,
  ): Promise<BundleManifest['parity'][string]>;
  /** Ends the worker; the client cannot be used afterwards. */
  dispose(): void;
}
