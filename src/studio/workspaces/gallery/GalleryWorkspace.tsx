/** Everything that was drawn on this machine: found again, looked into, gone on from, taken away. */
import { useEffect, useMemo, useState } from 'react';
import { StudioError } from '../../../errors';
import type { Batch, Entry } from '../../../storage/gallery';
import { Button, DialogBox, IconButton, SelectBox, Switch } from '../../components/widgets';
import { usePreference, useSession } from '../../context';
import { contactSheet, galleryArchive, SHEET_LIMIT, type ArchiveSource } from '../../exports/galleryFiles';
import { formatBytes, formatCount } from '../../store/format';
import { download } from '../../store/saving';
import { problemOf, type StudioSession } from '../../store/session';
import { BatchDialog, BatchList } from './Batches';
import { Details } from './Details';
import { dayOf, matches, NO_FILTER, optionsOf, type Filter, type Option } from './filter';
import { Grid } from './Grid';
import { PrintSheet } from './PrintSheet';
import { useDesk, useGallery } from './useGallery';
import './gallery.css';

/** A piece of work that makes a file, while it is under way. */
interface Making {
  readonly what: string;
  readonly done: number;
  readonly total: number;
  readonly controller: AbortController;
}

export function GalleryWorkspace() {
  const status = useGallery((s) => s.status);
  const entries = useGallery((s) => s.entries);
  const [filter, setFilter] = useState<Filter>(NO_FILTER);
  const [selected, setSelected] = useState<string | null>(null);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [anchor, setAnchor] = useState<string | null>(null);
  const [printing, setPrinting] = useState<readonly Entry[] | null>(null);
  const shown = useMemo(() => entries.filter((entry) => matches(entry, filter)), [entries, filter]);
  const picked = useMemo(() => shown.filter((entry) => chosen.has(entry.id)), [shown, chosen]);
  const entry = entries.find((e) => e.id === selected);
  const empty = status === 'ready' && entries.length === 0;
  const { making, make } = useMaking();
  const wide = useWide();

  const choose = (id: string, extend: boolean) => {
    const next = new Set(chosen);
    const from = shown.findIndex((e) => e.id === anchor);
    const to = shown.findIndex((e) => e.id === id);
    if (extend && from >= 0 && to >= 0) {
      for (const e of shown.slice(Math.min(from, to), Math.max(from, to) + 1)) next.add(e.id);
    } else if (!next.delete(id)) next.add(id);
    setAnchor(id);
    setChosen(next);
  };

  const details = entry && <Details key={entry.id} entry={entry} onClose={() => setSelected(null)} />;
  return (
    <main className="gallery" data-testid="gallery" data-status={status}>
      <section className="panel gallery-main" aria-label="Gallery">
        <div className="gallery-head">
          <h2>Gallery</h2>
          <SpaceLine />
          <BatchDialog />
        </div>
        <BatchList
          onShow={(batch) => setFilter({ ...NO_FILTER, batch: batch.id })}
          onExport={(batch) =>
            make.archive(
              entries.filter((e) => e.batches.includes(batch.id)),
              batch,
            )
          }
        />
        {!empty && <FilterBar entries={entries} filter={filter} onChange={setFilter} />}
        <Undo />
        <div className="gallery-bar">
          <p data-testid="gallery-count" aria-live="polite">
            {status === 'opening' && 'Opening …'}
            {status === 'ready' &&
              !empty &&
              (picked.length > 0
                ? `${formatCount(picked.length)} of ${formatCount(shown.length)} chosen`
                : `${formatCount(shown.length)} ${shown.length === 1 ? 'picture' : 'pictures'}${filter.batch ? ' of one batch' : ''}`)}
          </p>
          {shown.length > 0 && (
            <Chosen
              picked={picked}
              onAll={() => setChosen(new Set(shown.map((e) => e.id)))}
              onNone={() => setChosen(new Set())}
              onArchive={() => make.archive(picked, null)}
              onSheet={() => make.sheet(picked)}
              onPrint={() => setPrinting(picked)}
              busy={making !== null}
            />
          )}
        </div>
        {making && (
          <div className="gallery-making" data-testid="making">
            <progress value={making.done} max={making.total} aria-label={making.what} />
            <span>
              {making.what}: {formatCount(making.done)} of {formatCount(making.total)}
            </span>
            <Button onPress={() => making.controller.abort()}>Cancel</Button>
          </div>
        )}
        {status === 'unavailable' ? (
          <p className="panel-empty">
            This browser does not let the page keep pictures here. They can still be drawn and saved as files.
          </p>
        ) : shown.length === 0 && status === 'ready' ? (
          <p className="panel-empty">
            {entries.length === 0
              ? 'Nothing yet. Every picture that is drawn in Sample is kept here, on this machine and nowhere else; “Draw many” draws several of each grade at once.'
              : 'No picture answers to this.'}
          </p>
        ) : (
          <Grid
            entries={shown}
            selected={selected}
            onSelect={setSelected}
            chosen={chosen}
            onChoose={choose}
          />
        )}
      </section>
      {wide ? (
        (details ??
        (!empty && (
          <section className="panel details-empty" aria-label="Details">
            <p className="panel-empty">
              Choose a picture to see its settings. The settings of the Sample workspace stay as they are.
            </p>
          </section>
        )))
      ) : (
        <DialogBox
          title="Picture"
          open={entry !== undefined}
          onOpenChange={(open) => !open && setSelected(null)}
          testId="details-dialog"
        >
          {details}
        </DialogBox>
      )}
      {printing && <PrintSheet entries={printing} onDone={() => setPrinting(null)} />}
    </main>
  );
}

