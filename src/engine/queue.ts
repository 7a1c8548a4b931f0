/**
 * One serial queue for everything that reaches a session: two runs at once on one WebGPU session take the browser down.
 * Background jobs wait until nothing else does, and let what the person is waiting for pass between two of their runs.
 */
import { cancelled } from '../errors';

/** `page`: someone is waiting for it. `background`: a long job of many runs. */
export type Urgency = 'page' | 'background';

interface Waiting {
  readonly urgency: Urgency;
  start(): Promise<void>;
}

export class SerialQueue {
  /** Jobs of the page before background jobs, each kind in the order of arrival. */
  private waiting: Waiting[] = [];
  private working = false;

  /**
   * Runs `job` when those before it have settled, well or not. A job whose signal is aborted while it waits is never
   * started and rejects at once with `cancelled`; one that runs has to watch the signal itself.
   */
  run<T>(signal: AbortSignal, job: () => Promise<T>, urgency: Urgency = 'page'): Promise<T> {
    if (signal.aborted) return Promise.reject(cancelled());
    return new Promise<T>((resolve, reject) => {
      const leave = () => {
        this.waiting = this.waiting.filter((one) => one !== entry);
        reject(cancelled());
      };
      signal.addEventListener('abort', leave, { once: true });
      const entry: Waiting = {
        urgency,
        async start() {
          signal.removeEventListener('abort', leave);
          try {
            resolve(await job());
          } catch (thrown) {
            reject(thrown);
          }
        },
      };
      const place = urgency === 'page' ? this.waiting.findIndex((one) => one.urgency !== 'page') : -1;
      this.waiting.splice(place < 0 ? this.waiting.length : place, 0, entry);
      if (!this.working) void this.work();
    });
  }

  /** For a background job, where it may be interrupted: runs the page's jobs that wait, and is back when none is left. */
  async giveWay(): Promise<void> {
    while (this.waiting[0]?.urgency === 'page') await this.waiting.shift()!.start();
  }

  private async work(): Promise<void> {
    this.working = true;
    // Whoever calls `run` sees its promise before the job begins.
    await Promise.resolve();
    for (let next = this.waiting.shift(); next; next = this.waiting.shift()) await next.start();
    this.working = false;
  }
}
