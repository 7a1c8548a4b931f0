import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatSeeds, parseSeeds } from './seeds';

test('reads numbers, ranges and lists, each seed once, in their order', () => {
  expect(parseSeeds('7')).toEqual([7]);
  expect(parseSeeds('0..3')).toEqual([0, 1, 2, 3]);
  expect(parseSeeds(' 5-6, 42;5\n4294967295 ')).toEqual([5, 6, 42, 4294967295]);
});

test.each(['', ',', 'a', '-1', '1.5', '4294967296', '9..3', '1..', '0..99999', '1e3'])(
  'refuses %j',
  (text) => {
    expect(() => parseSeeds(text)).toThrow(expect.objectContaining({ code: 'request-invalid' }));
  },
);

test('what is written is read again', () => {
  expect(formatSeeds([0, 1, 2, 3, 9, 10, 42])).toBe('0..3, 9, 10, 42');
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(60), { minLength: 1 }), (seeds) => {
      expect(parseSeeds(formatSeeds(seeds))).toEqual(seeds);
    }),
  );
});
