/** From what a network predicts (x0, epsilon or v) to x0, and from x0 to the noise estimate, at a fixed x_t. */
import type { Level } from './schedule';

export type Prediction = 'x0' | 'epsilon' | 'v';

/** Below this a level counts as free of noise (or of signal), and what would divide by it is undefined. */
const TINY = 1e-6;

/**
 * The predicted clean picture, a new array. x0 = (x - sigma epsilon) / alpha, or alpha x - sigma v (Salimans & Ho 2022,
 * "Progressive distillation", appendix D). All arrays have the same length.
 * @throws RangeError for an epsilon prediction where no signal is left (alpha < 1e-6): x0 is undefined there.
 */
export function toX0(
  prediction: Prediction,
  output: Float32Array,
  x: Float32Array,
  { alpha, sigma }: Level,
): Float32Array {
  if (prediction === 'x0') return output.slice();
  const x0 = new Float32Array(x.length);
  if (prediction === 'v') {
    for (let i = 0; i < x.length; i++) x0[i] = alpha * x[i]! - sigma * output[i]!;
    return x0;
  }
  if (alpha < TINY) throw new RangeError('an epsilon prediction says nothing about x0 where alpha is zero');
  for (let i = 0; i < x.length; i++) x0[i] = (x[i]! - sigma * output[i]!) / alpha;
  return x0;
}

/** The noise estimate (x - alpha x0) / sigma, a new array; zeros where there is no noise left (sigma < 1e-6). */
export function toEpsilon(x0: Float32Array, x: Float32Array, { alpha, sigma }: Level): Float32Array {
  const epsilon = new Float32Array(x.length);
  if (sigma < TINY) return epsilon;
  for (let i = 0; i < x.length; i++) epsilon[i] = (x[i]! - alpha * x0[i]!) / sigma;
  return epsilon;
}
