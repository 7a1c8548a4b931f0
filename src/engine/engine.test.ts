import { describe, expect, test, vi } from 'vitest';
import { createSchedule, normals, PURPOSE, rms } from '../diffusion';
import { StudioError } from '../errors';
import type { BundleManifest } from '../models/manifest';
import { changeGrade, type SampleRequest } from '../models/request';
import { exampleManifest } from '../models/testing';
import { Engine, type EngineDependencies } from './engine';
import type { Gpu } from './gpu';
import type { NetworkSession, Target } from './session';
import type { DrawnPicture, LoadProgress, LoadRequest, ProviderChoice, StepFrame } from './types';

const LENGTH = 3 * 8 * 8;
const never = new AbortController().signal;
const cosine = createSchedule({ kind: 'cosine' });

/**
 * A network for data that is N(k, 0.5^2) at grade k and the mean of all grades for the null class: the exact x0.
 */
function denoise(x: Float32Array, t: number, rows: readonly (readonly number[])[]): Float32Array {
  const { alpha, sigma } = cosine.level(t);
  const gain = (alpha * 0.25) / (alpha ** 2 * 0.25 + sigma ** 2);
  const out = new Float32Array(rows.length * LENGTH);
  for (const [k, [a = 0, b = 0, c = 0, none = 0]] of rows.entries()) {
    const mean = 0 * a + 1 * b + 2 * c + 1 * none;
    const own = x.length === LENGTH ? x : x.subarray(k * LENGTH, (k + 1) * LENGTH);
    out.set(
      own.map((v) => mean + gain * (v - alpha * mean)),
      k * LENGTH,
    );
  }
  return out;
}

/** The example manifest with the parity reference of `denoise`. */
function manifestOf(id = 'example'): BundleManifest {
  const manifest = { ...exampleManifest(), id };
  const reference = manifest.parity.odm!;
  const output = denoise(normals(reference.seed, PURPOSE.PARITY, 0, LENGTH), reference.t!, [reference.y]);
  reference.values = reference.indices.map((i) => output[i]!);
  reference.rms = rms(output);
  return manifest;
}

const deviceLost = () => new StudioError({ code: 'device-lost', message: 'lost', remedy: '' });

interface Rig {
  readonly engine: Engine;
  readonly targets: string[];
  readonly gpus: Gpu[];
  readonly sessions: (NetworkSession & { released: boolean })[];
  readonly runs: { t: number; rows: readonly (readonly number[])[] }[];
}

/** An engine whose runtime, GPU and downloads are stand-ins; `changes` replaces some. */
function rig(changes: Partial<EngineDependencies> = {}, network = denoise): Rig {
  const parts: Omit<Rig, 'engine'> = { targets: [], gpus: [], sessions: [], runs: [] };
  const engine = new Engine({
    threads: 2,
    readManifest: async (url) => manifestOf(url.split('/').at(-2)),
    fetchWeights: async ({ onProgress, onVerify }) => {
      onProgress(3, false);
      onVerify();
      return Uint8Array.of(1, 2, 3);
    },
    openGpu: async () => {
      const gpu = { device: {} as GPUDevice, detail: 'fake gpu', lost: {} };
      parts.gpus.push(gpu);
      return gpu;
    },
    openSession: async (_weights, _manifest, _variant, target) => {
      parts.targets.push(target.provider);
      const gpu = target.provider === 'webgpu' ? target.gpu : undefined;
      const session = {
        provider: gpu ? ('webgpu' as const) : ('wasm-threads' as const),
        detail: 'fake',
        released: false,
        async run(x: Float32Array, t: number, rows: readonly (readonly number[])[]) {
          if (gpu?.lost.reason !== undefined) throw deviceLost();
          parts.runs.push({ t, rows });
          return network(x, t, rows);
        },
        isLost: () => gpu?.lost.reason !== undefined,
        async release() {
          session.released = true;
        },
      };
      parts.sessions.push(session);
      return session;
    },
    openGrader: async () => {
      throw new Error('no test asked for a grader');
    },
    ...changes,
  });
  return { engine, ...parts };
}

