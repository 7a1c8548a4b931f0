/**
 * Standard normal noise that a request names completely: keyed by (seed, purpose, step), computed on the CPU, the same
 * numbers as the training lab's to float tolerance.
 */
import { philox4x32 } from './philox';

/** What a stream of noise is for; two purposes of one seed never share numbers. */
export const PURPOSE = {
  /** The first x of a run. */
  INIT: 0,
  /** What a stochastic sampler adds after step i. */
  STEP: 1,
  /** Noising a real picture. */
  FORWARD: 2,
  /** The input of a manifest's parity reference. */
  PARITY: 3,
  /** The z of a generator. */
  LATENT: 4,
} as const;
export type Purpose = (typeof PURPOSE)[keyof typeof PURPOSE];

const TWO_POW_32 = 2 ** 32;

function requireUint32(name: string, value: number): void {
  if (!Number.isInteger(value) || value < 0 || value >= TWO_POW_32) {
    throw new RangeError(`${name} must be an unsigned 32-bit integer, not ${value}`);
  }
}

/**
 * `length` standard normals of (seed, purpose, step). Element i (in flat CHW order for a picture) takes lane `i & 3` of
 * Philox block `i >> 2` at counter (block, 0, step, 0) under the key (seed, purpose); pairs of lanes become normals by
 * Box-Muller in float64, rounded to float32. A longer draw begins with the shorter one.
 * @throws RangeError when seed or step is not an unsigned 32-bit integer.
 */
export function normals(seed: number, purpose: Purpose, step: number, length: number): Float32Array {
  requireUint32('seed', seed);
  requireUint32('step', step);
  const z = new Float32Array(length);
  const r = new Uint32Array(4);
  for (let block = 0, i = 0; i < length; block++) {
    philox4x32(r, block, 0, step, 0, seed, purpose);
    for (let lane = 0; lane < 4; lane += 2) {
      // Half an ulp inside (0, 1), so the logarithm is finite.
      const u1 = (r[lane]! + 0.5) / TWO_POW_32;
      const u2 = (r[lane + 1]! + 0.5) / TWO_POW_32;
      const radius = Math.sqrt(-2 * Math.log(u1));
      const angle = 2 * Math.PI * u2;
      if (i < length) z[i++] = radius * Math.cos(angle);
      if (i < length) z[i++] = radius * Math.sin(angle);
    }
  }
  return z;
}
