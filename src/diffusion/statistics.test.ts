import { describe, expect, test } from 'vitest';
import { normals, PURPOSE } from './noise';
import { bootstrapInterval, meanInterval } from './statistics';

describe('intervals', () => {
  test('agree with the normal approximation where that holds', () => {
    const values = [...normals(1, PURPOSE.FORWARD, 0, 200)];
    const { mean, low, high, n } = meanInterval(values);
    const deviation = Math.sqrt(values.reduce((s, v) => s + (v - mean) ** 2, 0) / n);
    const half = (1.96 * deviation) / Math.sqrt(n);
    expect(n).toBe(200);
    expect(Math.abs(low - (mean - half))).toBeLessThan(0.15 * half);
    expect(Math.abs(high - (mean + half))).toBeLessThan(0.15 * half);
  });

  test('cover the truth about as often as they say', () => {
    let covered = 0;
    for (let k = 0; k < 200; k++) {
      const { low, high } = meanInterval([...normals(k, PURPOSE.FORWARD, 1, 40)]);
      if (low <= 0 && high >= 0) covered++;
    }
    expect(covered).toBeGreaterThan(175);
    expect(covered).toBeLessThan(200);
  });

  test('are the same every time, and absent where nothing can be said', () => {
    expect(meanInterval([1, 2, 4])).toEqual(meanInterval([1, 2, 4]));
    expect(meanInterval([3])).toEqual({ mean: 3, low: NaN, high: NaN, n: 1 });
    expect(meanInterval([])).toEqual({ mean: NaN, low: NaN, high: NaN, n: 0 });
    expect(meanInterval([2, 2, 2])).toEqual({ mean: 2, low: 2, high: 2, n: 3 });
    expect(meanInterval([1, Infinity])).toEqual({ mean: Infinity, low: NaN, high: NaN, n: 2 });
  });

  test('leave out resamples for which the statistic is not defined', () => {
    const ratio = (sample: readonly number[]) => {
      const sum = sample.reduce((a, b) => a + b, 0);
      return sum === 0 ? NaN : 1 / sum;
    };
    const { low, high } = bootstrapInterval([0, 1], ratio);
    expect([low, high]).toEqual([0.5, 1]);
  });
});
