/** The gallery's desk against a real (in-memory) database and an engine that draws what it is asked for. */
import { IDBFactory } from 'fake-indexeddb';
import 'fake-indexeddb/auto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { cancelled } from '../../errors';
import type { EngineClient, StepFrame } from '../../engine/types';
import { pictureFile, type DatasetPlan } from '../../exchange/dataset';
import { readProvenance } from '../../exchange/png';
import { exampleManifest } from '../../models/testing';
import type { SampleRequest } from '../../models/request';
import { Gallery } from '../../storage/gallery';
import { GalleryDesk } from './gallery';
import { createPreferences } from './preferences';
import { StudioSession } from './session';
import { createStudioStore } from './state';

const manifest = exampleManifest();
const length = 3 * 64;

function frame(index: number, steps: number, seed: number): StepFrame {
  const sigma = 1 - index / steps;
  const x = new Float32Array(length).fill(seed / 100 + index / 100);
  const x0 = new Float32Array(length).fill(seed / 100);
  const alpha = Math.sqrt(1 - sigma ** 2);
  const epsilon = sigma > 0 ? x.map((v, i) => (v - alpha * x0[i]!) / sigma) : new Float32Array(length);
  return { index, steps, t: sigma, alpha, sigma, x, x0, epsilon, norms: { x: 0, x0: 0, epsilon: 0 }, ms: 1 };
}

class TestEngine implements Partial<EngineClient> {
  drawn: SampleRequest[] = [];
  /** Pictures after which a batch waits to be aborted. */
  holdAfter = Infinity;

  async load(request: Parameters<EngineClient['load']>[0]) {
    return {
      manifest,
      variant: request.variant,
      provider: 'wasm' as const,
      providerDetail: '',
      providerNote: '',
      parityMaxError: 0,
      timings: { downloadMs: 0, sessionMs: 0, warmUpMs: 0 },
    };
  }

  async sample(request: SampleRequest, onFrame: (f: StepFrame) => void, signal?: AbortSignal) {
    for (let i = 0; i <= request.steps; i++) {
      await Promise.resolve();
      if (request.seed === 13 && i === 2) await aborted(signal);
      onFrame(frame(i, request.steps, request.seed));
    }
    return { request, provider: 'wasm' as const, nfe: request.steps, totalMs: 1 };
  }

  async pictures(
    requests: readonly SampleRequest[],
    onPicture: Parameters<EngineClient['pictures']>[1],
    signal?: AbortSignal,
  ) {
    for (const [index, request] of requests.entries()) {
      if (this.drawn.length >= this.holdAfter) await aborted(signal);
      this.drawn.push(request);
      onPicture({ index, picture: new Float32Array(length).fill(0.25), provider: 'wasm', ms: 1 });
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  async neighbours(_: unknown, signal?: AbortSignal): Promise<never> {
    return aborted(signal);
  }

  dispose() {}
}

function aborted(signal?: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const end = () => reject(cancelled());
    signal?.addEventListener('abort', end);
  });
}

const open: { dispose(): void }[] = [];
let persist: ReturnType<typeof vi.fn>;

function setUp() {
  const engine = new TestEngine();
  const kept = new Map<string, string>();
  const session = new StudioSession({
    store: createStudioStore(),
    preferences: createPreferences(() => ({
      getItem: (key) => kept.get(key) ?? null,
      setItem: (key, value) => void kept.set(key, value),
      removeItem: (key) => void kept.delete(key),
    })),
    createEngine: () => engine as unknown as EngineClient,
    loadCatalogue: async () => ({ formatVersion: 1, bundles: ['example'] }),
    loadManifest: async () => manifest,
    bundleUrl: (model) => `${model}/`,
  });
  const storage = {
    persist,
    persisted: async () => true,
    estimate: async () => ({ usage: 10, quota: 100 }),
  } as unknown as StorageManager;
  const desk = new GalleryDesk(session, {
    open: (listener) => Gallery.open(listener),
    storage,
    now: () => Date.now(),
  });
  open.push(desk, session);
  return { session, desk, engine, entries: () => desk.store.getState().entries };
}

beforeEach(() => {
  globalThis.indexedDB = new IDBFactory();
  persist = vi.fn(async () => true);
});
afterEach(() => {
  for (const one of open.splice(0)) one.dispose();
});

const wishes = { provider: 'auto', model: null, variant: null } as const;

