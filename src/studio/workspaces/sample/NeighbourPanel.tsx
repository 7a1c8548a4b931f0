/**
 * What every grade estimates from the very same x_t: noise, predicted picture and the signed difference to the chosen
 * grade, all on one scale, with the distances between the grades and whether they lie in order.
 */
import { useMemo, useState, type KeyboardEvent } from 'react';
import { StudioError } from '../../../errors';
import { guidanceAt } from '../../../models/variants';
import { ColourBar } from '../../components/ColourBar';
import { LevelGlyph } from '../../components/Icon';
import { PixelCanvas } from '../../components/PixelCanvas';
import { Button, Disclosure, Segmented, Switch, TableScroll, type Choice } from '../../components/widgets';
import { usePreference, useSession, useStudio } from '../../context';
import { formatDuration, formatMeasure, formatSigned, gradeText, orderVerdict } from '../../store/format';
import { download, fileStem } from '../../store/saving';
import { problemOf } from '../../store/session';
import {
  runIsGenerated,
  runIsGrey,
  severityShown,
  type DifferenceMap,
  type RunInfo,
} from '../../store/state';
import { tableOf } from './notation';
import { OrderVerdict } from './OrderVerdict';
import { useDifferences, type Differences } from './useDifferences';
import { differenceScale, paintNoise, paintPictureView, paintScaled } from './viewing';

/** About the width of a tile on the page. */
const TILE_PIXELS = 76;

const MAP_NAMES: Record<DifferenceMap, string> = {
  luminance: 'luminance',
  red: 'red channel',
  green: 'green channel',
  blue: 'blue channel',
  norm: 'length over R, G, B',
};

/** What a difference map shows, in words; a grey picture has but one channel. */
function mapName(map: DifferenceMap, grey: boolean): string {
  if (!grey) return MAP_NAMES[map];
  return map === 'norm' ? 'size' : 'signed';
}

export function NeighbourPanel() {
  const run = useStudio((s) => s.run);
  const differences = useDifferences();
  const generated = useStudio(runIsGenerated);
  if (generated) {
    return (
      <section className="panel neighbours" aria-labelledby="neighbours-title" data-testid="neighbours">
        <div className="panel-head">
          <h2 id="neighbours-title">Neighbouring grades</h2>
        </div>
        <p className="panel-empty">
          Grades are compared by their noise estimates from the same noisy picture. This picture was made
          without either; choose a diffusion variant to compare the grades.
        </p>
      </section>
    );
  }
  return (
    <section
      className="panel neighbours"
      data-control="neighbours"
      aria-labelledby="neighbours-title"
      data-testid="neighbours"
    >
      <div className="panel-head">
        <h2 id="neighbours-title">Neighbouring grades</h2>
        <NeighbourStatus />
      </div>
      {run && differences ? (
        <>
          <OrderVerdict />
          <MapTools differences={differences} />
          <ScaleBar differences={differences} />
          <NeighbourGrid run={run} differences={differences} />
          <Disclosure title="Distances between grades" testId="distances-open">
            <DistanceTable run={run} chosen={differences.chosen} />
          </Disclosure>
          <FigureButton run={run} differences={differences} />
        </>
      ) : (
        <p className="panel-empty">
          When a picture is drawn, the estimates of all grades from the same noisy picture appear here.
        </p>
      )}
    </section>
  );
}

function NeighbourStatus() {
  const session = useSession();
  const neighbours = useStudio((s) => s.neighbours);
  const run = useStudio((s) => s.run);
  const steps = run?.request.steps ?? 0;
  const finished = useStudio((s) => s.run !== null && s.cursor >= s.run.request.steps);
  const at = neighbours.frameIndex;
  const guided = useMemo(() => {
    if (!run || at === null) return false;
    const row = tableOf(run.request, run.manifest)[at];
    return row !== undefined && guidanceAt(run.manifest, run.request, row.t) !== 1;
  }, [run, at]);
  const text = {
    none: '',
    waiting: 'after drawing',
    running: 'computing …',
    ready: `step ${neighbours.frameIndex ?? 0} of ${steps}, σ ${neighbours.sigma.toFixed(2)}`,
    failed: 'failed',
  }[neighbours.status];
  return (
    <>
      <span
        className="panel-note"
        data-testid="neighbours-status"
        data-status={neighbours.status}
        title={neighbours.status === 'ready' ? `Computed in ${formatDuration(neighbours.ms)}` : undefined}
      >
        {text}
      </span>
      {neighbours.status === 'ready' && finished && (
        <p className="panel-hint">Scrub back to see where the grades part ways.</p>
      )}
      {neighbours.status === 'ready' && !finished && guided && (
        <p className="panel-hint" data-testid="neighbours-unguided">
          Each grade’s own estimate, without the guidance that the picture had at this step.
        </p>
      )}
      {neighbours.status === 'failed' && neighbours.error && (
        <p className="panel-hint" role="alert">
          {neighbours.error.message} {neighbours.error.remedy}{' '}
          <Button kind="quiet" onPress={() => session.retryNeighbours()} testId="neighbours-again">
            Try again
          </Button>
        </p>
      )}
    </>
  );
}

