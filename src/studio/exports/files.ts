/** Handing what is on the page to the person: the picture as a file's bytes, its link, the clipboard. */
import { StudioError } from '../../errors';
import { encodePicture } from '../../exchange/png';
import { settingsText, type Provenance } from '../../exchange/provenance';
import { linkHash } from '../store/arrivals';
import { fileStem, provenanceOf } from '../store/saving';
import type { StudioSession } from '../store/session';

/** What the run on the page has come to: the finished picture, or the last estimate of a run cut short. */
export function currentPicture(
  session: StudioSession,
): { png: Uint8Array; provenance: Provenance; name: string } | null {
  const { run } = session.store.getState();
  const frame = session.lastFrame();
  if (!run || !frame) return null;
  const { width, height } = run.manifest.image;
  const provenance = provenanceOf(run.request, run.manifest, run.provider, frame.index);
  const { strip } = session.preferences.getState();
  const png = encodePicture({ chw: frame.x0, width, height, strip, provenance });
  return { png, provenance, name: `${fileStem(run.request)}.png` };
}

/** The whole address of this page with another part after `#`. */
export function wholeAddress(hash: string): string {
  return new URL(hash, location.origin + location.pathname).href;
}

/** The whole address of the picture on the page. */
export function currentLink(session: StudioSession): string | null {
  const hash = linkHash(session);
  return hash && wholeAddress(hash);
}

export async function copyText(text: string): Promise<void> {
  await copying(() => navigator.clipboard.writeText(text));
}

export async function copyPng(png: Uint8Array): Promise<void> {
  const blob = new Blob([png as Uint8Array<ArrayBuffer>], { type: 'image/png' });
  await copying(() => navigator.clipboard.write([new ClipboardItem({ 'image/png': blob })]));
}

/** The settings in words, with the link that brings them back when it is pasted on the page. */
export function settingsWithLink(provenance: Provenance, link: string | null): string {
  return settingsText(provenance) + (link === null ? '' : `\n${link}`);
}

async function copying(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (cause) {
    throw new StudioError({
      code: 'export-failed',
      message: 'The browser did not let the page copy.',
      remedy: 'Allow the clipboard for this page, or save a file instead.',
      cause,
    });
  }
}
