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

/** [-1, 1] to 0..255, rounded; the same rounding as a clamped byte array. */
export function toByte(value: number): number {
  return Math.max(0, Math.min(255, Math.round((value + 1) * 127.5)));
}

/** A picture's values as a screen or a file shows them: those of its bytes, so within [-1, 1]. */
export function asShown(picture: Float32Array): Float32Array {
  return picture.map((value) => toByte(value) / 127.5 - 1);
}

/** The same picture with three planes. @throws RangeError as `planesOf`. */
export function inColour(chw: Float32Array, pixels: number): Float32Array {
  const planes = planesOf(chw.length, pixels);
  if (chw.length !== pixels) return chw;
  const out = new Float32Array(planes.length * pixels);
  planes.forEach((_, plane) => out.set(chw, plane * pixels));
  return out;
}
