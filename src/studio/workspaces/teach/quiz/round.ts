/**
 * A round of the quiz, planned: which pictures, in which order, all decided by the settings and one number, so that the
 * same number asks a whole class the same questions. Grades are indices into the model’s scale.
 */
import { philox4x32 } from '../../../../diffusion';
import type { BundleManifest } from '../../../../models/manifest';
import type { SampleRequest } from '../../../../models/request';
import { samplingDefaults } from '../../../../models/variants';

export type QuizMode = 'grade' | 'pair';

export interface QuizSettings {
  readonly mode: QuizMode;
  readonly model: string;
  readonly variant: string;
  /** Number of questions. */
  readonly count: number;
  /** Decides pictures and order. */
  readonly seed: number;
  /** Say right or wrong at once, or only at the end. */
  readonly feedback: 'each' | 'end';
}

/** An image of the person's own, with the grade that its folder's table gives it. */
export interface RealImage {
  readonly file: string;
  readonly grade: number;
}

export type Source =
  | { readonly kind: 'synthetic'; readonly request: SampleRequest }
  | { readonly kind: 'real'; readonly file: string };

export interface Item {
  readonly grade: number;
  readonly source: Source;
}

/** One item to be graded, or two of which the more severe one is to be chosen. */
export interface Question {
  readonly items: readonly Item[];
  /** The right answer: the grade, or the index of the more severe item. */
  readonly truth: number;
}

export const MIN_COUNT = 2;
export const MAX_COUNT = 200;

/** Uniform numbers in [0, 1) from a seed, by counter: the n-th is the same whatever was drawn before. */
function uniforms(seed: number): () => number {
  const out = new Uint32Array(4);
  let n = 0;
  return () => {
    philox4x32(out, n++, 0, 0, 0, seed, 0x9012);
    return out[0]! / 0x1_0000_0000;
  };
}

/** Fisher and Yates. */
export function shuffled<T>(list: readonly T[], uniform: () => number): T[] {
  const result = [...list];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(uniform() * (i + 1));
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
}

/** `count` entries of `kinds`, each equally often up to one, which ones are more often decided by lot, in random order. */
function balanced<T>(kinds: readonly T[], count: number, uniform: () => number): T[] {
  const list: T[] = [];
  while (list.length < count) list.push(...shuffled(kinds, uniform).slice(0, count - list.length));
  return shuffled(list, uniform);
}

/**
 * The questions of a round. With real images about half of the items are real, as far as the folder has images of the
 * grades asked for; each is asked once.
 */
export function planRound(
  settings: QuizSettings,
  manifest: BundleManifest,
  reals: readonly RealImage[] = [],
): Question[] {
  const { mode, model, variant, count, seed } = settings;
  const { grades } = manifest;
  const defaults = samplingDefaults(manifest, variant);
  const uniform = uniforms(seed);
  const indices = grades.map((_, i) => i);
  const pairs = indices.flatMap((low) => indices.slice(low + 1).map((high) => [low, high]));

  const wanted =
    mode === 'grade'
      ? balanced(indices, count, uniform).map((grade) => [grade])
      : balanced(pairs, count, uniform).map((pair) => (uniform() < 0.5 ? pair : [...pair].reverse()));

  const left = new Map(
    indices.map((grade) => [
      grade,
      shuffled(
        reals.filter((real) => real.grade === grade),
        uniform,
      ),
    ]),
  );
  // Every other question of a grade or a pair is real, so that neither kind is the easier one by its grades.
  const turn = new Map<string, boolean>();
  let firstTurn = uniform() < 0.5;
  let drawn = 0;
  return wanted.map((asked) => {
    const kind = [...asked].sort((a, b) => a - b).join();
    const known = turn.get(kind);
    if (known === undefined) firstTurn = !firstTurn;
    const turnToReal = known ?? firstTurn;
    turn.set(kind, !turnToReal);
    const real = turnToReal && asked.every((grade) => left.get(grade)!.length > 0);
    const items = asked.map((grade): Item => {
      if (real) return { grade, source: { kind: 'real', file: left.get(grade)!.pop()!.file } };
      const request: SampleRequest = {
        model,
        variant,
        severity: grades[grade]!.value,
        seed: (seed + drawn++) >>> 0,
        ...defaults,
      };
      return { grade, source: { kind: 'synthetic', request } };
    });
    return {
      items,
      truth: mode === 'grade' ? items[0]!.grade : items[0]!.grade > items[1]!.grade ? 0 : 1,
    };
  });
}
