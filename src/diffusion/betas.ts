/**
 * Discrete schedules by their usual names: from betas to the table alphas_cumprod[k] = prod_{i <= k} (1 - beta_i), in
 * float64. The names and the formulas are those of diffusers' schedulers.
 */

export type BetaSchedule =
  /** Ho et al. 2020: beta rises linearly. */
  | { readonly kind: 'linear'; readonly steps: number; readonly start: number; readonly end: number }
  /** Rombach et al. 2022: the root of beta rises linearly. */
  | { readonly kind: 'scaled_linear'; readonly steps: number; readonly start: number; readonly end: number }
  /** Nichol & Dhariwal 2021, eq. 17, betas clipped at 0.999. */
  | { readonly kind: 'squaredcos_cap_v2'; readonly steps: number };

/** @throws RangeError when there are fewer than two steps or a beta lies outside (0, 1). */
export function alphasCumprod(schedule: BetaSchedule): number[] {
  const { steps } = schedule;
  if (!Number.isInteger(steps) || steps < 2)
    throw new RangeError(`a table needs at least two steps, not ${steps}`);
  const bar = (t: number) => Math.cos(((t + 0.008) / 1.008) * (Math.PI / 2)) ** 2;
  const beta = (k: number): number => {
    if (schedule.kind === 'squaredcos_cap_v2')
      return Math.min(1 - bar((k + 1) / steps) / bar(k / steps), 0.999);
    const { start, end } = schedule;
    const fraction = k / (steps - 1);
    return schedule.kind === 'linear'
      ? start + fraction * (end - start)
      : (Math.sqrt(start) + fraction * (Math.sqrt(end) - Math.sqrt(start))) ** 2;
  };
  let product = 1;
  return Array.from({ length: steps }, (_, k) => {
    const b = beta(k);
    if (!(b > 0 && b < 1)) throw new RangeError(`beta must lie between 0 and 1, not ${b}`);
    product *= 1 - b;
    return product;
  });
}
