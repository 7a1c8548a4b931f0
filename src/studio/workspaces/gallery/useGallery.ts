/** The way from components to the gallery's desk and its store. */
import { useStore } from 'zustand';
import { Gallery } from '../../../storage/gallery';
import { useSession } from '../../context';
import { GalleryDesk, type GalleryState } from '../../store/gallery';
import type { StudioSession } from '../../store/session';

/** The page's one desk, made with the page so that no run is missed. */
export function galleryDesk(session: StudioSession): GalleryDesk {
  return session.kept(makeDesk);
}

function makeDesk(session: StudioSession): GalleryDesk {
  return new GalleryDesk(session, {
    open: (listener) => Gallery.open(listener),
    // Absent on plain http, whatever the types say.
    storage: navigator.storage as StorageManager | undefined,
    locks: navigator.locks as LockManager | undefined,
  });
}

export function useDesk(): GalleryDesk {
  return galleryDesk(useSession());
}

/** Selectors must return a primitive or something that is already in the state. */
export function useGallery<T>(select: (state: GalleryState) => T): T {
  return useStore(useDesk().store, select);
}
