/** A bundle as a person brings it, a folder's files or a ZIP: taken apart and checked before anything is kept. */
import { unzip, type Unzipped } from 'fflate';
import { StudioError } from '../errors';
import { unusable } from './inspect';
import type { BundleManifest } from './manifest';
import { inputForm, requireNames } from './network';
import { onnxSignature } from './onnxSignature';
import { sha256Hex } from './sha256';
import { parseManifest } from './validate';

/** A file of a folder or archive by its path. */
export type Files = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

/** A bundle that is whole: its manifest, and the files that it names. */
export interface OpenedBundle {
  readonly manifest: BundleManifest;
  readonly files: Files;
}

/** More than any bundle here; what unpacks to more was made to do harm. */
const MAX_UNPACKED = 2 ** 31;

/** The files of a ZIP archive. @throws StudioError `import-invalid`. */
export function openZip(archive: Uint8Array): Promise<Files> {
  let total = 0;
  return new Promise((resolve, reject) => {
    const fail = (thrown: unknown) =>
      reject(
        unusable(
          'This ZIP archive can’t be opened.',
          'Pack the bundle’s folder again.',
          thrown instanceof Error ? thrown.message : String(thrown),
        ),
      );
    const done = (error: Error | null, unpacked: Unzipped) => {
      if (error) return fail(error);
      resolve(
        new Map(
          Object.entries(unpacked)
            .filter(([path]) => !path.endsWith('/'))
            .map(([path, content]) => [path, content as Uint8Array<ArrayBuffer>]),
        ),
      );
    };
    try {
      unzip(archive, { filter: ({ originalSize }) => (total += originalSize) <= MAX_UNPACKED }, done);
    } catch (thrown) {
      fail(thrown);
    }
  });
}

/**
 * Takes a bundle apart and checks it: the manifest, and that every file it names is there, intact, and takes what the
 * manifest says.
 * @throws StudioError `import-invalid`, `manifest-invalid`, `hash-mismatch` or `model-unsupported`.
 */
export async function openBundleFiles(files: Files): Promise<OpenedBundle> {
  const places = [...files.keys()].filter((path) => /(^|\/)manifest\.json$/.test(path));
  // The outermost one: a bundle may lie in a folder of its own.
  const place = places.sort((a, b) => a.split('/').length - b.split('/').length)[0];
  if (place === undefined) {
    throw unusable(
      'There is no manifest.json among these files.',
      'Choose the folder that holds it; for a bare ONNX file fill in the form.',
      [...files.keys()].slice(0, 20).join(', '),
    );
  }
  const folder = place.slice(0, -'manifest.json'.length);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(files.get(place)));
  } catch (thrown) {
    throw unusable('The manifest.json is not JSON.', 'Export the bundle again.', String(thrown));
  }
  const manifest = parseManifest(value, place);
  const kept = new Map<string, Uint8Array<ArrayBuffer>>();
  const named = [...Object.values(manifest.variants), ...(manifest.grader ? [manifest.grader] : [])];
  for (const { file, sha256 } of named) {
    const content = files.get(folder + file);
    if (!content)
      throw unusable(`The bundle lacks ${file}, which its manifest names.`, 'Copy it again, with all files.');
    if ((await sha256Hex(content)) !== sha256) {
      throw new StudioError({
        code: 'hash-mismatch',
        message: `${file} is not the file that the manifest names.`,
        remedy: 'Copy the bundle again, or export it again.',
      });
    }
    kept.set(file, content);
  }
  for (const [key, { file }] of Object.entries(manifest.variants)) checkFile(manifest, key, kept.get(file)!);
  for (const file of [manifest.card, manifest.preview, manifest.evaluation]) {
    const content = file === undefined ? undefined : files.get(folder + file);
    if (file !== undefined && content) kept.set(file, content);
  }
  return { manifest, files: kept };
}

/** That a weights file is an ONNX model that takes what the manifest says. */
function checkFile(manifest: BundleManifest, variant: string, weights: Uint8Array): void {
  try {
    const { inputs, outputs } = onnxSignature(weights);
    inputForm(weights, manifest, variant);
    requireNames(manifest, variant, {
      inputNames: inputs.map((i) => i.name),
      outputNames: outputs.map((o) => o.name),
    });
  } catch (thrown) {
    if (thrown instanceof RangeError)
      throw unusable('A weights file is not an ONNX model.', 'Export the bundle again.');
    throw thrown;
  }
}
