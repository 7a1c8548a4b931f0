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

/**
 * How the times of a run are spread: evenly in the schedule's own time, or as Karras et al. 2022 (EDM), eq. 5 with
 * rho = 7 spread sigma / alpha, which spends most steps where fine detail is decided.
 */
export type Spacing = 'uniform' | 'karras';

export interface Schedule {
  /** (alpha, sigma) at one of the schedule's own times. */
  level(t: number): Level;
  /** The times of `steps` evaluations from the high end of `tRange` to its low end (one step: the high end). */
  grid(steps: number, tRange: readonly [number, number], spacing?: Spacing): number[];
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

const RHO = 7;
/** A level with hardly any signal counts as this noisy, so that pure noise has a ratio at all. */
const MOST_NOISE = 1000;

const noiseToSignal = ({ alpha, sigma }: Level) => Math.min(MOST_NOISE, sigma / alpha);

/** sigma / alpha of `steps` levels between two of them, the noisy one first (Karras et al. 2022, eq. 5). */
function karras(steps: number, noisy: Level, clean: Level): number[] {
  const high = noiseToSignal(noisy) ** (1 / RHO);
  const low = noiseToSignal(clean) ** (1 / RHO);
  return linspace(steps, [low, high]).map((root) => root ** RHO);
}

const cosine: Schedule = {
  level: (t) => ({ alpha: Math.cos((Math.PI * t) / 2), sigma: Math.sin((Math.PI * t) / 2) }),
  grid(steps, tRange, spacing = 'uniform') {
    if (spacing === 'uniform') return linspace(steps, tRange);
    const [low, high] = tRange;
    const ratios = karras(steps, cosine.level(high), cosine.level(low));
    const times = ratios.map((ratio) => (2 / Math.PI) * Math.atan(ratio));
    // The ends as they were given, free of rounding.
    return [high, ...times.slice(1, -1), low].slice(0, steps);
  },
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
    grid(steps, tRange, spacing = 'uniform') {
      if (spacing === 'uniform') return linspace(steps, tRange).map(Math.round);
      const [low, high] = tRange;
      const off = (t: number, wanted: number) => Math.abs(noiseToSignal(this.level(t)) - wanted);
      let t = high;
      return karras(steps, this.level(high), this.level(low)).map((wanted) => {
        // The ratio rises with t, and the wanted ones fall: the nearest time is never above the one before.
        while (t > low && off(t - 1, wanted) <= off(t, wanted)) t -= 1;
        return t;
      });
    },
    toUnit: (t) => t / length,
    fromUnit: (unit) => Math.min(length - 1, Math.max(0, Math.round(unit * length))),
  };
}

/** The schedule that a manifest's `diffusion.schedule` describes. */
export function createSchedule(spec: ScheduleSpec): Schedule {
  return spec.kind === 'cosine' ? cosine : table(spec.alphasCumprod);
}
