/**
 * Many pictures on one sheet, each with its label under it: a PNG with the "synthetic" strip burnt in and every picture's
 * request and model written inside.
 */
import { decode } from 'fast-png';
import { z } from 'zod';
import { StudioError } from '../errors';
import { GLYPH_HEIGHT, textWidth } from './glyphs';
import { encodeRaster, withDisclaimer } from './png';
import { provenanceSchema, SOFTWARE, type Provenance } from './provenance';
import { fitsPixels } from '../models/picture';
import { createRaster, drawLine, drawPicture, layOutStrip } from './raster';

/** The chunk with the records of all pictures. */
const RECORD = 'ordinal-diffusion-studio-sheet';

export const sheetProvenanceSchema = z.strictObject({
  formatVersion: z.literal(1),
  software: z.literal(SOFTWARE),
  title: z.string(),
  columns: z.number().int().min(1),
  /** In the order of the sheet, row by row. */
  pictures: z.array(provenanceSchema),
});
export type SheetProvenance = z.infer<typeof sheetProvenanceSchema>;

export interface SheetCell {
  /** CHW, in colour or grey, in [-1, 1]. */
  readonly chw: Float32Array;
  readonly width: number;
  readonly height: number;
  /** Lines under the picture; what does not fit is cut off. */
  readonly label: readonly string[];
  readonly provenance: Provenance;
}

export interface Sheet {
  readonly title: string;
  readonly columns: number;
  /** Row by row. */
  readonly cells: readonly SheetCell[];
}

const GAP = 8;
const LINE_GAP = 4;
/** Pictures are enlarged by a whole number to at least this many pixels, fewer when there are many. */
const cellAim = (count: number) => (count <= 60 ? 224 : 128);

/** PNG bytes. Throws a `RangeError` for an empty sheet or one whose pictures differ in size. */
export function encodeSheet({ title, columns, cells }: Sheet): Uint8Array {
  const first = cells[0];
  if (!first) throw new RangeError('a sheet needs a picture');
  const { width, height } = first;
  if (
    cells.some((c) => c.width !== width || c.height !== height || !fitsPixels(c.chw.length, width * height))
  )
    throw new RangeError('the pictures of a sheet have one size');

  const scale = Math.max(1, Math.ceil(cellAim(cells.length) / width));
  const cellWidth = width * scale;
  const textSize = cellWidth >= 200 ? 2 : 1;
  const lines = Math.max(...cells.map((c) => c.label.length));
  const lead = (GLYPH_HEIGHT + LINE_GAP) * textSize;
  const cellHeight = height * scale + LINE_GAP * textSize + lines * lead;
  const rows = Math.ceil(cells.length / columns);
  const titleSize = 2;
  const titleHeight = (GLYPH_HEIGHT + LINE_GAP) * titleSize + GAP;
  // A sheet of one narrow column is still as wide as its title.
  const outWidth = Math.max(columns * (cellWidth + GAP) + GAP, textWidth(title) * titleSize + 2 * GAP);
  const strip = layOutStrip(outWidth);
  const body = titleHeight + GAP + rows * (cellHeight + GAP);
  const outHeight = body + strip.height;

  const raster = createRaster(outWidth, outHeight);
  const write = (text: string, place: { left: number; top: number; size: number }, room: number) => {
    let fitting = plain(text);
    while (fitting && textWidth(fitting) * place.size > room) fitting = fitting.slice(0, -1);
    drawLine(raster, fitting, place);
  };
  write(title, { left: GAP, top: GAP, size: titleSize }, outWidth - 2 * GAP);
  for (const [i, cell] of cells.entries()) {
    const left = GAP + (i % columns) * (cellWidth + GAP);
    const top = titleHeight + GAP + Math.floor(i / columns) * (cellHeight + GAP);
    drawPicture(raster, cell.chw, width, height, { left, top, scale });
    const under = top + height * scale + LINE_GAP * textSize;
    cell.label.forEach((line, row) =>
      write(line, { left, top: under + row * lead, size: textSize }, cellWidth),
    );
  }
  strip.draw(raster, body);

  const provenance: SheetProvenance = {
    formatVersion: 1,
    software: SOFTWARE,
    title,
    columns,
    pictures: cells.map((c) => c.provenance),
  };
  const credits = [...new Set(cells.map((c) => `${c.provenance.attribution} (${c.provenance.license})`))];
  const description = `Contact sheet of ${cells.length} synthetic pictures: ${title}`;
  return withDisclaimer(encodeRaster(raster), credits.join('; '), description, { [RECORD]: provenance });
}

/** What `encodeSheet` wrote into a file. @throws StudioError `file-invalid`. */
export function readSheetProvenance(bytes: Uint8Array): SheetProvenance {
  try {
    return sheetProvenanceSchema.parse(JSON.parse(decode(bytes).text[RECORD] ?? ''));
  } catch (cause) {
    throw new StudioError({
      code: 'file-invalid',
      message: 'This file is not a contact sheet of this studio.',
      remedy: 'Choose a sheet as this studio has saved it.',
      cause,
    });
  }
}

/** In the letters of the pixel alphabet. */
function plain(text: string): string {
  return text.replaceAll('−', '-').replaceAll('·', ' ').replace(/[()]/g, ' ');
}
