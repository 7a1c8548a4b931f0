/** Saves what the run on the page has come to: the finished picture, or the last estimate of a run cut short. */
import { encodeNpy } from '../../../exchange/npy';
import { currentPicture } from '../../exports/files';
import { download, fileStem } from '../../store/saving';
import type { StudioSession } from '../../store/session';

export function savePicture(session: StudioSession): void {
  const picture = currentPicture(session);
  if (picture) download(picture.png, 'image/png', picture.name);
}

export function saveNumbers(session: StudioSession): void {
  const { run } = session.store.getState();
  const frame = session.lastFrame();
  if (!run || !frame) return;
  const { width, height } = run.manifest.image;
  const bytes = encodeNpy(frame.x0, [3, height, width]);
  download(bytes, 'application/octet-stream', `${fileStem(run.request)}.npy`);
}
