import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import golden from './golden/samplers.json';
import { sampleLoop, type Evaluate, type SampleStep } from './loop';
import { normals, PURPOSE } from './noise';
import { toEpsilon, toX0, type Prediction } from './prediction';
import { samplerTable, type SamplerKind, type SamplerOptions } from './sampler';
import { createSchedule, type Schedule } from './schedule';

const cosine = createSchedule({ kind: 'cosine' });
const table = createSchedule({ kind: 'table', alphasCumprod: golden.alphasCumprod });

async function collect(steps: AsyncIterable<SampleStep>): Promise<SampleStep[]> {
  const all: SampleStep[] = [];
  for await (const step of steps) all.push(step);
  return all;
}

/** What a network of the given prediction would say if its x0 were `x0`. */
function asOutput(prediction: Prediction, x0: Float32Array, x: Float32Array, t: number, schedule: Schedule) {
  const level = schedule.level(t);
  if (prediction === 'x0') return x0;
  const epsilon = toEpsilon(x0, x, level);
  if (prediction === 'epsilon') return epsilon;
  return epsilon.map((e, i) => level.alpha * e - level.sigma * x0[i]!);
}

describe('against diffusers', () => {
  test.each(golden.cases)('$sampler eta $eta, $prediction, $steps steps', async (c) => {
    const prediction = c.prediction as Prediction;
    const rows = samplerTable(table, [c.timesteps.at(-1)!, c.timesteps[0]!], {
      sampler: c.sampler as SamplerKind,
      steps: c.steps,
      eta: c.eta,
    });
    expect(rows.map((row) => row.t)).toEqual(c.timesteps);
    const evaluate: Evaluate = async (x, t) => {
      const x0 = x.map(
        (v, i) => Math.tanh(0.8 * v + 0.3 * Math.cos(i)) + (0.1 * t) / golden.alphasCumprod.length,
      );
      return asOutput(prediction, x0, x, t, table);
    };
    const steps = await collect(
      sampleLoop({
        table: rows,
        conditioning: rows.map(() => PLAIN),
        prediction,
        seed: golden.seed,
        length: golden.length,
        evaluate,
      }),
    );
    expect(steps).toHaveLength(c.trajectory.length);
    for (const [i, expected] of c.trajectory.entries()) {
      for (const [k, v] of expected.entries()) expect(Math.abs(steps[i]!.x[k]! - v)).toBeLessThan(2e-5);
    }
  });
});

const PLAIN = [{ weights: [1, 0, 0], coefficient: 1 }];

const options = fc.record<SamplerOptions>({
  sampler: fc.constantFrom<SamplerKind>('ddpm', 'ddim', 'dpmpp-2m', 'dpmpp-2m-karras'),
  steps: fc.integer({ min: 1, max: 100 }),
  eta: fc.double({ min: 0, max: 1, noNaN: true }),
});
const tRange = fc.tuple(
  fc.double({ min: 0, max: 0.3, noNaN: true }),
  fc.double({ min: 0.5, max: 1, noNaN: true }),
);

test.each(golden.karras)('Karras spacing is diffusers’: $low to $high', ({ low, high, ratios }) => {
  const time = (ratio: number) => (2 / Math.PI) * Math.atan(ratio);
  const times = cosine.grid(ratios.length, [time(low), time(high)], 'karras');
  for (const [i, t] of times.entries()) expect(Math.tan((t * Math.PI) / 2) / ratios[i]!).toBeCloseTo(1, 6);
});

