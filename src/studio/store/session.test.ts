/** The conductor against an engine that does what each test wants, without a worker and without any model. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { StudioError, type ErrorCode } from '../../errors';
import type { EngineClient, LoadRequest, NeighbourResult, StepFrame } from '../../engine/types';
import type { BundleManifest } from '../../models/manifest';
import type { LoopState } from '../../diffusion';
import type { SeverityLink } from '../../exchange/link';
import type { SampleRequest } from '../../models/request';
import { exampleWithGenerator } from '../../models/testing';
import { createPreferences } from './preferences';
import { firstDraft, StudioSession, type SessionParts } from './session';
import { createStudioStore, draftIsGenerated, draftIsNew, runIsGenerated } from './state';

const fail = (code: ErrorCode) =>
  new StudioError({ code, message: `It went wrong: ${code}.`, remedy: 'Do something.' });

function manifest(id: string, values = [0, 1, 2, 3, 4]): BundleManifest {
  const variant = (title: string, steps: number) => ({
    title,
    file: 'w.onnx',
    sha256: 'a'.repeat(64),
    bytes: 10,
    precision: 'float32' as const,
    params: 1,
    flopsPerEval: 1,
    imagesSeen: 1,
    defaults: { sampler: 'ddim' as const, steps, guidance: 1.5 },
  });
  return {
    formatVersion: 1,
    id,
    title: id,
    domain: 'other',
    scale: 'a scale',
    grades: values.map((value) => ({ value, label: `grade ${value}`, short: `G ${value}`, description: '' })),
    image: { width: 8, height: 8, channels: 3, range: [-1, 1] },
    diffusion: { prediction: 'x0', schedule: { kind: 'cosine' }, tRange: [0.01, 0.99] },
    inputs: { x: { name: 'x' }, t: { name: 't', kind: 'float' }, y: { name: 'y', kind: 'weights' } },
    output: { name: 'out' },
    variants: { dm: variant('DM', 7), odm: variant('ODM', 4) },
    parity: {},
    data: {
      name: 'data',
      license: 'l',
      credit: 'c',
      counts: values.map(() => 1),
      preprocessing: '',
      knownFlaws: [],
    },
    license: 'l',
    attribution: 'a',
    intendedUse: 'u',
    limits: ['none'],
  };
}

const MANIFESTS: Record<string, BundleManifest> = {
  eye: manifest('eye'),
  colon: manifest('colon', [1, 2, 3]),
  both: { ...manifest('both'), variants: { ...manifest('both').variants, ...generatorVariants() } },
};

function generatorVariants(): BundleManifest['variants'] {
  const { stylegan2 } = exampleWithGenerator().variants;
  return { stylegan2: stylegan2! };
}

function frame(index: number, steps: number): StepFrame {
  const pixels = () => new Float32Array(3 * 64).fill(index);
  const t = index === steps ? 0 : 1 - index / steps;
  return {
    index,
    steps,
    t,
    alpha: 1 - t,
    sigma: t,
    x: pixels(),
    x0: pixels(),
    epsilon: pixels(),
    norms: { x: 1, x0: 1, epsilon: 1 },
    ms: 10,
  };
}

/** Runs at once unless told to hold at a frame or to fail there. */
class TestEngine implements EngineClient {
  readonly loads: LoadRequest[] = [];
  readonly samples: SampleRequest[] = [];
  /** The steps at which the samples went on; null from noise. */
  readonly froms: (number | null)[] = [];
  neighbourCalls = 0;
  neighbourSignals: AbortSignal[] = [];
  disposed = false;
  holdAt: number | null = null;
  failAt: { index: number; code: ErrorCode } | null = null;
  failLoad: ErrorCode | null = null;
  holdNeighbours = false;

  async load(request: LoadRequest, onProgress: Parameters<EngineClient['load']>[1]) {
    this.loads.push(request);
    onProgress({ phase: 'download', loadedBytes: 5, totalBytes: 10, fromCache: false });
    if (this.failLoad) throw fail(this.failLoad);
    const id = request.bundleUrl.split('/')[0]!;
    return {
      manifest: MANIFESTS[id]!,
      variant: request.variant,
      provider: 'wasm' as const,
      providerDetail: '',
      providerNote: '',
      parityMaxError: 0,
      timings: { downloadMs: 1, sessionMs: 1, warmUpMs: 1 },
    };
  }

