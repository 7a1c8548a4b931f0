/** A grid of pictures as plain values: two axes, what stands on them, and the request of every cell. */
import type { Axis } from '../../../exchange/link';
import type { BundleManifest } from '../../../models/manifest';
import type { SampleRequest } from '../../../models/request';
import { MAX_SEED } from '../../../models/seeds';
import { canonicalRequest } from '../../../models/variants';
import { formatSeverity, severityPlace, severityRange } from '../../store/format';

export type AxisName = Axis['name'];

export interface AxisValue {
  /** What stands at the edge of the grid. */
  readonly label: string;
  readonly change: Partial<SampleRequest>;
}

export interface GridPlan {
  readonly rows: readonly AxisValue[];
  readonly columns: readonly AxisValue[];
  /** Row by row. */
  readonly cells: readonly SampleRequest[];
}

export const AXIS_TITLES: Record<AxisName, string> = {
  severity: 'Severity',
  seed: 'Seed',
  steps: 'Steps',
  guidance: 'Guidance',
  variant: 'Variant',
};

/** More rows are reached by scrolling; more columns than this are no grid for the eye. */
export const MOST_ON_AXIS = { rows: 100, columns: 24 };
export const MOST_CELLS = 600;

/** What an axis has to begin with. */
export function firstAxis(name: AxisName, manifest: BundleManifest, draft: SampleRequest): Axis {
  const { grades } = manifest;
  switch (name) {
    case 'severity':
      return { name, from: grades[0]!.value, to: grades.at(-1)!.value, count: grades.length * 2 - 1 };
    case 'seed':
      return { name, from: draft.seed, to: draft.seed, count: 6 };
    case 'steps':
      return { name, from: 1, to: 32, count: 6 };
    case 'guidance':
      return { name, from: 1, to: 4, count: 4 };
    case 'variant':
      return { name, from: 0, to: 0, count: Object.keys(manifest.variants).length };
  }
}

/** The limits of an axis' two ends. */
export function axisLimits(name: AxisName, manifest: BundleManifest): readonly [number, number] {
  switch (name) {
    case 'severity':
      return severityRange(manifest.grades);
    case 'seed':
      return [0, MAX_SEED];
    case 'steps':
      return [1, 1000];
    case 'guidance':
      return [0, 20];
    case 'variant':
      return [0, 0];
  }
}

/** An axis from elsewhere, such as a link, within what it can be here. */
export function withinLimits(axis: Axis, most: number, manifest: BundleManifest): Axis {
  const [low, high] = axisLimits(axis.name, manifest);
  const limited = (value: number) => Math.max(low, Math.min(high, value));
  const { name, from, to, count } = axis;
  return { name, from: limited(from), to: limited(to), count: Math.min(count, most) };
}

function spread(from: number, to: number, count: number): number[] {
  if (count <= 1) return [from];
  return Array.from({ length: count }, (_, i) => from + ((to - from) * i) / (count - 1));
}

/** What stands on an axis, in order and each once. */
export function axisValues(axis: Axis, manifest: BundleManifest): AxisValue[] {
  const { name, from, to, count } = axis;
  const unique = (values: readonly number[]) => [...new Set(values)];
  switch (name) {
    case 'severity':
      return unique(spread(from, to, count).map((v) => Math.round(v * 100) / 100)).map((severity) => {
        const place = severityPlace(manifest.grades, severity);
        const label =
          place.kind === 'grade'
            ? place.grades[0]!.short
            : `${formatSeverity(severity)}${place.kind === 'beyond' ? ' (extrap.)' : ''}`;
        return { label, change: { severity } };
      });
    case 'seed':
      return Array.from({ length: count }, (_, i) => (from + i) >>> 0).map((seed) => ({
        label: `seed ${seed}`,
        change: { seed },
      }));
    case 'steps':
      // Numbers of steps matter by their ratio: 4 to 8 changes as much as 16 to 32.
      return unique(spread(Math.log(from), Math.log(to), count).map((v) => Math.round(Math.exp(v)))).map(
        (steps) => ({ label: `${steps} step${steps === 1 ? '' : 's'}`, change: { steps } }),
      );
    case 'guidance':
      return unique(spread(from, to, count).map((v) => Math.round(v * 100) / 100)).map((guidance) => ({
        label: `guidance ${guidance}`,
        change: { guidance },
      }));
    case 'variant':
      return Object.entries(manifest.variants).map(([variant, { title }]) => ({
        label: title,
        change: { variant },
      }));
  }
}

/** Everything else of the cells is as in `base`. */
export function planGrid(rows: Axis, columns: Axis, manifest: BundleManifest, base: SampleRequest): GridPlan {
  const down = axisValues(rows, manifest);
  const across = axisValues(columns, manifest);
  return {
    rows: down,
    columns: across,
    cells: down.flatMap((r) =>
      across.map((c) => canonicalRequest(manifest, { ...base, ...r.change, ...c.change })),
    ),
  };
}

/** Why this grid can't be filled; null when it can. */
export function gridRefusal(rows: Axis, columns: Axis, plan: GridPlan): string | null {
  if (rows.name === columns.name) return 'Rows and columns must differ: choose another axis for one of them.';
  if (plan.cells.length > MOST_CELLS)
    return `That makes ${plan.cells.length} pictures; ${MOST_CELLS} are the most. Take fewer rows or columns.`;
  return null;
}
