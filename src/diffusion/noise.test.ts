import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import golden from './golden/noise.json';
import { normals, PURPOSE, type Purpose } from './noise';
import { philox4x32 } from './philox';

describe('philox4x32-10', () => {
  // Random123's kat_vectors.
  test.each([
    [
      [0, 0, 0, 0],
      [0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ])('known answer for counter %j under key %j', (counter, key, expected) => {
    const out = new Uint32Array(4);
    philox4x32(out, counter[0]!, counter[1]!, counter[2]!, counter[3]!, key[0]!, key[1]!);
    expect([...out]).toEqual(expected);
  });
});

describe('normals', () => {
  test.each(golden.cases)('agree with the lab for seed $seed, purpose $purpose, step $step', (c) => {
    const z = normals(c.seed, c.purpose as Purpose, c.step, c.first + c.values.length).subarray(c.first);
    for (const [i, v] of c.values.entries()) expect(Math.abs(z[i]! - v)).toBeLessThan(1e-6);
  });

  test('are standard normal', () => {
    const n = 200_000;
    const z = normals(5, PURPOSE.INIT, 0, n);
    const mean = z.reduce((s, v) => s + v, 0) / n;
    const variance = z.reduce((s, v) => s + (v - mean) ** 2, 0) / n;
    const kurtosis = z.reduce((s, v) => s + (v - mean) ** 4, 0) / n / variance ** 2;
    // Five standard errors each.
    expect(Math.abs(mean)).toBeLessThan(5 / Math.sqrt(n));
    expect(Math.abs(variance - 1)).toBeLessThan(5 * Math.sqrt(2 / n));
    expect(Math.abs(kurtosis - 3)).toBeLessThan(5 * Math.sqrt(24 / n));
  });

  test('a longer draw begins with the shorter one', () => {
    const lengths = fc.tuple(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 50 }));
    fc.assert(
      fc.property(fc.nat(0xffffffff), fc.nat(1000), lengths, (seed, step, [a, b]) => {
        const long = normals(seed, PURPOSE.STEP, step, a + b);
        expect(normals(seed, PURPOSE.STEP, step, a)).toEqual(long.slice(0, a));
      }),
    );
  });

  test('streams of other seeds, purposes and steps differ', () => {
    const streams = [
      normals(1, PURPOSE.INIT, 0, 8),
      normals(2, PURPOSE.INIT, 0, 8),
      normals(1, PURPOSE.STEP, 0, 8),
      normals(1, PURPOSE.INIT, 1, 8),
    ];
    expect(new Set(streams.map((z) => z.join())).size).toBe(4);
  });

  test.each([-1, 0.5, 2 ** 32, Number.NaN])('refuses seed %d', (seed) => {
    expect(() => normals(seed, PURPOSE.INIT, 0, 4)).toThrow(RangeError);
  });
});
