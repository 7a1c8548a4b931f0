/** The picture: one step of the run, in one of its views, with the values under the pointer. */
import { useMemo } from 'react';
import { ActivityBar } from '../../components/ActivityBar';
import { ColourBar } from '../../components/ColourBar';
import { ErrorPanel } from '../../components/ErrorPanel';
import { LevelGlyph } from '../../components/Icon';
import { PixelCanvas } from '../../components/PixelCanvas';
import { Segmented, Switch } from '../../components/widgets';
import { usePreference, useSession, useStudio } from '../../context';
import {
  changesInWords,
  formatSigned,
  gradeIndex,
  gradeText,
  scrubberText,
  severityPlace,
  severityText,
} from '../../store/format';
import { severityAt } from '../../../models/request';
import { runIsGenerated, runIsGrey } from '../../store/state';
import { ContinueWith } from './ContinueWith';
import { Filmstrip } from './Filmstrip';
import { Notation } from './Notation';
import { OneEvaluation } from './OneEvaluation';
import { SaveMenu } from './SaveMenu';
import { Transport } from './Transport';
import { useDifferences } from './useDifferences';
import { differenceScale, noiseScale, paintScaled, pixelValues, viewerPaint, type Scale } from './viewing';

export function Viewer() {
  const generated = useStudio(runIsGenerated);
  return (
    <section className="viewer" aria-label="Picture">
      <ViewerTools />
      <ErrorPanel />
      <Stage />
      {generated ? (
        <OneEvaluation />
      ) : (
        <>
          <Transport />
          <Filmstrip />
          <ContinueWith />
        </>
      )}
      <ActivityBar />
      {!generated && <Notation />}
    </section>
  );
}

function ViewerTools() {
  const session = useSession();
  const view = useStudio((s) => s.view);
  const generated = useStudio(runIsGenerated);
  return (
    <div className="viewer-tools">
      {!generated && (
        <div className="view-choice" data-control="view">
          <Segmented
            label="View"
            value={view}
            choices={[
              { value: 'x', label: 'Noisy xₜ' },
              { value: 'x0', label: 'Predicted x̂₀' },
              { value: 'epsilon', label: 'Noise ε̂' },
              { value: 'difference', label: 'Δ ε̂', name: 'Δ ε̂, the noise difference from the chosen grade' },
            ]}
            onChange={(v) => session.look({ view: v })}
            testId="view"
          />
        </div>
      )}
      <span className="spacer" />
      <SmoothSwitch />
      <div data-control="save">
        <SaveMenu />
      </div>
    </div>
  );
}

function NoiseMapChoice() {
  const session = useSession();
  const noiseMap = useStudio((s) => s.noiseMap);
  const grey = useStudio(runIsGrey);
  return (
    <Segmented
      label="Noise shown as"
      value={noiseMap}
      choices={[
        grey ? { value: 'rgb', label: 'Grey' } : { value: 'rgb', label: 'RGB' },
        { value: 'luminance', label: grey ? 'Signed' : 'Luminance' },
        { value: 'norm', label: 'Norm' },
      ]}
      onChange={(v) => session.look({ noiseMap: v })}
      testId="noise-map"
    />
  );
}

function SmoothSwitch() {
  const [smooth, setSmooth] = usePreference('smooth');
  return <Switch label="Smooth" value={smooth} onChange={setSmooth} testId="smooth" />;
}

