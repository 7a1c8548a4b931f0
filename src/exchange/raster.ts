/** RGB bytes in rows, and what is drawn into them: enlarged pictures, letters, the strip. No DOM: every realm shares it. */
import { planesOf, toByte } from '../models/picture';
import { drawText, GLYPH_HEIGHT, textWidth } from './glyphs';

export const STRIP_TEXT = 'SYNTHETIC – NOT A PATIENT';

export type Colour = readonly [number, number, number];
export const INK: Colour = [255, 255, 255];
export const PAPER: Colour = [24, 24, 27];

export interface Raster {
  readonly width: number;
  readonly height: number;
  /** Row by row, three bytes a pixel. */
  readonly data: Uint8Array;
}

/** A raster of one colour. */
export function createRaster(width: number, height: number, colour: Colour = PAPER): Raster {
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) data.set(colour, i * 3);
  return { width, height, data };
}

/** The inverse of `toByte` on bytes: CHW values, three planes, whose bytes are these again. */
export function fromBytes(data: ArrayLike<number>, plane: number, channels: number): Float32Array {
  const chw = new Float32Array(3 * plane);
  for (let i = 0; i < plane; i++) {
    for (let c = 0; c < 3; c++) chw[c * plane + i] = data[i * channels + c]! / 127.5 - 1;
  }
  return chw;
}

/**
 * Draws a CHW picture, in colour or grey, in [-1, 1] (values beyond are clipped), each pixel as a square of `scale` pixels.
 * @throws RangeError when the picture is not `width` x `height`.
 */
export function drawPicture(
  raster: Raster,
  chw: Float32Array,
  width: number,
  height: number,
  place: { left: number; top: number; scale: number },
): void {
  const planes = planesOf(chw.length, width * height);
  for (let y = 0; y < height * place.scale; y++) {
    for (let x = 0; x < width * place.scale; x++) {
      const from = Math.floor(y / place.scale) * width + Math.floor(x / place.scale);
      const to = ((place.top + y) * raster.width + place.left + x) * 3;
      for (let c = 0; c < 3; c++) raster.data[to + c] = toByte(chw[planes[c]! + from]!);
    }
  }
}

/** Draws a line of text, its letters `size` pixels a dot; what falls outside is cut. */
export function drawLine(
  raster: Raster,
  text: string,
  place: { left: number; top: number; size: number },
  colour: Colour = INK,
): void {
  const { size } = place;
  drawText(text, (gx, gy) => {
    for (let dy = 0; dy < size; dy++) {
      for (let dx = 0; dx < size; dx++) {
        const x = place.left + gx * size + dx;
        const y = place.top + gy * size + dy;
        if (x >= 0 && x < raster.width && y >= 0 && y < raster.height)
          raster.data.set(colour, (y * raster.width + x) * 3);
      }
    }
  });
}

/** Text centred on one line: how large it may be, and where it then stands. */
export function fitLine(text: string, width: number, largest: number): { size: number; left: number } {
  const size = Math.max(1, Math.min(largest, Math.floor((width * 0.92) / Math.max(1, textWidth(text)))));
  return { size, left: Math.floor((width - textWidth(text) * size) / 2) };
}

export interface Strip {
  readonly height: number;
  /** Draws the strip over the whole width, its upper edge at `top`. */
  draw(raster: Raster, top: number): void;
}

/** The strip that says what the picture is: as large as fits on one line, on two if the picture is too narrow for one. */
export function layOutStrip(width: number): Strip {
  const fits = (lines: readonly string[]) => Math.floor((width * 0.92) / Math.max(...lines.map(textWidth)));
  const one = [STRIP_TEXT];
  const lines = fits(one) >= 1 ? one : STRIP_TEXT.split(' – ');
  const size = Math.max(1, Math.min(fits(lines), Math.round(width / 220)));
  const lead = (GLYPH_HEIGHT + 4) * size;
  const margin = 4 * size;
  const height = lines.length * lead - 4 * size + 2 * margin;
  return {
    height,
    draw(raster, top) {
      for (let i = top * width; i < (top + height) * width; i++) raster.data.set(PAPER, i * 3);
      lines.forEach((line, row) => {
        const left = Math.floor((width - textWidth(line) * size) / 2);
        drawLine(raster, line, { left, top: top + margin + row * lead, size });
      });
    },
  };
}
