/**
 * The page's side of the engine: makes the worker, names the jobs, turns AbortSignals into cancellations and outcomes
 * into values or `StudioError`s, and notices when the worker is gone. After `worker-crashed` a client is of no more use;
 * make a new one and load again.
 */
import { proxy, releaseProxy, wrap, type Remote } from 'comlink';
import { cancelled, StudioError } from '../errors';
import type { EngineApi } from './api';
import { unwrap, type Outcome } from './outcome';
import type { EngineClient } from './types';

/** The part of a Worker that the client needs. */
export interface EngineWorker extends EventTarget {
  postMessage: Worker['postMessage'];
  terminate(): void;
}

const crashed = (detail: string) =>
  new StudioError({
    code: 'worker-crashed',
    message: 'The engine broke down.',
    remedy: 'Try again, which starts a new engine; closing other tabs frees memory.',
    detail,
  });

function startWorker(): EngineWorker {
  return new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'engine' });
}

/** Starts the engine's worker. A failure to start shows as `worker-crashed` of the first job. */
export function createEngineClient(worker: EngineWorker = startWorker()): EngineClient {
  const remote: Remote<EngineApi> = wrap<EngineApi>(worker as Worker);
  /** Rejections of the jobs under way, for when the worker ends before they do. */
  const pending = new Set<(error: StudioError) => void>();
  let ended: StudioError | undefined;
  let lastJob = 0;

  function end(error: StudioError): void {
    if (ended) return;
    ended = error;
    worker.terminate();
    for (const reject of pending) reject(error);
    pending.clear();
  }

  worker.addEventListener('error', (event) => {
    const { message, filename, lineno } = event as ErrorEvent;
    // Said by an error of its own; the browser need not print it as well.
    event.preventDefault();
    end(crashed(message ? `${message} (${filename}:${lineno})` : 'the worker could not be loaded'));
  });
  worker.addEventListener('messageerror', () => end(crashed('a message could not be read')));

  /** Runs a job to its value; ends early when it is aborted or the worker goes. */
  function run<T>(
    signal: AbortSignal | undefined,
    start: (job: number, isLive: () => boolean) => Promise<Outcome<T>>,
  ): Promise<T> {
    if (ended) return Promise.reject(ended);
    if (signal?.aborted) return Promise.reject(cancelled());
    const job = ++lastJob;
    let live = true;
    return new Promise<T>((resolve, reject) => {
      const abort = () => {
        void remote.cancel(job);
        reject(cancelled());
        leave();
      };
      const leave = () => {
        live = false;
        pending.delete(reject);
        signal?.removeEventListener('abort', abort);
      };
      pending.add(reject);
      signal?.addEventListener('abort', abort);
      start(job, () => live && !ended)
        .then(unwrap)
        .then(resolve, (thrown: unknown) => {
          const error = StudioError.from(thrown);
          reject(error);
          // The worker itself said that it is broken: what else waits for it waits in vain.
          if (error.code === 'worker-crashed') end(error);
        })
        .finally(leave);
    });
  }

  /** A callback for the worker that falls silent when its job is over. */
  const relay = <T>(callback: (value: T) => void, isLive: () => boolean) =>
    proxy(async (value: T) => {
      if (isLive()) callback(value);
    });

  return {
    load: (request, onProgress, signal) =>
      run(signal, (job, isLive) => remote.load(job, request, relay(onProgress, isLive))),
    sample: (request, onFrame, signal, from) =>
      run(signal, (job, isLive) => remote.sample(job, request, relay(onFrame, isLive), from)),
    pictures: (requests, onPicture, signal) =>
      run(signal, (job, isLive) => remote.pictures(job, requests, relay(onPicture, isLive))),
    neighbours: (request, signal) => run(signal, (job) => remote.neighbours(job, request)),
    measure: (request, onStep, signal) =>
      run(signal, (job, isLive) => remote.measure(job, request, relay(onStep, isLive))),
    reference: (manifest, variant, weights, signal) =>
      run(signal, (job) => remote.reference(job, manifest, variant, weights)),
    dispose() {
      end(cancelled());
      remote[releaseProxy]();
    },
  };
}
