/**
 * The protocol's figures as plain data: what each chart shows, point by point, with its interval and its n. What was not
 * measured has no figure. Drawing is another matter (`Figure.tsx`), so that all of this can be tested.
 */
import type { BundleManifest } from '../../../models/manifest';
import type { Estimate, Metrics, VariantMetrics } from '../../../models/metrics';
import { SAMPLERS } from '../../../models/request';
import { formatSeverity } from '../../store/format';
import { SAMPLER_TITLES } from '../samplers';

export interface FigurePoint {
  /** A name on a scale of names, or a number. */
  readonly x: string | number;
  readonly series: string;
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly n: number;
}

export interface Figure {
  readonly id: string;
  readonly title: string;
  /** What it says and which way is better, in plain words. */
  readonly explanation: string;
  readonly kind: 'points' | 'curves';
  readonly xLabel: string;
  readonly xScale?: 'log';
  readonly yLabel: string;
  /** The value that would be perfect, drawn as a line. */
  readonly ideal?: number;
  /** Perfect is y = x. */
  readonly diagonal?: boolean;
  readonly series: readonly string[];
  readonly points: readonly FigurePoint[];
}

/** KID is printed a thousandfold, as it is everywhere. */
const KID = 1000;
const REAL = 'Real against real';

type Named = readonly [title: string, metrics: VariantMetrics];

const point = (x: string | number, series: string, e: Estimate, factor = 1): FigurePoint => ({
  x,
  series,
  value: e.value * factor,
  low: e.interval[0] * factor,
  high: e.interval[1] * factor,
  n: e.n,
});

/** Every figure that these metrics have something for, in the order of the protocol. */
export function figuresOf(metrics: Metrics, manifest: BundleManifest): Figure[] {
  const variants: Named[] = Object.entries(metrics.byVariant).map(([key, m]) => [
    manifest.variants[key]?.title ?? m.title,
    m,
  ]);
  const gradeName = (value: number) =>
    manifest.grades.find((g) => g.value === value)?.short ?? formatSeverity(value);
  const figures: Omit<Figure, 'series'>[] = [
    likeness(metrics, variants, gradeName),
    readSeverity(metrics, variants),
    measuredSeverity(variants),
    agreement(metrics, variants),
    ...(['straightness', 'violations', 'outerRatio'] as const).map((measure) => order(measure, variants)),
    between(metrics, variants),
    augmentation(metrics, manifest),
    // One a variant: four samplers of two variants on one chart can't be told apart.
    ...Object.entries(metrics.byVariant).map(([key, m]) =>
      evaluations(key, manifest.variants[key]?.title ?? m.title, m),
    ),
    sharpness(variants),
  ];
  return figures
    .filter((figure) => figure.points.length > 0)
    .map((figure) => ({ ...figure, series: [...new Set(figure.points.map((p) => p.series))] }));
}

function likeness(metrics: Metrics, variants: readonly Named[], name: (g: number) => string) {
  const points = variants.flatMap(([title, m]) =>
    m.judgement.classwise.flatMap(({ grade, training }) =>
      training ? [point(name(grade), title, training.kid, KID)] : [],
    ),
  );
  const floor = metrics.floor.halves.flatMap(({ grade, distance }) =>
    distance ? [point(name(grade), REAL, distance.kid, KID)] : [],
  );
  return {
    id: 'kid',
    title: 'How like real images, grade by grade',
    explanation:
      'Kernel distance (KID) between drawn pictures and the training images of the same grade; lower is nearer. What two halves of the real images score against each other is as near as one can get.',
    kind: 'points' as const,
    xLabel: 'grade',
    yLabel: 'KID × 1000',
    points: [...points, ...(points.length > 0 ? floor : [])],
  };
}

function readSeverity(metrics: Metrics, variants: readonly Named[]) {
  const own = metrics.grader.heldOut.byGrade.map((g) => point(g.grade, 'Real, held out', g.severity));
  return {
    id: 'severity-read',
    title: 'Severity asked for, and severity read',
    explanation:
      'Mean severity that a grader, trained on real images only, reads from the pictures of each grade. On the dotted line it reads what was asked for. How it reads real images says how far it can be trusted.',
    kind: 'curves' as const,
    xLabel: 'severity asked for',
    yLabel: 'severity read',
    diagonal: true,
    points: [
      ...variants.flatMap(([title, m]) =>
        m.judgement.grader.byGrade.map((g) => point(g.grade, title, g.severity)),
      ),
      ...own,
    ],
  };
}

function measuredSeverity(variants: readonly Named[]) {
  return {
    id: 'severity-measured',
    title: 'Severity asked for, and severity measured',
    explanation:
      'Mean severity measured from the pictures of each grade by a program that needs no training, which only pictures made by a program allow. On the dotted line it is what was asked for.',
    kind: 'curves' as const,
    xLabel: 'severity asked for',
    yLabel: 'severity measured',
    diagonal: true,
    points: variants.flatMap(([title, m]) =>
      (m.severityMeasured ?? []).map(({ grade, mean }) => point(grade, title, mean)),
    ),
  };
}

