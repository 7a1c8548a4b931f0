/** Films of pictures: MP4 or WebM through the browser's own encoder, GIF where it has none. */
// eslint-disable-next-line @typescript-eslint/triple-slash-reference -- the package has no types of its own to import
/// <reference path="./gifenc-types.d.ts" />
import type { VideoCodec } from 'mediabunny';
import { cancelled, StudioError } from '../../errors';
import { drawFilmFrame, filmSize, toRgba, type FilmFrame } from '../../exchange/film';

export type FilmFormat = 'mp4' | 'webm' | 'gif';

export interface FilmOptions {
  readonly format: FilmFormat;
  /** About how many pixels across. */
  readonly size: number;
  /** Frames a second; the last frame stands for a second more. */
  readonly speed: number;
}

export interface FilmSubject {
  readonly frames: readonly FilmFrame[];
  readonly width: number;
  readonly height: number;
}

const CODECS: Record<'mp4' | 'webm', VideoCodec[]> = {
  mp4: ['avc', 'hevc', 'av1', 'vp9'],
  webm: ['vp9', 'av1', 'vp8'],
};

async function codecFor(format: 'mp4' | 'webm', width: number, height: number): Promise<VideoCodec | null> {
  if (typeof VideoEncoder === 'undefined') return null;
  const { getFirstEncodableVideoCodec } = await import('mediabunny');
  return getFirstEncodableVideoCodec(CODECS[format], { width, height });
}

/** What this browser can make, the most widely understood first. GIF it always can. */
export async function filmFormats(
  subject: Pick<FilmSubject, 'width' | 'height'>,
  size: number,
): Promise<FilmFormat[]> {
  const { width, height } = filmSize(subject.width, subject.height, size);
  const able = await Promise.all(
    (['mp4', 'webm'] as const).map(async (format) =>
      (await codecFor(format, width, height)) ? [format] : [],
    ),
  );
  return [...able.flat(), 'gif'];
}

/**
 * Encodes a film. The page stays responsive between two frames.
 * @param onProgress frames done.
 * @throws StudioError `export-failed` or `cancelled`.
 */
export async function makeFilm(
  subject: FilmSubject,
  options: FilmOptions,
  onProgress: (done: number) => void,
  signal: AbortSignal,
): Promise<Blob> {
  const size = filmSize(subject.width, subject.height, options.size);
  const count = subject.frames.length;
  const duration = (i: number) => 1 / options.speed + (i === count - 1 ? 1 : 0);
  const eachFrame = async (
    take: (rgba: Uint8ClampedArray<ArrayBuffer>, i: number) => Promise<void> | void,
  ) => {
    for (const [i, frame] of subject.frames.entries()) {
      if (signal.aborted) throw cancelled();
      await take(toRgba(drawFilmFrame(frame, subject.width, subject.height, size)), i);
      onProgress(i + 1);
      await new Promise((resolve) => setTimeout(resolve));
    }
  };
  try {
    if (options.format === 'gif') {
      const { GIFEncoder, quantize, applyPalette } = await import('gifenc');
      const gif = GIFEncoder();
      await eachFrame((rgba, i) => {
        const palette = quantize(rgba, 256);
        const delay = Math.round(duration(i) * 1000);
        gif.writeFrame(applyPalette(rgba, palette), size.width, size.height, { palette, delay, repeat: 0 });
      });
      gif.finish();
      return new Blob([gif.bytes()], { type: 'image/gif' });
    }
    const codec = await codecFor(options.format, size.width, size.height);
    if (!codec) throw new Error(`no encoder for ${options.format}`);
    const { BufferTarget, CanvasSource, Mp4OutputFormat, Output, QUALITY_HIGH, WebMOutputFormat } =
      await import('mediabunny');
    const canvas = document.createElement('canvas');
    canvas.width = size.width;
    canvas.height = size.height;
    const pen = canvas.getContext('2d');
    if (!pen) throw new Error('no canvas');
    const target = new BufferTarget();
    const format = options.format === 'mp4' ? new Mp4OutputFormat() : new WebMOutputFormat();
    const output = new Output({ format, target });
    const source = new CanvasSource(canvas, { codec, quality: QUALITY_HIGH, keyFrameInterval: 1 });
    output.addVideoTrack(source, { frameRate: options.speed });
    await output.start();
    try {
      await eachFrame(async (rgba, i) => {
        pen.putImageData(new ImageData(rgba, size.width, size.height), 0, 0);
        await source.add(i / options.speed, duration(i));
      });
      await output.finalize();
    } catch (thrown) {
      await output.cancel();
      throw thrown;
    }
    if (!target.buffer) throw new Error('the encoder gave nothing');
    return new Blob([target.buffer], { type: `video/${options.format}` });
  } catch (thrown) {
    if (thrown instanceof StudioError) throw thrown;
    throw new StudioError({
      code: 'export-failed',
      message: 'The browser could not make this film.',
      remedy: 'Choose a smaller size or another format; GIF works everywhere.',
      detail: String(thrown),
      cause: thrown,
    });
  }
}