const at = (id = 'example', provider: ProviderChoice = 'wasm'): LoadRequest => ({
  bundleUrl: `http://host/models/${id}/`,
  variant: 'odm',
  provider,
});
const request: SampleRequest = {
  model: 'example',
  variant: 'odm',
  severity: 1,
  seed: 3,
  sampler: 'ddim',
  steps: 20,
  guidance: 1,
  eta: 0,
};
const ignore = () => undefined;
const mean = (v: Float32Array) => v.reduce((s, e) => s + e, 0) / v.length;

async function draw(engine: Engine, changes: Partial<typeof request> = {}) {
  const frames: StepFrame[] = [];
  const summary = await engine.sample({ ...request, ...changes }, (f) => frames.push(f), never);
  return { frames, summary, picture: frames.at(-1)!.x };
}

describe('load', () => {
  test('goes through its phases and reports the provider', async () => {
    const { engine } = rig();
    const phases: LoadProgress['phase'][] = [];
    const loaded = await engine.load(at(), (p) => phases.push(p.phase), never);
    expect(phases).toEqual(['manifest', 'download', 'verify', 'session', 'warm-up', 'parity']);
    expect(loaded).toMatchObject({ provider: 'wasm-threads', variant: 'odm', providerNote: '' });
    expect(loaded.parityMaxError).toBeLessThan(1e-6);
  });

  test('a loaded model is found again without any work; another choice of provider is another session', async () => {
    const { engine, targets, sessions } = rig();
    const first = await engine.load(at(), ignore, never);
    expect(await engine.load(at(), ignore, never)).toBe(first);
    expect(targets).toEqual(['wasm']);
    await engine.load(at('example', 'webgpu'), ignore, never);
    expect(targets).toEqual(['wasm', 'webgpu']);
    expect(sessions.map((s) => s.released)).toEqual([true, false]);
  });

  test('keeps several models, and lets the oldest go', async () => {
    const { engine, sessions } = rig();
    for (const id of ['example', 'b', 'c', 'd']) await engine.load(at(id), ignore, never);
    await draw(engine, { steps: 1 });
    await engine.load(at('e'), ignore, never);
    expect(sessions.map((s) => s.released)).toEqual([false, true, false, false, false]);
    // What had to make room is made again by whoever asks for it; what was never loaded is not.
    await draw(engine, { model: 'b', steps: 1 });
    expect(sessions.map((s) => s.released)).toEqual([false, true, true, false, false, false]);
    await expect(draw(engine, { model: 'z' })).rejects.toMatchObject({ code: 'request-invalid' });
  });

  test('auto prefers WebGPU', async () => {
    const { engine } = rig();
    expect(await engine.load(at('example', 'auto'), ignore, never)).toMatchObject({ provider: 'webgpu' });
  });

  test('auto says why it did not use WebGPU; webgpu insists', async () => {
    const openGpu = vi.fn(async () => {
      throw new StudioError({ code: 'webgpu-unavailable', message: 'No adapter.', remedy: '' });
    });
    const { engine } = rig({ openGpu });
    expect(await engine.load(at('example', 'auto'), ignore, never)).toMatchObject({
      provider: 'wasm-threads',
      providerNote: 'No adapter.',
    });
    expect(openGpu).toHaveBeenLastCalledWith(false);
    await expect(engine.load(at('example', 'webgpu'), ignore, never)).rejects.toMatchObject({
      code: 'webgpu-unavailable',
    });
    expect(openGpu).toHaveBeenLastCalledWith(true);
  });

  test('a model that computes wrong values is refused and released', async () => {
    const { engine, sessions } = rig({}, (x, t, rows) => denoise(x, t, rows).map((v) => v + 0.01));
    await expect(engine.load(at(), ignore, never)).rejects.toMatchObject({ code: 'parity-failed' });
    expect(sessions[0]!.released).toBe(true);
    await expect(draw(engine)).rejects.toMatchObject({ code: 'request-invalid' });
  });

  test('in auto, wrong values on the GPU lead to the CPU', async () => {
    const { engine, targets } = rig({}, (x, t, rows) =>
      denoise(x, t, rows).map((v) => (targets.at(-1) === 'webgpu' ? v * 1.01 : v)),
    );
    const loaded = await engine.load(at('example', 'auto'), ignore, never);
    expect(loaded).toMatchObject({
      provider: 'wasm-threads',
      providerNote: expect.stringContaining('wrong values'),
    });
    expect(targets).toEqual(['webgpu', 'wasm']);
  });

  test('failed weights never become a session', async () => {
    const mismatch = new StudioError({ code: 'hash-mismatch', message: 'm', remedy: '' });
    const { engine, targets } = rig({ fetchWeights: () => Promise.reject(mismatch) });
    await expect(engine.load(at(), ignore, never)).rejects.toBe(mismatch);
    expect(targets).toEqual([]);
  });

  test('an unknown variant is refused', async () => {
    const { engine } = rig();
    await expect(engine.load({ ...at(), variant: 'fast' }, ignore, never)).rejects.toMatchObject({
      code: 'request-invalid',
    });
  });

  test('can be cancelled between its phases', async () => {
    const { engine, sessions } = rig();
    const controller = new AbortController();
    const stopAt = (phase: LoadProgress['phase']) => (p: LoadProgress) => {
      if (p.phase === phase) controller.abort();
    };
    await expect(engine.load(at(), stopAt('parity'), controller.signal)).rejects.toMatchObject({
      code: 'cancelled',
    });
    expect(sessions[0]!.released).toBe(true);
  });
});

