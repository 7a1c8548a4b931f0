/** Saves what the run on the page has come to: the finished picture, or the last estimate of a run cut short. */
import { encodeNpy } from '../../../exchange/npy';
import { encodePicture } from '../../../exchange/png';
import { download, fileStem, provenanceOf } from '../../store/saving';
import type { StudioSession } from '../../store/session';

export function savePicture(session: StudioSession): void {
  const { run } = session.store.getState();
  const frame = session.lastFrame();
  if (!run || !frame) return;
  const { width, height } = run.manifest.image;
  const bytes = encodePicture({
    chw: frame.x0,
    width,
    height,
    strip: session.preferences.getState().strip,
    provenance: provenanceOf(run.request, run.manifest, run.provider, frame.index),
  });
  download(bytes, 'image/png', `${fileStem(run.request)}.png`);
}

export function saveNumbers(session: StudioSession): void {
  const { run } = session.store.getState();
  const frame = session.lastFrame();
  if (!run || !frame) return;
  const { width, height } = run.manifest.image;
  const bytes = encodeNpy(frame.x0, [3, height, width]);
  download(bytes, 'application/octet-stream', `${fileStem(run.request)}.npy`);
}
