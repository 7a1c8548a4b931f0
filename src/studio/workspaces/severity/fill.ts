/**
 * Fills a grid: what is in sight first, then the rest, a few pictures at a time, so that scrolling changes what comes next
 * and cancelling costs little. Whatever was drawn stays.
 */
import { StudioError, type ErrorInfo } from '../../../errors';
import type { SampleRequest } from '../../../models/request';

export interface FillerParts {
  /** Draws some pictures, in any order, and calls `onDone` with the place of each in the list. */
  readonly draw: (
    requests: readonly SampleRequest[],
    onDone: (place: number) => void,
    signal: AbortSignal,
  ) => Promise<void>;
  /** Whether the picture of a request is at hand. */
  readonly known: (request: SampleRequest) => boolean;
  readonly onChange: (state: FillState) => void;
  readonly atOnce?: number;
  readonly now?: () => number;
}

export interface FillState {
  readonly status: 'idle' | 'filling' | 'done' | 'cancelled' | 'failed';
  readonly done: number;
  readonly total: number;
  /** From the pictures drawn so far in this filling; null before the first. */
  readonly msLeft: number | null;
  readonly error: ErrorInfo | null;
}

export const NOT_FILLING: FillState = { status: 'idle', done: 0, total: 0, msLeft: null, error: null };

export class Filler {
  readonly #parts: Required<FillerParts>;
  #cells: readonly SampleRequest[] = [];
  #visible: readonly number[] = [];
  /** Cells that have been drawn once; one whose picture had to make room is drawn again only when it is in sight. */
  #done = new Set<number>();
  /** Drawn since the view last changed: what does not fit into memory is not drawn for ever. */
  #asked = new Set<number>();
  #job: AbortController | null = null;
  #state = NOT_FILLING;

  constructor(parts: FillerParts) {
    this.#parts = { atOnce: 4, now: () => performance.now(), ...parts };
  }

  /** Cells in sight, in the order in which they are wanted. */
  show(visible: readonly number[]): void {
    this.#visible = visible;
    this.#asked.clear();
  }

  /** Fills these cells; a filling under way is given up. Resolves when it has ended, however it did. */
  async fill(cells: readonly SampleRequest[]): Promise<void> {
    this.#job?.abort();
    const job = new AbortController();
    this.#job = job;
    this.#cells = cells;
    this.#asked.clear();
    this.#done = new Set([...cells.keys()].filter((i) => this.#parts.known(cells[i]!)));
    const start = this.#parts.now();
    const atStart = this.#done.size;
    this.#set({ status: 'filling', done: atStart, total: cells.length, msLeft: null, error: null });
    try {
      for (let next = this.#next(); next.length > 0; next = this.#next()) {
        const places = next;
        await this.#parts.draw(
          places.map((i) => cells[i]!),
          (place) => {
            if (this.#job !== job) return;
            this.#done.add(places[place]!);
            const made = this.#done.size - atStart;
            const each = (this.#parts.now() - start) / Math.max(1, made);
            this.#set({ done: this.#done.size, msLeft: each * (cells.length - this.#done.size) });
          },
          job.signal,
        );
        if (this.#job !== job) return;
      }
      this.#end('done');
    } catch (thrown) {
      if (this.#job !== job) return;
      const error = StudioError.from(thrown).toInfo();
      if (error.code === 'cancelled') this.#end('cancelled');
      else this.#end('failed', error);
    }
  }

  cancel(): void {
    if (!this.#job) return;
    this.#job.abort();
    this.#end('cancelled');
  }

  #next(): number[] {
    const { atOnce, known } = this.#parts;
    const inSight = this.#visible.filter(
      (i) => i < this.#cells.length && !this.#asked.has(i) && !known(this.#cells[i]!),
    );
    const rest = [...this.#cells.keys()].filter((i) => !this.#done.has(i));
    const next = (inSight.length > 0 ? inSight : rest).slice(0, atOnce);
    for (const i of next) this.#asked.add(i);
    return next;
  }

  #end(status: FillState['status'], error: ErrorInfo | null = null): void {
    this.#job = null;
    this.#set({ status, error, msLeft: null });
  }

  #set(change: Partial<FillState>): void {
    this.#state = { ...this.#state, ...change };
    this.#parts.onChange(this.#state);
  }
}
