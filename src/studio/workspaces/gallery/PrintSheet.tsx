/** The chosen pictures as a page for the printer, or for "save as PDF"; only the printer sees it. */
import { useEffect, useState } from 'react';
import { createPortal } from 'react-dom';
import { StudioError } from '../../../errors';
import type { Entry } from '../../../storage/gallery';
import { useSession } from '../../context';
import { problemOf, type StudioSession } from '../../store/session';
import { useDesk } from './useGallery';

interface Sheet {
  readonly urls: readonly (string | null)[];
  readonly credits: readonly string[];
}

export function PrintSheet({ entries, onDone }: { entries: readonly Entry[]; onDone: () => void }) {
  const session = useSession();
  const desk = useDesk();
  const [sheet, setSheet] = useState<Sheet | null>(null);

  useEffect(() => {
    let here = true;
    const made: string[] = [];
    void (async () => {
      const blobs = await Promise.all(entries.map((e) => desk.picture(e.id)));
      const urls = blobs.map((blob) => {
        if (!blob) return null;
        made.push(URL.createObjectURL(blob));
        return made.at(-1)!;
      });
      // Printed before they are decoded they would be blank.
      await Promise.all(
        made.map((url) => {
          const image = new Image();
          image.src = url;
          return image.decode();
        }),
      );
      if (here) setSheet({ urls, credits: await credits(session, entries) });
    })().catch((thrown: unknown) => {
      session.notify(problemOf(StudioError.from(thrown, 'export-failed')));
      onDone();
    });
    return () => {
      here = false;
      for (const url of made) URL.revokeObjectURL(url);
    };
  }, [desk, session, entries, onDone]);

  useEffect(() => {
    if (!sheet) return;
    window.addEventListener('afterprint', onDone, { once: true });
    window.print();
    return () => window.removeEventListener('afterprint', onDone);
  }, [sheet, onDone]);

  if (!sheet) return null;
  return createPortal(
    <div className="print-sheet" data-testid="print-sheet">
      <h1>Synthetic pictures – not patients, not for diagnosis</h1>
      <div className="print-grid">
        {entries.map((entry, i) => (
          <figure key={entry.id}>
            {sheet.urls[i] && <img src={sheet.urls[i]} alt="" />}
            <figcaption>
              <strong>{entry.gradeText}</strong>
              <br />
              {entry.request.model}, seed {entry.request.seed}
              {entry.note && (
                <>
                  <br />
                  {entry.note}
                </>
              )}
            </figcaption>
          </figure>
        ))}
      </div>
      {sheet.credits.map((line) => (
        <p key={line}>{line}</p>
      ))}
    </div>,
    document.body,
  );
}

/** Licence and credit of every model that drew one of the pictures. */
async function credits(session: StudioSession, entries: readonly Entry[]): Promise<string[]> {
  const models = [...new Set(entries.map((e) => e.request.model))];
  const manifests = await Promise.all(models.map((model) => session.manifest(model)));
  return manifests.map((m) => `${m.title}: ${m.attribution} (${m.license})`);
}