const COLOUR_MAPS: readonly Choice<DifferenceMap>[] = [
  { value: 'luminance', label: 'Lum.', name: 'Lum., luminance' },
  { value: 'red', label: 'R', name: 'R, red channel' },
  { value: 'green', label: 'G', name: 'G, green channel' },
  { value: 'blue', label: 'B', name: 'B, blue channel' },
  { value: 'norm', label: 'Norm' },
];
/** One channel is its own luminance. */
const GREY_MAPS: readonly Choice<DifferenceMap>[] = [
  { value: 'luminance', label: 'Signed' },
  { value: 'norm', label: 'Size', name: 'Size, without its sign' },
];

function MapTools({ differences }: { differences: Differences }) {
  const session = useSession();
  const map = useStudio((s) => s.differenceMap);
  const locked = useStudio((s) => s.lockedLimit !== null);
  const grey = useStudio(runIsGrey);
  return (
    <div className="map-tools">
      <Segmented
        label="Difference shown as"
        value={grey && map !== 'norm' ? 'luminance' : map}
        choices={grey ? GREY_MAPS : COLOUR_MAPS}
        onChange={(v) => session.look({ differenceMap: v })}
        testId="difference-map"
      />
      <Switch
        label="Lock scale"
        value={locked}
        onChange={(on) => session.look({ lockedLimit: on ? differences.limit : null })}
        testId="lock-scale"
      />
    </div>
  );
}

/** The whole panel as a picture for slides, at twice its size. */
function FigureButton({ run, differences }: GridProps) {
  const session = useSession();
  const save = async () => {
    const { neighbours, noiseMap, differenceMap } = session.store.getState();
    const result = session.neighbourPixels(neighbours.key);
    if (!result) return;
    const { neighbourFigure } = await import('../../exports/neighbourFigure');
    const scale = differenceScale(differenceMap, differences.limit);
    const { grades } = run.manifest;
    const bytes = await neighbourFigure({
      run,
      step: neighbours.frameIndex ?? 0,
      sigma: neighbours.sigma,
      rows: grades.map((_, i) => ({
        paints: [
          paintNoise(result.epsilon[i]!, noiseMap),
          paintPictureView(result.x0[i]!),
          paintScaled(differences.maps[i]!, scale),
        ],
        distance:
          i === differences.chosen
            ? null
            : (neighbours.distances[differences.chosen * grades.length + i] ?? null),
      })),
      map: mapName(differenceMap, run.manifest.image.channels === 1),
      scale,
      verdict: orderVerdict(neighbours.triples)?.headline ?? null,
    });
    download(
      bytes,
      'image/png',
      `${fileStem(run.request)}_neighbours_step-${neighbours.frameIndex ?? 0}.png`,
    );
  };
  return (
    <Button
      onPress={() =>
        void save().catch((thrown: unknown) => session.notify(problemOf(StudioError.from(thrown))))
      }
      testId="save-figure"
    >
      Save as a figure
    </Button>
  );
}

interface GridProps {
  run: RunInfo;
  differences: Differences;
}

function NeighbourGrid({ run, differences }: GridProps) {
  const session = useSession();
  const probe = useStudio((s) => s.probe);
  // Values are read out to assistive technology while the arrow keys move the pixel, not while a mouse wanders.
  const [byKeyboard, setByKeyboard] = useState(false);
  const { grades, image } = run.manifest;

  const move = (e: KeyboardEvent) => {
    const step = e.shiftKey ? 8 : 1;
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[e.key];
    if (!by || e.target !== e.currentTarget) return;
    e.preventDefault();
    e.stopPropagation();
    const from = probe ?? { x: image.width >> 1, y: image.height >> 1 };
    const clamp = (v: number, size: number) => Math.max(0, Math.min(size - 1, v));
    setByKeyboard(true);
    session.look({
      probe: {
        x: clamp(from.x + by[0]! * step, image.width),
        y: clamp(from.y + by[1]! * step, image.height),
      },
    });
  };

  return (
    <>
      <div
        className="neighbour-grid"
        role="group"
        aria-label="Maps of all grades; arrow keys move the pixel whose values are read"
        tabIndex={0}
        onKeyDown={move}
        onBlur={() => setByKeyboard(false)}
        onPointerMove={() => setByKeyboard(false)}
        data-testid="neighbour-grid"
      >
        <div className="neighbour-row neighbour-head" aria-hidden="true">
          <span>Grade, d</span>
          <span>Noise ε̂</span>
          <span>Predicted x̂₀</span>
          <span>Δ ε̂</span>
        </div>
        {grades.map((grade, i) => (
          <NeighbourRow key={grade.value} run={run} differences={differences} index={i} />
        ))}
      </div>
      <p
        className="neighbour-readout"
        aria-live={byKeyboard ? 'polite' : 'off'}
        data-testid="neighbour-readout"
      >
        {probe ? (
          <>
            Pixel ({probe.x}, {probe.y}):{' '}
            {grades
              .map(
                (g, i) =>
                  `${g.short} ${formatSigned(differences.maps[i]?.[probe.y * image.width + probe.x] ?? 0)}`,
              )
              .join(' · ')}
          </>
        ) : (
          'Point at a map, or focus the maps and use the arrow keys, to read the differences of one pixel.'
        )}
      </p>
    </>
  );
}

