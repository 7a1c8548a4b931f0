/**
 * Two to four pictures side by side: one zoom, one place and one scrubber for all of them; their differences as maps; or in
 * one place in turn. A person's own picture may stand among them, named REAL, and stays on this machine.
 */
import { useEffect, useMemo, useState, type CSSProperties, type DragEvent, type ReactNode } from 'react';
import { FileTrigger } from 'react-aria-components';
import { ColourBar } from '../../components/ColourBar';
import { LevelGlyph } from '../../components/Icon';
import { PixelCanvas } from '../../components/PixelCanvas';
import {
  difference,
  DIVERGING,
  paintMap,
  paintPicture,
  pixelMap,
  sharedLimit,
} from '../../components/colour';
import { Button, IconButton, Segmented, Switch } from '../../components/widgets';
import { usePreference, useSession, useStudio } from '../../context';
import { StudioError, type ErrorInfo } from '../../../errors';
import { MOST_COMPARED } from '../../../exchange/link';
import type { BundleManifest } from '../../../models/manifest';
import { inColour } from '../../../models/picture';
import { nearestHeld } from '../../store/frames';
import { severityPlace, severityText } from '../../store/format';
import { draftManifest } from '../../store/state';
import {
  counterpart,
  pictureText,
  type Comparing,
  type SeverityDesk,
  type Slot,
  type SlotProgress,
} from './desk';
import { asChw, readRealPicture } from './realPicture';
import { PictureActions } from './PictureActions';
import { useDesk, useDeskState } from './useDesk';
import { usePanZoom, ZoomButtons, type PanZoom } from './panZoom';

export function CompareView() {
  const desk = useDesk();
  const slots = useDeskState((s) => s.slots);
  const manifest = useStudio(draftManifest);
  /** The place on the trajectory is the same for all, however many steps each has. */
  const { mode, shown: view, place: at } = useDeskState((s) => s.comparing);
  const panZoom = usePanZoom();
  const [problem, setProblem] = useState<ErrorInfo | null>(null);

  const takeFiles = async (files: Iterable<File>) => {
    setProblem(null);
    try {
      for (const file of files) {
        const shape = manifest?.image ?? { width: 1, height: 1 };
        if (!desk.compareReal(await readRealPicture(file, shape))) break;
      }
    } catch (thrown) {
      setProblem(StudioError.from(thrown).toInfo());
    }
  };
  const drop = (e: DragEvent) => {
    e.preventDefault();
    void takeFiles(e.dataTransfer.files);
  };

  const enough = slots.length >= 2;
  const shownMode = enough ? mode : 'side';
  return (
    <section
      className="viewer compare"
      aria-label="Side by side"
      onDragOver={(e) => e.preventDefault()}
      onDrop={drop}
      data-testid="compare"
    >
      <div className="viewer-tools">
        <Segmented
          label="How to compare"
          value={shownMode}
          choices={[
            { value: 'side', label: 'Side by side' },
            { value: 'difference', label: 'Difference', disabled: !enough },
            { value: 'blink', label: 'Blink', disabled: !enough },
          ]}
          onChange={(v) => desk.setComparing({ mode: v })}
          testId="compare-mode"
        />
        <Segmented
          label="What is shown"
          value={view}
          choices={[
            { value: 'x0', label: 'Predicted x̂₀' },
            { value: 'x', label: 'Noisy xₜ' },
          ]}
          onChange={(v) => desk.setComparing({ shown: v })}
          testId="compare-view"
        />
        <span className="spacer" />
        <ZoomButtons panZoom={panZoom} />
      </div>
      {problem && (
        <div className="slot-problem" role="alert">
          <p>
            {problem.message} {problem.remedy}
          </p>
        </div>
      )}
      {slots.length === 0 ? (
        <Suggestions manifest={manifest} desk={desk} />
      ) : (
        <Shown slots={slots} mode={shownMode} view={view} at={at} panZoom={panZoom} />
      )}
      {slots.some((s) => s.kind === 'drawn') && (
        <label className="compare-scrubber">
          <span>Noise to picture, all together</span>
          <input
            type="range"
            className="scrubber"
            min={0}
            max={100}
            step={1}
            value={Math.round(at * 100)}
            aria-label="Place on the way from noise to picture"
            aria-valuetext={at === 1 ? 'finished pictures' : `${Math.round(at * 100)} % of the steps`}
            style={{ '--at': `${at * 100}%`, '--made': '100%' } as CSSProperties}
            onChange={(e) => desk.setComparing({ place: Number(e.currentTarget.value) / 100 })}
            data-testid="compare-scrubber"
          />
          <output>{at === 1 ? 'finished' : `${Math.round(at * 100)} %`}</output>
        </label>
      )}
      {slots.length < MOST_COMPARED && (
        <div className="compare-add">
          <FileTrigger
            acceptedFileTypes={['image/png', 'image/jpeg', 'image/webp']}
            onSelect={(files) => files && void takeFiles(files)}
          >
            <Button icon="plus" testId="add-real">
              A real picture of yours
            </Button>
          </FileTrigger>
          <p className="field-hint">
            Choose a file or drop it here. It is shown in this page only, is never sent or stored, and is no
            part of anything saved here.
          </p>
        </div>
      )}
    </section>
  );
}

