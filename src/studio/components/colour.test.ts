import { describe, expect, it } from 'vitest';
import {
  difference,
  DIVERGING,
  paintMap,
  paintPicture,
  paletteGradient,
  pixelMap,
  SEQUENTIAL,
  sharedLimit,
} from './colour';

const colour = (palette: Uint8Array, at: number) => [...palette.subarray(at * 3, at * 3 + 3)];

describe('palettes', () => {
  it('are 256 colours; the diverging one is near white in its middle and dark at both ends', () => {
    expect(DIVERGING).toHaveLength(768);
    expect(SEQUENTIAL).toHaveLength(768);
    const light = (at: number) => colour(DIVERGING, at).reduce((a, b) => a + b, 0) / 3;
    expect(light(127)).toBeGreaterThan(225);
    expect(light(0)).toBeLessThan(90);
    expect(light(255)).toBeLessThan(90);
    // Purple below zero, orange above.
    expect(colour(DIVERGING, 30)[2]).toBeGreaterThan(colour(DIVERGING, 30)[0]!);
    expect(colour(DIVERGING, 225)[0]).toBeGreaterThan(colour(DIVERGING, 225)[2]!);
  });

  it('become gradients from end to end', () => {
    const css = paletteGradient(DIVERGING, 3);
    expect(css.match(/rgb\(/g)).toHaveLength(3);
    expect(css).toContain(`rgb(${colour(DIVERGING, 0).join(' ')})`);
    expect(css).toContain(`rgb(${colour(DIVERGING, 255).join(' ')})`);
  });
});

describe('maps', () => {
  // Two pixels: channel values (1, 2, 2) and (0, 0, -1).
  const chw = Float32Array.of(1, 0, 2, 0, 2, -1);

  it('take one value a pixel out of three channels', () => {
    expect([...pixelMap(chw, 2, 'red')]).toEqual([1, 0]);
    expect([...pixelMap(chw, 2, 'blue')]).toEqual([2, -1]);
    expect([...pixelMap(chw, 2, 'norm')]).toEqual([3, 1]);
    expect(pixelMap(chw, 2, 'luminance')[0]).toBeCloseTo(0.2126 + 2 * 0.7152 + 2 * 0.0722, 6);
  });

  it('of a grey picture are its one channel', () => {
    const grey = Float32Array.of(1, -0.5);
    for (const kind of ['luminance', 'red', 'green', 'blue'] as const)
      expect([...pixelMap(grey, 2, kind)]).toEqual([1, -0.5]);
    expect([...pixelMap(grey, 2, 'norm')]).toEqual([1, 0.5]);
    expect(() => pixelMap(grey, 3, 'norm')).toThrow(RangeError);
  });

  it('differences are element by element and refuse pictures of other sizes', () => {
    expect([...difference(Float32Array.of(3, 1), Float32Array.of(1, 4))]).toEqual([2, -3]);
    expect(() => difference(chw, Float32Array.of(1))).toThrow(RangeError);
  });
});

describe('sharedLimit', () => {
  it('is one round number for all maps, whatever the sign', () => {
    expect(sharedLimit([Float32Array.of(0.1, -0.23), Float32Array.of(0.05)])).toBe(0.3);
    expect(sharedLimit([Float32Array.of(3)])).toBe(3);
    expect(sharedLimit([Float32Array.of(0.0061)])).toBe(0.007);
  });

  it('is not moved by a single wild pixel, and never zero', () => {
    const map = new Float32Array(1000).fill(0.2);
    map[7] = 40;
    expect(sharedLimit([map])).toBe(0.2);
    expect(sharedLimit([new Float32Array(4)])).toBe(1);
    expect(sharedLimit([])).toBe(1);
  });
});

describe('painting', () => {
  it('puts zero in the middle of the diverging palette and clips beyond the limits', () => {
    const out = new Uint8ClampedArray(16);
    paintMap(Float32Array.of(-9, 0, 1, 9), -1, 1, DIVERGING, out);
    expect([...out.subarray(0, 3)]).toEqual(colour(DIVERGING, 0));
    expect([...out.subarray(4, 7)]).toEqual(colour(DIVERGING, 128));
    expect([...out.subarray(8, 11)]).toEqual(colour(DIVERGING, 255));
    expect([...out.subarray(12, 16)]).toEqual([...colour(DIVERGING, 255), 255]);
  });

  it('shows one channel as grey', () => {
    const out = new Uint8ClampedArray(8);
    paintPicture(Float32Array.of(-1, 0.2), out);
    expect([...out]).toEqual([0, 0, 0, 255, 153, 153, 153, 255]);
    expect(() => paintPicture(new Float32Array(4), out)).toThrow(RangeError);
  });

  it('maps [-1, 1] to 0..255 and clips', () => {
    const out = new Uint8ClampedArray(8);
    paintPicture(Float32Array.of(-1, 1, 0, -3, 1, 3), out);
    expect([...out]).toEqual([0, 128, 255, 255, 255, 0, 255, 255]);
  });
});