describe('sample', () => {
  test('streams a frame for each step and the finished picture', async () => {
    const { engine } = rig();
    await engine.load(at(), ignore, never);
    const { frames, summary, picture } = await draw(engine);
    expect(frames.map((f) => f.index)).toEqual(Array.from({ length: 21 }, (_, i) => i));
    expect(frames[0]).toMatchObject({ t: 0.99, steps: 20 });
    expect(frames[20]).toMatchObject({ t: 0, alpha: 1, sigma: 0 });
    expect(frames[0]!.x).toEqual(normals(3, PURPOSE.INIT, 0, LENGTH));
    for (const f of frames) expect(f.norms.x).toBeCloseTo(rms(f.x), 12);
    expect(summary).toMatchObject({ request, provider: 'wasm-threads', nfe: 20 });
    expect(mean(picture)).toBeCloseTo(1, 0);
  });

  test('the severity moves the picture, between and beyond the grades', async () => {
    const { engine } = rig();
    await engine.load(at(), ignore, never);
    const base = mean((await draw(engine, { severity: 0 })).picture);
    for (const severity of [-0.5, 0.5, 1, 2, 2.5]) {
      const { picture } = await draw(engine, { severity });
      expect(mean(picture) - base).toBeCloseTo(severity, 1);
    }
  });

  test('guidance and extrapolation evaluate their rows as one batch', async () => {
    const { engine, runs } = rig();
    await engine.load(at(), ignore, never);
    runs.length = 0;
    const { summary } = await draw(engine, { severity: 2.5, guidance: 2, steps: 4 });
    expect(runs.map((run) => run.rows.length)).toEqual([3, 3, 3, 3]);
    expect(summary.nfe).toBe(12);
  });

  test('a grade changed on the way: from noise and from a kept step it is the same', async () => {
    const { engine, runs } = rig();
    await engine.load(at(), ignore, never);
    const settings = { sampler: 'dpmpp-2m', steps: 8, severity: 0 } as const;
    const before = await draw(engine, settings);
    const changed = changeGrade({ ...request, ...settings }, 5, 2);
    const whole = await draw(engine, changed);
    expect(whole.frames.slice(0, 5).map((f) => f.x0)).toEqual(before.frames.slice(0, 5).map((f) => f.x0));
    runs.length = 0;
    const frames: StepFrame[] = [];
    const from = { index: 5, x: before.frames[5]!.x, previous: before.frames[4]!.x0 };
    const summary = await engine.sample(changed, (f) => frames.push(f), never, from);
    expect(frames.map((f) => f.index)).toEqual([5, 6, 7, 8]);
    expect(frames.map((f) => f.x)).toEqual(whole.frames.slice(5).map((f) => f.x));
    expect(runs).toHaveLength(3);
    expect(summary.nfe).toBe(3);
    expect(mean(whole.picture)).toBeGreaterThan(mean(before.picture));
    await expect(engine.sample(changed, ignore, never, { ...from, previous: null })).rejects.toMatchObject({
      code: 'request-invalid',
    });
  });

  test('the same request gives the same picture', async () => {
    const { engine } = rig();
    await engine.load(at(), ignore, never);
    const settings = { sampler: 'ddpm', steps: 7 } as const;
    expect((await draw(engine, settings)).picture).toEqual((await draw(engine, settings)).picture);
  });

  test('stops when cancelled, and the next job runs', async () => {
    const { engine, runs } = rig();
    await engine.load(at(), ignore, never);
    runs.length = 0;
    const controller = new AbortController();
    const job = engine.sample(request, (f) => f.index === 2 && controller.abort(), controller.signal);
    await expect(job).rejects.toMatchObject({ code: 'cancelled' });
    expect(runs).toHaveLength(3);
    await expect(draw(engine)).resolves.toBeDefined();
  });

  test.each([
    ['of no loaded model', { model: 'other' }],
    ['without steps', { steps: 0 }],
    ['of a negative seed', { seed: -1 }],
  ])('refuses a request %s', async (_, changes) => {
    const { engine } = rig();
    await engine.load(at(), ignore, never);
    await expect(draw(engine, changes)).rejects.toMatchObject({ code: 'request-invalid' });
  });
});

