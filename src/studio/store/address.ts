/**
 * The part of the address after `#` and the page follow each other: links and the browser's back open workspaces and
 * pictures, and what the page shows stands in the address.
 */
import { addressHash, receiveHash } from './arrivals';
import { readWorkspace } from './location';
import type { StudioSession } from './session';

/** The browser's address, as far as it is needed. */
export interface Address {
  /** Setting it is a step of the browser's history. */
  hash: string;
  /** Without a step, and without `onChange`. */
  replaceHash(hash: string): void;
  /** Told some time after the change: a link has changed `hash` before the page hears of it. */
  onChange(listener: () => void): void;
}

/** Browsers allow only so many changes of the address in a row. */
const REST_MS = 400;

export function bindAddress(session: StudioSession, address: Address): void {
  address.onChange(() => {
    session.openWorkspace(readWorkspace(address.hash));
    void receiveHash(session, address.hash);
  });
  /** Writes a workspace's address, unless a link to another one has been followed and is not yet heard of. */
  const write = (hash: string | null, workspace: string) => {
    if (hash && hash !== address.hash && readWorkspace(address.hash) === workspace) address.replaceHash(hash);
  };
  let timer: ReturnType<typeof setTimeout> | undefined;
  session.store.subscribe(({ workspace }, before) => {
    // Only what the page itself has opened: a link that was just followed must not be undone by anything else that changes.
    if (workspace !== before.workspace && workspace !== readWorkspace(address.hash)) {
      // The way back leads to what was shown last, which may not have rested long enough to be written.
      write(addressHash(session, before), before.workspace);
      address.hash = workspace;
    }
    clearTimeout(timer);
    timer = setTimeout(() => write(addressHash(session), session.store.getState().workspace), REST_MS);
  });
}
