/** Means with intervals: the percentile bootstrap (Efron & Tibshirani 1993, chapter 13) over independent values. */
import { philox4x32 } from './philox';

export interface Interval {
  readonly mean: number;
  /** Ends of the 95 % interval; NaN for fewer than two values. */
  readonly low: number;
  readonly high: number;
  /** How many independent values. */
  readonly n: number;
}

const RESAMPLES = 1000;
const KEY = 0x6f646d;

const draws = new Map<number, Uint32Array>();

/** Which values each resample takes, RESAMPLES x n: fixed, so that the same numbers have the same interval everywhere. */
function resampled(n: number): Uint32Array {
  const known = draws.get(n);
  if (known) return known;
  const indices = new Uint32Array(RESAMPLES * n);
  const r = new Uint32Array(4);
  for (let i = 0; i < indices.length; i++) {
    if ((i & 3) === 0) philox4x32(r, i >>> 2, 0, n, 0, KEY, 0);
    indices[i] = Math.floor((r[i & 3]! / 2 ** 32) * n);
  }
  // Live charts ask for few sizes, one after the other; more need not be kept.
  if (draws.size >= 8) draws.delete(draws.keys().next().value!);
  draws.set(n, indices);
  return indices;
}

function quantile(sorted: Float64Array, share: number): number {
  const place = share * (sorted.length - 1);
  const low = Math.floor(place);
  const value = sorted[low]!;
  return low === place ? value : value + (place - low) * (sorted[low + 1]! - value);
}

/**
 * Any statistic of independent items with its 95 % interval; resamples for which it is not defined (NaN) are left out.
 * Items that belong together (several pictures of one seed) are to be grouped into one item first, or the interval is
 * too narrow. `mean` is the statistic of the items themselves.
 */
export function bootstrapInterval<T>(
  items: readonly T[],
  statistic: (sample: readonly T[]) => number,
): Interval {
  const n = items.length;
  const mean = statistic(items);
  if (n < 2 || !Number.isFinite(mean)) return { mean, low: NaN, high: NaN, n };
  const indices = resampled(n);
  const found = new Float64Array(RESAMPLES);
  let defined = 0;
  const sample = items.slice();
  for (let k = 0, at = 0; k < RESAMPLES; k++) {
    for (let i = 0; i < n; i++) sample[i] = items[indices[at++]!]!;
    const value = statistic(sample);
    if (Number.isFinite(value)) found[defined++] = value;
  }
  if (defined === 0) return { mean, low: NaN, high: NaN, n };
  const sorted = found.subarray(0, defined).sort();
  return { mean, low: quantile(sorted, 0.025), high: quantile(sorted, 0.975), n };
}

/** The mean of independent values with its 95 % interval; see `bootstrapInterval`. */
export function meanInterval(values: readonly number[]): Interval {
  return bootstrapInterval(values, (sample) => {
    let sum = 0;
    for (const value of sample) sum += value;
    return sum / sample.length;
  });
}
