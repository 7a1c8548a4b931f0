/** From what a person drops or chooses to a bundle: gathering files, telling a bundle from a bare ONNX file. */
import type { DropZoneProps } from 'react-aria-components';
import { openBundleFiles, openZip, type Files, type OpenedBundle } from '../../../models/bundleFiles';
import { inspectOnnx, MAX_WEIGHTS_BYTES, unusable, type Inspection } from '../../../models/inspect';
import { sha256Hex } from '../../../models/sha256';

type DropEvent = Parameters<NonNullable<DropZoneProps['onDrop']>>[0];

export type Found =
  | { readonly kind: 'bundle'; readonly bundle: OpenedBundle }
  | {
      readonly kind: 'onnx';
      readonly name: string;
      readonly weights: Uint8Array<ArrayBuffer>;
      readonly sha256: string;
      readonly inspection: Inspection;
    };

async function readFile(file: File): Promise<Uint8Array<ArrayBuffer>> {
  // Several variants may lie in one archive.
  if (file.size > 4 * MAX_WEIGHTS_BYTES) {
    throw unusable(
      `${file.name} is too large (${Math.round(file.size / 2 ** 20)} MB).`,
      `Models up to ${MAX_WEIGHTS_BYTES / 2 ** 20} MB run in a browser.`,
    );
  }
  return new Uint8Array(await file.arrayBuffer());
}

interface Directory {
  readonly kind: 'directory';
  readonly name: string;
  getEntries(): AsyncIterable<Dropped>;
}
type Dropped = Directory | { readonly kind: 'file'; readonly name: string; getFile(): Promise<File> };

async function gather(
  items: Iterable<Dropped> | AsyncIterable<Dropped>,
  path: string,
  into: Map<string, File>,
) {
  for await (const item of items) {
    if (item.kind === 'directory') await gather(item.getEntries(), `${path}${item.name}/`, into);
    else into.set(path + item.name, await item.getFile());
  }
}

/** The files of a drop, those of folders included. */
export async function droppedFiles(event: DropEvent): Promise<Map<string, File>> {
  const files = new Map<string, File>();
  const items = event.items.filter((item) => item.kind !== 'text') as unknown as Dropped[];
  await gather(items, '', files);
  return files;
}

/** The files of a chooser, by their path within the folder where one was chosen. */
export function chosenFiles(list: FileList | null): Map<string, File> {
  return new Map(Array.from(list ?? [], (file) => [file.webkitRelativePath || file.name, file]));
}

/**
 * What the files are.
 * @throws StudioError that says why they can't be used.
 */
export async function recognise(files: ReadonlyMap<string, File>): Promise<Found> {
  const [[name, single] = [], ...more] = [...files];
  if (!name || !single) throw unusable('There was no file.', 'Drop a folder, a ZIP or an .onnx file.');
  if (more.length === 0 && /\.onnx$/i.test(name)) {
    const weights = await readFile(single);
    const inspection = inspectOnnx(weights);
    return { kind: 'onnx', name: single.name, weights, sha256: await sha256Hex(weights), inspection };
  }
  if (more.length === 0 && /\.zip$/i.test(name)) {
    return { kind: 'bundle', bundle: await openBundleFiles(await openZip(await readFile(single))) };
  }
  const read = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const [path, file] of files) read.set(path, await readFile(file));
  return { kind: 'bundle', bundle: await openBundleFiles(read satisfies Files) };
}