function Suggestions({ manifest, desk }: { manifest: BundleManifest | null; desk: SeverityDesk }) {
  const draft = useStudio((s) => s.draft);
  if (!manifest || !draft) return null;
  const lowest = manifest.grades[0]!;
  const highest = manifest.grades.at(-1)!;
  const other = counterpart(manifest, draft.variant);
  return (
    <div className="compare-empty">
      <p>Put two to four pictures beside each other. Every picture here has a button for it; or begin with</p>
      <div className="compare-suggestions">
        <Button
          onPress={() =>
            desk.compareInstead([
              { ...draft, severity: lowest.value },
              { ...draft, severity: highest.value },
            ])
          }
          testId="compare-ends"
        >
          {`${lowest.short} and ${highest.short}, the same seed`}
        </Button>
        {other !== null && (
          <Button
            onPress={() => desk.compareInstead([draft, { ...draft, variant: other }])}
            testId="compare-variants"
          >
            {`${manifest.variants[draft.variant]!.title} and ${manifest.variants[other]!.title}, the same noise`}
          </Button>
        )}
      </div>
    </div>
  );
}

interface ShownProps {
  slots: readonly Slot[];
  mode: Comparing['mode'];
  view: Comparing['shown'];
  at: number;
  panZoom: PanZoom;
}

interface Pane {
  readonly slot: Slot;
  readonly width: number;
  readonly height: number;
  /** CHW of a drawn picture at the scrubber; null while it is not there, and for a real one. */
  readonly chw: Float32Array | null;
  readonly step: string;
  readonly progress: SlotProgress | null;
}

function useWidthsAndPixels({ slots, view, at }: Pick<ShownProps, 'slots' | 'view' | 'at'>): Pane[] {
  const desk = useDesk();
  const progress = useDeskState((s) => s.progress);
  return useMemo(
    () =>
      slots.map((slot): Pane => {
        if (slot.kind === 'real') {
          const { width, height } = slot.real;
          return { slot, width, height, chw: null, step: '', progress: null };
        }
        const { width, height } = desk.manifestOf(slot.request)?.image ?? { width: 1, height: 1 };
        const own = progress[slot.id] ?? null;
        const held = own?.held ?? [];
        const index = held.length > 0 ? nearestHeld(held, Math.round(at * slot.request.steps)) : 0;
        const frame = desk.reel(slot.id)?.get(index);
        const step = index >= slot.request.steps ? 'finished' : `step ${index} of ${slot.request.steps}`;
        return { slot, width, height, chw: frame?.[view] ?? null, step, progress: own };
      }),
    [desk, slots, progress, at, view],
  );
}

