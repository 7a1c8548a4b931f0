/**
 * The frames of one run, kept outside React: pixels live here, the store holds only their indices. Memory is bounded;
 * a run longer than the bound is thinned evenly, so that the whole trajectory stays reachable instead of its end only.
 */
import type { StepFrame } from '../../engine/types';

/** Enough for about 270 steps of a 128 x 128 RGB model with its three pictures per step. */
export const DEFAULT_FRAME_BYTES = 160 * 1024 * 1024;

export class FrameReel {
  #frames: StepFrame[] = [];
  /** Only indices divisible by this are kept (and always the newest). */
  #stride = 1;
  #bytes = 0;

  constructor(readonly maxBytes: number = DEFAULT_FRAME_BYTES) {}

  /** Adds the next frame; indices must rise. */
  push(frame: StepFrame): void {
    const last = this.#frames.at(-1);
    if (last && frame.index <= last.index)
      throw new RangeError(`frame ${frame.index} after frame ${last.index}`);
    if (last && last.index % this.#stride !== 0) {
      this.#frames.pop();
      this.#bytes -= frameBytes(last);
    }
    this.#frames.push(frame);
    this.#bytes += frameBytes(frame);
    while (this.#bytes > this.maxBytes && this.#frames.length > 2) {
      this.#stride *= 2;
      this.#frames = this.#frames.filter((f) => f === frame || f.index % this.#stride === 0);
      this.#bytes = this.#frames.reduce((sum, f) => sum + frameBytes(f), 0);
    }
  }

  /** Step indices held, rising. */
  indices(): number[] {
    return this.#frames.map((f) => f.index);
  }

  /** The frame of exactly this step, if it is held. */
  get(index: number): StepFrame | undefined {
    return this.#frames.find((f) => f.index === index);
  }

  /** The frames of the steps up to this one, if it is held itself; none otherwise. */
  upTo(index: number): StepFrame[] {
    return this.get(index) ? this.#frames.filter((f) => f.index <= index) : [];
  }

  last(): StepFrame | undefined {
    return this.#frames.at(-1);
  }

  /** The newest frame that still has noise in it: neighbours can be asked from there. */
  noisyAtOrBefore(index: number): StepFrame | undefined {
    return this.#frames.findLast((f) => f.index <= index && f.index < f.steps && f.sigma > 0);
  }
}

function frameBytes(f: StepFrame): number {
  return f.x.byteLength + f.x0.byteLength + f.epsilon.byteLength;
}

/** The held index nearest to `wanted`; ties go to the earlier one. `held` rises and is not empty. */
export function nearestHeld(held: readonly number[], wanted: number): number {
  let best = held[0] ?? 0;
  for (const index of held) if (Math.abs(index - wanted) < Math.abs(best - wanted)) best = index;
  return best;
}

/** `count` step indices spread evenly over 0..steps, both ends included: the slots of the filmstrip. */
export function filmstripSlots(steps: number, count: number): number[] {
  const n = Math.max(2, Math.min(count, steps + 1));
  return Array.from({ length: n }, (_, i) => Math.round((i * steps) / (n - 1)));
}
