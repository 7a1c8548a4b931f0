/** A grid over two settings: its axes, its filling, and its cells, of which only those in sight exist. */
import { useVirtualizer } from '@tanstack/react-virtual';
import { memo, useEffect, useMemo, useRef, useState, type CSSProperties, type KeyboardEvent } from 'react';
import { ProgressBar } from 'react-aria-components';
import { PixelCanvas } from '../../components/PixelCanvas';
import { useFocusAlong, withRow } from '../../components/virtualFocus';
import { paintPicture } from '../../components/colour';
import { Button, NumberBox, SelectBox } from '../../components/widgets';
import { useSession, useStudio } from '../../context';
import { AXES, type Axis } from '../../../exchange/link';
import type { BundleManifest } from '../../../models/manifest';
import type { SampleRequest } from '../../../models/request';
import { formatDuration, loadProgressText } from '../../store/format';
import { requestKey } from '../../store/pictures';
import { draftManifest } from '../../store/state';
import { pictureText, settingsText, type SeverityDesk } from './desk';
import type { FillState } from './fill';
import {
  AXIS_TITLES,
  axisLimits,
  firstAxis,
  gridRefusal,
  MOST_ON_AXIS,
  planGrid,
  type AxisName,
  type GridPlan,
} from './grid';
import { PictureActions } from './PictureActions';
import { useDesk, useDeskState } from './useDesk';

export function GridView() {
  const manifest = useStudio(draftManifest);
  const draft = useStudio((s) => s.draft);
  if (!manifest || !draft) return <section className="panel" aria-label="Grid" />;
  // Another model has another scale: its axes begin anew.
  return <Grid key={manifest.id} manifest={manifest} draft={draft} />;
}

function Grid({ manifest, draft }: { manifest: BundleManifest; draft: SampleRequest }) {
  const desk = useDesk();
  const axes = useDeskState((s) => s.axes[manifest.id]);
  const rows = axes?.rows ?? firstAxis('seed', manifest, draft);
  const columns = axes?.columns ?? firstAxis('severity', manifest, draft);
  const fill = useDeskState((s) => s.fill);
  const grid = useDeskState((s) => s.grid);
  const plan = useMemo(() => planGrid(rows, columns, manifest, draft), [rows, columns, manifest, draft]);
  const refusal = gridRefusal(rows, columns, plan);
  const shown = grid?.cells[0]?.model === manifest.id ? grid : null;
  const setAxes = (change: { rows?: Axis; columns?: Axis }) => desk.setAxes(manifest.id, change);
  return (
    <section className="panel grid-panel" aria-label="Grid">
      <div className="grid-axes">
        <AxisFields
          title="Rows"
          axis={rows}
          most={MOST_ON_AXIS.rows}
          manifest={manifest}
          onChange={(axis) => setAxes({ rows: axis })}
          onName={(name) => setAxes({ rows: firstAxis(name, manifest, draft) })}
          testId="rows"
        />
        <AxisFields
          title="Columns"
          axis={columns}
          most={MOST_ON_AXIS.columns}
          manifest={manifest}
          onChange={(axis) => setAxes({ columns: axis })}
          onName={(name) => setAxes({ columns: firstAxis(name, manifest, draft) })}
          testId="columns"
        />
      </div>
      <div className="grid-tools">
        {fill.status === 'filling' ? (
          <Button onPress={() => desk.cancelGrid()} testId="grid-cancel">
            Cancel
          </Button>
        ) : (
          <Button
            kind="primary"
            isDisabled={refusal !== null}
            onPress={() => void desk.fillGrid(plan)}
            testId="grid-fill"
          >
            {`Draw ${plan.cells.length} pictures`}
          </Button>
        )}
        <FillProgress fill={fill} />
        {shown && fill.done > 0 && (
          <Button
            icon="save"
            onPress={() => desk.saveSheet(shown.cells, shown.columns.length)}
            testId="grid-sheet"
          >
            Contact sheet
          </Button>
        )}
      </div>
      {refusal && (
        <p className="field-error" role="alert">
          {refusal}
        </p>
      )}
      {fill.error && (
        <p className="field-error" role="alert">
          {fill.error.message} {fill.error.remedy}
        </p>
      )}
      {shown ? (
        <GridCells plan={shown} manifest={manifest} fill={fill} />
      ) : (
        <p className="panel-empty">
          Every picture of the grid differs from the others only by its row and its column. Everything else is
          as in the settings. What is in sight is drawn first.
        </p>
      )}
    </section>
  );
}

interface AxisFieldsProps {
  title: string;
  axis: Axis;
  most: number;
  manifest: BundleManifest;
  onChange: (axis: Axis) => void;
  onName: (name: AxisName) => void;
  testId: string;
}