describe('other kinds of model', () => {
  const alphasCumprod = Array.from({ length: 100 }, (_, k) => Math.cos((Math.PI * (k + 1)) / 202) ** 2);
  const table = createSchedule({ kind: 'table', alphasCumprod });

  /** The same data as `denoise`, asked as a diffusers export is: integer time, class index, epsilon or v. */
  const foreign = (prediction: 'epsilon' | 'v') => {
    const manifest = manifestOf();
    manifest.diffusion = { prediction, schedule: { kind: 'table', alphasCumprod }, tRange: [0, 99] };
    manifest.inputs.t.kind = 'int64';
    manifest.inputs.y.kind = 'index';
    const network = (x: Float32Array, t: number, rows: readonly (readonly number[])[]) => {
      const { alpha, sigma } = table.level(t);
      const gain = (alpha * 0.25) / (alpha ** 2 * 0.25 + sigma ** 2);
      const out = new Float32Array(rows.length * x.length);
      for (const [k, row] of rows.entries()) {
        const m = row.indexOf(1);
        for (const [i, v] of x.entries()) {
          const x0 = m + gain * (v - alpha * m);
          const epsilon = (v - alpha * x0) / sigma;
          out[k * x.length + i] = prediction === 'epsilon' ? epsilon : alpha * epsilon - sigma * x0;
        }
      }
      return out;
    };
    const reference = manifest.parity.odm!;
    reference.t = 40;
    reference.y = [1];
    const output = network(normals(reference.seed, PURPOSE.PARITY, 0, LENGTH), 40, [[0, 1, 0, 0]]);
    reference.values = reference.indices.map((i) => output[i]!);
    reference.rms = rms(output);
    return rig({ readManifest: async () => manifest }, network);
  };

  test.each(['epsilon', 'v'] as const)(
    'table schedule, integer time, class index, %s',
    async (prediction) => {
      const { engine, runs } = foreign(prediction);
      await engine.load(at(), ignore, never);
      runs.length = 0;
      const { frames, picture } = await draw(engine, { severity: 1.5, steps: 25, sampler: 'ddim' });
      expect(mean(picture)).toBeCloseTo(1.5, 0);
      expect(frames[0]!.t).toBe(0.99);
      for (const run of runs) {
        expect(Number.isInteger(run.t)).toBe(true);
        expect(run.rows).toEqual([
          [0, 1, 0, 0],
          [0, 0, 1, 0],
        ]);
      }
      await expect(draw(engine, { guidance: 2 })).rejects.toMatchObject({
        code: 'request-invalid',
        message: expect.stringContaining('null class'),
      });
      const { x, t } = frames[10]!;
      const result = await engine.neighbours({ model: 'example', variant: 'odm', x, t }, never);
      expect(result.t).toBe(t);
      expect(result.triples[0]!.slack).toBeCloseTo(0, 3);
    },
  );

  test('a float time of a table is a fraction of its length', async () => {
    const manifest = manifestOf();
    manifest.diffusion.schedule = { kind: 'table', alphasCumprod };
    manifest.diffusion.tRange = [10, 90];
    manifest.parity.odm!.t = 50;
    const { engine, runs } = rig({ readManifest: async () => manifest });
    await engine.load(at(), ignore, never);
    await draw(engine, { steps: 3 });
    expect(runs.map((run) => run.t)).toEqual([0.5, 0.9, 0.5, 0.1]);
  });
});

