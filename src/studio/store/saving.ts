/** From what is on the page to files: the provenance of a picture, its name, and the browser's own way of saving. */
import type { ProviderName } from '../../engine/types';
import { describePicture, type Provenance } from '../../exchange/provenance';
import type { BundleManifest } from '../../models/manifest';
import type { SampleRequest } from '../../models/request';
import { VERSIONS } from '../../version';
import { providerName } from './format';

/** `index` is the step that is saved: the finished picture when left out. */
export function provenanceOf(
  request: SampleRequest,
  manifest: BundleManifest,
  provider: ProviderName,
  index = request.steps,
): Provenance {
  return describePicture({
    request,
    manifest,
    provider: providerName(provider),
    versions: VERSIONS,
    frame: { index, steps: request.steps },
  });
}

/** `fundus-idrid_odm_grade-2_seed-2024`; `_from-0-at-6` after it where the grade was changed on the way. */
export function fileStem({ model, variant, severity, seed, changedFrom = [] }: SampleRequest): string {
  const changes = changedFrom.map((change) => `_from-${change.severity}-at-${change.step}`).join('');
  return `${model}_${variant}_grade-${severity}_seed-${seed}${changes}`;
}

/** `fundus-idrid_odm_seed-2024_sweep`: all severities of one noise. */
export function sweepStem({ model, variant, seed }: SampleRequest): string {
  return `${model}_${variant}_seed-${seed}_sweep`;
}

export function download(content: Uint8Array | Blob, type: string, name: string): void {
  saveFile(
    content instanceof Blob ? content : new Blob([content as Uint8Array<ArrayBuffer>], { type }),
    type,
    name,
  );
}

/** Hands a file to the person. */
export function saveFile(content: string | Blob, type: string, name: string): void {
  const url = URL.createObjectURL(typeof content === 'string' ? new Blob([content], { type }) : content);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The browser has taken hold of the blob by the next turn of the loop.
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
