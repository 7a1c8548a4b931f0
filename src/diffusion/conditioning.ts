/**
 * From a severity on the clinical scale to what the network is asked: rows of class weights and a coefficient for each
 * row's output. What the rows answer is combined as sum_k coefficient_k f(x, t, row_k); the coefficients sum to 1, so
 * combining x0, epsilon or v is the same thing.
 */

export interface ConditioningRow {
  /** C + 1 class weights; the last is the null (unconditional) class. They sum to 1. */
  readonly weights: readonly number[];
  readonly coefficient: number;
}

export interface ConditioningPlan {
  readonly rows: readonly ConditioningRow[];
  /** Whether the severity lies beyond the grades that the network was trained on. */
  readonly extrapolated: boolean;
}

export interface ConditioningOptions {
  /** The grades' clinical values, rising, at least two. */
  readonly grades: readonly number[];
  readonly severity: number;
  /** 1 is plain conditional sampling, 0 unconditional. */
  readonly guidance: number;
  /**
   * Whether one row may mix grades and name the null class. A network that takes a class index can do neither: a
   * severity between two grades then takes two rows, and guidance other than 1 is an error.
   */
  readonly mixable: boolean;
}

/** Weights of grade `k` alone; `k = count` is the null class. */
export function oneHot(k: number, count: number): number[] {
  const weights = new Array<number>(count + 1).fill(0);
  weights[k] = 1;
  return weights;
}

/**
 * The rows to evaluate for a severity. Within the grades: one row that mixes its two neighbours linearly by clinical
 * value. Beyond an end, at a distance of `a` last segments: (1 + a) f_end - a f_neighbour. Guidance g other than 1
 * multiplies everything by g and adds the null row with 1 - g.
 * @throws RangeError when the severity is not finite, or the network cannot be guided.
 */
export function conditioningPlan({
  grades,
  severity,
  guidance,
  mixable,
}: ConditioningOptions): ConditioningPlan {
  const count = grades.length;
  if (count < 2) throw new RangeError('a scale needs at least two grades');
  if (!Number.isFinite(severity)) throw new RangeError(`severity must be finite, not ${severity}`);
  if (guidance !== 1 && !mixable) throw new RangeError('this model has no null class, so guidance must be 1');

  const last = count - 1;
  const extrapolated = severity < grades[0]! || severity > grades[last]!;
  // The segment [k, k + 1] that holds the severity, or the last one towards it.
  let k = 0;
  while (k < last - 1 && severity > grades[k + 1]!) k++;
  const fraction = (severity - grades[k]!) / (grades[k + 1]! - grades[k]!);

  let rows: ConditioningRow[];
  if (mixable && !extrapolated) {
    const weights = oneHot(k, count);
    weights[k] = 1 - fraction;
    weights[k + 1] = fraction;
    rows = [{ weights, coefficient: 1 }];
  } else {
    rows = [
      { weights: oneHot(k, count), coefficient: 1 - fraction },
      { weights: oneHot(k + 1, count), coefficient: fraction },
    ];
  }
  if (guidance !== 1) {
    rows = rows.map((row) => ({ ...row, coefficient: row.coefficient * guidance }));
    rows.push({ weights: oneHot(count, count), coefficient: 1 - guidance });
  }
  return { rows: rows.filter((row) => row.coefficient !== 0), extrapolated };
}

/**
 * sum_k coefficients[k] outputs[k], accumulated in float64.
 * @param outputs [K, length], flat.
 * @returns a new array of `length`.
 */
export function combine(
  outputs: Float32Array,
  coefficients: readonly number[],
  length: number,
): Float32Array {
  const combined = new Float32Array(length);
  for (let i = 0; i < length; i++) {
    let sum = 0;
    for (let k = 0; k < coefficients.length; k++) sum += coefficients[k]! * outputs[k * length + i]!;
    combined[i] = sum;
  }
  return combined;
}
