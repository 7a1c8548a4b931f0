/**
 * A real image as the quiz shows it: cropped from its middle to the shape of the model's pictures and no finer than they
 * are, so that sharpness alone does not tell it from a drawn one. It stays in the memory of this page.
 */
import { StudioError } from '../../../../errors';
import type { BundleManifest } from '../../../../models/manifest';
import { middleCrop } from '../../severity/realPicture';
import type { Shown } from './quiz';

/** @throws StudioError `file-invalid` when the browser can't read it. */
export async function showRealPicture(
  name: string,
  file: Blob,
  { image }: Pick<BundleManifest, 'image'>,
): Promise<Shown> {
  const { width, height } = image;
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch (cause) {
    throw new StudioError({
      code: 'file-invalid',
      message: `${name} is not a picture that this browser can read.`,
      remedy: 'Take it out of labels.csv, or save it as PNG, JPEG or WebP, then choose the folder again.',
      cause,
    });
  }
  const crop = middleCrop(bitmap, image);
  const context = new OffscreenCanvas(width, height).getContext('2d')!;
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, crop.x, crop.y, crop.width, crop.height, 0, 0, width, height);
  bitmap.close();
  return { width, height, rgba: context.getImageData(0, 0, width, height).data };
}
