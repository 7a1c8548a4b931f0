/**
 * The worker's surface: plain functions that the client calls through Comlink, its types derived from them. They never
 * throw (see `outcome.ts`); a job is named by a number, by which it can be cancelled.
 */
import { releaseProxy, transfer, type ProxyMethods } from 'comlink';
import type { LoopState } from '../diffusion';
import type { BundleManifest } from '../models/manifest';
import type { SampleRequest } from '../models/request';
import { readManifest } from '../models/source';
import { fetchWeights } from '../models/weights';
import { Engine } from './engine';
import { openGpu } from './gpu';
import { settle } from './outcome';
import { openGrader, openSession } from './session';
import type { DrawnPicture, LoadProgress, LoadRequest, NeighbourRequest, StepFrame } from './types';

/** A function of the page, called over the wire; it resolves when the page has seen the value. */
type Callback<T> = ((value: T) => Promise<void>) & Partial<ProxyMethods>;

/** Small models gain little beyond four threads, and a laptop's cores are not all fast. */
const MAX_THREADS = 8;
const GENTLE_THREADS = 4;

function wasmThreads(): number {
  if (!globalThis.crossOriginIsolated) return 1;
  const cores = navigator.hardwareConcurrency || 1;
  return cores <= GENTLE_THREADS ? cores : Math.min(MAX_THREADS, Math.max(GENTLE_THREADS, cores >> 1));
}

const engine = new Engine({
  readManifest,
  fetchWeights,
  openGpu,
  openSession,
  openGrader,
  threads: wasmThreads(),
});
const jobs = new Map<number, AbortController>();

/** Runs a job under its name, so that `cancel` finds it. */
async function run<T>(job: number, work: (signal: AbortSignal) => Promise<T>) {
  const controller = new AbortController();
  jobs.set(job, controller);
  try {
    return await settle(() => work(controller.signal));
  } finally {
    jobs.delete(job);
  }
}

/**
 * Streams values to the page while a job runs. The result travels on another port than the values and could overtake
 * them, so it is held back until the page has seen them all.
 */
async function streaming<T, R>(
  callback: Callback<T>,
  work: (send: (value: T, buffers?: Transferable[]) => void) => Promise<R>,
): Promise<R> {
  const sent: Promise<void>[] = [];
  try {
    return await work((value, buffers = []) =>
      sent.push(callback(buffers.length > 0 ? transfer(value, buffers) : value)),
    );
  } finally {
    await Promise.allSettled(sent);
    callback[releaseProxy]?.();
  }
}

export const api = {
  load(job: number, request: LoadRequest, onProgress: Callback<LoadProgress>) {
    return run(job, (signal) =>
      streaming(onProgress, (send) => engine.load(request, (p) => send(p), signal)),
    );
  },

  sample(job: number, request: SampleRequest, onFrame: Callback<StepFrame>, from?: LoopState) {
    return run(job, (signal) =>
      streaming(onFrame, (send) =>
        engine.sample(request, (f) => send(f, [f.x.buffer, f.x0.buffer, f.epsilon.buffer]), signal, from),
      ),
    );
  },

  pictures(job: number, requests: readonly SampleRequest[], onPicture: Callback<DrawnPicture>) {
    return run(job, (signal) =>
      streaming(onPicture, (send) =>
        engine.pictures(requests, (drawn) => send(drawn, [drawn.picture.buffer]), signal),
      ),
    );
  },

  async neighbours(job: number, request: NeighbourRequest) {
    const outcome = await run(job, (signal) => engine.neighbours(request, signal));
    if (!outcome.ok) return outcome;
    const { x0, epsilon, distances } = outcome.value;
    return transfer(
      outcome,
      [...x0, ...epsilon, distances].map((array) => array.buffer),
    );
  },

  measure(job: number, request: SampleRequest, onStep: Callback<number>) {
    return run(job, (signal) =>
      streaming(onStep, (send) => engine.measure(request, (done) => send(done), signal)),
    );
  },

  reference(job: number, manifest: BundleManifest, variant: string, weights: Uint8Array) {
    return run(job, (signal) => engine.reference(manifest, variant, weights, signal));
  },

  cancel(job: number): void {
    jobs.get(job)?.abort();
  },
};

export type EngineApi = typeof api;
