/**
 * A planar map of points of which only the distances are known: classical multidimensional scaling (Torgerson 1952,
 * "Multidimensional scaling: I. Theory and method"), which for Euclidean distances is the projection onto the first two
 * principal components.
 */

export interface PlanarMap {
  /**
   * One [x, y] per point, in the unit of the distances, the centroid at the origin. A map is only given up to
   * reflection: the last point lies to the right of the first, and the one farthest off the axis above it.
   */
  readonly points: readonly (readonly [number, number])[];
  /** Share of the points' spread that each axis shows, in [0, 1]; 1 and 0 on a straight line, 0 and 0 when all coincide. */
  readonly shares: readonly [number, number];
}

const MAX_SWEEPS = 60;

/**
 * Eigenvalues, falling, and unit eigenvectors of a small symmetric matrix, by cyclic Jacobi rotations (Golub & Van Loan,
 * "Matrix computations", section 8.5).
 * @param matrix row-major n x n.
 */
export function symmetricEigen(
  matrix: ArrayLike<number>,
  n: number,
): { values: number[]; vectors: number[][] } {
  const a = Float64Array.from(matrix);
  const v = new Float64Array(n * n);
  for (let i = 0; i < n; i++) v[i * n + i] = 1;
  const scale = a.reduce((s, e) => s + e * e, 0);
  for (let sweep = 0; sweep < MAX_SWEEPS; sweep++) {
    let off = 0;
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) off += a[p * n + q]! ** 2;
    if (off <= scale * 1e-30) break;
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        const apq = a[p * n + q]!;
        if (apq === 0) continue;
        const theta = (a[q * n + q]! - a[p * n + p]!) / (2 * apq);
        const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.hypot(theta, 1));
        const c = 1 / Math.hypot(t, 1);
        const s = t * c;
        for (let k = 0; k < n; k++) {
          const [akp, akq] = [a[k * n + p]!, a[k * n + q]!];
          a[k * n + p] = c * akp - s * akq;
          a[k * n + q] = s * akp + c * akq;
        }
        for (let k = 0; k < n; k++) {
          const [apk, aqk] = [a[p * n + k]!, a[q * n + k]!];
          a[p * n + k] = c * apk - s * aqk;
          a[q * n + k] = s * apk + c * aqk;
          const [vkp, vkq] = [v[k * n + p]!, v[k * n + q]!];
          v[k * n + p] = c * vkp - s * vkq;
          v[k * n + q] = s * vkp + c * vkq;
        }
      }
    }
  }
  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => a[j * n + j]! - a[i * n + i]!);
  return {
    values: order.map((i) => a[i * n + i]!),
    vectors: order.map((i) => Array.from({ length: n }, (_, k) => v[k * n + i]!)),
  };
}

/**
 * The map of `count` points from their distances.
 * @param distances row-major count x count, symmetric, zero on the diagonal.
 */
export function planarMap(distances: ArrayLike<number>, count: number): PlanarMap {
  const squared = (i: number, j: number) => distances[i * count + j]! ** 2;
  const means = Array.from({ length: count }, (_, i) => {
    let sum = 0;
    for (let j = 0; j < count; j++) sum += squared(i, j);
    return sum / count;
  });
  const mean = means.reduce((s, m) => s + m, 0) / count;
  // The double-centred matrix -J D^2 J / 2: inner products of the centred points.
  const gram = Float64Array.from(
    { length: count * count },
    (_, k) =>
      -0.5 *
      (squared(Math.floor(k / count), k % count) - means[Math.floor(k / count)]! - means[k % count]! + mean),
  );
  const { values, vectors } = symmetricEigen(gram, count);
  const total = values.reduce((s, value) => s + Math.max(0, value), 0);
  const axis = (k: number): number[] => {
    const length = Math.sqrt(Math.max(0, values[k] ?? 0));
    return (vectors[k] ?? []).map((e) => e * length);
  };
  const x = axis(0);
  const y = axis(1);
  const last = count - 1;
  const flipX = x[last]! < x[0]! ? -1 : 1;
  const farthest = y.reduce((best, value, i) => (Math.abs(value) > Math.abs(y[best]!) + 1e-12 ? i : best), 0);
  const flipY = y[farthest]! < 0 ? -1 : 1;
  const share = (k: number) => (total === 0 ? 0 : Math.max(0, values[k] ?? 0) / total);
  return {
    points: x.map((value, i) => [flipX * value, flipY * y[i]!] as const),
    shares: [share(0), share(1)],
  };
}
