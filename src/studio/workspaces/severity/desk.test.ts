/** The desk against a session whose engine draws when the test says so. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createStore } from 'zustand/vanilla';
import type { EngineClient, LoadedModel, StepFrame } from '../../../engine/types';
import { cancelled } from '../../../errors';
import type { SeverityLook } from '../../../exchange/link';
import type { SampleRequest } from '../../../models/request';
import { exampleManifest } from '../../../models/testing';
import type { StudioSession } from '../../store/session';
import type { StudioState } from '../../store/state';
import { counterpart, SeverityDesk, sheetLabel } from './desk';

function exampleWithBoth() {
  const manifest = exampleManifest();
  manifest.variants['dm'] = { ...manifest.variants['odm']!, title: 'Standard (DM)' };
  return manifest;
}
const manifest = exampleWithBoth();
const draft: SampleRequest = {
  model: 'example',
  variant: 'odm',
  severity: 1,
  seed: 7,
  sampler: 'ddim',
  steps: 20,
  guidance: 1,
  eta: 0,
};

interface Job {
  readonly request: SampleRequest;
  readonly signal: AbortSignal;
  finish(): Promise<void>;
}

let jobs: Job[];
const flush = () => vi.advanceTimersByTimeAsync(0);
const frame = (index: number, steps: number) =>
  ({
    index,
    steps,
    x: new Float32Array(192),
    x0: new Float32Array(192).fill(index),
    epsilon: new Float32Array(192),
  }) as unknown as StepFrame;

function setUp() {
  const store = createStore(
    () =>
      ({
        draft,
        manifests: { example: manifest },
        bundles: ['example'],
        severity: null,
      }) as unknown as StudioState,
  );
  const said: string[] = [];
  const engine = {
    sample: (request: SampleRequest, onFrame: (f: StepFrame) => void, signal: AbortSignal) =>
      new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => reject(cancelled()));
        jobs.push({
          request,
          signal,
          async finish() {
            for (const index of [0, request.steps]) onFrame(frame(index, request.steps));
            resolve({ provider: 'wasm' });
            await flush();
          },
        });
      }),
    pictures: async (requests: SampleRequest[], onPicture: (p: object) => void) => {
      requests.forEach((_, index) => onPicture({ index, picture: new Float32Array(192), provider: 'wasm' }));
    },
  } as unknown as EngineClient;
  const session = {
    store,
    withEngine: (_: unknown, work: (e: EngineClient, l: LoadedModel) => Promise<unknown>) =>
      work(engine, {} as LoadedModel),
    announce: (text: string) => said.push(text),
    notify: ({ message }: { message: string }) => said.push(message),
    showSeverity: (severity: SeverityLook) => store.setState({ severity }),
  } as unknown as StudioSession;
  const move = (severity: number) =>
    store.setState({ draft: { ...store.getState().draft!, severity } } as Partial<StudioState>);
  return { desk: new SeverityDesk(session), move, said, store };
}

beforeEach(() => {
  vi.useFakeTimers();
  jobs = [];
});
afterEach(() => vi.useRealTimers());

describe('the slider', () => {
  it('draws a preview, then the picture itself, and nothing once the workspace is left', async () => {
    const { desk, move } = setUp();
    const leave = desk.enter();
    expect(jobs.map((j) => j.request.steps)).toEqual([4]);
    await jobs[0]!.finish();
    await jobs[1]!.finish();
    expect(jobs[1]!.request).toEqual(draft);
    expect(desk.store.getState().following['odm']).toMatchObject({ quality: 'full', working: 'no' });
    move(1.5);
    expect(jobs[2]!.request).toMatchObject({ severity: 1.5 });
    leave();
    expect(jobs[2]!.signal.aborted).toBe(true);
    move(2);
    await vi.advanceTimersByTimeAsync(1000);
    expect(jobs).toHaveLength(3);
  });

  it('has the other model follow beside it, from the same noise', async () => {
    const { desk } = setUp();
    desk.enter();
    desk.setBeside(true);
    expect(desk.store.getState().followed).toEqual(['odm', 'dm']);
    expect(jobs.map((j) => [j.request.variant, j.request.seed])).toEqual([
      ['odm', 7],
      ['dm', 7],
    ]);
    desk.setBeside(false);
    expect(jobs[1]!.signal.aborted).toBe(true);
  });
});

describe('side by side', () => {
  it('draws one after the other, at most four, each once', async () => {
    const { desk, said } = setUp();
    desk.enter();
    desk.openTab('compare');
    jobs.length = 0;
    for (const seed of [1, 1, 2, 3, 4]) expect(desk.compare({ ...draft, seed })).toBe(true);
    expect(desk.compare({ ...draft, seed: 5 })).toBe(false);
    expect(said.at(-1)).toContain('room for 4');
    expect(jobs).toHaveLength(1);
    await jobs[0]!.finish();
    expect(jobs.map((j) => j.request.seed)).toEqual([1, 2]);
    const [first, second] = desk.store.getState().slots;
    expect(desk.store.getState().progress[first!.id]).toMatchObject({ status: 'ready', held: [0, 20] });

    // Taking away the one that is being drawn lets the next begin.
    desk.removeSlot(second!.id);
    expect(jobs[1]!.signal.aborted).toBe(true);
    expect(jobs.map((j) => j.request.seed)).toEqual([1, 2, 3]);
    expect(desk.reel(second!.id)).toBeUndefined();
  });
});

describe('the link', () => {
  const look: SeverityLook = {
    tab: 'compare',
    beside: true,
    rows: { name: 'guidance', from: 1, to: 400, count: 3 },
    columns: null,
    compared: [
      { ...draft, severity: 0 },
      { ...draft, variant: 'dm' },
    ],
    mode: 'blink',
    shown: 'x',
    place: 0.5,
  };

  it('is told of every change, and what it brings is set here', () => {
    const { desk, store } = setUp();
    desk.enter();
    expect(store.getState().severity).toMatchObject({ tab: 'slider', compared: [], rows: null, place: 1 });
    store.setState({ severity: look });
    expect(desk.store.getState()).toMatchObject({
      tab: 'compare',
      beside: true,
      comparing: { mode: 'blink', shown: 'x', place: 0.5 },
      axes: { example: { rows: { name: 'guidance', to: 20 } } },
    });
    expect(store.getState().severity).toMatchObject({ ...look, rows: { to: 20 } });
    desk.setComparing({ mode: 'side' });
    desk.setAxes('example', { columns: { name: 'seed', from: 7, to: 7, count: 2 } });
    expect(store.getState().severity).toMatchObject({
      mode: 'side',
      rows: { name: 'guidance' },
      columns: { count: 2 },
    });
  });

  it('leaves what is there already, and a person’s own pictures', () => {
    const { desk, store, said } = setUp();
    desk.compareReal({ name: 'own.png', width: 1, height: 1, rgba: new Uint8ClampedArray(4) });
    desk.compare(look.compared[1]!);
    desk.compare({ ...draft, seed: 1 });
    const [real, kept] = desk.store.getState().slots;
    store.setState({ severity: { ...look, compared: [...look.compared, { ...draft, model: 'elsewhere' }] } });
    desk.enter();
    const { slots } = desk.store.getState();
    expect(slots.slice(0, 2)).toEqual([real, kept]);
    expect(slots.slice(2)).toMatchObject([{ request: { severity: 0 } }]);
    expect(said).toContain('The link compares pictures of a model that this studio has not got.');
  });
});

it('a picture pinned before it was drawn is drawn', async () => {
  const { desk } = setUp();
  const request = { ...draft, seed: 99 };
  desk.togglePin(request);
  await flush();
  expect(desk.pictures.get(request)).toBeDefined();
  desk.togglePin(request);
  expect(desk.store.getState().pins).toEqual([]);
});

it('the standard model stands beside the ordinal one, and the other way round', () => {
  expect(counterpart(manifest, 'odm')).toBe('dm');
  expect(counterpart(manifest, 'dm')).toBe('odm');
  expect(counterpart(exampleManifest(), 'odm')).toBeNull();
});

it('labels on a sheet say what is extrapolated', () => {
  expect(sheetLabel({ ...draft, severity: 2.5 }, manifest)[0]).toBe('2.5 extrapolated, odm');
  expect(sheetLabel(draft, manifest)[0]).toBe('G 1, odm');
});
