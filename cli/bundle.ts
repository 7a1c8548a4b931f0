/** Bundles on disk: found by name under `models/` or by path, validated, and their files checked against their hashes. */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { StudioError } from '../src/errors';
import type { BundleManifest } from '../src/models/manifest';
import { parseManifest } from '../src/models/validate';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
export const MODELS = path.join(ROOT, 'models');

export interface Bundle {
  readonly folder: string;
  readonly manifest: BundleManifest;
}

/**
 * Opens a bundle.
 * @param model the id of a folder under `models/`, or the path of any folder with a manifest.json.
 * @throws StudioError `manifest-invalid`.
 */
export async function openBundle(model: string): Promise<Bundle> {
  const places = [path.join(MODELS, model), path.resolve(model)];
  for (const folder of /[\\/]/.test(model) ? places.slice(1) : places) {
    const file = path.join(folder, 'manifest.json');
    if (!(await stat(file).catch(() => undefined))) continue;
    let value: unknown;
    try {
      value = JSON.parse(await readFile(file, 'utf8'));
    } catch (thrown) {
      throw new StudioError({
        code: 'manifest-invalid',
        message: `${file} can't be read as JSON.`,
        remedy: 'Build the bundle again with the training lab.',
        cause: thrown,
      });
    }
    return { folder, manifest: parseManifest(value, file) };
  }
  throw new StudioError({
    code: 'manifest-invalid',
    message: `There is no model ${model}.`,
    remedy: 'Name a folder under models/, or give the path of a folder that holds a manifest.json.',
  });
}

/** A file of a bundle whose SHA-256 the manifest gives. @throws StudioError `weights-missing` or `hash-mismatch`. */
export async function readVerified(
  { folder }: Bundle,
  { file, sha256 }: { readonly file: string; readonly sha256: string },
): Promise<Uint8Array> {
  const name = path.join(folder, file);
  let content: Uint8Array;
  try {
    content = await readFile(name);
  } catch (thrown) {
    throw new StudioError({
      code: 'weights-missing',
      message: `${name} is not there.`,
      remedy: 'Copy the bundle again, with all its files.',
      cause: thrown,
    });
  }
  const hash = createHash('sha256').update(content).digest('hex');
  if (hash !== sha256) {
    throw new StudioError({
      code: 'hash-mismatch',
      message: `${name} is not the file that the manifest names.`,
      remedy: 'Copy the bundle again, or export it again with the training lab.',
      detail: `SHA-256 ${hash}, expected ${sha256}`,
    });
  }
  return content;
}
