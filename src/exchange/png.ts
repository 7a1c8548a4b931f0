/**
 * A picture as a PNG that says what it is: a strip burnt in under it, text chunks with the settings in words and as the
 * whole record, enough to make the same picture again, and XMP that names it as made by a model. No DOM: page and
 * command line share it.
 */
import { decode, encode } from 'fast-png';
import { StudioError } from '../errors';
import { DISCLAIMER, parseProvenance, settingsText, SOFTWARE, type Provenance } from './provenance';
import { toLatin1, toLatin1Json, withText, xmpPacket } from './pngText';
import { createRaster, drawPicture, fromBytes, layOutStrip, type Raster } from './raster';

/** The chunk of our record; `parameters` beside it is what other programs show. */
const RECORD = 'ordinal-diffusion-studio';

export interface PictureToSave {
  /** CHW, in colour or grey, in [-1, 1]; values beyond are clipped. */
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
  const scale = picture.scale ?? Math.max(1, Math.ceil(512 / width));
  const strip = (picture.strip ?? true) ? layOutStrip(width * scale) : null;
  const raster = createRaster(width * scale, height * scale + (strip?.height ?? 0));
  drawPicture(raster, chw, width, height, { left: 0, top: 0, scale });
  strip?.draw(raster, height * scale);
  return withProvenance(encodeRaster(raster), provenance);
}

export function encodeRaster(raster: Raster): Uint8Array {
  return encode({ ...raster, depth: 8, channels: 3 });
}

/** A PNG of one picture, whoever encoded it, with the record of how it was made. */
export function withProvenance(png: Uint8Array, provenance: Provenance): Uint8Array {
  const rights = `${provenance.attribution} (${provenance.license})`;
  return labelled(png, rights, {
    parameters: toLatin1(settingsText(provenance)),
    [RECORD]: toLatin1Json(provenance),
  });
}

/**
 * A PNG that shows several pictures, or maps: named as synthetic, without the record of one of them. `records` are further
 * chunks, by keyword.
 */
export function withDisclaimer(
  png: Uint8Array,
  rights: string,
  description: string,
  records: Readonly<Record<string, unknown>> = {},
): Uint8Array {
  const text = Object.fromEntries(Object.entries(records).map(([key, value]) => [key, toLatin1Json(value)]));
  return labelled(png, rights, { Description: toLatin1(description), ...text });
}

function labelled(png: Uint8Array, rights: string, text: Record<string, string>): Uint8Array {
  const all = { Software: SOFTWARE, Disclaimer: DISCLAIMER, Copyright: toLatin1(rights), ...text };
  return withText(png, all, xmpPacket({ tool: SOFTWARE, description: DISCLAIMER, rights }));
}

/**
 * The record that `encodePicture` wrote, of this or an older version. Throws `file-invalid` with different words for a
 * file that is not a PNG, for one that this studio did not write, and for one of ours that is broken.
 */
export function readProvenance(bytes: Uint8Array): Provenance {
  const { text } = decodePng(bytes);
  if (text['Software'] !== SOFTWARE) throw new StudioError(notOurs);
  // Version 1 kept the record in `parameters`.
  const record = text[RECORD] ?? text['parameters'];
  if (record === undefined)
    throw new StudioError(text['Description'] === undefined ? notOurs : notOnePicture);
  try {
    return parseProvenance(JSON.parse(record));
  } catch (cause) {
    throw new StudioError({ ...broken, detail: String(cause), cause });
  }
}

/** The pixels of a PNG as CHW in [-1, 1], to the byte. @throws StudioError `file-invalid`. */
export function decodePicture(bytes: Uint8Array): { chw: Float32Array; width: number; height: number } {
  const { data, width, height, channels, depth } = decodePng(bytes);
  if (depth !== 8 || channels < 3) throw new StudioError(notPng);
  return { chw: fromBytes(data, width * height, channels), width, height };
}

function decodePng(bytes: Uint8Array) {
  try {
    return decode(bytes, { checkCrc: true });
  } catch (cause) {
    // Our name in a file that cannot be decoded: it was cut or changed on its way.
    const ours = latin1Includes(bytes, `Software\0${SOFTWARE}`);
    throw new StudioError({ ...(ours ? broken : notPng), cause });
  }
}

function latin1Includes(bytes: Uint8Array, text: string): boolean {
  return new TextDecoder('latin1').decode(bytes.subarray(0, 4096)).includes(text);
}

const notPng = {
  code: 'file-invalid',
  message: 'This file is not a readable PNG picture.',
  remedy: 'Choose a PNG that this studio has saved.',
} as const;
const notOurs = {
  code: 'file-invalid',
  message: 'This picture was not saved by this studio.',
  remedy:
    'Choose a PNG that this studio has saved; other programs, and the clipboard, remove what is written in it.',
} as const;
const notOnePicture = {
  code: 'file-invalid',
  message: 'This file shows several pictures, so it holds the settings of none.',
  remedy: 'Choose a PNG that this studio has saved of a single picture.',
} as const;
const broken = {
  code: 'file-invalid',
  message: 'This picture was saved by this studio, but what is written in it is damaged.',
  remedy: 'Use the file as it was saved; editing or cutting it may have destroyed its settings.',
} as const;
