/** What leaves the gallery: archives of pictures laid out as a data set, and contact sheets. */
import { cancelled, StudioError } from '../../errors';
import { Archive } from '../../exchange/archive';
import {
  datasetReadme,
  labelsCsv,
  pictureFile,
  pictureFiles,
  planText,
  selectionReadme,
  type DatasetPlan,
} from '../../exchange/dataset';
import { decodePicture, encodePicture, readProvenance, withDisclaimer } from '../../exchange/png';
import type { BundleManifest } from '../../models/manifest';
import type { Entry } from '../../storage/gallery';
import type { GalleryDesk } from '../store/gallery';

/** A kept picture's file as it is kept: at the model's own size, without the strip. @throws StudioError `storage-failed`. */
export async function keptPng(desk: GalleryDesk, entry: Entry): Promise<Uint8Array> {
  const blob = await desk.picture(entry.id);
  if (!blob) {
    throw new StudioError({
      code: 'storage-failed',
      message: 'This picture is no longer in the gallery.',
      remedy: 'Draw it again with its settings.',
      detail: entry.id,
    });
  }
  return new Uint8Array(await blob.arrayBuffer());
}

/** As `keptPng`, enlarged and with the strip if that is wanted. */
export async function pngToSave(desk: GalleryDesk, entry: Entry, strip: boolean): Promise<Uint8Array> {
  const png = await keptPng(desk, entry);
  return encodePicture({ ...decodePicture(png), provenance: readProvenance(png), strip });
}

export interface ArchiveSource {
  /** Reads a model's description. */
  manifest(model: string): Promise<BundleManifest>;
  /** Its card in Markdown, or null when it has none. */
  card(manifest: BundleManifest): Promise<string | null>;
}

/**
 * A ZIP of kept pictures. One model: its files at the root; several: a folder for each. The pictures are without the
 * strip, which would be learned from them; each still says inside that it is synthetic.
 * @param plan the batch that they belong to, if they do.
 */
export async function galleryArchive(
  desk: GalleryDesk,
  source: ArchiveSource,
  entries: readonly Entry[],
  plan: DatasetPlan | null,
  onProgress: (done: number) => void,
  signal: AbortSignal,
): Promise<Blob> {
  const archive = new Archive();
  const models = [...new Set(entries.map((entry) => entry.request.model))];
  let done = 0;
  for (const model of models) {
    const root = models.length === 1 ? '' : `${model}/`;
    const manifest = await source.manifest(model);
    const own = entries.filter((entry) => entry.request.model === model);
    // As a plan has them: all grades of the first seed, then all of the next.
    own.sort((a, b) => a.request.seed - b.request.seed || a.request.severity - b.request.severity);
    const requests = own.map((entry) => entry.request);
    const files = plan ? requests.map(pictureFile) : pictureFiles(requests);
    for (const [i, entry] of own.entries()) {
      if (signal.aborted) throw cancelled();
      archive.add(root + files[i]!, await keptPng(desk, entry));
      onProgress(++done);
    }
    const labels = own.map(({ request, modelSha256 }, i) => ({ file: files[i]!, request, modelSha256 }));
    archive.add(`${root}labels.csv`, labelsCsv(labels));
    archive.add(
      `${root}README.md`,
      plan ? datasetReadme(manifest, plan) : selectionReadme(manifest, requests),
    );
    archive.add(`${root}manifest.json`, `${JSON.stringify(manifest, null, 2)}\n`);
    if (plan) archive.add(`${root}plan.json`, planText(plan));
    const card = await source.card(manifest);
    if (card !== null) archive.add(`${root}card.md`, card);
  }
  return new Blob(archive.finish(), { type: 'application/zip' });
}

/** More would be too small to see on one sheet. */
export const SHEET_LIMIT = 120;

const SHEET = { tile: 256, gap: 16, margin: 48, label: 46, head: 96, foot: 72 };

/**
 * A contact sheet as PNG, white for printing, every picture with its grade and seed.
 * @throws StudioError `storage-failed` or `export-failed`.
 */
export async function contactSheet(
  desk: GalleryDesk,
  entries: readonly Entry[],
  credits: readonly string[],
): Promise<Uint8Array> {
  const { tile, gap, margin, label, head, foot } = SHEET;
  const columns = Math.max(3, Math.min(8, Math.ceil(Math.sqrt(entries.length * 1.2))));
  const rows = Math.ceil(entries.length / columns);
  const canvas = document.createElement('canvas');
  canvas.width = 2 * margin + columns * (tile + gap) - gap;
  canvas.height = margin + head + rows * (tile + label + gap) + foot + credits.length * 22;
  const pen = canvas.getContext('2d');
  if (!pen) throw noSheet();
  const font = getComputedStyle(document.body).fontFamily;
  pen.fillStyle = '#ffffff';
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.fillStyle = '#15191d';
  pen.textBaseline = 'top';
  const write = (text: string, x: number, y: number, size: number, weight = 400) => {
    pen.font = `${weight} ${size}px ${font}`;
    pen.fillText(text, x, y, canvas.width - x - margin);
  };
  write('Synthetic pictures – not patients, not for diagnosis', margin, margin, 30, 700);
  write(`${entries.length} pictures, drawn by a model`, margin, margin + 42, 20);
  for (const [i, entry] of entries.entries()) {
    const x = margin + (i % columns) * (tile + gap);
    const y = margin + head + Math.floor(i / columns) * (tile + label + gap);
    const picture = await createImageBitmap(
      new Blob([(await keptPng(desk, entry)) as Uint8Array<ArrayBuffer>]),
    );
    pen.imageSmoothingQuality = 'high';
    pen.drawImage(picture, x, y, tile, tile);
    picture.close();
    pen.font = `600 17px ${font}`;
    pen.fillText(entry.gradeText, x, y + tile + 5, tile);
    pen.font = `400 15px ${font}`;
    pen.fillText(`${entry.request.model} · seed ${entry.request.seed}`, x, y + tile + 25, tile);
  }
  credits.forEach((line, i) =>
    write(line, margin, canvas.height - foot - (credits.length - i) * 22 + 40, 15),
  );
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
  if (!blob) throw noSheet();
  return withDisclaimer(
    new Uint8Array(await blob.arrayBuffer()),
    credits.join('; '),
    'A contact sheet of synthetic pictures',
  );
}

function noSheet(): StudioError {
  return new StudioError({
    code: 'export-failed',
    message: 'The browser could not make so large a picture.',
    remedy: 'Choose fewer pictures.',
  });
}
