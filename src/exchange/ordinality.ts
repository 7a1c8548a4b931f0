/**
 * What leaves of an ordinality run: tables of every measured number as CSV, and all of it with the request, the hashes
 * and the versions as JSON. The page and the command line write the same.
 */
import type { BundleManifest } from '../models/manifest';
import type { OrdinalityRequest, Trajectory } from '../models/ordinality';
import {
  curve,
  gradeRead,
  measureRun,
  reading,
  TRIPLE_MEASURES,
  triplesOf,
  type CurvePoint,
  type Measure,
} from '../models/ordinalityAnalysis';
import { toCsv, type CsvValue } from './csv';

export interface OrdinalityRun {
  readonly request: OrdinalityRequest;
  readonly manifest: BundleManifest;
  readonly trajectories: readonly Trajectory[];
  /** What computed it, e.g. `onnxruntime-node 1.30.0`, `webgpu`. */
  readonly computedBy: string;
  /** The studio's version. */
  readonly studio: string;
}

/** One table: its name serves as the file's. */
export interface Table {
  readonly name: string;
  readonly header: readonly string[];
  readonly rows: readonly (readonly CsvValue[])[];
}

const place = (model: string, { variant, severity, seed }: Trajectory): CsvValue[] => [
  model,
  variant,
  severity,
  seed,
];
const PLACE = ['model', 'variant', 'severity', 'seed'];

/** Every triple at every step. Distances are root-mean-square over the picture's values, in units of the noise. */
export function triplesTable({ request, manifest, trajectories }: OrdinalityRun): Table {
  const grades = manifest.grades.map((g) => g.value);
  const count = grades.length;
  const { triples } = measureRun(trajectories, count);
  return {
    name: 'triples',
    header: [...PLACE, 'step', 't', 'sigma', 'p', 'q', 'r', 'slack', 'straightness', 'cosine', 'ordered'],
    rows: trajectories.flatMap((one) =>
      one.steps.flatMap(({ t, sigma }, step) =>
        triples
          .get(one)!
          [step]!.map((triple) => [
            ...place(request.model, one),
            step,
            t,
            sigma,
            grades[triple.p]!,
            grades[triple.q]!,
            grades[triple.r]!,
            triple.slack,
            triple.straightness,
            triple.cosine,
            triple.ordered,
          ]),
      ),
    ),
  };
}

/** The distance of every pair of grades at every step. */
export function distancesTable({ request, manifest, trajectories }: OrdinalityRun): Table {
  const grades = manifest.grades.map((g) => g.value);
  const pairs = grades.flatMap((p, i) => grades.slice(i + 1).map((q) => [p, q] as const));
  return {
    name: 'distances',
    header: [...PLACE, 'step', 't', 'sigma', 'p', 'q', 'distance'],
    rows: trajectories.flatMap((one) =>
      one.steps.flatMap(({ t, sigma, distances }, step) =>
        pairs.map(([p, q], k) => [...place(request.model, one), step, t, sigma, p, q, distances[k]!]),
      ),
    ),
  };
}

/** How the grader read every finished picture; without rows when the bundle has no grader. */
export function readingsTable({ request, manifest, trajectories }: OrdinalityRun): Table {
  const grades = manifest.grades.map((g) => g.value);
  return {
    name: 'readings',
    header: [...PLACE, 'read', ...grades.map((g) => `probability of ${g}`)],
    rows: trajectories.flatMap((one) =>
      one.read ? [[...place(request.model, one), grades[gradeRead(one.read)]!, ...one.read]] : [],
    ),
  };
}

/** The tables that have something in them. */
export function tablesOf(run: OrdinalityRun): Table[] {
  return [triplesTable(run), distancesTable(run), readingsTable(run)].filter(({ rows }) => rows.length > 0);
}

export const csvOf = ({ header, rows }: Table): string => toCsv(header, rows);

/** JSON has no NaN and no infinity: they become null. */
const point = ({ step, t, sigma, mean, low, high, n }: CurvePoint) => {
  const finite = (v: number) => (Number.isFinite(v) ? v : null);
  return { step, t, sigma, mean: finite(mean), low: finite(low), high: finite(high), n };
};

/** The whole run as one JSON document. */
export function ordinalityJson(run: OrdinalityRun): string {
  const { request, manifest, trajectories } = run;
  const count = manifest.grades.length;
  const grades = manifest.grades.map((g) => g.value);
  const measured = measureRun(trajectories, count);
  const measures: Measure[] = triplesOf(count).length > 0 ? [...TRIPLE_MEASURES, 'outer'] : ['outer'];
  return JSON.stringify(
    {
      format: 'ordinal-diffusion-studio/ordinality',
      formatVersion: 1,
      studio: run.studio,
      computedBy: run.computedBy,
      request,
      model: {
        id: manifest.id,
        title: manifest.title,
        scale: manifest.scale,
        grades,
        weights: Object.fromEntries(
          request.variants.map((key) => [key, manifest.variants[key]?.sha256 ?? null]),
        ),
        grader: manifest.grader?.sha256 ?? null,
      },
      units:
        'Distances are root-mean-square over the values of noise estimates (standard noise has 1). t runs from 1, noise, to 0. ' +
        'Intervals are 95 % percentile bootstraps over seeds; n counts seeds.',
      finished: trajectories.length,
      planned: request.variants.length * request.severities.length * request.seeds.length,
      summary: Object.fromEntries(
        request.variants.map((variant) => [
          variant,
          {
            curves: Object.fromEntries(
              measures.map((measure) => [measure, curve(measured, variant, measure, null).map(point)]),
            ),
            reading: readingJson(trajectories, variant, grades),
          },
        ]),
      ),
      trajectories,
    },
    null,
    1,
  );
}

function readingJson(trajectories: readonly Trajectory[], variant: string, grades: readonly number[]) {
  const found = reading(trajectories, variant, grades);
  if (!found) return null;
  const { confusion, kappa, n } = found;
  const finite = (v: number) => (Number.isFinite(v) ? v : null);
  return {
    confusion: grades.map((_, i) => confusion.counts.slice(i * confusion.size, (i + 1) * confusion.size)),
    qwk: { value: finite(kappa.mean), low: finite(kappa.low), high: finite(kappa.high), seeds: kappa.n },
    n,
  };
}