/** Whether there is room for the details beside the pictures. */
function useWide(): boolean {
  const query = '(min-width: 900px)';
  const [wide, setWide] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const media = matchMedia(query);
    const change = () => setWide(media.matches);
    media.addEventListener('change', change);
    return () => media.removeEventListener('change', change);
  }, []);
  return wide;
}

function SpaceLine() {
  const entries = useGallery((s) => s.entries);
  const space = useGallery((s) => s.space);
  const [trajectories, setTrajectories] = usePreference('keepTrajectories');
  const own = entries.reduce((sum, e) => sum + e.bytes, 0);
  return (
    <>
      <p className="panel-note" data-testid="gallery-space">
        {entries.length > 0 && `${formatBytes(own)} of pictures. `}
        {space.used !== null &&
          space.quota !== null &&
          `This page uses ${formatBytes(space.used)} of ${formatBytes(space.quota)}`}
        {entries.length > 0 &&
          !space.persisted &&
          '. The browser may clear them away when space is short: export what you need'}
      </p>
      <span className="spacer" />
      <Switch
        label="Keep every step"
        value={trajectories}
        onChange={setTrajectories}
        testId="keep-trajectories"
      />
    </>
  );
}

function Undo() {
  const desk = useDesk();
  const undo = useGallery((s) => s.undo);
  if (undo.length === 0) return null;
  return (
    <div className="gallery-undo" role="status" data-testid="undo">
      <span>
        {formatCount(undo.length)} {undo.length === 1 ? 'picture' : 'pictures'} deleted.
      </span>
      <Button onPress={() => void desk.undoDelete()} testId="undo-delete">
        Undo
      </Button>
      <IconButton
        icon="close"
        label="Delete for good"
        onPress={() => void desk.finishDelete()}
        testId="finish-delete"
      />
    </div>
  );
}

interface FilterBarProps {
  entries: readonly Entry[];
  filter: Filter;
  onChange: (filter: Filter) => void;
}

function FilterBar({ entries, filter, onChange }: FilterBarProps) {
  const models = optionsOf(entries, (e) => [e.request.model, e.modelTitle]);
  const grades = optionsOf(
    entries.filter((e) => !filter.model || e.request.model === filter.model),
    (e) => [e.gradeText, e.gradeText],
  ).sort((a, b) => a.label.localeCompare(b.label, 'en', { numeric: true }));
  const days = optionsOf(entries, (e) => [
    dayOf(e.madeAt),
    new Date(e.madeAt).toLocaleDateString('en-GB', { dateStyle: 'medium' }),
  ]);
  const choices = (all: string, options: readonly Option[], current: string) => [
    { value: '', label: all },
    ...options.map((o) => ({ value: o.value, label: `${o.label} (${o.count})` })),
    // What was chosen stays choosable when nothing has it any more.
    ...(current && !options.some((o) => o.value === current)
      ? [{ value: current, label: `${current} (0)` }]
      : []),
  ];
  const changed = JSON.stringify(filter) !== JSON.stringify(NO_FILTER);
  return (
    <search className="gallery-filter" aria-label="Find pictures">
      <label className="field">
        <span className="field-label">Search</span>
        <input
          type="search"
          className="text-input"
          placeholder="Note, grade, seed"
          value={filter.text}
          onChange={(e) => onChange({ ...filter, text: e.currentTarget.value })}
          data-testid="filter-text"
        />
      </label>
      <SelectBox
        label="Model"
        value={filter.model}
        choices={choices('All models', models, filter.model)}
        onChange={(model) => onChange({ ...filter, model, grade: '' })}
        testId="filter-model"
      />
      <SelectBox
        label="Grade"
        value={filter.grade}
        choices={choices('All grades', grades, filter.grade)}
        onChange={(grade) => onChange({ ...filter, grade })}
        testId="filter-grade"
      />
      <SelectBox
        label="Day"
        value={filter.day}
        choices={choices('Any day', days, filter.day)}
        onChange={(day) => onChange({ ...filter, day })}
        testId="filter-day"
      />
      <Switch
        label="Starred"
        value={filter.starred}
        onChange={(starred) => onChange({ ...filter, starred })}
        testId="filter-starred"
      />
      <Button isDisabled={!changed} onPress={() => onChange(NO_FILTER)} testId="filter-clear">
        Show all
      </Button>
    </search>
  );
}