describe('pictures', () => {
  const list = [
    { ...request, seed: 1, steps: 4 },
    { ...request, seed: 2, steps: 4, severity: 2.5, guidance: 1.5 },
    { ...request, seed: 3, steps: 2 },
    { ...request, seed: 4, steps: 4, severity: 0.5 },
  ];

  test('are what each request alone draws, several in one run', async () => {
    const { engine, runs } = rig();
    await engine.load(at(), ignore, never);
    runs.length = 0;
    const drawn: DrawnPicture[] = [];
    await engine.pictures(list, (p) => drawn.push(p), never);
    // One plain row, three of the guided extrapolation, one in between; then the one with other steps.
    expect(runs.map((run) => run.rows.length)).toEqual([5, 5, 5, 5, 1, 1]);
    expect(drawn.map((p) => p.index)).toEqual([0, 1, 3, 2]);
    for (const { index, picture, provider } of drawn) {
      expect(provider).toBe('wasm-threads');
      expect(picture).toEqual((await draw(engine, list[index])).picture);
    }
  });

  test('give way to the page between two runs, even to a model that takes their place', async () => {
    let evaluations = 0;
    let then: unknown;
    const others: Promise<unknown>[] = [];
    const drawn: DrawnPicture[] = [];
    const { engine, sessions } = rig({}, (x, t, rows) => {
      // The first evaluation is the parity check, the second the first step of the picture.
      if (++evaluations === 2) {
        for (const id of ['b', 'c', 'd', 'e']) {
          others.push(
            engine.load(at(id), ignore, never).then(() => (then = [drawn.length, sessions[0]!.released])),
          );
        }
      }
      return denoise(x, t, rows);
    });
    await engine.load(at(), ignore, never);
    const job = engine.pictures([{ ...request, steps: 3 }], (p) => drawn.push(p), never);
    await job;
    expect(others).toHaveLength(4);
    // When the last of them was there, the picture was not, and its session was still needed.
    expect(then).toEqual([0, false]);
    expect(drawn).toHaveLength(1);
    expect(sessions[0]!.released).toBe(true);
  });

  test('stop when aborted, and keep what was made', async () => {
    const { engine } = rig();
    await engine.load(at(), ignore, never);
    const stop = new AbortController();
    const drawn: number[] = [];
    const job = engine.pictures(
      [
        { ...request, steps: 2 },
        { ...request, steps: 50 },
      ],
      (p) => {
        drawn.push(p.index);
        stop.abort();
      },
      stop.signal,
    );
    await expect(job).rejects.toMatchObject({ code: 'cancelled' });
    expect(drawn).toEqual([0]);
  });

  test('refuse a request that is not valid', async () => {
    const { engine } = rig();
    await engine.load(at(), ignore, never);
    await expect(engine.pictures([{ ...request, steps: 0 }], ignore, never)).rejects.toMatchObject({
      code: 'request-invalid',
    });
  });
});

