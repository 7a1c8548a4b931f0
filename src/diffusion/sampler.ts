/**
 * Samplers as tables of coefficients. Every solver here is linear in what it has, so a sampler is a list of rows and
 * one loop applies them: x' = a x + b x0 + c x0_prev + d z. Coefficients are float64.
 */
import type { Level, Schedule } from './schedule';

/** `dpmpp-2m-karras` is `dpmpp-2m` at times spread as Karras et al. 2022 spread them; the others spread them evenly. */
export type SamplerKind = 'ddpm' | 'ddim' | 'dpmpp-2m' | 'dpmpp-2m-karras';

/** Whether a sampler's step also looks back at the estimate before (a second-order multistep). */
export const looksBack = (sampler: SamplerKind) => sampler === 'dpmpp-2m' || sampler === 'dpmpp-2m-karras';

/** One step: evaluate at `t`, then x' = a x + b x0 + c x0_prev + d z, where z is the noise of this step. */
export interface SamplerRow extends Level {
  /** Time in the schedule's own units. */
  readonly t: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
}

export interface SamplerOptions {
  readonly sampler: SamplerKind;
  /** Number of evaluations, at least 1. */
  readonly steps: number;
  /** DDIM's eta in [0, 1]: 0 is deterministic, 1 is DDPM. Ignored by the other samplers. */
  readonly eta: number;
}

type Coefficients = Pick<SamplerRow, 'a' | 'b' | 'c' | 'd'>;

/** The row that ends a run: with no noise at the next level every solver here returns x0 itself. */
const FINISH: Coefficients = { a: 0, b: 1, c: 0, d: 0 };

/** Song et al. 2021 (DDIM), eq. 12 and 16; eta = 1 is Ho et al. 2020 (DDPM), eq. 7 with the "fixed small" variance. */
function ddim(now: Level, next: Level, eta: number): Coefficients {
  const d = eta * (next.sigma / now.sigma) * Math.sqrt(Math.max(0, 1 - (now.alpha / next.alpha) ** 2));
  const a = Math.sqrt(Math.max(0, next.sigma ** 2 - d ** 2)) / now.sigma;
  return { a, b: next.alpha - a * now.alpha, c: 0, d };
}

/** Lu et al. 2022 (DPM-Solver++), algorithm 2: two steps of data prediction; the first row is of first order. */
function dpmpp2m(before: Level | undefined, now: Level, next: Level): Coefficients {
  const logSnr = ({ alpha, sigma }: Level) => Math.log(alpha / sigma);
  const h = logSnr(next) - logSnr(now);
  const a = next.sigma / now.sigma;
  const whole = -next.alpha * Math.expm1(-h);
  const hBefore = before ? logSnr(now) - logSnr(before) : 0;
  // No slope: at the first step, for a level that a coarse table names twice, and towards a level without noise.
  if (h === 0 || hBefore === 0 || !Number.isFinite(h)) return { a, b: whole, c: 0, d: 0 };
  const extra = (whole * 0.5 * h) / hBefore;
  return { a, b: whole + extra, c: -extra, d: 0 };
}

/**
 * The `steps` rows of a sampler over the schedule's times `tRange` = [low, high]. The last row returns x0 of the last
 * evaluation.
 * @throws RangeError when steps is not a positive integer or a time is outside the schedule.
 */
export function samplerTable(
  schedule: Schedule,
  tRange: readonly [number, number],
  { sampler, steps, eta }: SamplerOptions,
): SamplerRow[] {
  const times = schedule.grid(steps, tRange, sampler === 'dpmpp-2m-karras' ? 'karras' : 'uniform');
  const levels = times.map((t) => schedule.level(t));
  return times.map((t, i) => {
    const now = levels[i]!;
    const next = levels[i + 1];
    if (!next) return { t, ...now, ...FINISH };
    if (looksBack(sampler)) return { t, ...now, ...dpmpp2m(levels[i - 1], now, next) };
    return { t, ...now, ...ddim(now, next, sampler === 'ddpm' ? 1 : eta) };
  });
}
