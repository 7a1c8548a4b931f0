/**
 * From numbers to colours. Pictures are float32 CHW, in colour or grey; a map is one value a pixel. Everything here
 * writes RGBA bytes and knows nothing of canvases.
 */
import { planesOf } from '../../models/picture';
import { interpolatePuOr, interpolateViridis } from 'd3-scale-chromatic';

/** 256 colours, RGB bytes. */
export type Palette = Uint8Array;

const SIZE = 256;

function toPalette(interpolate: (t: number) => string): Palette {
  const palette = new Uint8Array(SIZE * 3);
  for (let i = 0; i < SIZE; i++) palette.set(parseColour(interpolate(i / (SIZE - 1))), i * 3);
  return palette;
}

/** d3 gives `rgb(1, 2, 3)` or `#010203`, depending on the scheme. */
function parseColour(text: string): [number, number, number] {
  const hex = /^#(..)(..)(..)$/.exec(text);
  const parts = hex ? hex.slice(1).map((h) => parseInt(h, 16)) : (text.match(/\d+/g) ?? []).map(Number);
  return [parts[0] ?? 0, parts[1] ?? 0, parts[2] ?? 0];
}

/** Zero is the near-white middle; negative is purple, positive is orange: told apart with any colour vision. */
export const DIVERGING = toPalette(interpolatePuOr);
/** For norms: dark is zero. */
export const SEQUENTIAL = toPalette(interpolateViridis);

/** CSS gradient of a palette, for colour bars. */
export function paletteGradient(palette: Palette, stops = 17): string {
  const colours = Array.from({ length: stops }, (_, i) => {
    const at = Math.round((i * (SIZE - 1)) / (stops - 1)) * 3;
    return `rgb(${palette[at]} ${palette[at + 1]} ${palette[at + 2]})`;
  });
  return `linear-gradient(to right, ${colours.join(', ')})`;
}

export type MapKind = 'luminance' | 'red' | 'green' | 'blue' | 'norm';

/** Rec. 709 weights; noise has no gamma to undo. */
const LUMA = [0.2126, 0.7152, 0.0722] as const;
const CHANNEL = { red: 0, green: 1, blue: 2 } as const;

/**
 * One value a pixel from a CHW picture of this many pixels; `norm` is the Euclidean length over the channels, and of a
 * grey picture every channel is the grey.
 */
export function pixelMap(chw: Float32Array, pixels: number, kind: MapKind): Float32Array {
  const planes = planesOf(chw.length, pixels);
  if (kind === 'red' || kind === 'green' || kind === 'blue')
    return chw.slice(planes[CHANNEL[kind]], planes[CHANNEL[kind]] + pixels);
  if (chw.length === pixels) return kind === 'norm' ? chw.map(Math.abs) : chw.slice();
  const out = new Float32Array(pixels);
  for (let i = 0; i < pixels; i++) {
    const r = chw[i]!;
    const g = chw[planes[1] + i]!;
    const b = chw[planes[2] + i]!;
    out[i] = kind === 'norm' ? Math.hypot(r, g, b) : LUMA[0] * r + LUMA[1] * g + LUMA[2] * b;
  }
  return out;
}

/** Element by element, `a - b`. */
export function difference(a: Float32Array, b: Float32Array): Float32Array {
  if (a.length !== b.length) throw new RangeError(`pictures of ${a.length} and ${b.length} values`);
  const out = new Float32Array(a.length);
  for (let i = 0; i < a.length; i++) out[i] = a[i]! - b[i]!;
  return out;
}

/**
 * One limit for several maps: the 99.5 % quantile of all absolute values, so that single pixels do not wash the maps
 * out, rounded up to 1, 1.5, 2, 3, 5 or 7 times a power of ten, so that a colour bar reads well and does not flicker.
 */
export function sharedLimit(maps: readonly Float32Array[]): number {
  const total = maps.reduce((sum, m) => sum + m.length, 0);
  if (total === 0) return 1;
  const all = new Float32Array(total);
  let at = 0;
  for (const m of maps) for (const v of m) all[at++] = Math.abs(v);
  all.sort();
  return roundUp(all[Math.min(total - 1, Math.floor(total * 0.995))]!);
}

const NICE = [1, 1.5, 2, 3, 5, 7, 10];

function roundUp(value: number): number {
  if (!(value > 0) || !Number.isFinite(value)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const factor = NICE.find((f) => f * power >= value * (1 - 1e-6)) ?? 10;
  return Number((factor * power).toPrecision(3));
}

/**
 * Picture in [-1, 1] to RGBA, as many pixels as `out` holds; values beyond are clipped. `range` 3 shows a noise estimate of
 * standard deviation 1. @throws RangeError when there are not as many.
 */
export function paintPicture(chw: Float32Array, out: Uint8ClampedArray, range = 1): void {
  const n = out.length / 4;
  const [red, green, blue] = planesOf(chw.length, n);
  const scale = 127.5 / range;
  for (let i = 0; i < n; i++) {
    out[i * 4] = chw[red + i]! * scale + 127.5;
    out[i * 4 + 1] = chw[green + i]! * scale + 127.5;
    out[i * 4 + 2] = chw[blue + i]! * scale + 127.5;
    out[i * 4 + 3] = 255;
  }
}

/** A map through a palette from `low` to `high`. */
export function paintMap(
  map: Float32Array,
  low: number,
  high: number,
  palette: Palette,
  out: Uint8ClampedArray,
): void {
  const scale = (SIZE - 1) / (high - low);
  for (let i = 0; i < map.length; i++) {
    const at = Math.max(0, Math.min(SIZE - 1, Math.round((map[i]! - low) * scale))) * 3;
    out[i * 4] = palette[at]!;
    out[i * 4 + 1] = palette[at + 1]!;
    out[i * 4 + 2] = palette[at + 2]!;
    out[i * 4 + 3] = 255;
  }
}

/** Noise estimates are about standard normal: pictures of them span this many standard deviations either way. */
export const NOISE_RANGE = 3;
/** The length of a three-channel standard normal vector hardly exceeds this. */
export const NOISE_NORM_RANGE = 4;
