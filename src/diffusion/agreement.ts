/**
 * How well an ordinal judgement agrees with the truth: confusion matrix, quadratically weighted kappa, recall of each
 * grade, mean absolute error. Grades are indices 0..C-1 on their scale, lowest first.
 */

/** Counts of (truth, answer) pairs, row-major C x C: rows are the truth, columns the answers. */
export interface Confusion {
  readonly size: number;
  readonly counts: readonly number[];
}

export interface Judgement {
  readonly truth: number;
  readonly answer: number;
}

/**
 * Counts judgements of `size` grades.
 * @throws RangeError when a grade is not an index below `size`.
 */
export function confusion(size: number, judgements: readonly Judgement[]): Confusion {
  const counts = new Array<number>(size * size).fill(0);
  for (const { truth, answer } of judgements) {
    for (const grade of [truth, answer]) {
      if (!Number.isInteger(grade) || grade < 0 || grade >= size) {
        throw new RangeError(`a grade must be one of 0..${size - 1}, not ${grade}`);
      }
    }
    counts[truth * size + answer]!++;
  }
  return { size, counts };
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

/** How often each grade was the truth. */
export function truths({ size, counts }: Confusion): number[] {
  return Array.from({ length: size }, (_, k) => sum(counts.slice(k * size, (k + 1) * size)));
}

/** How often each grade was the answer. */
export function answers({ size, counts }: Confusion): number[] {
  return Array.from({ length: size }, (_, k) => sum(counts.filter((_, i) => i % size === k)));
}

/** Share of right answers, in [0, 1]; NaN without judgements. */
export function accuracy({ size, counts }: Confusion): number {
  return sum(counts.filter((_, i) => i % (size + 1) === 0)) / sum(counts);
}

/** Of each grade, the share that was recognised, in [0, 1]; NaN for a grade that was not asked. */
export function recalls(c: Confusion): number[] {
  return truths(c).map((n, k) => c.counts[k * c.size + k]! / n);
}

/** Mean distance of the answer from the truth, in grades; NaN without judgements. */
export function meanAbsoluteError({ size, counts }: Confusion): number {
  return sum(counts.map((n, i) => n * Math.abs(Math.floor(i / size) - (i % size)))) / sum(counts);
}

/**
 * Cohen's kappa with quadratic weights (Cohen 1968, "Weighted kappa"): 1 - sum w O / sum w E, w = (i - j)^2, E the counts
 * expected of independent truth and answers. 1 is perfect, 0 is chance, negative is worse. NaN where it is not
 * defined: without judgements, and where truth and answers are all one and the same grade.
 */
export function quadraticKappa(c: Confusion): number {
  const { size, counts } = c;
  const rows = truths(c);
  const columns = answers(c);
  const total = sum(counts);
  let observed = 0;
  let expected = 0;
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      const weight = (i - j) ** 2;
      observed += weight * counts[i * size + j]!;
      expected += (weight * rows[i]! * columns[j]!) / total;
    }
  }
  return expected === 0 ? NaN : 1 - observed / expected;
}

/**
 * Wilson's score interval of a share (Wilson 1927), `z` standard deviations wide on each side: 1.96 for 95 %.
 * @returns [low, high] in [0, 1]; [0, 1] without trials.
 */
export function wilsonInterval(successes: number, trials: number, z = 1.959963984540054): [number, number] {
  if (trials === 0) return [0, 1];
  const share = successes / trials;
  const spread = z * Math.sqrt((share * (1 - share) + (z * z) / (4 * trials)) / trials);
  const centre = share + (z * z) / (2 * trials);
  const scale = 1 + (z * z) / trials;
  return [Math.max(0, (centre - spread) / scale), Math.min(1, (centre + spread) / scale)];
}