  async sample(
    request: SampleRequest,
    onFrame: (f: StepFrame) => void,
    signal?: AbortSignal,
    from?: LoopState,
  ) {
    this.samples.push(request);
    this.froms.push(from?.index ?? null);
    // A generator gives the finished picture alone.
    const first = request.variant === 'stylegan2' ? request.steps : (from?.index ?? 0);
    for (let i = first; i <= request.steps; i++) {
      await Promise.resolve();
      if (this.failAt?.index === i) throw fail(this.failAt.code);
      if (this.holdAt === i) await untilAborted(signal);
      onFrame(frame(i, request.steps));
    }
    return { request, provider: 'wasm' as const, nfe: request.steps, totalMs: 40 };
  }

  pictures(): Promise<never> {
    throw new Error('not asked for by the session');
  }

  measure(): Promise<never> {
    throw new Error('not asked for by the session');
  }

  reference(): Promise<never> {
    throw new Error('not asked for by the session');
  }

  async neighbours(_request: unknown, signal?: AbortSignal): Promise<NeighbourResult> {
    this.neighbourCalls++;
    this.neighbourSignals.push(signal!);
    if (this.holdNeighbours) await untilAborted(signal);
    return {
      t: 0.5,
      alpha: 0.5,
      sigma: 0.5,
      x0: [],
      epsilon: [],
      distances: new Float64Array(4),
      triples: [],
      ms: 5,
    };
  }

  dispose() {
    this.disposed = true;
  }
}

function untilAborted(signal?: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal?.aborted) reject(fail('cancelled'));
    signal?.addEventListener('abort', () => reject(fail('cancelled')));
  });
}

let engines: TestEngine[];
let shown: string[];
let nextSeed: number;

function setUp(prepare: (engine: TestEngine) => void = () => undefined, parts: Partial<SessionParts> = {}) {
  const content = new Map<string, string>();
  const session = new StudioSession({
    store: createStudioStore(),
    preferences: createPreferences(() => ({
      getItem: (key) => content.get(key) ?? null,
      setItem: (key, value) => void content.set(key, value),
      removeItem: (key) => void content.delete(key),
    })),
    createEngine: () => {
      const engine = new TestEngine();
      prepare(engine);
      engines.push(engine);
      return engine;
    },
    loadCatalogue: async () => ({ formatVersion: 1, bundles: ['eye', 'colon'] }),
    loadManifest: async (id) => MANIFESTS[id]!,
    bundleUrl: (id) => `${id}/`,
    onShown: ({ model, variant, provider }) => shown.push(`${model} ${variant} ${provider}`),
    randomSeed: () => nextSeed++,
    neighbourDelayMs: 50,
    ...parts,
  });
  return { session, state: () => session.store.getState() };
}

const NO_WISHES = { provider: 'auto', model: null, variant: null } as const;

beforeEach(() => {
  vi.useFakeTimers();
  engines = [];
  shown = [];
  nextSeed = 1000;
});
afterEach(() => vi.useRealTimers());