describe('runs', () => {
  it('are kept when they end, well or not, with what they were made of', async () => {
    const { session, desk, entries } = setUp();
    await session.open(wishes);
    session.edit({ seed: 13 });
    const drawing = session.draw();
    await expect.poll(() => session.store.getState().run?.held.length).toBe(2);
    session.cancel();
    await drawing;
    await expect.poll(() => entries().length).toBe(2);
    const [stopped, first] = entries();
    expect(first).toMatchObject({
      status: 'finished',
      frame: { index: 4, steps: 4 },
      gradeText: 'G 1, Grade 1',
    });
    expect(stopped).toMatchObject({ status: 'cancelled', frame: { index: 1, steps: 4 } });
    const png = new Uint8Array(await (await desk.picture(first!.id))!.arrayBuffer());
    expect(readProvenance(png)).toMatchObject({ request: first!.request, modelSha256: first!.modelSha256 });
  });

  it('ask once that they be kept for good', async () => {
    const { session, entries } = setUp();
    await session.open(wishes);
    for (const seed of [1, 2, 3]) {
      session.edit({ seed });
      await session.draw();
    }
    await expect.poll(() => entries().length).toBe(4);
    expect(persist).toHaveBeenCalledTimes(1);
    expect(session.preferences.getState().askedToPersist).toBe(true);
  });

  it('give their trajectory back as it was, if that was wanted', async () => {
    const { session, desk, entries } = setUp();
    session.preferences.setState({ keepTrajectories: true });
    await session.open(wishes);
    await expect.poll(() => entries().length).toBe(1);
    const frames = await desk.trajectory(entries()[0]!);
    expect(frames.map((f) => f.index)).toEqual([0, 1, 2, 3, 4]);
    for (const [i, f] of frames.entries()) {
      const shown = session.frame(i)!;
      expect(f.x).toEqual(shown.x);
      expect(f.x0).toEqual(shown.x0);
      if (f.sigma > 0) f.epsilon.forEach((v, k) => expect(v).toBeCloseTo(shown.epsilon[k]!, 4));
    }
    session.edit({ seed: 5 });
    await session.draw();
    const before = session.store.getState().run!;
    await session.showKept(
      { request: entries().at(-1)!.request, provider: 'wasm', status: 'finished' },
      frames,
    );
    const { run, cursor } = session.store.getState();
    expect(run).toMatchObject({ status: 'finished', held: [0, 1, 2, 3, 4] });
    expect(run!.id).not.toBe(before.id);
    expect(cursor).toBe(4);
  });
});

it('what is deleted comes back', async () => {
  const { session, desk, entries } = setUp();
  await session.open(wishes);
  await expect.poll(() => entries().length).toBe(1);
  const { id } = entries()[0]!;
  await desk.change(id, { note: 'keep me' });
  await desk.delete([id]);
  expect(entries()).toEqual([]);
  expect(desk.store.getState().undo).toEqual([id]);
  await desk.undoDelete();
  expect(entries()).toMatchObject([{ id, note: 'keep me' }]);
  await desk.delete([id]);
  await desk.finishDelete();
  expect(await desk.picture(id)).toBeUndefined();
});

describe('batches', () => {
  const plan: DatasetPlan = {
    formatVersion: 1,
    model: 'example',
    variant: 'odm',
    modelSha256: '0'.repeat(64),
    grades: [0, 2],
    count: 10,
    seed: 50,
    sampler: 'ddim',
    steps: 4,
    guidance: 1,
    eta: 0,
  };

  it('can be paused and gone on with, after a reload too, and draw nothing twice', async () => {
    const first = setUp();
    first.engine.holdAfter = 11;
    const drawing = first.desk.startBatch(plan);
    await expect.poll(() => first.desk.store.getState().work?.done).toBe(11);
    expect(first.desk.store.getState().work?.msLeft).not.toBeNull();
    await first.desk.pauseBatch();
    await drawing;
    expect(first.desk.store.getState()).toMatchObject({ work: null, batches: [{ paused: true, plan }] });
    first.desk.dispose();

    const second = setUp();
    await expect.poll(() => second.desk.store.getState().status).toBe('ready');
    const [batch] = second.desk.store.getState().batches;
    expect(second.desk.doneOf(batch!)).toBe(11);
    await second.desk.resumeBatch(batch!);
    expect(second.desk.doneOf(batch!)).toBe(20);
    expect(second.engine.drawn).toHaveLength(9);
    const files = [...first.engine.drawn, ...second.engine.drawn].map(pictureFile);
    expect(new Set(files).size).toBe(20);
    expect(second.desk.store.getState()).toMatchObject({ work: null, batches: [{ paused: false }] });
  });

  it('are not mixed from two models’ weights', async () => {
    const { desk, engine } = setUp();
    await desk.startBatch({ ...plan, modelSha256: '1'.repeat(64) });
    expect(engine.drawn).toEqual([]);
    expect(desk.store.getState().problem?.code).toBe('hash-mismatch');
  });
});
