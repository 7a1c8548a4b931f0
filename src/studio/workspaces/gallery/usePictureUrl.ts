/** Kept pictures as addresses that an `<img>` takes; the newest few hundred are held, so that scrolling back is quick. */
import { useEffect, useState } from 'react';
import type { GalleryDesk } from '../../store/gallery';
import { useDesk } from './useGallery';

const HELD = 400;
const urls = new WeakMap<GalleryDesk, Map<string, string>>();

async function urlOf(desk: GalleryDesk, id: string): Promise<string | null> {
  let held = urls.get(desk);
  if (!held) urls.set(desk, (held = new Map()));
  let url = held.get(id);
  if (url === undefined) {
    const blob = await desk.picture(id);
    if (!blob) return null;
    url = held.get(id) ?? URL.createObjectURL(blob);
  }
  // Moves it to the young end.
  held.delete(id);
  held.set(id, url);
  const [oldest] = held;
  if (held.size > HELD && oldest) {
    held.delete(oldest[0]);
    URL.revokeObjectURL(oldest[1]);
  }
  return url;
}

/** Null until it is read, or when it is gone. */
export function usePictureUrl(id: string): string | null {
  const desk = useDesk();
  const [read, setRead] = useState<{ id: string; url: string | null } | null>(null);
  useEffect(() => {
    let here = true;
    void urlOf(desk, id).then(
      (url) => here && setRead({ id, url }),
      () => undefined,
    );
    return () => {
      here = false;
    };
  }, [desk, id]);
  return read?.id === id ? read.url : null;
}
