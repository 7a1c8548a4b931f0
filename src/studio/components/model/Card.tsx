/** A bundle's card, its Markdown rendered. Raw HTML in it is not: a card may come from anybody. */
import { useEffect, useState } from 'react';
import Markdown from 'react-markdown';
import remarkGfm from 'remark-gfm';
import { StudioError, type ErrorInfo } from '../../../errors';
import type { BundleManifest } from '../../../models/manifest';
import { readCard } from '../../../models/source';
import { useSession } from '../../context';
import { TableScroll } from '../widgets';

type Read = { text: string | null } | { error: ErrorInfo };

export function Card({ manifest }: { manifest: BundleManifest }) {
  const session = useSession();
  const [read, setRead] = useState<Read | null>(null);
  const folder = session.bundleUrl(manifest.id);
  useEffect(() => {
    const stop = new AbortController();
    readCard(folder, manifest, stop.signal).then(
      (text) => setRead({ text }),
      (thrown: unknown) => {
        if (!stop.signal.aborted) setRead({ error: StudioError.from(thrown).toInfo() });
      },
    );
    return () => stop.abort();
  }, [folder, manifest]);
  if (!read) return <p>Reading the card …</p>;
  if ('error' in read) {
    return (
      <p role="alert">
        {read.error.message} {read.error.remedy}
      </p>
    );
  }
  if (read.text === null) return <p className="lead">This model has no card.</p>;
  return (
    <article className="card" data-testid="card">
      <Markdown
        remarkPlugins={[remarkGfm]}
        components={{
          // The dialog's own title stands above: the card's headings begin one level below it.
          h1: ({ children }) => <h3 className="card-title">{children}</h3>,
          h2: ({ children }) => <h3>{children}</h3>,
          h3: ({ children }) => <h4>{children}</h4>,
          table: ({ children }) => (
            <TableScroll label="Table of the card">
              <table className="info-table">{children}</table>
            </TableScroll>
          ),
          // Pictures of the bundle only; a card cannot make the page ask anybody else.
          img: ({ src, alt }) =>
            typeof src === 'string' && /^[\w.-]+$/.test(src) ? (
              <img src={folder + src} alt={alt ?? ''} loading="lazy" />
            ) : null,
          a: ({ href, children }) => (
            <a href={href} target="_blank" rel="noreferrer">
              {children}
            </a>
          ),
        }}
      >
        {read.text}
      </Markdown>
    </article>
  );
}
