import { describe, expect, it } from 'vitest';
import type { StepFrame } from '../../engine/types';
import { filmstripSlots, FrameReel, nearestHeld } from './frames';

function frame(index: number, steps: number): StepFrame {
  const pixels = () => new Float32Array(4);
  const sigma = index === steps ? 0 : 1 - index / steps;
  return {
    index,
    steps,
    t: sigma,
    alpha: 1 - sigma,
    sigma,
    x: pixels(),
    x0: pixels(),
    epsilon: pixels(),
    norms: { x: 0, x0: 0, epsilon: 0 },
    ms: 1,
  };
}

const FRAME_BYTES = 3 * 4 * 4;

describe('FrameReel', () => {
  it('keeps every frame while there is room', () => {
    const reel = new FrameReel();
    for (let i = 0; i <= 20; i++) reel.push(frame(i, 20));
    expect(reel.indices()).toEqual(Array.from({ length: 21 }, (_, i) => i));
    expect(reel.get(7)?.index).toBe(7);
    expect(reel.last()?.index).toBe(20);
  });

  it('thins a long run evenly, keeping its start and its newest frame, within its bound', () => {
    const reel = new FrameReel(10 * FRAME_BYTES);
    for (let i = 0; i <= 101; i++) {
      reel.push(frame(i, 101));
      const held = reel.indices();
      expect(held.length).toBeLessThanOrEqual(10);
      expect(held[0]).toBe(0);
      expect(held.at(-1)).toBe(i);
    }
    const held = reel.indices();
    const gaps = held.slice(1, -1).map((index, i) => index - held[i]!);
    expect(new Set(gaps).size).toBe(1);
  });

  it('refuses frames out of order', () => {
    const reel = new FrameReel();
    reel.push(frame(3, 5));
    expect(() => reel.push(frame(3, 5))).toThrow(RangeError);
  });

  it('finds the newest frame that still has noise', () => {
    const reel = new FrameReel();
    for (let i = 0; i <= 5; i++) reel.push(frame(i, 5));
    expect(reel.noisyAtOrBefore(5)?.index).toBe(4);
    expect(reel.noisyAtOrBefore(2)?.index).toBe(2);
  });
});

it('nearestHeld goes to the nearest index, the earlier one of two', () => {
  expect(nearestHeld([0, 4, 8], 5)).toBe(4);
  expect(nearestHeld([0, 4, 8], 6)).toBe(4);
  expect(nearestHeld([0, 4, 8], 7)).toBe(8);
});

it('filmstripSlots covers the whole run, with no more slots than frames', () => {
  expect(filmstripSlots(20, 11)).toEqual([0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20]);
  expect(filmstripSlots(1, 11)).toEqual([0, 1]);
  expect(filmstripSlots(1000, 3)).toEqual([0, 500, 1000]);
});
