/**
 * What happens at a step of a run, written down: the formulas of the noising, of the estimates and of the sampler's
 * update, once in symbols and once with the numbers of this very step. The numbers are those that the sampler used.
 */
import {
  CLEAN,
  conditioningPlan,
  createSchedule,
  looksBack,
  samplerTable,
  type ConditioningRow,
  type Level,
  type SamplerRow,
} from '../../../diffusion';
import type { BundleManifest } from '../../../models/manifest';
import { severityAt, type SampleRequest } from '../../../models/request';
import { guidanceAt } from '../../../models/variants';
import {
  bracket,
  fraction,
  group,
  hat,
  mathNumber,
  name,
  number,
  operator,
  power,
  root,
  row,
  sub,
  sum,
  words,
  type MathNode,
  type Term,
} from '../../components/math';

/** A formula in symbols and the same with this step's numbers. */
export interface Written {
  readonly title: string;
  readonly symbols: MathNode;
  readonly numbers: MathNode;
  /** One plain sentence. */
  readonly meaning: string;
}

export interface Quantity {
  readonly symbol: MathNode;
  readonly value: string;
  readonly meaning: string;
}

export interface StepNotation {
  readonly quantities: readonly Quantity[];
  readonly formulas: readonly Written[];
}

const alpha = name('α');
const sigma = name('σ');
const alphaNext = sub(alpha, name('s'));
const sigmaNext = sub(sigma, name('s'));
const xNow = sub(name('x'), name('t'));
const xNext = sub(name('x'), name('s'));
const x0 = sub(name('x'), number('0'));
const x0Hat = sub(hat(name('x')), number('0'));
const x0Before = row(x0Hat, operator('′'));
const noise = name('ε');
const noiseHat = hat(noise);
const fresh = name('z');
const equals = operator('=');
const plus = operator('+');
const minus = operator('−');
const squared = (of: MathNode) => power(of, number('2'));

/** The sampler's table of a run, as the worker made it. */
export function tableOf(request: SampleRequest, manifest: BundleManifest): SamplerRow[] {
  return samplerTable(createSchedule(manifest.diffusion.schedule), manifest.diffusion.tRange, request);
}

/**
 * The update of row `index` as its textbook writes it: the terms of x_s, in symbols and weighted by this step's numbers.
 * DDIM and DDPM speak of the noise estimate where the table speaks of x_t; both are the same by x_t = alpha x0 + sigma epsilon.
 */
export function updateTerms(
  table: readonly SamplerRow[],
  index: number,
  sampler: SampleRequest['sampler'],
): { symbols: MathNode; terms: readonly Term[]; meaning: string } {
  const now = table[index]!;
  const next: Level = table[index + 1] ?? CLEAN;
  if (index === table.length - 1) {
    return {
      symbols: x0Hat,
      terms: [{ factor: 1, of: x0Hat }],
      meaning: 'The last step leaves no noise: the picture is the last prediction itself.',
    };
  }
  if (looksBack(sampler)) {
    const first = now.c === 0;
    return {
      symbols: row(
        fraction(sigmaNext, sigma),
        xNow,
        plus,
        alphaNext,
        group(number('1'), minus, power(name('e'), row(operator('−'), name('h')))),
        first
          ? x0Hat
          : group(
              group(number('1'), plus, fraction(number('1'), row(number('2'), name('r')))),
              x0Hat,
              minus,
              fraction(number('1'), row(number('2'), name('r'))),
              x0Before,
            ),
      ),
      terms: [
        { factor: now.a, of: xNow },
        { factor: now.b, of: x0Hat },
        { factor: now.c, of: x0Before },
      ],
      meaning: first
        ? 'Towards the predicted picture, as far as the noise level falls.'
        : 'Towards the predicted picture, leaning on how the prediction changed since the step before (x̂₀′).',
    };
  }
  const random = now.d !== 0;
  return {
    symbols: row(
      alphaNext,
      x0Hat,
      plus,
      random ? root(squared(sigmaNext), minus, squared(name('d'))) : sigmaNext,
      noiseHat,
      ...(random ? [plus, name('d'), fresh] : []),
    ),
    terms: [
      { factor: next.alpha, of: x0Hat },
      { factor: Math.sqrt(Math.max(0, next.sigma ** 2 - now.d ** 2)), of: noiseHat },
      { factor: now.d, of: fresh },
    ],
    meaning: random
      ? 'The predicted picture with less of the estimated noise than before, and some fresh noise z.'
      : 'The predicted picture with the same noise estimate put back, only less of it.',
  };
}

/** One row's condition: a grade, a mixture of two, or no grade at all (the null class). */
function condition({ weights }: ConditioningRow, grades: BundleManifest['grades']): MathNode {
  const none = weights.length - 1;
  if (weights[none]! > 0) return name('∅');
  return sum(
    weights.slice(0, none).map((factor, k) => ({ factor, of: words(grades[k]!.short.replace(' ', ' ')) })),
  );
}

const network = (of: MathNode) =>
  row(name('f'), bracket('('), xNow, operator(','), name('t'), operator(','), of, bracket(')'));

const PREDICTED: Record<BundleManifest['diffusion']['prediction'], MathNode> = {
  x0: x0Hat,
  epsilon: noiseHat,
  v: hat(name('v')),
};

