import { expect, it } from 'vitest';
import { conditioningPlan, createSchedule, sampleLoop, sampleTogether, samplerTable } from '.';

const LENGTH = 12;
const schedule = createSchedule({ kind: 'cosine' });
const table = samplerTable(schedule, [0.01, 0.99], { sampler: 'ddpm', steps: 5, eta: 0 });
/** Something of x, t and the row, so that a mixed-up answer would show. */
const network = (x: Float32Array, t: number, row: readonly number[]) =>
  x.map((v, i) => Math.tanh(v * (1 - t) + row.reduce((sum, w, k) => sum + w * (k + 1) * 0.1, 0) + i * 0.01));
const answer = (x: Float32Array, t: number, rows: readonly (readonly number[])[]) => {
  const out = new Float32Array(rows.length * x.length);
  rows.forEach((row, k) => out.set(network(x, t, row), k * x.length));
  return out;
};
const loop = (seed: number, severity: number, guidance: number) => ({
  table,
  conditioning: table.map(
    () => conditioningPlan({ grades: [0, 1, 2], severity, guidance, mixable: true }).rows,
  ),
  prediction: 'x0' as const,
  seed,
  length: LENGTH,
});
const LOOPS = [loop(1, 0, 1), loop(2, 1.5, 1.5), loop(3, 2.5, 2)];

it('draws what each loop alone draws, whatever number of rows each one needs', async () => {
  const batches: number[] = [];
  const pictures = await sampleTogether(LOOPS, async (questions, t) => {
    batches.push(questions.reduce((sum, q) => sum + q.rows.length, 0));
    return questions.map((q) => answer(q.x, t, q.rows));
  });
  // Plain: one row; guided: two; extrapolated and guided: three.
  expect(batches).toEqual([6, 6, 6, 6, 6]);
  for (const [i, one] of LOOPS.entries()) {
    let alone: Float32Array | undefined;
    for await (const step of sampleLoop({ ...one, evaluate: async (x, t, rows) => answer(x, t, rows) }))
      alone = step.x;
    expect(pictures[i]).toEqual(alone);
  }
});

it('an error ends all of them', async () => {
  const broken = sampleTogether(LOOPS, () => Promise.reject(new Error('lost')));
  await expect(broken).rejects.toThrow('lost');
});

it('refuses loops that would not ask at the same times', async () => {
  const other = { ...LOOPS[0]!, table: table.slice(1) };
  await expect(sampleTogether([LOOPS[0]!, other], async () => [])).rejects.toThrow(RangeError);
});
