/**
 * Thumbnails of thousands of pictures, of which only those in sight exist. One of them is in the tab order; arrow keys
 * move among them, Enter shows its settings, X chooses it.
 */
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useLayoutEffect, useRef, useState, type KeyboardEvent } from 'react';
import type { Entry } from '../../../storage/gallery';
import { Icon } from '../../components/Icon';
import { useFocusAlong, withRow } from '../../components/virtualFocus';
import { usePreference } from '../../context';
import { formatSeverity } from '../../store/format';
import { usePictureUrl } from './usePictureUrl';

/** Room for the longest grade of the bundled sets, "DR 2, Moderate NPDR". */
const MIN_TILE = 140;
const GAP = 8;
/** The two lines under a thumbnail. */
const CAPTION = 40;

interface GridProps {
  entries: readonly Entry[];
  selected: string | null;
  onSelect: (id: string) => void;
  chosen: ReadonlySet<string>;
  onChoose: (id: string, extend: boolean) => void;
}

export function Grid({ entries, selected, onSelect, chosen, onChoose }: GridProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const columns = Math.max(2, Math.floor((width + GAP) / (MIN_TILE + GAP)));
  const tile = Math.floor((width - (columns - 1) * GAP) / columns);
  const rows = Math.ceil(entries.length / columns);
  // The place that Tab reaches.
  const [active, setActive] = useState(0);
  const place = Math.min(active, Math.max(0, entries.length - 1));
  // eslint-disable-next-line react-hooks/incompatible-library -- its functions are used here only, never passed on
  const virtual = useVirtualizer({
    count: width > 0 ? rows : 0,
    getScrollElement: () => scroller.current,
    estimateSize: () => tile + CAPTION + GAP,
    overscan: 3,
    rangeExtractor: withRow(Math.floor(place / columns)),
  });
  useEffect(() => virtual.measure(), [virtual, tile]);

  const takeFocusTo = useFocusAlong(scroller, 'data-place', place);

  const move = (event: KeyboardEvent) => {
    const last = entries.length - 1;
    const steps: Record<string, number> = {
      ArrowLeft: place - 1,
      ArrowRight: place + 1,
      ArrowUp: place - columns,
      ArrowDown: place + columns,
      PageUp: place - columns * 4,
      PageDown: place + columns * 4,
      Home: 0,
      End: last,
    };
    const to = steps[event.key];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const next = Math.max(0, Math.min(last, to));
    takeFocusTo(next);
    setActive(next);
    virtual.scrollToIndex(Math.floor(next / columns));
  };

  return (
    <div className="gallery-scroll" ref={scroller} data-testid="gallery-grid">
      <ul
        className="gallery-grid"
        style={{ blockSize: virtual.getTotalSize() }}
        aria-label="Pictures"
        onKeyDown={move}
      >
        {virtual.getVirtualItems().flatMap((row) =>
          entries.slice(row.index * columns, (row.index + 1) * columns).map((entry, column) => {
            const index = row.index * columns + column;
            return (
              <li
                key={entry.id}
                className="gallery-cell"
                aria-setsize={entries.length}
                aria-posinset={index + 1}
                onFocus={() => setActive(index)}
                style={{
                  inlineSize: tile,
                  transform: `translate(${column * (tile + GAP)}px, ${row.start}px)`,
                }}
              >
                <Tile
                  entry={entry}
                  place={index}
                  inTabOrder={index === place}
                  selected={entry.id === selected}
                  chosen={chosen.has(entry.id)}
                  onSelect={() => {
                    setActive(index);
                    onSelect(entry.id);
                  }}
                  onChoose={(extend) => {
                    setActive(index);
                    onChoose(entry.id, extend);
                  }}
                />
              </li>
            );
          }),
        )}
      </ul>
    </div>
  );
}

interface TileProps {
  entry: Entry;
  place: number;
  inTabOrder: boolean;
  selected: boolean;
  chosen: boolean;
  onSelect: () => void;
  onChoose: (extend: boolean) => void;
}

function Tile({ entry, place, inTabOrder, selected, chosen, onSelect, onChoose }: TileProps) {
  const url = usePictureUrl(entry.id);
  const [smooth] = usePreference('smooth');
  const { request } = entry;
  const name = `${entry.gradeText}, seed ${request.seed}, ${request.variant}, ${entry.modelTitle}`;
  const cut = entry.status !== 'finished';
  const change = request.changedFrom?.at(-1);
  return (
    <div className={chosen ? 'tile tile-chosen' : 'tile'}>
      <button
        type="button"
        className="tile-button"
        aria-current={selected || undefined}
        tabIndex={inTabOrder ? 0 : -1}
        data-place={place}
        data-testid="tile"
        onClick={onSelect}
        onKeyDown={(e) => {
          if (e.key !== 'x') return;
          e.stopPropagation();
          onChoose(false);
        }}
      >
        {url ? (
          <img
            src={url}
            alt=""
            className={smooth ? 'tile-picture' : 'tile-picture tile-pixels'}
            draggable={false}
          />
        ) : (
          <span className="tile-picture" />
        )}
        <span className="tile-grade" title={entry.gradeText}>
          {entry.gradeText}
        </span>
        <span className="visually-hidden">, </span>
        <span className="tile-meta">
          seed {request.seed} · {request.variant}
        </span>
        {(cut || change) && (
          <span className="tile-note" aria-hidden="true">
            {[
              change && `${formatSeverity(change.severity)} → ${formatSeverity(request.severity)}`,
              cut && 'stopped',
            ]
              .filter(Boolean)
              .join(', ')}
          </span>
        )}
        <span className="visually-hidden">
          , {entry.modelTitle}
          {entry.star && ', starred'}
          {change && `, grade changed at step ${change.step}`}
          {cut && ', stopped early'}
        </span>
      </button>
      <label className="tile-check">
        <input
          type="checkbox"
          checked={chosen}
          aria-label={`Choose ${name}`}
          tabIndex={inTabOrder ? 0 : -1}
          onChange={() => undefined}
          onClick={(e) => onChoose(e.shiftKey)}
          data-testid="tile-check"
        />
      </label>
      {entry.star && (
        <span className="tile-star">
          <Icon name="star" size={16} />
        </span>
      )}
    </div>
  );
}