describe('measure', () => {
  test('finds at every step what the neighbours of that step are', async () => {
    const { engine, runs } = rig();
    await engine.load(at(), ignore, never);
    const { frames } = await draw(engine, { steps: 4 });
    runs.length = 0;
    const done: number[] = [];
    const { steps, read } = await engine.measure({ ...request, steps: 4 }, (n) => done.push(n), never);
    expect(done).toEqual([1, 2, 3, 4]);
    expect(read).toBeNull();
    // The grade asked for is one of the grades compared: no row more.
    expect(runs.map(({ rows }) => rows.length)).toEqual([3, 3, 3, 3]);
    for (const [k, step] of steps.entries()) {
      const { t, x } = frames[k]!;
      const { distances } = await engine.neighbours({ model: 'example', variant: 'odm', x, t }, never);
      expect(step.t).toBe(t);
      expect(step.distances).toEqual([distances[1], distances[2], distances[5]]);
    }
  });

  test('guidance and severities in between take their own rows, and the same picture comes out', async () => {
    const { engine, runs } = rig();
    await engine.load(at(), ignore, never);
    const special = { steps: 3, severity: 1.5, guidance: 2 };
    const { picture } = await draw(engine, special);
    const pictures: Float32Array[] = [];
    const graded = rig({
      readManifest: async () => ({
        ...manifestOf(),
        grader: {
          title: 'Grader',
          file: 'grader.onnx',
          sha256: '1'.repeat(64),
          bytes: 3,
          precision: 'float32',
          params: 1,
          input: { name: 'x' },
          output: { name: 'p' },
          qwk: { value: 0.5, interval: [0.4, 0.6], n: 9 },
        },
      }),
      openGrader: async () => ({
        async read(seen: Float32Array) {
          pictures.push(seen);
          return [0.1, 0.2, 0.7];
        },
        release: async () => undefined,
      }),
    });
    await graded.engine.load(at(), ignore, never);
    const { read } = await graded.engine.measure({ ...request, ...special }, ignore, never);
    expect(read).toEqual([0.1, 0.2, 0.7]);
    expect(pictures).toEqual([picture]);
    expect(runs.at(-1)!.rows).toHaveLength(2);
    expect(graded.runs.at(-1)!.rows).toHaveLength(5);
  });

  test('lets the page pass, and stops when told', async () => {
    const { engine } = rig();
    await engine.load(at(), ignore, never);
    const controller = new AbortController();
    const order: string[] = [];
    const job = engine.measure({ ...request, steps: 50 }, (n) => order.push(`step ${n}`), controller.signal);
    await draw(engine, { steps: 2 }).then(() => order.push('picture'));
    controller.abort();
    await expect(job).rejects.toMatchObject({ code: 'cancelled' });
    expect(order.indexOf('picture')).toBeLessThan(10);
    expect(order.length).toBeLessThan(50);
  });
});