function estimate(request: SampleRequest, manifest: BundleManifest, index: number, t: number): Written {
  const { grades, inputs, diffusion } = manifest;
  const guidance = guidanceAt(manifest, request, t);
  const { rows, extrapolated } = conditioningPlan({
    grades: grades.map((grade) => grade.value),
    severity: severityAt(request, index),
    guidance,
    mixable: inputs.y.kind === 'weights',
  });
  const guided = guidance !== 1;
  const g = name('g');
  const y = name('y');
  return {
    title: 'What the network estimates',
    symbols: row(
      PREDICTED[diffusion.prediction],
      equals,
      ...(guided ? [g, network(y), plus, group(number('1'), minus, g), network(name('∅'))] : [network(y)]),
    ),
    numbers: row(
      PREDICTED[diffusion.prediction],
      equals,
      sum(rows.map((r) => ({ factor: r.coefficient, of: network(condition(r, grades)) }))),
    ),
    meaning: extrapolated
      ? 'Beyond the trained grades: the last two are extended along their line.'
      : guided
        ? 'Guidance g pushes away from what the network would say without a grade (∅).'
        : request.guidance === 1
          ? 'The network sees the noisy picture, the time and the grade.'
          : 'The network sees the noisy picture, the time and the grade; at this noise level nothing is guided.',
  };
}

/** How the sampler's two pictures follow from the network's one estimate. */
function derived(prediction: BundleManifest['diffusion']['prediction'], now: Level): Written[] {
  const noiseFromX0: Written = {
    title: 'The noise estimate that belongs to it',
    symbols: row(noiseHat, equals, fraction(row(xNow, minus, alpha, x0Hat), sigma)),
    numbers: row(
      noiseHat,
      equals,
      fraction(
        sum([
          { factor: 1, of: xNow },
          { factor: -now.alpha, of: x0Hat },
        ]),
        number(mathNumber(now.sigma)),
      ),
    ),
    meaning: 'What is left of the noisy picture once the predicted one is taken out.',
  };
  if (prediction === 'x0') return [noiseFromX0];
  const fromNoise = prediction === 'epsilon';
  const predicted: Written = {
    title: 'The picture that belongs to it',
    symbols: fromNoise
      ? row(x0Hat, equals, fraction(row(xNow, minus, sigma, noiseHat), alpha))
      : row(x0Hat, equals, alpha, xNow, minus, sigma, PREDICTED.v),
    numbers: fromNoise
      ? row(
          x0Hat,
          equals,
          fraction(
            sum([
              { factor: 1, of: xNow },
              { factor: -now.sigma, of: noiseHat },
            ]),
            number(mathNumber(now.alpha)),
          ),
        )
      : row(
          x0Hat,
          equals,
          sum([
            { factor: now.alpha, of: xNow },
            { factor: -now.sigma, of: PREDICTED.v },
          ]),
        ),
    meaning: 'What the picture would be if the estimate were right.',
  };
  return fromNoise ? [predicted] : [predicted, noiseFromX0];
}

/** Everything about step `index` of a run; null at the finished picture, where nothing is computed any more. */
export function stepNotation(
  request: SampleRequest,
  manifest: BundleManifest,
  table: readonly SamplerRow[],
  index: number,
): StepNotation | null {
  const now = table[index];
  if (!now) return null;
  const next: Level = table[index + 1] ?? CLEAN;
  const update = updateTerms(table, index, request.sampler);
  const quantities: Quantity[] = [
    { symbol: name('t'), value: mathNumber(now.t), meaning: 'time' },
    { symbol: alpha, value: mathNumber(now.alpha), meaning: 'how much picture' },
    { symbol: sigma, value: mathNumber(now.sigma), meaning: 'how much noise' },
    { symbol: alphaNext, value: mathNumber(next.alpha), meaning: 'picture after this step' },
    { symbol: sigmaNext, value: mathNumber(next.sigma), meaning: 'noise after this step' },
  ];
  if (now.d !== 0) quantities.push({ symbol: name('d'), value: mathNumber(now.d), meaning: 'fresh noise' });
  if (looksBack(request.sampler) && next.sigma > 0) {
    const logSnr = (l: Level) => Math.log(l.alpha / l.sigma);
    const h = logSnr(next) - logSnr(now);
    quantities.push({ symbol: name('h'), value: mathNumber(h), meaning: 'rise of log(α/σ)' });
    const before = table[index - 1];
    if (before && now.c !== 0) {
      quantities.push({
        symbol: name('r'),
        value: mathNumber((logSnr(now) - logSnr(before)) / h),
        meaning: 'the step before, in units of h',
      });
    }
  }
  return {
    quantities,
    formulas: [
      {
        title: 'The noisy picture',
        symbols: row(xNow, equals, alpha, x0, plus, sigma, noise),
        numbers: row(
          xNow,
          equals,
          sum([
            { factor: now.alpha, of: x0 },
            { factor: now.sigma, of: noise },
          ]),
        ),
        meaning: 'A picture and pure noise, mixed; only the mixture is known.',
      },
      estimate(request, manifest, index, now.t),
      ...derived(manifest.diffusion.prediction, now),
      {
        title: 'The step to the next noise level',
        symbols: row(xNext, equals, update.symbols),
        numbers: row(xNext, equals, sum(update.terms)),
        meaning: update.meaning,
      },
    ],
  };
}