describe('opening', () => {
  it('loads the first model and draws its middle grade with the variant’s own defaults', async () => {
    const { session, state } = setUp();
    await session.open(NO_WISHES);
    expect(state().run).toMatchObject({
      status: 'finished',
      request: { model: 'eye', variant: 'odm', severity: 2, steps: 4, sampler: 'ddim', guidance: 1.5 },
      held: [0, 1, 2, 3, 4],
    });
    expect(state().cursor).toBe(4);
    expect(state().activity.kind).toBe('idle');
    expect(state().announcement).toContain('Picture finished: G 2');
    expect(shown).toEqual(['eye odm auto']);
  });

  it('honours the model, variant and provider of the address', async () => {
    const { session, state } = setUp();
    await session.open({ provider: 'wasm', model: 'colon', variant: 'dm' });
    expect(state().run?.request).toMatchObject({ model: 'colon', variant: 'dm', severity: 2, steps: 7 });
    expect(engines[0]?.loads[0]).toEqual({ bundleUrl: 'colon/', variant: 'dm', provider: 'wasm' });
  });

  it('takes the defaults for a model or variant that is not there', async () => {
    const { session, state } = setUp();
    await session.open({ provider: 'auto', model: 'liver', variant: 'fast' });
    expect(state().run?.request).toMatchObject({ model: 'eye', variant: 'odm' });
  });

  it('opens and writes what a link says of the Severity workspace, without drawing for Sample', async () => {
    const { session, state } = setUp();
    const request = { model: 'colon', variant: 'dm', severity: 2.5, seed: 9, steps: 3 };
    const link: SeverityLink = {
      request: { ...request, sampler: 'ddim', guidance: 2, eta: 0 },
      modelSha256: MANIFESTS['colon']!.variants['dm']!.sha256,
      severity: {
        tab: 'grid',
        beside: false,
        rows: null,
        columns: null,
        compared: [],
        mode: 'side',
        shown: 'x0',
        place: 1,
      },
    };
    await session.open(NO_WISHES, false, link);
    expect(state()).toMatchObject({ draft: link.request, severity: link.severity, run: null, notice: null });
    expect(session.severityLink()).toEqual(link);
    const other = {
      ...link,
      request: { ...link.request, model: 'eye', variant: 'odm' },
      modelSha256: 'f'.repeat(64),
    };
    await session.openSeverity(other);
    expect(state()).toMatchObject({ draft: other.request, workspace: 'severity', run: null });
    expect(state().notice?.message).toContain('other weights');
    const foreign = { ...link, request: { ...link.request, model: 'liver' } };
    await expect(session.openSeverity(foreign)).rejects.toMatchObject({ code: 'link-invalid' });
    expect(state().draft).toEqual(other.request);
  });

  it('says when a picture was guided at other noise levels than the model is here', async () => {
    const { session, state } = setUp();
    await session.open(NO_WISHES);
    const request = { ...state().run!.request, guidance: 2 };
    const made = { request, modelSha256: MANIFESTS['eye']!.variants['odm']!.sha256, provider: '', step: 3 };
    await session.openMade({ ...made, guidedAt: null }, 'file');
    expect(state().notice).toBeNull();
    await session.openMade({ ...made, guidedAt: [0, 0.5] }, 'file');
    expect(state().notice?.message).toContain('guided at other noise levels');
    await session.openMade(made, 'link');
    expect(state().run!.request).toEqual(request);
  });

  it('says what is wrong with the catalogue, and trying again opens', async () => {
    let broken = true;
    const { session, state } = setUp(undefined, {
      loadCatalogue: async () => {
        if (broken) throw fail('catalogue-invalid');
        return { formatVersion: 1, bundles: ['eye'] };
      },
    });
    await session.open({ ...NO_WISHES, variant: 'dm' });
    expect(state().failure?.code).toBe('catalogue-invalid');
    broken = false;
    await session.tryAgain();
    expect(state().failure).toBeNull();
    expect(state().run?.request.variant).toBe('dm');
  });
});

