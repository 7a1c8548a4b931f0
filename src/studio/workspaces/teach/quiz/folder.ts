/**
 * Images of the person's own for a round: a folder with a labels.csv (columns `file` and `grade`), as the training lab
 * reads it. Read in the browser, shown in the browser, sent nowhere.
 */
import { parseCsv } from '../../../../exchange/csv';
import { StudioError } from '../../../../errors';
import type { BundleManifest } from '../../../../models/manifest';
import type { RealImage } from './round';

const LABELS = 'labels.csv';

/** A file of the chosen folder, with its path in it. */
export interface FolderFile {
  /** Below the chosen folder, with `/`. */
  readonly path: string;
  readonly file: Blob;
}

function invalid(what: string, remedy: string): StudioError {
  return new StudioError({ code: 'file-invalid', message: `The folder cannot be used: ${what}.`, remedy });
}

/**
 * The labelled images of a table that are there, with their grades as indices.
 * @param text of labels.csv.
 * @param has whether the folder holds a file of that path.
 * @throws StudioError `file-invalid`.
 */
export function readLabels(
  text: string,
  has: (path: string) => boolean,
  { grades, scale }: Pick<BundleManifest, 'grades' | 'scale'>,
): RealImage[] {
  const [header = [], ...rows] = parseCsv(text);
  const column = (name: string) => {
    const at = header.findIndex((cell) => cell.trim().toLowerCase() === name);
    if (at < 0)
      throw invalid(`${LABELS} has no column “${name}”`, 'Give the table the columns file and grade.');
    return at;
  };
  const [file, grade] = [column('file'), column('grade')];
  const images: RealImage[] = [];
  rows.forEach((row, i) => {
    const path = row[file]?.trim().replaceAll('\\', '/').replace(/^\.\//, '') ?? '';
    if (path === '' || !has(path)) return;
    const text = row[grade]?.trim() ?? '';
    const at = grades.findIndex((g) => text !== '' && g.value === Number(text));
    if (at < 0) {
      throw invalid(
        `row ${i + 2} of ${LABELS} gives the grade “${text}”, which is none of ${grades.map((g) => g.value).join(', ')}`,
        `Use the grades of this model’s scale: ${scale}.`,
      );
    }
    images.push({ file: path, grade: at });
  });
  if (images.length === 0) {
    throw invalid(
      `${LABELS} names none of its images`,
      'The column file holds paths below the folder itself.',
    );
  }
  return images;
}

/**
 * Reads a folder that was chosen.
 * @throws StudioError `file-invalid`.
 */
export async function readFolder(
  files: readonly FolderFile[],
  manifest: BundleManifest,
): Promise<{ images: RealImage[]; blobs: Map<string, Blob> }> {
  const blobs = new Map(files.map(({ path, file }) => [path, file]));
  const labels = blobs.get(LABELS);
  if (!labels) {
    throw invalid(
      `there is no ${LABELS} in it`,
      'Put a table with the columns file and grade beside the images.',
    );
  }
  const images = readLabels(await labels.text(), (path) => blobs.has(path), manifest);
  return { images, blobs };
}

/** Paths below the chosen folder, from what a directory input gives (`chosen/sub/a.png`). */
export function folderFiles(list: Iterable<File>): FolderFile[] {
  return [...list].map((file) => ({ path: file.webkitRelativePath.split('/').slice(1).join('/'), file }));
}
