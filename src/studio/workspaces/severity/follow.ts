/**
 * One picture that follows the hand. Rules, in this order:
 * - never more than one request at work, and never a queue: of what the hand asks for meanwhile only the newest counts;
 * - while the hand moves, pictures of few evaluations; each is let finish, for they are short, and a hand that never
 *   rests would otherwise see none;
 * - when the hand rests, the picture as it was asked for; that one is given up as soon as the hand moves again, and so is a
 *   preview that the hand has already left, but not two in a row: where a preview takes long, a hand that moves in jerks
 *   would otherwise see none;
 * - a picture that was drawn before is shown at once.
 */
import { StudioError, type ErrorInfo } from '../../../errors';
import type { SampleRequest } from '../../../models/request';
import { requestKey, type Picture } from '../../store/pictures';

export interface FollowerParts {
  /** Draws one picture; rejects with `cancelled` when aborted. */
  readonly draw: (request: SampleRequest, signal: AbortSignal) => Promise<Picture>;
  /** A picture of exactly this request, if there is one. */
  readonly known: (request: SampleRequest) => Picture | undefined;
  readonly onChange: (state: FollowerState) => void;
  /** How long the hand has to be still to count as resting. */
  readonly restMs?: number;
  /** What a preview may take. */
  readonly previewMs?: number;
  readonly now?: () => number;
}

export interface FollowerState {
  readonly picture: Picture | null;
  /** What the picture stands for: it differs from the picture's own request in a preview, by its steps. */
  readonly shown: SampleRequest | null;
  readonly quality: 'none' | 'preview' | 'full';
  readonly working: 'no' | 'preview' | 'full';
  readonly error: ErrorInfo | null;
}

export const NOTHING_SHOWN: FollowerState = {
  picture: null,
  shown: null,
  quality: 'none',
  working: 'no',
  error: null,
};

const FEWEST = 3;
const FEW_AT_FIRST = 4;
const MOST = 8;

/**
 * The request of a preview: the same seed and severity in few steps. A random sampler would draw another picture with
 * every number of steps, so a preview is always deterministic.
 */
export function previewOf(request: SampleRequest, steps: number): SampleRequest {
  const sampler = request.sampler === 'ddpm' ? 'dpmpp-2m-karras' : request.sampler;
  return { ...request, sampler, eta: 0, steps: Math.min(steps, request.steps) };
}

export class Follower {
  readonly #parts: Required<FollowerParts>;
  #state = NOTHING_SHOWN;
  #wanted: SampleRequest | null = null;
  #work: { readonly of: SampleRequest; readonly full: boolean; readonly stop: AbortController } | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #resting = false;
  /** Whether a preview was given up since a picture was last shown. */
  #gaveUp = false;
  /** Milliseconds of a step, from what was drawn last. */
  #stepMs: number | null = null;

  constructor(parts: FollowerParts) {
    this.#parts = { restMs: 180, previewMs: 280, now: () => performance.now(), ...parts };
  }

  get state(): FollowerState {
    return this.#state;
  }

  /** What the hand asks for now. `resting`: it will not move on (a key, a number, a click). */
  follow(request: SampleRequest, resting = false): void {
    const same = this.#wanted && requestKey(this.#wanted) === requestKey(request);
    if (same && !resting && !this.#state.error) return;
    this.#wanted = request;
    this.#set({ error: null });
    clearTimeout(this.#timer);
    this.#resting = false;
    const known = this.#parts.known(request);
    if (known) {
      this.#give();
      this.#set({ picture: known, shown: request, quality: 'full', working: 'no' });
      return;
    }
    if (this.#work?.full && requestKey(this.#work.of) !== requestKey(request)) this.#give();
    if (resting) this.#rest();
    else {
      this.#timer = setTimeout(() => this.#rest(), this.#parts.restMs);
      if (!this.#work) this.#next();
    }
  }

  /** Gives everything up; what is shown stays. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#give();
    this.#wanted = null;
    this.#set({ working: 'no' });
  }

  #set(change: Partial<FollowerState>): void {
    this.#state = { ...this.#state, ...change };
    this.#parts.onChange(this.#state);
  }

  #give(): void {
    this.#work?.stop.abort();
    this.#work = null;
  }

  #rest(): void {
    this.#resting = true;
    const { of, full } = this.#work ?? {};
    if (of && this.#wanted && requestKey(of) !== requestKey(this.#wanted) && (full || !this.#gaveUp)) {
      this.#gaveUp = !full;
      this.#give();
    }
    if (!this.#work) this.#next();
  }

  #next(): void {
    const wanted = this.#wanted;
    if (!wanted) return;
    const { shown, quality } = this.#state;
    const seen = shown !== null && requestKey(shown) === requestKey(wanted);
    if (seen && quality === 'full') return this.#set({ working: 'no' });
    const preview = previewOf(wanted, this.#few());
    // A preview that is hardly shorter than the whole is not worth its time.
    const whole = preview.steps * 2 > wanted.steps;
    if ((!seen || quality === 'none') && !whole) void this.#draw(wanted, preview, false);
    else if (this.#resting || whole) void this.#draw(wanted, wanted, true);
    else this.#set({ working: 'no' });
  }

  #few(): number {
    if (this.#stepMs === null) return FEW_AT_FIRST;
    return Math.max(FEWEST, Math.min(MOST, Math.floor(this.#parts.previewMs / this.#stepMs)));
  }

  async #draw(of: SampleRequest, request: SampleRequest, full: boolean): Promise<void> {
    const work = { of, full, stop: new AbortController() };
    this.#work = work;
    this.#set({ working: full ? 'full' : 'preview' });
    const start = this.#parts.now();
    try {
      const picture = await this.#parts.draw(request, work.stop.signal);
      if (this.#work !== work) return;
      this.#work = null;
      this.#gaveUp = false;
      this.#stepMs = (this.#parts.now() - start) / request.steps;
      this.#set({ picture, shown: of, quality: full ? 'full' : 'preview' });
      this.#next();
    } catch (thrown) {
      if (this.#work !== work) return;
      this.#work = null;
      this.#set({ working: 'no', error: StudioError.from(thrown).toInfo() });
    }
  }
}