describe('choosing', () => {
  it('keeps the seed and all settings over grade and variant, and loads only when it has to', async () => {
    const { session, state } = setUp();
    await session.open(NO_WISHES);
    session.edit({ seed: 7, steps: 3 });
    await session.chooseGrade(4);
    expect(state().run?.request).toMatchObject({ severity: 4, seed: 7, steps: 3 });
    await session.chooseVariant('dm');
    expect(state().run?.request).toMatchObject({ variant: 'dm', severity: 4, seed: 7, steps: 3 });
    expect(engines[0]?.loads.map((l) => l.variant)).toEqual(['odm', 'dm']);
  });

  it('a generator has no sampler settings, and those of before come back after it', async () => {
    const { session, state } = setUp();
    await session.open(NO_WISHES);
    await session.chooseModel('both');
    session.edit({ steps: 3, guidance: 2, sampler: 'ddpm' });
    await session.chooseVariant('stylegan2');
    expect(state().run).toMatchObject({ status: 'finished', held: [1] });
    expect(state().run?.request).toMatchObject({ variant: 'stylegan2', steps: 1, guidance: 1, eta: 0 });
    expect(runIsGenerated(state())).toBe(true);
    expect(draftIsGenerated(state())).toBe(true);
    expect(draftIsNew(state())).toBe(false);
    session.compareNext(1);
    expect(state().compared).toBeNull();
    await vi.advanceTimersByTimeAsync(1000);
    expect(engines[0]?.neighbourCalls).toBe(0);
    await session.setUp({ variant: 'dm' });
    expect(state().draft).toMatchObject({ variant: 'dm', steps: 3, guidance: 2, sampler: 'ddpm' });
    expect(draftIsGenerated(state())).toBe(false);
    expect(runIsGenerated(state())).toBe(true);
    // A link or a file may ask a generator for steps that it does not have.
    await session.openInSample({ ...state().draft!, variant: 'stylegan2', seed: 9 });
    expect(state().run?.request).toMatchObject({ variant: 'stylegan2', seed: 9, steps: 1, guidance: 1 });
    expect(state().cursor).toBe(1);
  });

  it('takes a new model’s own grades and defaults, but keeps seed and variant', async () => {
    const { session, state } = setUp();
    await session.open(NO_WISHES);
    session.edit({ seed: 7, steps: 3 });
    await session.chooseVariant('dm');
    await session.chooseModel('colon');
    expect(state().run?.request).toMatchObject({
      model: 'colon',
      variant: 'dm',
      seed: 7,
      steps: 7,
      severity: 2,
    });
  });

  it('ignores a grade that is not there', async () => {
    const { session } = setUp();
    await session.open(NO_WISHES);
    await session.chooseGrade(-1);
    expect(engines[0]?.samples).toHaveLength(1);
  });
});

describe('the seed', () => {
  it('is new when the very same picture is asked for again, unless it is locked', async () => {
    const { session, state } = setUp();
    await session.open(NO_WISHES);
    const { seed } = state().draft!;
    await session.generate();
    expect(state().run?.request.seed).toBe(1000);
    session.edit({ seed });
    await session.generate();
    expect(state().run?.request.seed).toBe(seed);
    session.toggleSeedLock();
    await session.generate();
    await session.rollSeed();
    await session.stepSeed(1);
    expect(state().run?.request.seed).toBe(seed);
  });

  it('goes round at both ends of 32 bits', async () => {
    const { session, state } = setUp();
    await session.open(NO_WISHES);
    session.edit({ seed: 0xffffffff });
    await session.stepSeed(1);
    expect(state().draft?.seed).toBe(0);
    await session.stepSeed(-1);
    expect(state().draft?.seed).toBe(0xffffffff);
  });
});

describe('going on with another grade', () => {
  it('keeps the steps before and draws the rest from the x_t that is there', async () => {
    const { session, state } = setUp();
    await session.open(NO_WISHES);
    const kept = session.frame(1);
    await session.continueWith(4, 2);
    expect(state().run).toMatchObject({
      status: 'finished',
      held: [0, 1, 2, 3, 4],
      request: { severity: 4 },
    });
    expect(state().run?.request.changedFrom).toEqual([{ severity: 2, step: 2 }]);
    expect(session.frame(1)).toBe(kept);
    expect(engines[0]?.froms).toEqual([null, 2]);
    expect(state().announcement).toContain('G 4, grade 4 (G 2 up to step 2)');
    expect(draftIsNew(state())).toBe(false);
    // What the step before the change was asked for is what its neighbours are compared with.
    session.seek(1);
    session.compareNext(1);
    expect(state().compared).toBe(3);
  });

  it('draws from the noise what cannot be gone on with: no step before, or other weights by now', async () => {
    const { session, state } = setUp();
    await session.open(NO_WISHES);
    await session.continueWith(4, 0);
    expect(state().run?.request).toMatchObject({ severity: 4 });
    expect(state().run?.request.changedFrom).toBeUndefined();
    const { run } = state();
    session.store.setState({ run: { ...run!, provider: 'webgpu' } });
    await session.continueWith(0, 3);
    expect(state().run?.request.changedFrom).toEqual([{ severity: 4, step: 3 }]);
    expect(engines[0]?.froms).toEqual([null, null, null]);
  });

  it('is undone by choosing a grade, kept by another seed, and no matter of the other workspaces', async () => {
    const { session, state } = setUp();
    await session.open(NO_WISHES);
    await session.continueWith(4, 3);
    session.openWorkspace('severity');
    expect(state().draft?.changedFrom).toBeUndefined();
    session.openWorkspace('sample');
    expect(state().draft?.changedFrom).toEqual([{ severity: 2, step: 3 }]);
    expect(engines[0]?.samples).toHaveLength(2);
    await session.stepSeed(1);
    expect(state().run?.request).toMatchObject({ seed: 2025, changedFrom: [{ severity: 2, step: 3 }] });
    session.edit({ steps: 3 });
    expect(state().draft?.changedFrom).toBeUndefined();
    session.edit({ steps: 4 });
    await session.continueWith(0, 2);
    await session.chooseGrade(0);
    expect(state().run?.request).toMatchObject({ severity: 0, steps: 4 });
    expect(state().run?.request.changedFrom).toBeUndefined();
  });
});

