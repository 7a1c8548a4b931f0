/** One frame of a film: the picture enlarged, a line that says what is seen, and the strip, burnt in. No DOM. */
import { GLYPH_HEIGHT } from './glyphs';
import { createRaster, drawLine, drawPicture, fitLine, layOutStrip, PAPER, type Raster } from './raster';

export interface FilmFrame {
  /** CHW, in colour or grey, in [-1, 1]. */
  readonly chw: Float32Array;
  /** e.g. `STEP 12 OF 20, SIGMA 0.63`: capitals, digits and a few signs are all that the burnt-in letters have. */
  readonly label: string;
}

export interface FilmSize {
  readonly width: number;
  readonly height: number;
  readonly scale: number;
}

/** The whole frame's size for a picture's, enlarged to about `aim` pixels across. Both are even, as video codecs want. */
export function filmSize(width: number, height: number, aim: number): FilmSize {
  const scale = Math.max(1, Math.round(aim / width));
  const even = (n: number) => n + (n % 2);
  const outWidth = even(width * scale);
  const strip = layOutStrip(outWidth).height;
  return { width: outWidth, height: even(height * scale + labelHeight(outWidth) + strip), scale };
}

const letterSize = (width: number) => Math.max(1, Math.round(width / 260));
const labelHeight = (width: number) => (GLYPH_HEIGHT + 8) * letterSize(width);

/** @throws RangeError when the frame's picture is not `width` x `height`. */
export function drawFilmFrame(frame: FilmFrame, width: number, height: number, size: FilmSize): Raster {
  const raster = createRaster(size.width, size.height, PAPER);
  drawPicture(raster, frame.chw, width, height, {
    left: (size.width - width * size.scale) >> 1,
    top: 0,
    scale: size.scale,
  });
  const top = height * size.scale;
  const line = fitLine(frame.label, size.width, letterSize(size.width));
  drawLine(raster, frame.label, { ...line, top: top + 4 * line.size });
  layOutStrip(size.width).draw(raster, top + labelHeight(size.width));
  return raster;
}

/** RGB to RGBA, opaque: what a canvas and a GIF's palette take. */
export function toRgba({ data, width, height }: Raster): Uint8ClampedArray<ArrayBuffer> {
  const rgba = new Uint8ClampedArray(width * height * 4);
  for (let i = 0; i < width * height; i++) {
    rgba[i * 4] = data[i * 3]!;
    rgba[i * 4 + 1] = data[i * 3 + 1]!;
    rgba[i * 4 + 2] = data[i * 3 + 2]!;
    rgba[i * 4 + 3] = 255;
  }
  return rgba;
}
