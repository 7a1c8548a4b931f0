/** Everything that is drawn of a run: curves along the trajectory, then what lies at the chosen step, then the grader. */
import { useMemo } from 'react';
import { planarMap } from '../../../diffusion';
import {
  curve,
  meanDistances,
  reading,
  TRIPLE_MEASURES,
  triplesOf,
  type Measure,
} from '../../../models/ordinalityAnalysis';
import { SelectBox } from '../../components/widgets';
import { formatSigned } from '../../store/format';
import { ChartFigure } from './ChartFigure';
import { curveChart, mapChart, matrixChart, type Chart, type Facet } from './charts';
import { useRun, useRunner, type ShownRun } from './shown';
import type { Look } from './runner';

const titleOf = ({ run }: ShownRun, variant: string) => run.manifest.variants[variant]?.title ?? variant;
const shortGrades = ({ run }: ShownRun) => run.manifest.grades.map((g) => g.short);

/** A triple by its grades: `DR 0 – DR 1 – DR 2`. */
function tripleTitles(shown: ShownRun): string[] {
  const short = shortGrades(shown);
  return triplesOf(short.length).map((triple) => triple.map((i) => short[i]).join(' – '));
}

/** The curves of one measure, as the triples are chosen. */
function curveOf(shown: ShownRun, measure: Measure, look: Look['triples'], t: number | null): Chart {
  const { measured, run } = shown;
  const series = (triple: number | null) =>
    run.request.variants.map((variant) => ({
      title: titleOf(shown, variant),
      points: curve(measured, variant, measure, triple),
    }));
  const titles = tripleTitles(shown);
  let facets: Facet[];
  if (measure === 'outer' || look === 'all') {
    facets = [{ title: '', series: series(null) }];
  } else if (look === 'neighbours') {
    facets = triplesOf(measured.count).flatMap(([p, q, r], k) =>
      q === p + 1 && r === q + 1 ? [{ title: titles[k]!, series: series(k) }] : [],
    );
  } else {
    facets = [{ title: titles[look]!, series: series(look) }];
  }
  return curveChart(measure, facets, t);
}

function stepChartsOf(shown: ShownRun, step: number, seed: number | null): Chart[] {
  const { measured, run } = shown;
  const short = shortGrades(shown);
  const found = run.request.variants.flatMap((variant) => {
    const values = meanDistances(measured, variant, step, { seed, severity: null });
    return values ? [{ title: titleOf(shown, variant), values }] : [];
  });
  const of = seed === null ? 'mean over all seeds' : `seed ${seed}`;
  return [
    mapChart(
      found.map(({ title, values }) => ({ title, map: planarMap(values, short.length) })),
      short,
    ),
    matrixChart(found, {
      id: 'distances',
      title: 'Distances between the grades',
      description: `Root-mean-square distances of the grades’ noise estimates at step ${step}, ${of}.`,
      rows: 'grade',
      columns: 'grade',
      labels: short,
      // Two figures fit into a cell; the files have them all.
      format: (v) => (v === 0 ? '0' : Number(v.toPrecision(2)).toString()),
    }),
  ];
}

/** A kappa: two digits, a sign only below zero. */
const agreement = (kappa: number) => formatSigned(kappa, 2).replace(/^\+/, '');

/** Asked against read, for every variant whose pictures the grader has read; null when there are none. */
function gradingOf(shown: ShownRun): { chart: Chart; lines: string[] } | null {
  const { run } = shown;
  const grades = run.manifest.grades.map((g) => g.value);
  const found = run.request.variants.flatMap((variant) => {
    const one = reading(run.trajectories, variant, grades);
    return one ? [{ title: titleOf(shown, variant), ...one }] : [];
  });
  if (found.length === 0) return null;
  return {
    chart: matrixChart(
      found.map(({ title, confusion }) => ({ title, values: confusion.counts })),
      {
        id: 'grader',
        title: 'What the grader reads',
        description: `How many finished pictures asked at a grade (rows) the grader reads as which grade (columns).`,
        rows: 'asked',
        columns: 'read',
        labels: shortGrades(shown),
        format: String,
      },
    ),
    lines: found.map(({ title, kappa, n }) => {
      // Of pictures asked at one grade alone kappa is 0, however they are read.
      if (run.request.severities.length < 2) {
        return `${title}: n = ${n} pictures; weighted kappa needs pictures drawn at several grades`;
      }
      const interval = Number.isFinite(kappa.low)
        ? ` (95 % interval ${agreement(kappa.low)} to ${agreement(kappa.high)}, over ${kappa.n} seeds)`
        : '';
      const value = Number.isFinite(kappa.mean) ? agreement(kappa.mean) : 'not defined';
      return `${title}: weighted kappa ${value}${interval}, n = ${n} pictures`;
    }),
  };
}

/** Every chart of a run as it is looked at, in the page's order. */
export function allCharts(shown: ShownRun, look: Look): Chart[] {
  const measures = measuresOf(shown);
  const t = timeOf(shown, look.step);
  const grading = gradingOf(shown);
  return [
    ...measures.map((measure) => curveOf(shown, measure, look.triples, t)),
    ...stepChartsOf(shown, look.step, look.seed),
    ...(grading ? [grading.chart] : []),
  ];
}

