/** What a round says of those who answered: figures with their n, never one without. */
import {
  accuracy,
  confusion,
  meanAbsoluteError,
  quadraticKappa,
  recalls,
  truths,
  wilsonInterval,
  type Confusion,
} from '../../../../diffusion';
import { toCsv, type CsvValue } from '../../../../exchange/csv';
import type { BundleManifest } from '../../../../models/manifest';
import type { Item, Question, QuizSettings } from './round';

export interface Answer {
  readonly question: Question;
  /** The grade chosen, or the index of the item chosen as the more severe one. */
  readonly answer: number;
  readonly seconds: number;
}

export type Subset = 'all' | 'synthetic' | 'real';

export const isReal = (question: Question) => question.items[0]!.source.kind === 'real';

export function subset(answers: readonly Answer[], which: Subset): Answer[] {
  return answers.filter((a) => which === 'all' || isReal(a.question) === (which === 'real'));
}

export interface GradeResult {
  readonly n: number;
  readonly right: number;
  /** 95 %, of the share of right answers. */
  readonly interval: readonly [number, number];
  readonly confusion: Confusion;
  /** NaN where it is not defined. */
  readonly kappa: number;
  readonly error: number;
  readonly recall: readonly number[];
  /** How often each grade was asked. */
  readonly asked: readonly number[];
}

export function gradeResult(answers: readonly Answer[], grades: number): GradeResult {
  const c = confusion(
    grades,
    answers.map(({ question, answer }) => ({ truth: question.truth, answer })),
  );
  const n = answers.length;
  const right = n === 0 ? 0 : Math.round(accuracy(c) * n);
  return {
    n,
    right,
    interval: wilsonInterval(right, n),
    confusion: c,
    kappa: quadraticKappa(c),
    error: meanAbsoluteError(c),
    recall: recalls(c),
    asked: truths(c),
  };
}

export interface PairResult {
  readonly n: number;
  readonly right: number;
  readonly interval: readonly [number, number];
  /** By how many grades apart the two were, rising; distances that were not asked are left out. */
  readonly byDistance: readonly { readonly distance: number; readonly n: number; readonly right: number }[];
}

export function pairResult(answers: readonly Answer[]): PairResult {
  const right = answers.filter((a) => a.answer === a.question.truth).length;
  const distances = new Map<number, { n: number; right: number }>();
  for (const { question, answer } of answers) {
    const distance = Math.abs(question.items[0]!.grade - question.items[1]!.grade);
    const entry = distances.get(distance) ?? { n: 0, right: 0 };
    distances.set(distance, { n: entry.n + 1, right: entry.right + (answer === question.truth ? 1 : 0) });
  }
  return {
    n: answers.length,
    right,
    interval: wilsonInterval(right, answers.length),
    byDistance: [...distances]
      .map(([distance, entry]) => ({ distance, ...entry }))
      .sort((a, b) => a.distance - b.distance),
  };
}

const name = ({ source }: Item): CsvValue =>
  source.kind === 'real' ? source.file : `seed ${source.request.seed}`;

/** One line a question: what was shown, what was right, what was answered. */
export function resultsCsv(
  answers: readonly Answer[],
  settings: QuizSettings,
  manifest: BundleManifest,
): string {
  const value = (grade: number) => manifest.grades[grade]!.value;
  const common = [settings.model, settings.variant];
  if (settings.mode === 'grade') {
    return toCsv(
      ['question', 'model', 'variant', 'kind', 'picture', 'grade', 'answer', 'right', 'seconds'],
      answers.map(({ question, answer, seconds }, i) => [
        i + 1,
        ...common,
        question.items[0]!.source.kind,
        name(question.items[0]!),
        value(question.truth),
        value(answer),
        answer === question.truth,
        Math.round(seconds * 10) / 10,
      ]),
    );
  }
  return toCsv(
    [
      'question',
      'model',
      'variant',
      'kind',
      'left',
      'left_grade',
      'right',
      'right_grade',
      'answer',
      'correct',
      'seconds',
    ],
    answers.map(({ question, answer, seconds }, i) => [
      i + 1,
      ...common,
      question.items[0]!.source.kind,
      name(question.items[0]!),
      value(question.items[0]!.grade),
      name(question.items[1]!),
      value(question.items[1]!.grade),
      answer === 0 ? 'left' : 'right',
      answer === question.truth,
      Math.round(seconds * 10) / 10,
    ]),
  );
}