function Shown({ slots, mode, view, at, panZoom }: ShownProps) {
  const panes = useWidthsAndPixels({ slots, view, at });
  if (mode === 'difference') return <Differences panes={panes} panZoom={panZoom} />;
  if (mode === 'blink') return <Blink panes={panes} panZoom={panZoom} />;
  return (
    <div className="compare-panes" data-count={panes.length}>
      {panes.map((pane) => (
        <PaneFigure key={pane.slot.id} pane={pane} panZoom={panZoom}>
          <PanePicture pane={pane} />
        </PaneFigure>
      ))}
    </div>
  );
}

/** The picture of a pane as it is. */
function PanePicture({ pane }: { pane: Pane }) {
  const desk = useDesk();
  const [smooth] = usePreference('smooth');
  const { slot, width, height, chw } = pane;
  const rgbaOfReal = slot.kind === 'real' ? slot.real.rgba : null;
  const paint = useMemo(() => {
    if (rgbaOfReal) return (rgba: Uint8ClampedArray) => rgba.set(rgbaOfReal);
    return chw ? (rgba: Uint8ClampedArray) => paintPicture(chw, rgba) : null;
  }, [rgbaOfReal, chw]);
  const manifest = slot.kind === 'drawn' ? desk.manifestOf(slot.request) : undefined;
  const label =
    slot.kind === 'real'
      ? `REAL picture, your own file ${slot.real.name}`
      : `Synthetic picture: ${manifest ? pictureText(slot.request, manifest) : ''}, ${pane.step}`;
  return (
    <PixelCanvas
      width={width}
      height={height}
      paint={paint}
      smooth={smooth}
      label={label}
      testId={`pane-${slot.kind}`}
    />
  );
}

function PaneFigure({ pane, panZoom, children }: { pane: Pane; panZoom: PanZoom; children: ReactNode }) {
  const desk = useDesk();
  const { slot, width, height, progress } = pane;
  const real = slot.kind === 'real';
  return (
    <figure
      className={real ? 'pane pane-real' : 'pane'}
      data-testid="pane"
      data-status={progress?.status ?? 'ready'}
    >
      <div className="pane-picture" style={{ aspectRatio: `${width} / ${height}` }} {...panZoom.bind}>
        <div className="pane-moved" style={panZoom.style}>
          {children}
        </div>
        <span className={real ? 'stage-stamp stamp-real' : 'stage-stamp'} aria-hidden="true">
          {real ? 'Real' : 'Synthetic'}
        </span>
      </div>
      <PaneCaption pane={pane} />
      {progress?.error && (
        <div className="slot-problem" role="alert">
          <p>
            {progress.error.message} {progress.error.remedy}
          </p>
          <Button onPress={() => desk.redrawSlot(slot.id)}>Try again</Button>
        </div>
      )}
      <div className="pane-actions">
        {slot.kind === 'drawn' && <DrawnActions slot={slot} ready={progress?.status === 'ready'} />}
        <IconButton
          icon="close"
          label={`Take away: ${real ? slot.real.name : `picture ${slot.id}`}`}
          onPress={() => desk.removeSlot(slot.id)}
          testId="pane-remove"
        />
      </div>
    </figure>
  );
}

function DrawnActions({ slot, ready }: { slot: Extract<Slot, { kind: 'drawn' }>; ready: boolean }) {
  const desk = useDesk();
  const manifest = desk.manifestOf(slot.request);
  if (!manifest) return null;
  return (
    <PictureActions
      request={slot.request}
      of={pictureText(slot.request, manifest)}
      ready={ready}
      testId="pane"
    />
  );
}

function PaneCaption({ pane }: { pane: Pane }) {
  const desk = useDesk();
  const { slot } = pane;
  if (slot.kind === 'real') {
    return (
      <figcaption className="followed-caption">
        <strong>REAL – {slot.real.name}</strong>
        <span className="stage-meta">Your own file, on this machine only</span>
      </figcaption>
    );
  }
  const manifest = desk.manifestOf(slot.request);
  if (!manifest) return <figcaption />;
  const { request } = slot;
  return (
    <figcaption className="followed-caption">
      <span className="stage-grade">
        <LevelGlyph
          level={severityPlace(manifest.grades, request.severity).level}
          count={manifest.grades.length}
        />
        <strong>{severityText(manifest.grades, request.severity)}</strong>
      </span>
      <span className="stage-meta">
        {manifest.variants[request.variant]!.title} · seed {request.seed} ·{' '}
        {pane.chw ? pane.step : 'on its way'}
      </span>
    </figcaption>
  );
}