describe('tables', () => {
  test('a perfect denoiser stays on the marginals: a x_t + b x0 + c x0 keeps signal alpha and noise sigma', () => {
    fc.assert(
      fc.property(options, tRange, (o, range) => {
        const rows = samplerTable(cosine, range, o);
        expect(rows).toHaveLength(o.steps);
        for (const [i, row] of rows.entries()) {
          const next = rows[i + 1] ?? { alpha: 1, sigma: 0 };
          expect(row.a * row.alpha + row.b + row.c).toBeCloseTo(next.alpha, 9);
          expect(Math.hypot(row.a * row.sigma, row.d)).toBeCloseTo(next.sigma, 9);
        }
      }),
    );
  });

  test('the last row returns x0 and nothing else', () => {
    fc.assert(
      fc.property(options, tRange, (o, range) => {
        expect(samplerTable(cosine, range, o).at(-1)).toMatchObject({ a: 0, b: 1, c: 0, d: 0 });
      }),
    );
  });

  test('ddim with eta 1 is ddpm, with eta 0 it draws no noise', () => {
    const with_ = (sampler: SamplerKind, eta: number) =>
      samplerTable(cosine, [0.02, 0.99], { sampler, steps: 12, eta });
    expect(with_('ddim', 1)).toEqual(with_('ddpm', 0));
    expect(with_('ddim', 0).every((row) => row.d === 0)).toBe(true);
  });

  test('more steps than a table has times repeat times without harm', () => {
    for (const sampler of ['ddpm', 'ddim', 'dpmpp-2m', 'dpmpp-2m-karras'] as const) {
      const rows = samplerTable(table, [0, 99], { sampler, steps: 250, eta: 1 });
      expect(rows.every((row) => [row.a, row.b, row.c, row.d].every(Number.isFinite))).toBe(true);
    }
  });

  test('steps must be a positive integer', () => {
    expect(() => samplerTable(cosine, [0, 1], { sampler: 'ddim', steps: 0, eta: 0 })).toThrow(RangeError);
  });
});

describe('the loop', () => {
  const gaussian = (mean: number, spread: number): Evaluate => {
    // E[x0 | x_t] for data N(mean, spread^2): what a perfect network would answer.
    return async (x, t, rows) => {
      const { alpha, sigma } = cosine.level(t);
      const gain = (alpha * spread ** 2) / (alpha ** 2 * spread ** 2 + sigma ** 2);
      const one = x.map((v) => mean + gain * (v - alpha * mean));
      const out = new Float32Array(x.length * rows.length);
      for (let k = 0; k < rows.length; k++) out.set(one, k * x.length);
      return out;
    };
  };
  const run = (o: SamplerOptions, evaluate: Evaluate, length = 4096) =>
    collect(
      sampleLoop({
        table: samplerTable(cosine, [0.001, 0.999], o),
        conditioning: new Array(o.steps).fill(PLAIN),
        prediction: 'x0',
        seed: 11,
        length,
        evaluate,
      }),
    );

  test.each<SamplerOptions>([
    { sampler: 'ddim', steps: 200, eta: 0 },
    { sampler: 'ddim', steps: 200, eta: 0.5 },
    { sampler: 'ddpm', steps: 400, eta: 0 },
    { sampler: 'dpmpp-2m', steps: 60, eta: 0 },
    { sampler: 'dpmpp-2m-karras', steps: 40, eta: 0 },
  ])('draws Gaussian data with $sampler (eta $eta) given the exact denoiser', async (o) => {
    const mean = 0.3;
    const spread = 0.5;
    const picture = (await run(o, gaussian(mean, spread))).at(-1)!.x;
    const n = picture.length;
    const m = picture.reduce((s, v) => s + v, 0) / n;
    const sd = Math.sqrt(picture.reduce((s, v) => s + (v - m) ** 2, 0) / n);
    expect(Math.abs(m - mean)).toBeLessThan(0.04);
    expect(Math.abs(sd - spread)).toBeLessThan(0.03);
  });

  test('for data N(0, 1) the deterministic path is the identity', async () => {
    const steps = await run({ sampler: 'ddim', steps: 400, eta: 0 }, gaussian(0, 1), 64);
    const z = normals(11, PURPOSE.INIT, 0, 64);
    for (const [i, v] of steps.at(-1)!.x.entries()) expect(Math.abs(v - z[i]!)).toBeLessThan(0.02);
  });

  test('yields N + 1 steps whose arrays may be transferred', async () => {
    const evaluate = gaussian(0, 1);
    const plain = await run({ sampler: 'dpmpp-2m', steps: 5, eta: 0 }, evaluate, 16);
    const given: number[][] = [];
    const loop = sampleLoop({
      table: samplerTable(cosine, [0.001, 0.999], { sampler: 'dpmpp-2m', steps: 5, eta: 0 }),
      conditioning: new Array(5).fill(PLAIN),
      prediction: 'x0',
      seed: 11,
      length: 16,
      evaluate,
    });
    for await (const step of loop) {
      given.push([...step.x]);
      structuredClone(step, { transfer: [step.x.buffer, step.x0.buffer, step.epsilon.buffer] });
      expect(step.x.length).toBe(0);
    }
    expect(given).toEqual(plain.map((step) => [...step.x]));
    expect(plain.map((step) => step.index)).toEqual([0, 1, 2, 3, 4, 5]);
    const last = plain.at(-1)!;
    expect(last).toMatchObject({ alpha: 1, sigma: 0 });
    expect(last.x).toEqual(last.x0);
    expect(last.x0).toEqual(plain[4]!.x0);
    expect(last.epsilon).toEqual(plain[4]!.epsilon);
  });

  test('combines the rows of one batch by their coefficients', async () => {
    const seen: (readonly (readonly number[])[])[] = [];
    const loop = sampleLoop({
      table: samplerTable(cosine, [0.1, 0.9], { sampler: 'ddim', steps: 1, eta: 0 }),
      conditioning: [
        [
          { weights: [1, 0, 0], coefficient: 1.5 },
          { weights: [0, 0, 1], coefficient: -0.5 },
        ],
      ],
      prediction: 'x0',
      seed: 0,
      length: 2,
      evaluate: async (_x, _t, rows) => {
        seen.push(rows);
        return Float32Array.of(1, 2, 10, 20);
      },
    });
    const steps = await collect(loop);
    expect([...steps.at(-1)!.x]).toEqual([1.5 - 5, 3 - 10]);
    expect(seen).toEqual([
      [
        [1, 0, 0],
        [0, 0, 1],
      ],
    ]);
  });

  test('an error of the network ends it', async () => {
    const failing = run({ sampler: 'ddim', steps: 3, eta: 0 }, () => Promise.reject(new Error('gone')), 4);
    await expect(failing).rejects.toThrow('gone');
  });
});