function AxisFields({ title, axis, most, manifest, onChange, onName, testId }: AxisFieldsProps) {
  const [low, high] = axisLimits(axis.name, manifest);
  const digits = axis.name === 'severity' || axis.name === 'guidance' ? 2 : 0;
  const step = axis.name === 'severity' ? 0.05 : axis.name === 'guidance' ? 0.1 : 1;
  return (
    <fieldset className="axis">
      <legend className="field-label">{title}</legend>
      <SelectBox
        label={`What stands on the ${title.toLowerCase()}`}
        compact
        value={axis.name}
        choices={AXES.map((value) => ({ value, label: AXIS_TITLES[value] }))}
        onChange={onName}
        testId={`${testId}-axis`}
      />
      {axis.name !== 'variant' && (
        <>
          <NumberBox
            label={axis.name === 'seed' ? 'First' : 'From'}
            value={axis.from}
            min={low}
            max={high}
            step={step}
            digits={digits}
            bare
            onChange={(from) => onChange({ ...axis, from })}
            testId={`${testId}-from`}
          />
          {axis.name !== 'seed' && (
            <NumberBox
              label="To"
              value={axis.to}
              min={low}
              max={high}
              step={step}
              digits={digits}
              bare
              onChange={(to) => onChange({ ...axis, to })}
              testId={`${testId}-to`}
            />
          )}
          <NumberBox
            label="How many"
            value={axis.count}
            min={1}
            max={most}
            bare
            onChange={(count) => onChange({ ...axis, count })}
            testId={`${testId}-count`}
          />
        </>
      )}
    </fieldset>
  );
}

function FillProgress({ fill }: { fill: FillState }) {
  const loading = useDeskState((s) => s.loading);
  if (fill.status === 'idle') return <span className="grid-progress" />;
  const left =
    fill.msLeft !== null && fill.status === 'filling' ? ` · ${formatDuration(fill.msLeft)} left` : '';
  const words = {
    idle: '',
    filling: loading ? loadProgressText(loading).label : `${fill.done} of ${fill.total} pictures${left}`,
    done: `${fill.total} pictures`,
    cancelled: `Cancelled; ${fill.done} of ${fill.total} pictures are kept`,
    failed: `${fill.done} of ${fill.total} pictures`,
  }[fill.status];
  return (
    <ProgressBar
      className="grid-progress"
      aria-label="Filling the grid"
      value={fill.done}
      maxValue={Math.max(1, fill.total)}
      valueLabel={words}
      data-testid="grid-progress"
      data-status={fill.status}
    >
      {({ percentage }) => (
        <>
          <span className="activity-text">{words}</span>
          <span className="progress-track">
            <span className="progress-fill" style={{ inlineSize: `${percentage}%` }} />
          </span>
        </>
      )}
    </ProgressBar>
  );
}

const HEAD = 84;
const LABEL_HEIGHT = 26;
const GAP = 4;
const SMALLEST_CELL = 76;
const LARGEST_CELL = 160;

/** Width of a cell so that all columns are seen where that is possible. */
function useCellSize(columns: number) {
  const ref = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const room = Math.floor((width - HEAD) / columns) - GAP;
  return { ref, size: Math.max(SMALLEST_CELL, Math.min(LARGEST_CELL, room)) };
}

interface GridCellsProps {
  plan: GridPlan;
  manifest: BundleManifest;
  fill: FillState;
}

