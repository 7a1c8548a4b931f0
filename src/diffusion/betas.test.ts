import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { alphasCumprod } from './betas';

describe('tables from betas', () => {
  test('cosine betas as diffusers has them', () => {
    const golden = JSON.parse(readFileSync(new URL('golden/samplers.json', import.meta.url), 'utf8')) as {
      alphasCumprod: number[];
    };
    const table = alphasCumprod({ kind: 'squaredcos_cap_v2', steps: golden.alphasCumprod.length });
    table.forEach((a, k) => expect(Math.abs(a / golden.alphasCumprod[k]! - 1)).toBeLessThan(2e-4));
  });

  test('linear betas multiply up', () => {
    const [a, b, c] = alphasCumprod({ kind: 'linear', steps: 3, start: 0.1, end: 0.3 });
    expect([a, b, c]).toEqual([0.9, 0.9 * 0.8, 0.9 * 0.8 * 0.7].map((v) => expect.closeTo(v, 12)));
    expect(alphasCumprod({ kind: 'scaled_linear', steps: 2, start: 0.04, end: 0.09 })[1]).toBeCloseTo(
      0.96 * 0.91,
      12,
    );
  });

  test.each([
    { kind: 'linear', steps: 1, start: 0.1, end: 0.2 },
    { kind: 'linear', steps: 10, start: 0, end: 0.2 },
    { kind: 'linear', steps: 10, start: 0.1, end: 1 },
  ] as const)('refuses %j', (schedule) => {
    expect(() => alphasCumprod(schedule)).toThrow(RangeError);
  });
});
