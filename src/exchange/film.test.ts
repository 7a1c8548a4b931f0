import { expect, it } from 'vitest';
import { drawFilmFrame, filmSize, toRgba } from './film';
import { inColour, toByte } from '../models/picture';

const chw = Float32Array.from({ length: 3 * 9 * 7 }, (_, i) => Math.sin(i));

it('frames are even in size, whatever the picture', () => {
  for (const [width, height, aim] of [
    [9, 7, 256],
    [32, 32, 512],
    [128, 128, 512],
    [101, 33, 300],
  ] as const) {
    const size = filmSize(width, height, aim);
    expect(size.width % 2, `${width}`).toBe(0);
    expect(size.height % 2, `${height}`).toBe(0);
    expect(Math.abs(size.width - aim)).toBeLessThanOrEqual(width);
  }
});

it('a grey picture is drawn as its colour of equal parts', () => {
  const size = filmSize(9, 7, 64);
  const grey = chw.slice(0, 63);
  const coloured = inColour(grey, 63);
  const frame = (picture: Float32Array) => drawFilmFrame({ chw: picture, label: '' }, 9, 7, size);
  expect(frame(grey)).toEqual(frame(coloured));
  expect(() => frame(chw.slice(0, 60))).toThrow(RangeError);
});

it('the picture is whole pixels, and label and strip stand under it, free of the margins', () => {
  const size = filmSize(9, 7, 256);
  const raster = drawFilmFrame({ chw, label: 'STEP 1 OF 4' }, 9, 7, size);
  const left = (size.width - 9 * size.scale) >> 1;
  for (let y = 0; y < 7; y++) {
    for (let x = 0; x < 9; x++) {
      const at = (y * size.scale * size.width + left + x * size.scale) * 3;
      expect(raster.data[at]).toBe(toByte(chw[y * 9 + x]!));
    }
  }
  const rows = Array.from({ length: size.height }, (_, y) =>
    raster.data.subarray(y * size.width * 3, (y + 1) * size.width * 3).includes(255),
  ).slice(7 * size.scale);
  // Two bands of ink, the label and the strip, with room around each.
  const bands = rows.filter((ink, i) => ink && !rows[i - 1]).length;
  expect(bands).toBe(2);
  expect(rows[0]).toBe(false);
  expect(rows.at(-1)).toBe(false);
  const other = drawFilmFrame({ chw, label: 'STEP 2 OF 4' }, 9, 7, size);
  expect(other.data).not.toEqual(raster.data);
  expect([...toRgba(raster).subarray(0, 4)]).toEqual([...raster.data.subarray(0, 3), 255]);
});

it('a picture of another size is refused', () => {
  expect(() => drawFilmFrame({ chw, label: '' }, 9, 8, filmSize(9, 8, 256))).toThrow(RangeError);
});
