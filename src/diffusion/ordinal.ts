/**
 * Whether the estimates of the grades lie in order on a straight line: distances, and for every triple of grades
 * p < q < r the triangle's slack, its straightness, the angle at q and the order. Distances are root-mean-square over
 * the elements, so they do not depend on the picture's size.
 */

export interface OrdinalTriple {
  readonly p: number;
  readonly q: number;
  readonly r: number;
  /** (d_pq + d_qr) / d_pr - 1; zero exactly when q lies on the segment between p and r. */
  readonly slack: number;
  /** d_pr / (d_pq + d_qr), in [0, 1]; one on a straight, ordered line. */
  readonly straightness: number;
  /** Cosine of the angle between (q - p) and (r - q), in [-1, 1]. */
  readonly cosine: number;
  /** Whether d_pr is at least d_pq and d_qr. */
  readonly ordered: boolean;
}

/** sqrt(mean v_i^2). */
export function rms(v: Float32Array): number {
  let sum = 0;
  for (const e of v) sum += e * e;
  return Math.sqrt(sum / v.length);
}

/** Root-mean-square distance of two arrays of the same length. */
export function distance(u: Float32Array, v: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < u.length; i++) sum += (u[i]! - v[i]!) ** 2;
  return Math.sqrt(sum / u.length);
}

/** All pairwise distances, row-major C x C, symmetric, zero on the diagonal. */
export function distanceMatrix(estimates: readonly Float32Array[]): Float64Array {
  const count = estimates.length;
  const matrix = new Float64Array(count * count);
  for (let p = 0; p < count; p++) {
    for (let q = p + 1; q < count; q++) {
      const d = distance(estimates[p]!, estimates[q]!);
      matrix[p * count + q] = d;
      matrix[q * count + p] = d;
    }
  }
  return matrix;
}

/** One triple from its three distances. Where distances are zero the limits of coinciding estimates are taken. */
export function triple(p: number, q: number, r: number, pq: number, qr: number, pr: number): OrdinalTriple {
  const path = pq + qr;
  // All three coincide: a line of length zero. Only the ends coincide: the slack has no bound.
  const slack = path === 0 ? 0 : path / pr - 1;
  const straightness = path === 0 ? 1 : pr / path;
  // |r - p|^2 = |q - p|^2 + |r - q|^2 + 2 (q - p)(r - q)
  const cosine = pq === 0 || qr === 0 ? 1 : (pr * pr - pq * pq - qr * qr) / (2 * pq * qr);
  return {
    p,
    q,
    r,
    slack,
    straightness,
    cosine: Math.min(1, Math.max(-1, cosine)),
    ordered: pr >= pq && pr >= qr,
  };
}

/** Every triple p < q < r of `count` estimates from their distance matrix, in lexicographic order. */
export function ordinalTriples(distances: Float64Array, count: number): OrdinalTriple[] {
  const triples: OrdinalTriple[] = [];
  const d = (i: number, j: number) => distances[i * count + j]!;
  for (let p = 0; p < count; p++) {
    for (let q = p + 1; q < count; q++) {
      for (let r = q + 1; r < count; r++) triples.push(triple(p, q, r, d(p, q), d(q, r), d(p, r)));
    }
  }
  return triples;
}
