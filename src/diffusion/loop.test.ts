import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  conditioningPlan,
  createSchedule,
  sampleLoop,
  samplerTable,
  type LoopState,
  type SampleLoop,
  type SamplerOptions,
  type SampleStep,
} from '.';

const LENGTH = 12;
const schedule = createSchedule({ kind: 'cosine' });
const grades = [0, 1, 2];
const asked = (severity: number) => conditioningPlan({ grades, severity, guidance: 1.5, mixable: true }).rows;

/** Something of x, t and the row, so that a mixed-up question would show. */
const evaluate: SampleLoop['evaluate'] = async (x, t, rows) => {
  const out = new Float32Array(rows.length * x.length);
  rows.forEach((row, k) => {
    const pull = row.reduce((sum, w, g) => sum + w * (g + 1) * 0.3, 0);
    out.set(
      x.map((v, i) => Math.tanh(v * (1 - t) + pull + i * 0.01)),
      k * x.length,
    );
  });
  return out;
};

/** A run of severity 0 that becomes one of severity 2 at a step. */
function changing(options: SamplerOptions, at: number, seed = 5): SampleLoop {
  const table = samplerTable(schedule, [0.01, 0.99], options);
  const conditioning = table.map((_, i) => asked(i < at ? 0 : 2));
  return { table, conditioning, prediction: 'x0', seed, length: LENGTH, evaluate };
}

async function stepsOf(loop: SampleLoop): Promise<SampleStep[]> {
  const steps = [];
  for await (const step of sampleLoop(loop)) steps.push(step);
  return steps;
}

const anyRun = fc
  .record({
    sampler: fc.constantFrom('ddpm', 'ddim', 'dpmpp-2m', 'dpmpp-2m-karras'),
    steps: fc.integer({ min: 2, max: 12 }),
    eta: fc.constantFrom(0, 0.5, 1),
  })
  .chain((options) => fc.tuple(fc.constant(options), fc.integer({ min: 1, max: options.steps - 1 })));

it('going on from a step is the run from noise from there on, bit by bit, with every sampler', async () => {
  await fc.assert(
    fc.asyncProperty(anyRun, async ([options, at]) => {
      const plain = await stepsOf(changing(options, Infinity));
      const whole = await stepsOf(changing(options, at));
      const from: LoopState = { index: at, x: plain[at]!.x, previous: plain[at - 1]!.x0 };
      const rest = await stepsOf({ ...changing(options, at), from });
      expect(rest).toEqual(whole.slice(at));
      // What was drawn before the change is what the unchanged run drew; what comes after is not.
      expect(whole.slice(0, at)).toEqual(plain.slice(0, at));
      expect(whole[at]!.x).toEqual(plain[at]!.x);
      expect(whole[at]!.x0).not.toEqual(plain[at]!.x0);
    }),
    { numRuns: 60 },
  );
});

it('leaves the state that it goes on from as it is', async () => {
  const plain = await stepsOf(changing({ sampler: 'ddim', steps: 6, eta: 0 }, Infinity));
  const x = plain[3]!.x.slice();
  const from = { index: 3, x, previous: plain[2]!.x0 };
  for await (const step of sampleLoop({ ...changing({ sampler: 'ddim', steps: 6, eta: 0 }, 3), from }))
    structuredClone(step, { transfer: [step.x.buffer] });
  expect(x).toEqual(plain[3]!.x);
});

it('refuses what does not fit', async () => {
  const run = changing({ sampler: 'dpmpp-2m', steps: 6, eta: 0 }, 3);
  const x = new Float32Array(LENGTH);
  const fault = (change: Partial<SampleLoop>) =>
    expect(stepsOf({ ...run, ...change })).rejects.toThrow(RangeError);
  await fault({ conditioning: run.conditioning.slice(1) });
  await fault({ from: { index: 6, x, previous: x } });
  await fault({ from: { index: 2, x: x.slice(1), previous: x } });
  await fault({ from: { index: 2, x, previous: null } });
});
