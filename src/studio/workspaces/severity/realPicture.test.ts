import { expect, it } from 'vitest';
import { asChw, middleCrop } from './realPicture';

it('crops the largest part of the right shape from the middle', () => {
  const square = { width: 128, height: 128 };
  expect(middleCrop({ width: 400, height: 300 }, square)).toEqual({ x: 50, y: 0, width: 300, height: 300 });
  expect(middleCrop({ width: 300, height: 400 }, square)).toEqual({ x: 0, y: 50, width: 300, height: 300 });
  expect(middleCrop({ width: 400, height: 400 }, { width: 2, height: 1 })).toEqual({
    x: 0,
    y: 100,
    width: 400,
    height: 200,
  });
});

it('becomes numbers of the model’s size: means when it is larger, repeats when it is smaller', () => {
  const rgba = new Uint8ClampedArray([0, 0, 255, 255, 255, 0, 255, 255, 255, 0, 255, 255, 0, 0, 255, 255]);
  const real = { name: 'x.png', width: 2, height: 2, rgba };
  // Red is 0 and 255 half and half, green 0, blue 255.
  expect(Array.from(asChw(real, 1, 1))).toEqual([0, -1, 1]);
  const large = asChw(real, 4, 4);
  expect(large).toHaveLength(48);
  expect([large[0], large[2], large[8], large[10]]).toEqual([-1, 1, 1, -1]);
});