const measuresOf = ({ measured }: ShownRun): Measure[] =>
  measured.count > 2 ? [...TRIPLE_MEASURES, 'outer'] : ['outer'];
const timeOf = ({ run }: ShownRun, step: number) => run.trajectories[0]?.steps[step]?.t ?? null;

export function Charts({ shown }: { shown: ShownRun }) {
  return (
    <>
      <CurveCharts shown={shown} />
      <StepCharts shown={shown} />
      <Grading shown={shown} />
    </>
  );
}

function CurveCharts({ shown }: { shown: ShownRun }) {
  const runner = useRunner();
  const triples = useRun((s) => s.look.triples);
  const step = useRun((s) => s.look.step);
  const t = timeOf(shown, step);
  const charts = useMemo(
    () => measuresOf(shown).map((measure) => curveOf(shown, measure, triples, t)),
    [shown, triples, t],
  );
  const titles = useMemo(() => tripleTitles(shown), [shown]);
  const several = triples === 'neighbours' && shown.measured.count > 3;
  return (
    <section className="panel" aria-labelledby="qa-curves">
      <div className="panel-head">
        <h2 id="qa-curves">Along the trajectory</h2>
        {titles.length > 0 && (
          <SelectBox
            label="Triples of grades"
            compact
            value={String(triples)}
            choices={[
              { value: 'all', label: 'All triples, mean' },
              { value: 'neighbours', label: 'Each neighbouring triple' },
              ...titles.map((title, i) => ({ value: String(i), label: title })),
            ]}
            onChange={(v) => runner.look({ triples: v === 'all' || v === 'neighbours' ? v : Number(v) })}
            testId="qa-triples"
          />
        )}
      </div>
      {titles.length === 0 && (
        <p className="panel-note">
          Two grades are always in order: only their distance can be measured. Straightness, slack, cosine and
          order need three.
        </p>
      )}
      <div className={several ? 'chart-grid chart-grid-wide' : 'chart-grid'}>
        {charts.map((chart) => (
          <ChartFigure key={chart.id} chart={chart} caption={shown.caption} stem={shown.stem} />
        ))}
      </div>
    </section>
  );
}

function StepCharts({ shown }: { shown: ShownRun }) {
  const runner = useRunner();
  const step = useRun((s) => s.look.step);
  const seed = useRun((s) => s.look.seed);
  const { steps, seeds } = shown.run.request;
  const charts = useMemo(() => stepChartsOf(shown, step, seed), [shown, step, seed]);
  const level = shown.run.trajectories[0]?.steps[step];
  return (
    <section className="panel" aria-labelledby="qa-step">
      <div className="panel-head">
        <h2 id="qa-step">At one step</h2>
        <SelectBox
          label="Of"
          compact
          value={seed === null ? 'all' : String(seed)}
          choices={[
            { value: 'all', label: 'All seeds, mean' },
            ...seeds.map((s) => ({ value: String(s), label: `Seed ${s}` })),
          ]}
          onChange={(v) => runner.look({ seed: v === 'all' ? null : Number(v) })}
          testId="qa-seed"
        />
      </div>
      <label className="qa-scrubber">
        <span className="field-label">Step</span>
        <input
          type="range"
          min={0}
          max={steps - 1}
          value={step}
          onChange={(e) => runner.look({ step: Number(e.currentTarget.value) })}
          aria-valuetext={`step ${step} of ${steps}, noise level ${level?.sigma.toFixed(2) ?? '–'}`}
          data-testid="qa-step-scrubber"
        />
        <output>
          {step} of {steps}, t {level?.t.toFixed(2)}, σ {level?.sigma.toFixed(2)}
        </output>
      </label>
      <div className="chart-grid">
        {charts.map((chart) => (
          <ChartFigure
            key={chart.id}
            chart={chart}
            caption={shown.caption}
            stem={`${shown.stem}_step-${step}`}
          />
        ))}
      </div>
    </section>
  );
}

function Grading({ shown }: { shown: ShownRun }) {
  const grading = useMemo(() => gradingOf(shown), [shown]);
  const { grader } = shown.run.manifest;
  return (
    <section className="panel" aria-labelledby="qa-grader">
      <h2 id="qa-grader">Asked and read severity</h2>
      {grading && grader ? (
        <>
          <p className="panel-note">
            {grader.title}, trained on real images only, reads every finished picture. On real images its own
            weighted kappa is {agreement(grader.qwk.value)} (95 % interval {agreement(grader.qwk.interval[0])}{' '}
            to {agreement(grader.qwk.interval[1])}, n = {grader.qwk.n}): it can judge no better than that.
          </p>
          <ul className="qa-lines" data-testid="qa-kappa">
            {grading.lines.map((line) => (
              <li key={line}>{line}</li>
            ))}
          </ul>
          <ChartFigure chart={grading.chart} caption={shown.caption} stem={shown.stem} />
        </>
      ) : (
        <p className="panel-note">
          {grader
            ? 'No picture asked at a whole grade has been read yet.'
            : 'This model comes without a grader, so whether the pictures show the severity that was asked is not measured here.'}
        </p>
      )}
    </section>
  );
}
