/** What comes in from outside: a link in the address, a picture dropped or pasted, a text with a link in it. */
import { StudioError } from '../../errors';
import { decodeLink, encodeLink, looksLikeLink, type LinkState } from '../../exchange/link';
import { readProvenance } from '../../exchange/png';
import { readLocation } from './location';
import { problemOf, type StudioSession } from './session';

/** What stands behind the `?` of the part after `#`, if it is a link of ours. */
function linkPart(hash: string): string | null {
  const text = /^#?\/?sample\?(.*)$/s.exec(hash)?.[1];
  return text !== undefined && looksLikeLink(text) ? text : null;
}

/** The part after `#` for everything on the Sample page; null while there is no finished picture. */
export function linkHash(session: StudioSession): string | null {
  const link = session.link();
  return link && `#sample?${encodeLink(link)}`;
}

/** Opens the page: what its link holds, or, when that is broken, what everyone sees at first, and says so. */
export async function openFromAddress(
  session: StudioSession,
  search: string,
  hash: string,
  draw: boolean,
): Promise<void> {
  const text = linkPart(hash);
  let link: LinkState | null = null;
  try {
    if (text !== null) link = decodeLink(text);
  } catch (thrown) {
    session.notify(problemOf(StudioError.from(thrown)));
  }
  await session.open(readLocation(search), draw, link);
}

/** Opens a link that was put into the address of a page that is already open. */
export async function receiveHash(session: StudioSession, hash: string): Promise<void> {
  const text = linkPart(hash);
  if (text === null || hash === linkHash(session)) return;
  await received(session, async () => {
    const { look, ...link } = decodeLink(text);
    await session.openMade({ ...link, look, step: look.step }, 'link');
  });
}

/** Restores the run of a picture file. */
export async function receiveFile(session: StudioSession, file: Blob): Promise<void> {
  await received(session, async () => {
    const { request, modelSha256, provider, frame } = readProvenance(
      new Uint8Array(await file.arrayBuffer()),
    );
    await session.openMade({ request, modelSha256, provider, step: frame.index }, 'file');
    session.announce('The run of this picture is restored');
  });
}

/** A pasted text that holds a link, such as the copied settings. Gives whether it was one. */
export function receiveText(session: StudioSession, text: string): boolean {
  const hash = /#sample\?v=\S+/.exec(text)?.[0];
  if (hash === undefined) return false;
  void receiveHash(session, hash);
  return true;
}

async function received(session: StudioSession, work: () => Promise<void>): Promise<void> {
  session.notify(null);
  try {
    await work();
  } catch (thrown) {
    session.notify(problemOf(StudioError.from(thrown)));
  }
}
