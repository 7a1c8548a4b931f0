import { expect, it } from 'vitest';
import { bounded, zoomAt } from './panZoom';

it('never shows beyond the edge of the picture', () => {
  expect(bounded({ scale: 0.5, x: 3, y: -3 })).toEqual({ scale: 1, x: 0, y: 0 });
  expect(bounded({ scale: 3, x: 5, y: -0.5 })).toEqual({ scale: 3, x: 1, y: -0.5 });
  expect(bounded({ scale: 99, x: 0, y: 0 }).scale).toBe(8);
});

it('keeps the point under the finger where it is', () => {
  // What lies at (0.2, -0.1) of the frame, in picture coordinates, before and after.
  const under = (v: { scale: number; x: number; y: number }) => [
    (0.2 - v.x) / v.scale,
    (-0.1 - v.y) / v.scale,
  ];
  const before = bounded({ scale: 2, x: 0.1, y: 0.05 });
  const after = zoomAt(before, 1.5, 0.2, -0.1);
  expect(after.scale).toBe(3);
  expect(under(after)[0]).toBeCloseTo(under(before)[0]!, 10);
  expect(under(after)[1]).toBeCloseTo(under(before)[1]!, 10);
});

it('comes back to the whole', () => {
  expect(zoomAt(zoomAt({ scale: 1, x: 0, y: 0 }, 4, 0.3, 0.3), 0.01)).toEqual({ scale: 1, x: 0, y: 0 });
});
