/** What the viewer and the maps draw, decided in one place: which numbers, which palette, which limits. */
import {
  difference,
  DIVERGING,
  NOISE_NORM_RANGE,
  NOISE_RANGE,
  paintMap,
  paintPicture,
  pixelMap,
  SEQUENTIAL,
  type Palette,
} from '../../components/colour';
import type { NeighbourResult, StepFrame } from '../../../engine/types';
import type { DifferenceMap, NoiseMap, ViewMode } from '../../store/state';

export type Paint = (rgba: Uint8ClampedArray) => void;

export interface Scale {
  readonly palette: Palette;
  readonly low: number;
  readonly high: number;
}

/** The scale of a noise map; RGB has none, it is a picture. */
export function noiseScale(map: NoiseMap): Scale | null {
  if (map === 'luminance') return { palette: DIVERGING, low: -NOISE_RANGE, high: NOISE_RANGE };
  if (map === 'norm') return { palette: SEQUENTIAL, low: 0, high: NOISE_NORM_RANGE };
  return null;
}

/** Signed maps go both ways from zero; a norm starts there. Both end at the same shared limit. */
export function differenceScale(map: DifferenceMap, limit: number): Scale {
  return map === 'norm'
    ? { palette: SEQUENTIAL, low: 0, high: limit }
    : { palette: DIVERGING, low: -limit, high: limit };
}

export function paintPictureView(chw: Float32Array): Paint {
  return (rgba) => paintPicture(chw, rgba);
}

export function paintNoise(epsilon: Float32Array, map: NoiseMap): Paint {
  const scale = noiseScale(map);
  if (!scale || map === 'rgb') return (rgba) => paintPicture(epsilon, rgba, NOISE_RANGE);
  return (rgba) =>
    paintMap(pixelMap(epsilon, rgba.length / 4, map), scale.low, scale.high, scale.palette, rgba);
}

export function paintScaled(values: Float32Array, scale: Scale): Paint {
  return (rgba) => paintMap(values, scale.low, scale.high, scale.palette, rgba);
}

/** For every grade: its noise estimate minus the chosen grade's, as maps of this many pixels. */
export function differenceMaps(
  result: NeighbourResult,
  pixels: number,
  chosen: number,
  map: DifferenceMap,
): Float32Array[] {
  const reference = result.epsilon[chosen]!;
  return result.epsilon.map((e) => pixelMap(difference(e, reference), pixels, map));
}

/**
 * What the viewer shows. With a grade to compare and its estimates at hand, x0 and noise are that grade's; x_t is the
 * same for all. At the finished picture nothing was estimated, so every view but the noise shows the picture.
 */
export function viewerPaint(
  frame: StepFrame,
  view: Exclude<ViewMode, 'difference'>,
  noiseMap: NoiseMap,
  compared: { x0: Float32Array; epsilon: Float32Array } | null,
): Paint {
  if (view === 'epsilon') return paintNoise((compared ?? frame).epsilon, noiseMap);
  if (view === 'x0') return paintPictureView((compared ?? frame).x0);
  return paintPictureView(frame.x);
}

/** What a picture or a map holds at pixel (x, y): a value for each of its planes. */
export function pixelValues(
  chw: Float32Array,
  width: number,
  height: number,
  x: number,
  y: number,
): number[] {
  const planes = chw.length / (width * height);
  return Array.from({ length: planes }, (_, plane) => chw[(plane * height + y) * width + x] ?? 0);
}
