/**
 * A picture as a PNG that says what it is: a strip burnt in under it, and text chunks with the whole request, the
 * model's hash and the provider, enough to make the same picture again. No DOM: page and command line share it.
 */
import { decode, encode } from 'fast-png';
import { z } from 'zod';
import { StudioError } from '../errors';
import { sampleRequestSchema } from '../models/request';
import { drawText, GLYPH_HEIGHT, textWidth } from './glyphs';

export const SOFTWARE = 'Ordinal Diffusion Studio';
export const STRIP_TEXT = 'SYNTHETIC – NOT A PATIENT';

export const provenanceSchema = z.strictObject({
  /** Version of this record. */
  formatVersion: z.literal(1),
  software: z.literal(SOFTWARE),
  request: sampleRequestSchema,
  /** SHA-256 of the weights. */
  modelSha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** The execution provider that did the work, with its detail. */
  provider: z.string(),
  /** Which step was saved; `index === steps` is the finished picture, before that it is the estimate of x0. */
  frame: z.strictObject({ index: z.number().int().min(0), steps: z.number().int().min(1) }),
  license: z.string(),
  attribution: z.string(),
});
export type Provenance = z.infer<typeof provenanceSchema>;

export interface PictureToSave {
  /** CHW, three channels, in [-1, 1]; values beyond are clipped. */
  readonly chw: Float32Array;
  readonly width: number;
  readonly height: number;
  readonly provenance: Provenance;
  /** Burns in the strip; on unless switched off. */
  readonly strip?: boolean;
  /** Whole-number enlargement, nearest neighbour; by default the smallest that gives at least 512 pixels across. */
  readonly scale?: number;
}

/** PNG bytes. Throws a `RangeError` when the picture and its size do not agree. */
export function encodePicture(picture: PictureToSave): Uint8Array {
  const { chw, width, height, provenance } = picture;
  const plane = width * height;
  if (chw.length !== 3 * plane)
    throw new RangeError(`${chw.length} values for a ${width} x ${height} picture`);
  const scale = picture.scale ?? Math.max(1, Math.ceil(512 / width));
  const outWidth = width * scale;
  const strip = (picture.strip ?? true) ? layOutStrip(outWidth) : null;
  const data = new Uint8Array(outWidth * (height * scale + (strip?.height ?? 0)) * 3);
  for (let y = 0; y < height * scale; y++) {
    for (let x = 0; x < outWidth; x++) {
      const from = Math.floor(y / scale) * width + Math.floor(x / scale);
      for (let c = 0; c < 3; c++) data[(y * outWidth + x) * 3 + c] = toByte(chw[c * plane + from]!);
    }
  }
  strip?.draw(data, height * scale);
  return encode({
    width: outWidth,
    height: height * scale + (strip?.height ?? 0),
    data,
    depth: 8,
    channels: 3,
    text: {
      Software: SOFTWARE,
      Disclaimer: 'Synthetic picture made by a model. Not a patient, not for diagnosis.',
      Copyright: toLatin1(`${provenance.attribution} (${provenance.license})`),
      parameters: toLatin1Json(provenance),
    },
  });
}

/**
 * The provenance that `encodePicture` wrote. Throws `request-invalid` with different words for a file that is not a
 * PNG, for one that this studio did not write, and for one of ours that is broken.
 */
export function readProvenance(bytes: Uint8Array): Provenance {
  let text: Record<string, string>;
  try {
    text = decode(bytes).text;
  } catch (cause) {
    throw new StudioError({ ...notPng, cause });
  }
  if (text.Software !== SOFTWARE || text.parameters === undefined) throw new StudioError(notOurs);
  try {
    return provenanceSchema.parse(JSON.parse(text.parameters));
  } catch (cause) {
    throw new StudioError({ ...broken, detail: String(cause), cause });
  }
}

const notPng = {
  code: 'request-invalid',
  message: 'This file is not a readable PNG picture.',
  remedy: 'Choose a PNG that this studio has saved.',
} as const;
const notOurs = {
  code: 'request-invalid',
  message: 'This picture was not saved by this studio.',
  remedy: 'Choose a PNG that this studio has saved; other programs remove what is written in it.',
} as const;
const broken = {
  code: 'request-invalid',
  message: 'This picture was saved by this studio, but what is written in it is damaged.',
  remedy: 'Use the file as it was saved; editing it may have cut its settings.',
} as const;

/** [-1, 1] to 0..255, rounded; the same rounding as a clamped byte array. */
function toByte(value: number): number {
  return Math.max(0, Math.min(255, Math.round((value + 1) * 127.5)));
}

/** tEXt chunks are Latin-1; typographic signs that are not in it get their plain forms. */
function toLatin1(text: string): string {
  return text
    .replace(/[–—]/g, '-')
    .replace(/[‘’]/g, "'")
    .replace(/[“”]/g, '"')
    .replace(/[^\u0000-\u00ff]/g, '?');
}

/** JSON keeps every character by escaping what Latin-1 has not got. */
function toLatin1Json(value: unknown): string {
  return JSON.stringify(value).replace(
    /[^\u0020-\u007e]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

const INK = [255, 255, 255] as const;
const PAPER = [24, 24, 27] as const;

/** The strip's letters as large as fit on one line, on two lines if the picture is too narrow for one. */
function layOutStrip(width: number): { height: number; draw: (data: Uint8Array, top: number) => void } {
  const fits = (lines: readonly string[]) => Math.floor((width * 0.92) / Math.max(...lines.map(textWidth)));
  const one = [STRIP_TEXT];
  const lines = fits(one) >= 1 ? one : STRIP_TEXT.split(' – ');
  const size = Math.max(1, Math.min(fits(lines), Math.round(width / 220)));
  const lead = (GLYPH_HEIGHT + 4) * size;
  const margin = 4 * size;
  const height = lines.length * lead - 4 * size + 2 * margin;
  return {
    height,
    draw(data, top) {
      for (let i = top * width; i < (top + height) * width; i++) data.set(PAPER, i * 3);
      lines.forEach((line, row) => {
        const left = Math.floor((width - textWidth(line) * size) / 2);
        drawText(line, (gx, gy) => {
          for (let dy = 0; dy < size; dy++) {
            for (let dx = 0; dx < size; dx++) {
              const x = left + gx * size + dx;
              const y = top + margin + row * lead + gy * size + dy;
              if (x >= 0 && x < width) data.set(INK, (y * width + x) * 3);
            }
          }
        });
      });
    },
  };
}