/** The first picture as it is; of each other one what it has more or less of light, on one scale. */
function Differences({ panes, panZoom }: { panes: readonly Pane[]; panZoom: PanZoom }) {
  const desk = useDesk();
  const maps = useMemo(() => {
    const size = panes.find((p) => p.slot.kind === 'drawn');
    if (!size) return null;
    const numbers = panes.map(({ slot, width, height, chw }) =>
      slot.kind === 'real' ? asChw(slot.real, size.width, size.height) : chw && inColour(chw, width * height),
    );
    const reference = numbers[0];
    const all = numbers
      .slice(1)
      .map((chw) =>
        chw && reference && chw.length === reference.length
          ? pixelMap(difference(chw, reference), size.width * size.height, 'luminance')
          : null,
      );
    return { all, limit: sharedLimit(all.filter((m) => m !== null)), size };
  }, [panes]);
  const [first, ...others] = panes;
  if (!maps || !first) {
    return (
      <p className="stage-note-plain">A difference needs at least one drawn picture: put one beside yours.</p>
    );
  }
  const { limit, size } = maps;
  return (
    <>
      <div className="compare-panes" data-count={panes.length}>
        <PaneFigure pane={first} panZoom={panZoom}>
          <PanePicture pane={first} />
        </PaneFigure>
        {others.map((pane, i) => {
          const map = maps.all[i];
          const text =
            pane.slot.kind === 'real'
              ? pane.slot.real.name
              : pictureText(pane.slot.request, desk.manifestOf(pane.slot.request)!);
          return (
            <PaneFigure
              key={pane.slot.id}
              pane={{ ...pane, width: size.width, height: size.height }}
              panZoom={panZoom}
            >
              {map ? (
                <PixelCanvas
                  width={size.width}
                  height={size.height}
                  paint={(rgba) => paintMap(map, -limit, limit, DIVERGING, rgba)}
                  label={`Difference in brightness: ${text}, less the first picture`}
                  testId="pane-difference"
                />
              ) : (
                <p className="stage-note">
                  {pane.chw ? 'Of another size than the first picture' : 'Not drawn yet'}
                </p>
              )}
            </PaneFigure>
          );
        })}
      </div>
      <ColourBar
        palette={DIVERGING}
        low={-limit}
        high={limit}
        title="Brightness less that of the first picture; the whole range from black to white is 2"
        testId="compare-scale"
      />
    </>
  );
}

/** Below three a second, so that nobody is harmed by flicker. */
const BLINK_MS = 800;

function Blink({ panes, panZoom }: { panes: readonly Pane[]; panZoom: PanZoom }) {
  const session = useSession();
  const [turn, setTurn] = useState(0);
  const [alternating, setAlternating] = useState(
    () => !window.matchMedia('(prefers-reduced-motion: reduce)').matches,
  );
  const count = panes.length;
  useEffect(() => {
    if (!alternating) return;
    const timer = setInterval(() => setTurn((t) => t + 1), BLINK_MS);
    return () => clearInterval(timer);
  }, [alternating]);
  const pane = panes[turn % count]!;
  return (
    <div className="blink">
      <PaneFigure pane={pane} panZoom={panZoom}>
        <PanePicture pane={pane} />
      </PaneFigure>
      <div className="compare-suggestions">
        <Switch
          label="Alternate by itself"
          value={alternating}
          onChange={setAlternating}
          testId="blink-auto"
        />
        <Button
          onPress={() => {
            setAlternating(false);
            setTurn(turn + 1);
            session.announce(`Picture ${((turn + 1) % count) + 1} of ${count}`);
          }}
          testId="blink-next"
        >
          {`Next (${(turn % count) + 1} of ${count} is shown)`}
        </Button>
      </div>
    </div>
  );
}