interface ChosenProps {
  picked: readonly Entry[];
  busy: boolean;
  onAll: () => void;
  onNone: () => void;
  onArchive: () => void;
  onSheet: () => void;
  onPrint: () => void;
}

function Chosen({ picked, busy, onAll, onNone, onArchive, onSheet, onPrint }: ChosenProps) {
  const desk = useDesk();
  const none = picked.length === 0;
  const many = picked.length > SHEET_LIMIT;
  return (
    <div className="gallery-actions" role="group" aria-label="With the chosen pictures">
      {none ? (
        <Button onPress={onAll} testId="choose-all">
          Choose all
        </Button>
      ) : (
        <>
          <Button onPress={onNone} testId="choose-none">
            Choose none
          </Button>
          <Button isDisabled={busy} onPress={onArchive} testId="export-zip">
            Export ZIP
          </Button>
          <Button isDisabled={busy || many} onPress={onSheet} testId="contact-sheet">
            Contact sheet
          </Button>
          <Button isDisabled={many} onPress={onPrint} testId="print">
            Print
          </Button>
          <Button onPress={() => void desk.delete(picked.map((e) => e.id))} testId="delete-chosen">
            Delete
          </Button>
          {many && <span className="field-hint">A sheet holds at most {SHEET_LIMIT} pictures.</span>}
        </>
      )}
    </div>
  );
}

function sourceOf(session: StudioSession): ArchiveSource {
  return {
    manifest: (model) => session.manifest(model),
    card: async (manifest) => {
      if (!manifest.card) return null;
      const response = await fetch(session.bundleUrl(manifest.id) + manifest.card).catch(() => null);
      return response?.ok ? response.text() : null;
    },
  };
}

/** Making a file of many pictures: with progress, cancelled on demand, a failure said. */
function useMaking() {
  const session = useSession();
  const desk = useDesk();
  const [making, setMaking] = useState<Making | null>(null);

  const run = async (
    what: string,
    total: number,
    work: (onProgress: (done: number) => void, signal: AbortSignal) => Promise<void>,
  ) => {
    const controller = new AbortController();
    setMaking({ what, done: 0, total, controller });
    try {
      await work((done) => setMaking({ what, done, total, controller }), controller.signal);
      session.announce(`${what}: done`);
    } catch (thrown) {
      const error = StudioError.from(thrown, 'export-failed');
      if (error.code !== 'cancelled') session.notify(problemOf(error));
    }
    setMaking(null);
  };

  return {
    making,
    make: {
      archive(entries: readonly Entry[], batch: Batch | null) {
        const models = new Set(entries.map((e) => e.request.model));
        const name = models.size === 1 ? `${entries[0]!.request.model}-pictures.zip` : 'pictures.zip';
        void run('Making the archive', entries.length, async (onProgress, signal) => {
          const plan = batch?.plan ?? null;
          const blob = await galleryArchive(desk, sourceOf(session), entries, plan, onProgress, signal);
          download(blob, blob.type, name);
        });
      },
      sheet(entries: readonly Entry[]) {
        void run('Making the contact sheet', entries.length, async () => {
          download(await contactSheet(desk, entries), 'image/png', 'contact-sheet.png');
        });
      },
    },
  };
}