describe('cutting short', () => {
  it('keeps the frames of a cancelled run, without calling it a problem', async () => {
    const { session, state } = setUp((engine) => (engine.holdAt = 2));
    const opened = session.open(NO_WISHES);
    await vi.advanceTimersByTimeAsync(1);
    expect(state().activity).toMatchObject({ kind: 'sampling', done: 2 });
    session.cancel();
    await opened;
    expect(state().run).toMatchObject({ status: 'cancelled', held: [0, 1] });
    expect(session.frame(1)?.x[0]).toBe(1);
    expect(state().failure).toBeNull();
    expect(state().activity.kind).toBe('idle');
  });

  it('says nothing of a run cancelled before its first frame while a picture is there', async () => {
    const { session, state } = setUp();
    await session.open(NO_WISHES);
    engines[0]!.holdAt = 0;
    const drawing = session.rollSeed();
    await vi.advanceTimersByTimeAsync(1);
    session.cancel();
    await drawing;
    expect(state()).toMatchObject({ failure: null, activity: { kind: 'idle' }, run: { status: 'finished' } });
    expect(state().announcement).toBe('Cancelled');
  });

  it('a new run replaces the one under way; the picture before stays until the first new frame', async () => {
    const { session, state } = setUp();
    await session.open(NO_WISHES);
    engines[0]!.holdAt = 0;
    const held = session.chooseGrade(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(state().run).toMatchObject({ id: 1, status: 'finished' });
    engines[0]!.holdAt = null;
    await Promise.all([session.chooseGrade(1), held]);
    expect(state().run).toMatchObject({ id: 2, status: 'finished', request: { severity: 1 } });
    expect(state().failure).toBeNull();
  });

  it('keeps frames when the worker crashes, and tries again with a new one', async () => {
    const { session, state } = setUp((engine) => {
      if (engines.length === 0) engine.failAt = { index: 3, code: 'worker-crashed' };
    });
    await session.open(NO_WISHES);
    expect(state().failure?.code).toBe('worker-crashed');
    expect(state().run).toMatchObject({ status: 'interrupted', held: [0, 1, 2] });
    expect(state().model).toBeNull();
    await session.tryAgain();
    expect(engines.map((e) => e.disposed)).toEqual([true, false]);
    expect(state().run?.status).toBe('finished');
    expect(state().failure).toBeNull();
  });

  it('reloads in the same worker after a failed load', async () => {
    const { session, state } = setUp((engine) => (engine.failLoad = 'hash-mismatch'));
    await session.open(NO_WISHES);
    expect(state().failure?.code).toBe('hash-mismatch');
    expect(state().run).toBeNull();
    engines[0]!.failLoad = null;
    await session.tryAgain();
    expect(engines).toHaveLength(1);
    expect(state().run?.status).toBe('finished');
  });

  it('offers the way out of a provider that is not there', async () => {
    const { session, state } = setUp((engine) => {
      if (engines.length === 0) engine.failLoad = 'webgpu-unavailable';
    });
    await session.open({ ...NO_WISHES, provider: 'webgpu' });
    expect(state().failure?.code).toBe('webgpu-unavailable');
    await session.useAnyProvider();
    expect(engines.at(-1)?.loads[0]?.provider).toBe('auto');
    expect(state().run?.status).toBe('finished');
  });
});

describe('looking', () => {
  it('follows the newest frame unless someone has scrubbed back', async () => {
    const { session, state } = setUp((engine) => (engine.holdAt = 3));
    const opened = session.open(NO_WISHES);
    await vi.advanceTimersByTimeAsync(1);
    expect(state().cursor).toBe(2);
    session.seek(1);
    expect(state().cursor).toBe(1);
    session.stepBy(10);
    expect(state().cursor).toBe(2);
    session.cancel();
    await opened;
    expect(state().cursor).toBe(2);
  });

  it('plays from the start when at the end, stops there, and loops when asked to', async () => {
    const { session, state } = setUp();
    await session.open(NO_WISHES);
    session.preferences.setState({ speed: 4 });
    session.togglePlay();
    expect(state()).toMatchObject({ playing: true, cursor: 0 });
    await vi.advanceTimersByTimeAsync(1000);
    expect(state().cursor).toBe(4);
    await vi.advanceTimersByTimeAsync(1000);
    expect(state()).toMatchObject({ playing: false, cursor: 4 });
    session.preferences.setState({ loop: true });
    session.togglePlay();
    await vi.advanceTimersByTimeAsync(1500);
    expect(state()).toMatchObject({ playing: true, cursor: 1 });
    session.togglePlay();
    expect(state().playing).toBe(false);
  });

  it('compares with the next grades and ends at the scale’s ends and at the chosen grade', async () => {
    const { session, state } = setUp();
    await session.open(NO_WISHES);
    for (let i = 0; i < 5; i++) session.compareNext(1);
    expect(state().compared).toBe(4);
    session.compareNext(-1);
    session.compareNext(-1);
    expect(state().compared).toBeNull();
  });
});

describe('neighbours', () => {
  it('are asked for once the scrubber rests, and remembered', async () => {
    const { session, state } = setUp();
    await session.open(NO_WISHES);
    await vi.advanceTimersByTimeAsync(60);
    expect(state().neighbours).toMatchObject({ status: 'ready', frameIndex: 3 });
    for (const index of [3, 2, 1]) session.seek(index);
    await vi.advanceTimersByTimeAsync(60);
    expect(state().neighbours).toMatchObject({ status: 'ready', frameIndex: 1 });
    expect(engines[0]?.neighbourCalls).toBe(2);
    session.seek(4);
    expect(state().neighbours).toMatchObject({ status: 'ready', frameIndex: 3 });
    expect(engines[0]?.neighbourCalls).toBe(2);
  });

  it('never stand in the way of drawing', async () => {
    const { session, state } = setUp((engine) => (engine.holdNeighbours = true));
    await session.open(NO_WISHES);
    await vi.advanceTimersByTimeAsync(60);
    expect(state().neighbours.status).toBe('running');
    await session.chooseGrade(0);
    expect(engines[0]?.neighbourSignals[0]?.aborted).toBe(true);
    expect(state().run?.request.severity).toBe(0);
  });

  it('are not asked for while a run is under way', async () => {
    const { session, state } = setUp((engine) => (engine.holdAt = 2));
    const opened = session.open(NO_WISHES);
    await vi.advanceTimersByTimeAsync(500);
    expect(engines[0]?.neighbourCalls).toBe(0);
    expect(state().neighbours.status).toBe('waiting');
    session.cancel();
    await opened;
    await vi.advanceTimersByTimeAsync(60);
    expect(engines[0]?.neighbourCalls).toBe(1);
  });
});

it('firstDraft prefers the wished variant, then odm', () => {
  expect(firstDraft(MANIFESTS.eye!, 'dm').variant).toBe('dm');
  expect(firstDraft(MANIFESTS.eye!, 'nope').variant).toBe('odm');
});

describe('workspaces', () => {
  const wanted: SampleRequest = {
    model: 'colon',
    variant: 'dm',
    severity: 1.5,
    seed: 7,
    sampler: 'ddpm',
    steps: 6,
    guidance: 2,
    eta: 0,
  };

  it('any workspace opens a request in Sample with its whole state, at the step asked for', async () => {
    const { session, state } = setUp();
    await session.open(NO_WISHES);
    session.openWorkspace('severity');
    expect(state().workspace).toBe('severity');
    await session.openInSample(wanted, 2);
    expect(state()).toMatchObject({ workspace: 'sample', draft: wanted, cursor: 2 });
    expect(state().run).toMatchObject({ request: wanted, status: 'finished', held: [0, 1, 2, 3, 4, 5, 6] });
    expect(state().model).toMatchObject({ variant: 'dm' });
  });

  it('the picture that is already there is not drawn again', async () => {
    const { session, state } = setUp();
    await session.openInSample(wanted);
    expect(state().cursor).toBe(6);
    const { run } = state();
    session.edit({ seed: 99 });
    await session.openInSample({ ...wanted }, 3);
    expect(state().run).toBe(run);
    expect(state()).toMatchObject({ cursor: 3, draft: wanted });
    expect(engines[0]?.samples).toHaveLength(1);
  });

  it('a request whose model is not there says so and can be tried again', async () => {
    const { session, state } = setUp(undefined, {
      loadManifest: async () => {
        throw fail('manifest-invalid');
      },
    });
    await session.openInSample(wanted);
    expect(state().failure?.code).toBe('manifest-invalid');
    expect(state().activity.kind).toBe('idle');
  });

  it('what is set up elsewhere is not drawn before Sample is opened again', async () => {
    const { session, state } = setUp();
    await session.open(NO_WISHES);
    session.edit({ steps: 5 });
    session.openWorkspace('severity');
    session.openWorkspace('sample');
    // Settings that waited for Generate go on waiting.
    expect(engines[0]?.samples).toHaveLength(1);
    session.openWorkspace('severity');
    await session.setUp({ severity: 2.25 });
    await session.setUp({ model: 'colon' });
    expect(state().draft).toMatchObject({ model: 'colon', variant: 'odm', severity: 2, seed: 2024 });
    expect(engines[0]?.samples).toHaveLength(1);
    session.openWorkspace('sample');
    await vi.waitFor(() => expect(state().run?.request.model).toBe('colon'));
  });

  it('another workspace can be opened first, without drawing for Sample', async () => {
    const { session, state } = setUp();
    session.openWorkspace('severity');
    await session.open(NO_WISHES, false);
    expect(state()).toMatchObject({ run: null, activity: { kind: 'idle' }, draft: { model: 'eye' } });
    session.openWorkspace('sample');
    await vi.waitFor(() => expect(state().run?.status).toBe('finished'));
  });

  it('works with the engine of the page, on a model made ready first, without touching what is drawn', async () => {
    const { session, state } = setUp();
    await session.open({ ...NO_WISHES, provider: 'wasm' });
    const { run, model } = state();
    const frames: number[] = [];
    const signal = new AbortController().signal;
    const summary = await session.withEngine(
      wanted,
      (engine, loaded) => {
        expect(loaded.manifest.id).toBe('colon');
        return engine.sample(wanted, (f) => frames.push(f.index), signal);
      },
      signal,
    );
    expect(summary.request).toEqual(wanted);
    expect(frames).toHaveLength(7);
    expect(engines).toHaveLength(1);
    expect(engines[0]?.loads.at(-1)).toEqual({ bundleUrl: 'colon/', variant: 'dm', provider: 'wasm' });
    expect(state()).toMatchObject({ run, model });
  });

  it('after a crash the next work has a new engine', async () => {
    const { session } = setUp((engine) => {
      if (engines.length === 0) engine.failAt = { index: 1, code: 'worker-crashed' };
    });
    const { signal } = new AbortController();
    const work = () =>
      session.withEngine(wanted, (engine) => engine.sample(wanted, () => undefined, signal), signal);
    await expect(work()).rejects.toMatchObject({ code: 'worker-crashed' });
    expect(engines[0]?.disposed).toBe(true);
    await work();
    expect(engines).toHaveLength(2);
  });

  it('keeps for a workspace what it made once', () => {
    const { session } = setUp();
    const make = () => ({ pins: [] });
    expect(session.kept(make)).toBe(session.kept(make));
  });
});