function Stage() {
  const session = useSession();
  const [smooth] = usePreference('smooth');
  const run = useStudio((s) => s.run);
  const cursor = useStudio((s) => s.cursor);
  const generated = useStudio(runIsGenerated);
  // A generator's run is its finished picture; the view chosen for the others waits for them.
  const view = useStudio((s) => (runIsGenerated(s) ? 'x' : s.view));
  const noiseMap = useStudio((s) => s.noiseMap);
  const compared = useStudio((s) => (runIsGenerated(s) ? null : s.compared));
  const neighbourKey = useStudio((s) => s.neighbours.key);
  const differenceMap = useStudio((s) => s.differenceMap);
  const probe = useStudio((s) => s.probe);
  const differences = useDifferences();

  const runId = run?.id;
  const shown = useMemo(() => {
    // The run's number is a key: another run's frames are other pixels under the same step.
    const frame = runId === undefined ? undefined : session.frame(cursor);
    const result = session.neighbourPixels(neighbourKey);
    const other =
      compared !== null && result ? { x0: result.x0[compared]!, epsilon: result.epsilon[compared]! } : null;
    if (!frame) return null;
    if (view === 'difference') {
      const values = compared !== null ? differences?.maps[compared] : undefined;
      if (!differences || !values) return { frame, paint: null, values: null, scale: null };
      const scale = differenceScale(differenceMap, differences.limit);
      return { frame, paint: paintScaled(values, scale), values, scale };
    }
    const scale: Scale | null = view === 'epsilon' ? noiseScale(noiseMap) : null;
    const source = view === 'x' ? frame.x : (other ?? frame)[view];
    return { frame, paint: viewerPaint(frame, view, noiseMap, other), values: source, scale };
  }, [session, runId, cursor, view, noiseMap, compared, neighbourKey, differenceMap, differences]);

  if (!run || !shown) return <EmptyStage />;

  const { width, height } = run.manifest.image;
  const { grades } = run.manifest;
  const severity = severityAt(run.request, cursor);
  const chosen = gradeIndex(grades, severity);
  const grade = grades[view === 'x' ? chosen : (compared ?? chosen)]!;
  // What was asked for may lie between two grades; what it is compared with never does.
  const whole = grade !== grades[chosen] || severityPlace(grades, severity).kind === 'grade';
  const named = whole ? gradeText(grade) : severityText(grades, severity);
  const level = whole ? grades.indexOf(grade) + 1 : severityPlace(grades, severity).level;
  const place = generated ? 'one evaluation' : scrubberText(cursor, run.request.steps, shown.frame.sigma);
  const title = run.manifest.variants[run.request.variant]?.title ?? run.request.variant;
  return (
    <figure className="stage" data-control="picture">
      <div className="stage-picture" style={{ aspectRatio: `${width} / ${height}` }}>
        <PixelCanvas
          width={width}
          height={height}
          paint={shown.paint}
          smooth={smooth && !shown.scale}
          label={`Synthetic picture, ${named}: ${generated ? 'picture' : VIEW_NAMES[view]}, ${place}`}
          onProbe={(pixel) => session.look({ probe: pixel })}
          testId="picture"
        />
        {!shown.paint && (
          <p className="stage-note">
            {compared === null
              ? 'Choose a grade to compare with: a row of the neighbours, or the keys that step to the next grade.'
              : 'Waiting for the neighbours’ estimates.'}
          </p>
        )}
        <span className="stage-stamp" aria-hidden="true">
          Synthetic
        </span>
      </div>
      <figcaption className="stage-caption" data-testid="caption">
        <span className="stage-grade">
          <LevelGlyph level={level} count={grades.length} />
          {whole ? (
            <>
              <strong>{grade.short}</strong> {grade.label}
            </>
          ) : (
            named
          )}
          {compared !== null && view !== 'x' && (
            <em> – neighbour of {grades[chosen]!.short}, from the same xₜ</em>
          )}
        </span>
        <span className="stage-meta">
          {title} · seed {run.request.seed} · {place}
          {run.request.changedFrom && ` · ${changesInWords(grades, run.request.changedFrom)}`}
        </span>
        <ProbeValues values={shown.values} width={width} height={height} probe={probe} />
      </figcaption>
      {(view === 'epsilon' || shown.scale) && (
        <div className="stage-scale">
          {view === 'epsilon' && <NoiseMapChoice />}
          {shown.scale && (
            <ColourBar
              {...shown.scale}
              title={
                view === 'difference'
                  ? 'Noise difference from the chosen grade, in standard deviations'
                  : 'Noise estimate, in standard deviations'
              }
            />
          )}
        </div>
      )}
    </figure>
  );
}

const VIEW_NAMES = {
  x: 'noisy picture',
  x0: 'predicted picture',
  epsilon: 'noise estimate',
  difference: 'noise difference from the chosen grade',
} as const;

interface ProbeValuesProps {
  /** A CHW picture, or one value a pixel. */
  values: Float32Array | null;
  width: number;
  height: number;
  probe: { x: number; y: number } | null;
}

function ProbeValues({ values, width, height, probe }: ProbeValuesProps) {
  if (!values || !probe) return <span className="stage-probe">Point at the picture to read its values</span>;
  const numbers = pixelValues(values, width, height, probe.x, probe.y);
  return (
    <span className="stage-probe" data-testid="probe">
      ({probe.x}, {probe.y}) {numbers.length === 3 ? 'R G B ' : ''}
      {numbers.map((v) => formatSigned(v)).join('  ')}
    </span>
  );
}

function EmptyStage() {
  const waiting = useStudio((s) => s.activity.kind !== 'idle');
  return (
    <div className="stage">
      <div className={waiting ? 'stage-picture stage-waiting' : 'stage-picture'}>
        <p className="stage-note">{waiting ? 'The first picture is on its way' : 'No picture yet'}</p>
      </div>
      <div className="stage-caption" />
    </div>
  );
}
