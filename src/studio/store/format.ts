/** Numbers and states as words: everything the page prints or says is phrased here, so that it can be tested. */
import type { LoadProgress, NeighbourTriple, ProviderName } from '../../engine/types';
import type { BundleManifest } from '../../models/manifest';
import type { GradeChange, SampleRequest } from '../../models/request';

export type Grade = BundleManifest['grades'][number];

const MEGABYTE = 1e6;

/** `4.1` for a number of bytes in MB; small files in kB come out as fractions of a MB, as download sizes are read. */
function megabytes(bytes: number): string {
  const mb = bytes / MEGABYTE;
  return mb >= 100 ? mb.toFixed(0) : mb.toFixed(1);
}

/** `4.1 of 12.3 MB`. */
export function formatDownload(loaded: number, total: number): string {
  return `${megabytes(Math.min(loaded, total))} of ${megabytes(total)} MB`;
}

export function formatBytes(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)} GB`;
  return bytes >= MEGABYTE / 10 ? `${megabytes(bytes)} MB` : `${Math.max(1, Math.round(bytes / 1000))} kB`;
}

export function formatDuration(ms: number): string {
  if (!Number.isFinite(ms) || ms < 0) return '–';
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

export function formatCount(n: number): string {
  return n.toLocaleString('en-GB');
}

/** A true minus sign and a fixed width: columns of signed numbers line up. */
export function formatSigned(value: number, digits = 3): string {
  const text = Math.abs(value).toFixed(digits);
  if (Number(text) === 0) return ` ${text}`.trim();
  return `${value < 0 ? '−' : '+'}${text}`;
}

/** For unsigned measured quantities: three significant figures without exponents in the usual range. */
export function formatMeasure(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (size !== 0 && size < 0.0005) return value.toExponential(1);
  return value.toFixed(size < 0.1 ? 4 : size < 10 ? 3 : 1);
}

/** `step 12 of 50, noise level 0.63`: what the scrubber says. The last frame is the finished picture. */
export function scrubberText(index: number, steps: number, sigma: number): string {
  const place = `step ${index} of ${steps}`;
  return index >= steps ? `${place}, finished picture` : `${place}, noise level ${sigma.toFixed(2)}`;
}

export function providerName(provider: ProviderName): string {
  switch (provider) {
    case 'webgpu':
      return 'WebGPU';
    case 'wasm-threads':
      return 'WASM, several threads';
    case 'wasm':
      return 'WASM, one thread';
  }
}

/** What `providerName` named; older texts, which say less, are taken for the plainest. */
export function providerNamed(name: string): ProviderName {
  return PROVIDERS.find((provider) => providerName(provider) === name) ?? 'wasm';
}
const PROVIDERS: readonly ProviderName[] = ['webgpu', 'wasm-threads', 'wasm'];

/** Where each phase of loading starts on one bar of 0..1; downloads take the most of it. */
const LOAD_SHARE = {
  catalogue: 0,
  manifest: 0.02,
  download: 0.05,
  verify: 0.7,
  session: 0.75,
  'warm-up': 0.85,
  parity: 0.95,
};

export type LoadPhase = LoadProgress | { phase: 'catalogue' };

export interface ProgressText {
  /** What is being done. */
  readonly label: string;
  /** 0..1. */
  readonly fraction: number;
}

export function loadProgressText(p: LoadPhase): ProgressText {
  const fraction = LOAD_SHARE[p.phase];
  switch (p.phase) {
    case 'catalogue':
      return { label: 'Reading the list of models', fraction };
    case 'manifest':
      return { label: 'Reading the model’s description', fraction };
    case 'download': {
      const part = p.totalBytes > 0 ? Math.min(1, p.loadedBytes / p.totalBytes) : 0;
      const verb = p.fromCache ? 'Reading stored weights,' : 'Downloading';
      return {
        label: `${verb} ${formatDownload(p.loadedBytes, p.totalBytes)}`,
        fraction: fraction + part * (LOAD_SHARE.verify - fraction),
      };
    }
    case 'verify':
      return { label: 'Checking that the weights are intact', fraction };
    case 'session':
      return {
        label: p.provider === 'webgpu' ? 'Preparing the GPU' : 'Preparing the processor (WASM)',
        fraction,
      };
    case 'warm-up':
      return {
        label: p.provider === 'webgpu' ? 'Preparing the GPU: compiling shaders' : 'Warming up the model',
        fraction,
      };
    case 'parity':
      return { label: 'Checking the arithmetic against the reference', fraction };
  }
}

/** `Step 12 of 50 · 85 ms a step · 3.2 s left`. `done` frames of `steps` have arrived. */
export function sampleProgressText(done: number, steps: number, msPerStep: number | null): ProgressText {
  const parts = [`Step ${Math.min(done, steps)} of ${steps}`];
  if (msPerStep !== null && done > 0) {
    parts.push(`${formatDuration(msPerStep)} a step`);
    if (done < steps) parts.push(`${formatDuration(msPerStep * (steps - done))} left`);
  }
  return { label: parts.join(' · '), fraction: steps > 0 ? Math.min(1, done / steps) : 0 };
}

export interface OrderVerdict {
  readonly kind: 'ordered' | 'mostly' | 'broken';
  readonly headline: string;
  readonly explanation: string;
  readonly meanSlack: number;
  readonly meanStraightness: number;
  readonly meanCosine: number;
  readonly violations: number;
  readonly triples: number;
}

function formatPercent(fraction: number): string {
  return `${(fraction * 100).toFixed(fraction < 0.1 ? 1 : 0)} %`;
}

/** Mean slack up to which the grades' line counts as straight, and as slightly bent: the detour over a middle grade. */
const STRAIGHT_SLACK = 0.03;
const SLIGHTLY_BENT_SLACK = 0.15;

function lineInWords(slack: number): string {
  if (slack <= STRAIGHT_SLACK) return 'on a nearly straight line';
  return slack <= SLIGHTLY_BENT_SLACK ? 'along a slightly bent line' : 'along a bent line';
}

/** The triples of one x_t in words. Null when a model has fewer than three grades: nothing can be out of order. */
export function orderVerdict(triples: readonly NeighbourTriple[]): OrderVerdict | null {
  const n = triples.length;
  if (n === 0) return null;
  const mean = (pick: (t: NeighbourTriple) => number) => triples.reduce((sum, t) => sum + pick(t), 0) / n;
  const violations = triples.filter((t) => !t.ordered).length;
  const numbers = {
    meanSlack: mean((t) => t.slack),
    meanStraightness: mean((t) => t.straightness),
    meanCosine: mean((t) => t.cosine),
    violations,
    triples: n,
  };
  // The slack has no bound where the estimates of two outer grades coincide.
  const detour = Number.isFinite(numbers.meanSlack)
    ? `the way over a middle grade is ${formatPercent(numbers.meanSlack)} longer than the direct one`
    : 'the outer grades coincide in at least one triple';
  if (violations === 0) {
    return {
      ...numbers,
      kind: 'ordered',
      headline: `In order, ${lineInWords(numbers.meanSlack)}`,
      explanation: `In ${n === 1 ? 'the only triple' : `all ${n} triples`} the ends lie furthest apart; ${detour}.`,
    };
  }
  const mostly = violations * 4 <= n;
  return {
    ...numbers,
    kind: mostly ? 'mostly' : 'broken',
    headline: mostly ? 'Mostly in order' : 'Not in order',
    explanation: `${violations} of ${n} triples of grades ${violations === 1 ? 'is' : 'are'} out of order; ${detour}.`,
  };
}

/** Index of the grade nearest to a severity. */
export function gradeIndex(grades: readonly Grade[], severity: number): number {
  let best = 0;
  grades.forEach((g, i) => {
    if (Math.abs(g.value - severity) < Math.abs(grades[best]!.value - severity)) best = i;
  });
  return best;
}

export function gradeText(grade: Grade): string {
  return `${grade.short}, ${grade.label}`;
}

/** `2`, `2.37`, `−0.5`: a severity as a clinical number. */
export function formatSeverity(severity: number): string {
  const text = String(Math.round(Math.abs(severity) * 100) / 100);
  return severity < 0 && text !== '0' ? `−${text}` : text;
}

/** Where a severity lies on a scale. */
export interface SeverityPlace {
  readonly kind: 'grade' | 'between' | 'beyond';
  /** The grade itself, the neighbours in rising order, or the end that it lies beyond. */
  readonly grades: readonly Grade[];
  /** For the level glyph: 1 is the lowest grade, fractions in between; never beyond the ends. */
  readonly level: number;
}

export function severityPlace(grades: readonly Grade[], severity: number): SeverityPlace {
  const last = grades.length - 1;
  const at = grades.findIndex((g) => Math.abs(g.value - severity) < 1e-9);
  if (at >= 0) return { kind: 'grade', grades: [grades[at]!], level: at + 1 };
  if (severity < grades[0]!.value) return { kind: 'beyond', grades: [grades[0]!], level: 1 };
  if (severity > grades[last]!.value) return { kind: 'beyond', grades: [grades[last]!], level: last + 1 };
  const upper = grades.findIndex((g) => g.value > severity);
  const [a, b] = [grades[upper - 1]!, grades[upper]!];
  return { kind: 'between', grades: [a, b], level: upper + (severity - a.value) / (b.value - a.value) };
}

/** `DR 2, Moderate NPDR`; `2.4, between DR 2 and DR 3`; `4.5, beyond DR 4 (extrapolated)`. */
export function severityText(grades: readonly Grade[], severity: number): string {
  const place = severityPlace(grades, severity);
  const [a, b] = place.grades;
  if (place.kind === 'grade') return gradeText(a!);
  const number = formatSeverity(severity);
  return b ? `${number}, between ${a!.short} and ${b.short}` : `${number}, beyond ${a!.short} (extrapolated)`;
}

/** `DR 0 up to step 6, DR 1 up to step 9`: the severities that a run was drawn with before its grade was changed. */
export function changesInWords(grades: readonly Grade[], changes: readonly GradeChange[]): string {
  const name = (value: number) => grades.find((g) => g.value === value)?.short ?? formatSeverity(value);
  return changes.map(({ severity, step }) => `${name(severity)} up to step ${step}`).join(', ');
}

/** `DR 4, Proliferative DR`, and what it was before if the grade was changed on the way. */
export function requestText(
  grades: readonly Grade[],
  { severity, changedFrom }: Pick<SampleRequest, 'severity' | 'changedFrom'>,
): string {
  const now = severityText(grades, severity);
  return changedFrom ? `${now} (${changesInWords(grades, changedFrom)})` : now;
}

/** The severities on offer: the scale and, extrapolated, one more step of it at each end. */
export function severityRange(grades: readonly Grade[]): readonly [number, number] {
  const value = (i: number) => grades.at(i)!.value;
  return [2 * value(0) - value(1), 2 * value(-1) - value(-2)];
}
