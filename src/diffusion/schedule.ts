/**
 * Noise schedules: x_t = alpha x0 + sigma epsilon with alpha^2 + sigma^2 = 1. A schedule has times of its own (0..1 for
 * the cosine, indices for a table); the page speaks of "unit" times in [0, 1].
 */

export type ScheduleSpec =
  { readonly kind: 'cosine' } | { readonly kind: 'table'; readonly alphasCumprod: readonly number[] };

export interface Level {
  readonly alpha: number;
  readonly sigma: number;
}

export interface Schedule {
  /** (alpha, sigma) at one of the schedule's own times. */
  level(t: number): Level;
  /** The times of `steps` evaluations from the high end of `tRange` to its low end (one step: the high end). */
  grid(steps: number, tRange: readonly [number, number]): number[];
  /** Unit time in [0, 1] of one of the schedule's own times. */
  toUnit(t: number): number;
  /** The schedule's own time nearest to a unit time. */
  fromUnit(unit: number): number;
}

/** The end of every run: no noise left. */
export const CLEAN: Level = { alpha: 1, sigma: 0 };

function linspace(steps: number, [low, high]: readonly [number, number]): number[] {
  if (!Number.isInteger(steps) || steps < 1)
    throw new RangeError(`steps must be a positive integer, not ${steps}`);
  if (steps === 1) return [high];
  // Rounding could push the last time just below `low`, and below zero sigma has the wrong sign.
  return Array.from({ length: steps }, (_, i) => Math.max(low, high + ((low - high) * i) / (steps - 1)));
}

const cosine: Schedule = {
  level: (t) => ({ alpha: Math.cos((Math.PI * t) / 2), sigma: Math.sin((Math.PI * t) / 2) }),
  grid: linspace,
  toUnit: (t) => t,
  fromUnit: (unit) => unit,
};

function table(alphasCumprod: readonly number[]): Schedule {
  const length = alphasCumprod.length;
  return {
    level(t) {
      const a = alphasCumprod[Math.round(t)];
      if (a === undefined) throw new RangeError(`time ${t} is outside the schedule's table of ${length}`);
      return { alpha: Math.sqrt(a), sigma: Math.sqrt(1 - a) };
    },
    grid: (steps, tRange) => linspace(steps, tRange).map(Math.round),
    toUnit: (t) => t / length,
    fromUnit: (unit) => Math.min(length - 1, Math.max(0, Math.round(unit * length))),
  };
}

/** The schedule that a manifest's `diffusion.schedule` describes. */
export function createSchedule(spec: ScheduleSpec): Schedule {
  return spec.kind === 'cosine' ? cosine : table(spec.alphasCumprod);
}
