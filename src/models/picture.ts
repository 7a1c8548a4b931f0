/** A picture's planes: colour has three, grey has one that stands for all three wherever it is shown or saved. */

/**
 * Where the red, the green and the blue plane of a flat CHW picture begin; of a grey one all three at 0.
 * @param length values of the picture: one or three times `pixels`.
 * @throws RangeError for any other number of values.
 */
export function planesOf(length: number, pixels: number): readonly [number, number, number] {
  if (length === pixels) return [0, 0, 0];
  if (length === 3 * pixels) return [0, pixels, 2 * pixels];
  throw new RangeError(`${length} values for a picture of ${pixels} pixels`);
}

/** Whether a picture of `length` values can have this many pixels. */
export function fitsPixels(length: number, pixels: number): boolean {
  return length === pixels || length === 3 * pixels;
}

/** The same picture with three planes. @throws RangeError as `planesOf`. */
export function inColour(chw: Float32Array, pixels: number): Float32Array {
  const planes = planesOf(chw.length, pixels);
  if (chw.length !== pixels) return chw;
  const out = new Float32Array(planes.length * pixels);
  planes.forEach((_, plane) => out.set(chw, plane * pixels));
  return out;
}