describe('neighbours', () => {
  test('estimates every grade from one x_t in one batch, and finds these in order', async () => {
    const { engine, runs } = rig();
    await engine.load(at(), ignore, never);
    const { frames } = await draw(engine);
    runs.length = 0;
    const { x, t, alpha, sigma } = frames[8]!;
    const result = await engine.neighbours({ model: 'example', variant: 'odm', x, t }, never);
    expect(runs).toHaveLength(1);
    expect(result).toMatchObject({ t, alpha, sigma });
    expect(result.x0).toHaveLength(3);
    // The request's own grade estimates what the run estimated.
    expect(result.x0[1]).toEqual(frames[8]!.x0);
    expect(result.epsilon[1]).toEqual(frames[8]!.epsilon);
    expect(result.triples).toHaveLength(1);
    expect(result.triples[0]).toMatchObject({ p: 0, q: 1, r: 2, ordered: true });
    expect(result.triples[0]!.slack).toBeCloseTo(0, 4);
    expect(result.distances[2]).toBeCloseTo(2 * result.distances[1]!, 4);
  });

  test('the finished picture is looked at from the nearest trained time', async () => {
    const { engine } = rig();
    await engine.load(at(), ignore, never);
    const { picture } = await draw(engine);
    const result = await engine.neighbours({ model: 'example', variant: 'odm', x: picture, t: 0 }, never);
    expect(result.t).toBe(0.01);
    expect(result.sigma).toBeGreaterThan(0);
  });

  test('refuses a picture of another size', async () => {
    const { engine } = rig();
    await engine.load(at(), ignore, never);
    const small = { model: 'example', variant: 'odm', x: new Float32Array(4), t: 0.5 };
    await expect(engine.neighbours(small, never)).rejects.toMatchObject({ code: 'request-invalid' });
  });
});

describe('a lost device', () => {
  test('interrupts the run; then a new device is taken once; then the CPU', async () => {
    const { engine, gpus, targets } = rig();
    await engine.load(at('example', 'auto'), ignore, never);

    const loseAt = (step: number) => {
      const frames: StepFrame[] = [];
      const job = engine.sample(
        request,
        (f) => {
          frames.push(f);
          if (f.index === step) gpus.at(-1)!.lost.reason = 'unplugged';
        },
        never,
      );
      return { job, frames };
    };

    const first = loseAt(4);
    await expect(first.job).rejects.toMatchObject({ code: 'device-lost' });
    expect(first.frames).toHaveLength(5);

    const second = loseAt(2);
    await expect(second.job).rejects.toMatchObject({ code: 'device-lost' });
    expect(targets).toEqual(['webgpu', 'webgpu']);
    expect(gpus).toHaveLength(2);

    const { summary } = await draw(engine);
    expect(summary.provider).toBe('wasm-threads');
    expect(targets).toEqual(['webgpu', 'webgpu', 'wasm']);
    expect(await engine.load(at('example', 'auto'), ignore, never)).toMatchObject({
      provider: 'wasm-threads',
      providerNote: expect.stringContaining('lost'),
    });
  });

  test('while loading, the next one is tried without a word', async () => {
    const { engine, gpus, targets } = rig({}, (x, t, rows) => {
      if (gpus.length === 1) {
        gpus[0]!.lost.reason = 'unplugged';
        throw deviceLost();
      }
      return denoise(x, t, rows);
    });
    expect(await engine.load(at('example', 'webgpu'), ignore, never)).toMatchObject({ provider: 'webgpu' });
    expect(targets).toEqual(['webgpu', 'webgpu']);
  });
});

test('jobs never overlap on a session', async () => {
  let running = 0;
  const dependencies: Partial<EngineDependencies> = {
    openSession: async (_w: Uint8Array, _m: BundleManifest, _v: string, _t: Target) => ({
      provider: 'wasm',
      detail: '',
      async run(x, t, rows) {
        expect(++running).toBe(1);
        await new Promise((resolve) => setTimeout(resolve, 1));
        running--;
        return denoise(x, t, rows);
      },
      isLost: () => false,
      release: async () => undefined,
    }),
  };
  const { engine } = rig(dependencies);
  await engine.load(at(), ignore, never);
  const x = new Float32Array(LENGTH);
  await Promise.all([
    draw(engine, { steps: 3 }),
    engine.neighbours({ model: 'example', variant: 'odm', x, t: 0.5 }, never),
    engine.load(at('b'), ignore, never),
    draw(engine, { steps: 3, seed: 4 }),
  ]);
});
