/**
 * A person's own picture, to stand beside the drawn ones. It is read into memory of this page and goes nowhere: it is not
 * part of any saved file, of any link, or of anything that is kept between visits.
 */
import { StudioError } from '../../../errors';

export interface RealPicture {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** RGBA bytes. */
  readonly rgba: Uint8ClampedArray;
}

/** Larger ones are made smaller: nothing here shows more than this. */
const MOST_PIXELS_ACROSS = 1024;

/** Reads an image file, cropped from its middle to the shape of the model's pictures. @throws StudioError. */
export async function readRealPicture(
  file: File,
  shape: { width: number; height: number },
): Promise<RealPicture> {
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch (cause) {
    throw new StudioError({
      code: 'request-invalid',
      message: `${file.name} is not a picture that this browser can read.`,
      remedy: 'Choose a PNG, JPEG or WebP file.',
      cause,
    });
  }
  const crop = middleCrop(bitmap, shape);
  const width = Math.min(MOST_PIXELS_ACROSS, Math.round(crop.width));
  const height = Math.max(1, Math.round((width * shape.height) / shape.width));
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d')!;
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, crop.x, crop.y, crop.width, crop.height, 0, 0, width, height);
  bitmap.close();
  return { name: file.name, width, height, rgba: context.getImageData(0, 0, width, height).data };
}

/** The largest part from the middle that has the shape. */
export function middleCrop(
  size: { width: number; height: number },
  shape: { width: number; height: number },
): { x: number; y: number; width: number; height: number } {
  const ratio = shape.width / shape.height;
  const width = Math.min(size.width, size.height * ratio);
  const height = width / ratio;
  return { x: (size.width - width) / 2, y: (size.height - height) / 2, width, height };
}

/** As a CHW picture in [-1, 1] of the given size, each value the mean of the pixels that it covers: for difference maps. */
export function asChw(real: RealPicture, width: number, height: number): Float32Array {
  const plane = width * height;
  const out = new Float32Array(3 * plane);
  for (let y = 0; y < height; y++) {
    const [y0, y1] = span(y, height, real.height);
    for (let x = 0; x < width; x++) {
      const [x0, x1] = span(x, width, real.width);
      const sum = [0, 0, 0];
      for (let v = y0; v < y1; v++) {
        for (let u = x0; u < x1; u++) {
          for (let c = 0; c < 3; c++) sum[c]! += real.rgba[(v * real.width + u) * 4 + c]!;
        }
      }
      const count = (y1 - y0) * (x1 - x0);
      for (let c = 0; c < 3; c++) out[c * plane + y * width + x] = sum[c]! / count / 127.5 - 1;
    }
  }
  return out;
}

/** Source pixels of one target pixel, at least one. */
function span(at: number, target: number, source: number): [number, number] {
  const from = Math.floor((at * source) / target);
  return [from, Math.max(from + 1, Math.floor(((at + 1) * source) / target))];
}