function GridCells({ plan, manifest, fill }: GridCellsProps) {
  const session = useSession();
  const desk = useDesk();
  const { rows, columns, cells } = plan;
  const { ref, size } = useCellSize(columns.length);
  const [at, setAt] = useState(0);
  const current = Math.min(at, cells.length - 1);
  const chosenRow = Math.floor(current / columns.length);
  const ratio = manifest.image.height / manifest.image.width;
  const rowHeight = Math.round(size * ratio) + GAP;
  // eslint-disable-next-line react-hooks/incompatible-library -- nothing here is compiled or memoized by it
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => ref.current,
    estimateSize: () => rowHeight,
    overscan: 2,
    scrollPaddingStart: LABEL_HEIGHT,
    rangeExtractor: withRow(chosenRow),
  });
  useEffect(() => virtual.measure(), [virtual, rowHeight]);
  const items = virtual.getVirtualItems();
  const first = virtual.range?.startIndex ?? 0;
  const last = virtual.range?.endIndex ?? -1;

  // What is in sight is drawn first.
  useEffect(() => {
    const visible: number[] = [];
    for (let i = first * columns.length; i < Math.min(cells.length, (last + 1) * columns.length); i++)
      visible.push(i);
    desk.showCells(visible);
  }, [desk, first, last, columns.length, cells.length]);

  const takeFocusTo = useFocusAlong(ref, 'data-cell', current);
  const go = (next: number) => {
    const to = Math.max(0, Math.min(cells.length - 1, next));
    takeFocusTo(to);
    setAt(to);
    virtual.scrollToIndex(Math.floor(to / columns.length));
  };
  const keys = (e: KeyboardEvent) => {
    const across = columns.length;
    const moves: Record<string, number> = {
      ArrowLeft: current - 1,
      ArrowRight: current + 1,
      ArrowUp: current - across,
      ArrowDown: current + across,
      PageUp: current - across * 5,
      PageDown: current + across * 5,
      Home: current - (current % across),
      End: current - (current % across) + across - 1,
    };
    const request = cells[current]!;
    if (e.key in moves) go(moves[e.key]!);
    else if (e.key === 'Enter') void session.openInSample(request);
    else if (e.key === 'p') desk.togglePin(request);
    else if (e.key === 'c') desk.compare(request);
    else return;
    e.preventDefault();
    e.stopPropagation();
  };

  const chosen = cells[current]!;
  const chosenText = pictureText(chosen, manifest);
  const width = HEAD + columns.length * (size + GAP);
  return (
    <>
      <div
        ref={ref}
        className="grid-scroll"
        role="grid"
        aria-label="Synthetic pictures"
        aria-rowcount={rows.length + 1}
        aria-colcount={columns.length + 1}
        onKeyDown={keys}
        data-testid="grid"
        style={{ '--cell': `${size}px`, '--cell-height': `${Math.round(size * ratio)}px` } as CSSProperties}
      >
        <div role="row" aria-rowindex={1} className="grid-row grid-head" style={{ inlineSize: width }}>
          <span role="columnheader" className="grid-row-label">
            <span className="visually-hidden">Rows</span>
          </span>
          {columns.map((c) => (
            <span role="columnheader" key={c.label} className="grid-column-label" title={c.label}>
              {c.label}
            </span>
          ))}
        </div>
        <div
          role="rowgroup"
          style={{ blockSize: virtual.getTotalSize(), inlineSize: width, position: 'relative' }}
        >
          {items.map((item) => (
            <div
              role="row"
              key={item.key}
              aria-rowindex={item.index + 2}
              className="grid-row"
              style={{ transform: `translateY(${item.start}px)`, position: 'absolute', inlineSize: width }}
            >
              <span role="rowheader" className="grid-row-label" title={rows[item.index]!.label}>
                {rows[item.index]!.label}
              </span>
              {columns.map((c, x) => {
                const index = item.index * columns.length + x;
                return (
                  <Cell
                    key={c.label}
                    desk={desk}
                    index={index}
                    request={cells[index]!}
                    manifest={manifest}
                    current={index === current}
                    // Looks again when something has been drawn.
                    drawn={fill.done}
                    onChoose={setAt}
                  />
                );
              })}
            </div>
          ))}
        </div>
      </div>
      <div className="grid-chosen" data-testid="grid-chosen">
        <p>
          <strong>{chosenText}</strong>
          <span className="field-hint">
            {settingsText(chosen, manifest)}. In the grid: arrow keys move, Enter opens in Sample, P pins, C
            puts side by side.
          </span>
        </p>
        <PictureActions
          request={chosen}
          of={chosenText}
          ready={desk.pictures.get(chosen) !== undefined}
          testId="cell"
        />
      </div>
    </>
  );
}

interface CellProps {
  desk: SeverityDesk;
  index: number;
  request: SampleRequest;
  manifest: BundleManifest;
  current: boolean;
  drawn: number;
  onChoose: (index: number) => void;
}

const Cell = memo(function Cell({ desk, index, request, manifest, current, onChoose }: CellProps) {
  const key = requestKey(request);
  const pinned = useDeskState((s) => s.pins.some((pin) => requestKey(pin) === key));
  const chw = desk.pictures.get(request)?.chw;
  const paint = useMemo(() => (chw ? (rgba: Uint8ClampedArray) => paintPicture(chw, rgba) : null), [chw]);
  const text = pictureText(request, manifest);
  return (
    <button
      type="button"
      role="gridcell"
      className="grid-cell"
      tabIndex={current ? 0 : -1}
      aria-selected={current}
      aria-label={`${text}${chw ? '' : ', not drawn yet'}${pinned ? ', pinned' : ''}`}
      data-cell={index}
      data-drawn={chw !== undefined}
      data-pinned={pinned}
      onClick={() => onChoose(index)}
      onFocus={() => onChoose(index)}
    >
      <PixelCanvas
        width={manifest.image.width}
        height={manifest.image.height}
        paint={paint}
        label=""
        smooth
      />
    </button>
  );
});