describe('predictions', () => {
  test('x0, epsilon and v say the same', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.05, max: 0.95, noNaN: true }), fc.nat(1000), (t, seed) => {
        const level = cosine.level(t);
        const x = normals(seed, PURPOSE.INIT, 0, 8);
        const x0 = normals(seed, PURPOSE.FORWARD, 0, 8);
        for (const prediction of ['x0', 'epsilon', 'v'] as const) {
          const back = toX0(prediction, asOutput(prediction, x0, x, t, cosine), x, level);
          for (const [i, v] of back.entries()) expect(Math.abs(v - x0[i]!)).toBeLessThan(2e-4);
        }
      }),
    );
  });

  test('the ends of the schedule are handled', () => {
    const x = Float32Array.of(1, -1);
    expect([...toEpsilon(x, x, { alpha: 1, sigma: 0 })]).toEqual([0, 0]);
    expect(() => toX0('epsilon', x, x, cosine.level(1))).toThrow(RangeError);
  });
});

describe('schedules', () => {
  test('unit times round trip', () => {
    for (let k = 0; k < golden.alphasCumprod.length; k++) expect(table.fromUnit(table.toUnit(k))).toBe(k);
    expect(cosine.fromUnit(cosine.toUnit(0.37))).toBe(0.37);
  });

  test('a time outside a table is an error', () => {
    expect(() => table.level(100)).toThrow(RangeError);
  });

  test('the grid runs from high to low', () => {
    expect(cosine.grid(3, [0, 1])).toEqual([1, 0.5, 0]);
    expect(cosine.grid(1, [0.01, 0.99])).toEqual([0.99]);
    expect(cosine.grid(1, [0.01, 0.99], 'karras')).toEqual([0.99]);
    expect(table.grid(4, [0, 10])).toEqual([10, 7, 3, 0]);
  });
});
