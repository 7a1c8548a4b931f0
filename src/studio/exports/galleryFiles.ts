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
import { decodePicture, encodePicture, readProvenance } from '../../exchange/png';
import { encodeSheet } from '../../exchange/sheet';
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

/** A contact sheet as PNG: every picture with its grade, model and seed. @throws StudioError `storage-failed`. */
export async function contactSheet(desk: GalleryDesk, entries: readonly Entry[]): Promise<Uint8Array> {
  const cells = [];
  for (const entry of entries) {
    const png = await keptPng(desk, entry);
    const { model, variant, seed, changedFrom } = entry.request;
    const changed = changedFrom ? `, grade changed at step ${changedFrom.at(-1)!.step}` : '';
    cells.push({
      ...decodePicture(png),
      provenance: readProvenance(png),
      label: [entry.gradeText, `${model} ${variant}, seed ${seed}${changed}`],
    });
  }
  // A sheet has one size: smaller models' pictures are enlarged by whole pixels.
  const side = Math.max(...cells.map((cell) => Math.max(cell.width, cell.height)));
  const columns = Math.max(3, Math.min(8, Math.ceil(Math.sqrt(entries.length * 1.2))));
  return encodeSheet({
    title: 'SYNTHETIC PICTURES',
    columns: Math.min(columns, cells.length),
    cells: cells.map((cell) => enlarged(cell, side)),
  });
}

/** The picture on a square of `side` pixels, enlarged as far as whole pixels go, black around. */
function enlarged<T extends { chw: Float32Array; width: number; height: number }>(cell: T, side: number): T {
  const { chw, width, height } = cell;
  const scale = Math.floor(side / Math.max(width, height));
  const left = (side - width * scale) >> 1;
  const top = (side - height * scale) >> 1;
  const out = new Float32Array(3 * side * side).fill(-1);
  for (let c = 0; c < 3; c++) {
    for (let y = 0; y < height * scale; y++) {
      for (let x = 0; x < width * scale; x++) {
        const from = (c * height + Math.floor(y / scale)) * width + Math.floor(x / scale);
        out[(c * side + top + y) * side + left + x] = chw[from]!;
      }
    }
  }
  return { ...cell, chw: out, width: side, height: side };
}
