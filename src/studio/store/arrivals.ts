/** What comes in from outside: a link in the address, a picture dropped or pasted, a text with a link in it. */
import { StudioError } from '../../errors';
import {
  decodeLink,
  decodeSeverityLink,
  encodeLink,
  encodeSeverityLink,
  looksLikeLink,
  type LinkState,
  type SeverityLink,
} from '../../exchange/link';
import { readProvenance } from '../../exchange/png';
import { readLocation } from './location';
import { problemOf, type StudioSession } from './session';

/**
 * How to read the link of ours behind the `?` of the part after `#`; null when there is none. Reading it throws a
 * StudioError `link-invalid` when it is broken.
 */
function linkIn(hash: string): (() => LinkState | SeverityLink) | null {
  const [, workspace, text] = /^#?\/?(sample|severity)\?(.*)$/s.exec(hash) ?? [];
  if (text === undefined || !looksLikeLink(text)) return null;
  return () => (workspace === 'sample' ? decodeLink(text) : decodeSeverityLink(text));
}

/** The part after `#` for everything on the Sample page; null while there is no finished picture. */
export function linkHash(session: StudioSession): string | null {
  const link = session.link();
  return link && `#sample?${encodeLink(link)}`;
}

/** The part after `#` for what a workspace shows, the open one by default; null where it keeps nothing in the address. */
export function addressHash(
  session: StudioSession,
  { workspace }: { readonly workspace: string } = session.store.getState(),
): string | null {
  if (workspace === 'sample') return linkHash(session);
  const link = workspace === 'severity' ? session.severityLink() : null;
  return link && `#severity?${encodeSeverityLink(link)}`;
}

/** Opens the page: what its link holds, or, when that is broken, what everyone sees at first, and says so. */
export async function openFromAddress(
  session: StudioSession,
  search: string,
  hash: string,
  draw: boolean,
): Promise<void> {
  let link: LinkState | SeverityLink | null = null;
  try {
    link = linkIn(hash)?.() ?? null;
  } catch (thrown) {
    session.notify(problemOf(StudioError.from(thrown)));
  }
  await session.open(readLocation(search), draw, link);
}

/** Opens a link that was put into the address of a page that is already open. */
export async function receiveHash(session: StudioSession, hash: string): Promise<void> {
  const read = linkIn(hash);
  if (!read || hash === addressHash(session)) return;
  await received(session, async () => {
    const link = read();
    if ('severity' in link) await session.openSeverity(link);
    else await session.openMade({ ...link, step: link.look.step }, 'link');
  });
}

/** Restores the run of a picture file. */
export async function receiveFile(session: StudioSession, file: Blob): Promise<void> {
  await received(session, async () => {
    const { request, method, guidanceRange, modelSha256, provider, frame } = readProvenance(
      new Uint8Array(await file.arrayBuffer()),
    );
    const guided = method !== 'generator' && request.guidance !== 1;
    await session.openMade(
      {
        request,
        modelSha256,
        ...(guided && { guidedAt: guidanceRange ?? null }),
        provider,
        step: frame.index,
      },
      'file',
    );
    session.announce('The run of this picture is restored');
  });
}

/** A pasted text that holds a link, such as the copied settings. Gives whether it was one. */
export function receiveText(session: StudioSession, text: string): boolean {
  const hash = /#(?:sample|severity)\?v=\S+/.exec(text)?.[0];
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
