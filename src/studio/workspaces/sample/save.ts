/** Saves what the run on the page has come to: the finished picture, or the last estimate of a run cut short. */
import { encodeNpy } from '../../../exchange/npy';
import { encodePicture } from '../../../exchange/png';
import { describePicture } from '../../../exchange/provenance';
import { VERSIONS } from '../../../version';
import { providerName } from '../../store/format';
import type { StudioSession } from '../../store/session';
import type { RunInfo } from '../../store/state';

export function savePicture(session: StudioSession): void {
  const { run } = session.store.getState();
  const frame = session.lastFrame();
  if (!run || !frame) return;
  const { width, height } = run.manifest.image;
  const provenance = describePicture({
    ...run,
    provider: providerName(run.provider),
    versions: VERSIONS,
    frame,
  });
  const strip = session.preferences.getState().strip;
  const bytes = encodePicture({ chw: frame.x0, width, height, strip, provenance });
  download(bytes, 'image/png', `${fileStem(run)}.png`);
}

export function saveNumbers(session: StudioSession): void {
  const { run } = session.store.getState();
  const frame = session.lastFrame();
  if (!run || !frame) return;
  const { width, height } = run.manifest.image;
  download(encodeNpy(frame.x0, [3, height, width]), 'application/octet-stream', `${fileStem(run)}.npy`);
}

/** `fundus-idrid_odm_grade-2_seed-2024`. */
function fileStem({ request }: RunInfo): string {
  return `${request.model}_${request.variant}_grade-${request.severity}_seed-${request.seed}`;
}

function download(bytes: Uint8Array, type: string, name: string): void {
  const url = URL.createObjectURL(new Blob([bytes as Uint8Array<ArrayBuffer>], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The browser has taken hold of the blob by the next turn of the loop.
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