function agreement(metrics: Metrics, variants: readonly Named[]) {
  return {
    id: 'qwk',
    title: 'Agreement of the reading with the grade asked for',
    explanation:
      'Quadratic weighted kappa of the grader’s reading; 1 is full agreement, 0 chance. The grader’s own, on real images, is the most that can be expected of drawn ones.',
    kind: 'points' as const,
    xLabel: 'pictures read',
    yLabel: 'QWK',
    ideal: 1,
    points: [
      point('Real, cross-validated', 'Real images', metrics.grader.crossValidated.qwk),
      point('Real, held out', 'Real images', metrics.grader.heldOut.qwk),
      ...variants.map(([title, m]) => point(title, 'Drawn pictures', m.judgement.grader.qwk)),
    ],
  };
}

const ORDER = {
  straightness: {
    title: 'How straight the line of the grades is',
    explanation:
      'Direct distance of the outer grades’ noise estimates divided by the way over the middle one; 1 is a straight, ordered line.',
    yLabel: 'straightness',
    ideal: 1,
  },
  violations: {
    title: 'How often grades are out of order',
    explanation:
      'Share of triples of grades whose outer ones lie nearer to each other than to the middle one.',
    yLabel: 'share of triples',
    ideal: 0,
  },
  outerRatio: {
    title: 'Whether the grades are kept apart',
    explanation:
      'Distance of the lowest and the highest grade’s noise estimates, divided by the standard model’s. Near 0 the grades would have collapsed onto each other.',
    yLabel: 'ratio',
    ideal: 1,
  },
} as const;

function order(measure: keyof typeof ORDER, variants: readonly Named[]) {
  const points = variants.flatMap(([title, { ordinality }]) =>
    (['noised', 'trajectory'] as const).flatMap((where) =>
      (ordinality?.[where] ?? []).flatMap((p) => {
        const estimate = p[measure];
        const place = where === 'noised' ? 'real images, noised' : 'its own trajectories';
        return estimate ? [point(p.t, `${title}, ${place}`, estimate)] : [];
      }),
    ),
  );
  return {
    id: measure,
    kind: 'curves' as const,
    xLabel: 'diffusion time t (1 is noise)',
    ...ORDER[measure],
    points,
  };
}

function between(metrics: Metrics, variants: readonly Named[]) {
  const points = variants.flatMap(([title, m]) =>
    m.interpolation.map((p) => point(p.severity, title, p.severityMeasured ?? p.severityRead)),
  );
  const real = metrics.byVariant[Object.keys(metrics.byVariant)[0] ?? '']?.interpolation ?? [];
  return {
    id: 'interpolation',
    title: 'Between and beyond the grades',
    explanation:
      'Severity read (on the phantom: measured) from pictures drawn at severities that no training image has. On the dotted line it is what was asked for.',
    kind: 'curves' as const,
    xLabel: 'severity asked for',
    yLabel: 'severity found',
    diagonal: true,
    points: [
      ...points,
      ...real.flatMap((p) => (p.real ? [point(p.severity, 'Real half grades', p.real.severityRead)] : [])),
    ],
  };
}

function augmentation({ augmentation: found }: Metrics, manifest: BundleManifest) {
  return {
    id: 'augmentation',
    title: 'Whether synthetic images help a grader',
    explanation:
      'Kappa on real images of a grader trained on real images alone, and on real and synthetic ones together.',
    kind: 'points' as const,
    xLabel: 'trained on',
    yLabel: 'QWK on real images',
    points: (found?.arms ?? []).map((arm) =>
      point(
        arm.variant === null
          ? 'Real only'
          : `Real and ${manifest.variants[arm.variant]?.title ?? arm.variant}`,
        'Grader',
        arm.qwk,
      ),
    ),
  };
}

function evaluations(key: string, title: string, { nfe = [] }: VariantMetrics) {
  const named = (sampler: string) => SAMPLERS.find((s) => s === sampler);
  return {
    id: `nfe-${key}`,
    title: `How many evaluations a picture needs: ${title}`,
    explanation:
      'Mean class-wise KID by the number of network evaluations for one picture; lower is nearer to real.',
    kind: 'curves' as const,
    xLabel: 'network evaluations',
    xScale: 'log' as const,
    yLabel: 'KID × 1000',
    points: nfe.map((p) => {
      const sampler = named(p.sampler);
      return point(p.evaluations, sampler ? SAMPLER_TITLES[sampler] : p.sampler, p.kid, KID);
    }),
  };
}

function sharpness(variants: readonly Named[]) {
  return {
    id: 'psnr',
    title: 'How well noise is taken away',
    explanation: 'Peak signal-to-noise ratio of one denoising on held-out real images; higher is sharper.',
    kind: 'curves' as const,
    xLabel: 'diffusion time t (1 is noise)',
    yLabel: 'PSNR in dB',
    points: variants.flatMap(([title, m]) => (m.psnr ?? []).map((p) => point(p.t, title, p.psnr))),
  };
}
