import { describe, expect, it, vi } from 'vitest';
import { bindAddress, type Address } from './address';
import type { StudioSession } from './session';
import { createStudioStore } from './state';

/** An address whose changes are heard of later, as a browser's are. */
function setUp(hash: string, workspace: string) {
  const store = createStudioStore({ workspace });
  const session = {
    store,
    openWorkspace: (wanted: string) => store.setState({ workspace: wanted }),
    link: () => null,
    severityLink: () => null,
  } as unknown as StudioSession;
  const listeners: (() => void)[] = [];
  let pending = 0;
  const address: Address = {
    get hash() {
      return hash;
    },
    set hash(to) {
      hash = to.startsWith('#') ? to : `#${to}`;
      pending++;
    },
    replaceHash: vi.fn(),
    onChange: (listener) => void listeners.push(listener),
  };
  const hear = () => {
    for (; pending > 0; pending--) for (const listener of listeners) listener();
  };
  bindAddress(session, address);
  return { store, address, hear };
}

describe('the address', () => {
  it('opens what a link names, whatever else changes before the page hears of it', () => {
    const { store, address, hear } = setUp('#gallery', 'gallery');
    address.hash = '#sample';
    store.setState({ announcement: 'a step of a picture' });
    expect(address.hash).toBe('#sample');
    hear();
    expect(store.getState().workspace).toBe('sample');
    expect(address.hash).toBe('#sample');
  });

  it('names what the page has opened by itself', () => {
    const { store, address, hear } = setUp('', 'sample');
    store.setState({ workspace: 'gallery' });
    expect(address.hash).toBe('#gallery');
    hear();
    expect(store.getState().workspace).toBe('gallery');
  });
});