function NeighbourRow({ run, differences, index }: GridProps & { index: number }) {
  const session = useSession();
  const [smooth] = usePreference('smooth');
  const key = useStudio((s) => s.neighbours.key);
  const noiseMap = useStudio((s) => s.noiseMap);
  const differenceMap = useStudio((s) => s.differenceMap);
  const compared = useStudio((s) => s.compared);
  const severity = useStudio(severityShown);
  const toChosen = useStudio(
    (s) => s.neighbours.distances[differences.chosen * run.manifest.grades.length + index],
  );
  const { grades, image } = run.manifest;
  const grade = grades[index]!;
  const isChosen = index === differences.chosen;
  const paints = useMemo(() => {
    const result = session.neighbourPixels(key);
    const values = differences.maps[index];
    if (!result || !values) return null;
    return {
      noise: paintNoise(result.epsilon[index]!, noiseMap),
      x0: paintPictureView(result.x0[index]!),
      difference: paintScaled(values, differenceScale(differenceMap, differences.limit)),
    };
  }, [session, key, index, noiseMap, differenceMap, differences]);
  // A picture shown smaller than it is must be averaged, or it shimmers; a map shown larger keeps its pixels.
  const shrunk = image.width > TILE_PIXELS;
  const common = {
    width: image.width,
    height: image.height,
    onProbe: (pixel: { x: number; y: number } | null) => session.look({ probe: pixel }),
  };
  return (
    <div
      className={isChosen ? 'neighbour-row neighbour-chosen' : 'neighbour-row'}
      data-testid={`neighbour-${grade.value}`}
    >
      <button
        type="button"
        className="neighbour-name"
        aria-pressed={isChosen ? undefined : compared === index}
        disabled={isChosen}
        onClick={() => session.look({ compared: compared === index ? null : index })}
        title={isChosen ? undefined : `Show what ${gradeText(grade)} estimates in the picture above`}
      >
        <LevelGlyph level={index + 1} count={grades.length} />
        <span className="neighbour-short">{grade.short}</span>
        <span className="neighbour-distance">
          {/* Between two grades none is what was asked for: the maps are less those of the nearest. */}
          {isChosen
            ? grade.value === severity
              ? 'chosen'
              : 'nearest'
            : `d ${formatMeasure(toChosen ?? NaN)}`}
        </span>
      </button>
      <PixelCanvas
        {...common}
        smooth={shrunk || (smooth && noiseMap === 'rgb')}
        paint={paints?.noise ?? null}
        label={`Noise estimate of ${gradeText(grade)}`}
      />
      <PixelCanvas
        {...common}
        smooth={shrunk || smooth}
        paint={paints?.x0 ?? null}
        label={`Predicted picture of ${gradeText(grade)}`}
      />
      <PixelCanvas
        {...common}
        smooth={shrunk}
        paint={paints?.difference ?? null}
        label={`Noise difference of ${gradeText(grade)} from ${gradeText(grades[differences.chosen]!)}`}
        testId={`difference-${grade.value}`}
      />
    </div>
  );
}

function ScaleBar({ differences }: { differences: Differences }) {
  const map = useStudio((s) => s.differenceMap);
  const grey = useStudio(runIsGrey);
  const probe = useStudio((s) => s.probe);
  const compared = useStudio((s) => s.compared);
  const width = useStudio((s) => s.run?.manifest.image.width ?? 1);
  const mark =
    probe && compared !== null ? differences.maps[compared]?.[probe.y * width + probe.x] : undefined;
  return (
    <ColourBar
      {...differenceScale(map, differences.limit)}
      title={`Δ ε̂, ${mapName(map, grey)}: grade minus chosen`}
      mark={mark ?? null}
      testId="difference-scale"
    />
  );
}

function DistanceTable({ run, chosen }: { run: RunInfo; chosen: number }) {
  const distances = useStudio((s) => s.neighbours.distances);
  const { grades } = run.manifest;
  return (
    <TableScroll label="Distances between grades">
      <table className="distance-table" data-testid="distances">
        <caption>Root-mean-square distance of the noise estimates</caption>
        <thead>
          <tr>
            <td />
            {grades.map((g) => (
              <th key={g.value} scope="col">
                {g.short}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {grades.map((g, i) => (
            <tr key={g.value} className={i === chosen ? 'distance-chosen' : undefined}>
              <th scope="row">{g.short}</th>
              {grades.map((h, j) => (
                <td key={h.value}>
                  {i === j ? '0' : formatMeasure(distances[i * grades.length + j] ?? NaN)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </TableScroll>
  );
}
