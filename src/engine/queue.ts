/**
 * One serial queue for everything that reaches a session: two runs at once on one WebGPU session take the browser down.
 */
import { cancelled } from '../errors';

export class SerialQueue {
  private tail: Promise<unknown> = Promise.resolve();

  /**
   * Runs `job` when all earlier ones have settled, well or not. A job whose signal is aborted while it waits is never
   * started and rejects at once with `cancelled`; one that runs has to watch the signal itself.
   */
  run<T>(signal: AbortSignal, job: () => Promise<T>): Promise<T> {
    if (signal.aborted) return Promise.reject(cancelled());
    return new Promise<T>((resolve, reject) => {
      const leave = () => reject(cancelled());
      signal.addEventListener('abort', leave, { once: true });
      this.tail = this.tail.then(async () => {
        signal.removeEventListener('abort', leave);
        if (signal.aborted) return;
        try {
          resolve(await job());
        } catch (thrown) {
          reject(thrown);
        }
      });
    });
  }
}
