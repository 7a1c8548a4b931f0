import { expect, it, vi } from 'vitest';
import type { SampleRequest } from '../../models/request';
import { exampleManifest } from '../../models/testing';
import { createStudioStore, type RunInfo, type StudioState } from '../store/state';
import { LessonPlayer, type Stage } from './player';
import type { Lesson } from './schema';

const LESSON: Lesson = {
  formatVersion: 1,
  id: 'test',
  title: 'Test',
  summary: 'A test.',
  minutes: 1,
  start: { grade: 'middle', seed: 3, model: 'example' },
  steps: [
    { title: 'One', text: ['…'], task: 'Play.', goal: { on: 'playing' }, scene: { cursor: 0.5, view: 'x0' } },
    { title: 'Two', text: ['…'], task: 'Another seed.', goal: { on: 'seed' } },
    { title: 'Three', text: ['…'], scene: { workspace: 'severity', compared: 'highest' } },
  ],
};

/** A page whose pictures are finished when the test says so. */
function setUp() {
  const store = createStudioStore({ bundles: ['example'] });
  let finish = () => undefined as unknown;
  const draw = (request: SampleRequest) => {
    const run: RunInfo = {
      id: request.seed,
      request,
      manifest: exampleManifest(),
      provider: 'wasm',
      status: 'finished',
      held: [],
      totalMs: 1,
      nfe: 1,
    };
    store.setState({ run, draft: request, cursor: request.steps });
  };
  const stage: Stage = {
    store,
    manifest: async () => {
      const manifest = exampleManifest();
      store.setState({ manifests: { example: manifest } });
      return manifest;
    },
    announce: vi.fn(),
    openInSample: (request) =>
      new Promise<void>((resolve) => {
        finish = () => {
          draw(request);
          resolve();
        };
      }),
    openWorkspace: (workspace) => store.setState({ workspace }),
    look: (change) => store.setState(change as Partial<StudioState>),
    pause: () => store.setState({ playing: false }),
    seek: (cursor) => store.setState({ cursor }),
  };
  const player = new LessonPlayer(stage);
  return { store, stage, player, draw, finish: () => finish(), now: () => player.store.getState() };
}

async function started(lesson = LESSON) {
  const all = setUp();
  const start = all.player.start(lesson);
  await vi.waitFor(() => expect(all.now().lesson).toBe(lesson));
  await Promise.resolve();
  all.finish();
  await start;
  return all;
}

it('draws the first picture, then sets the scene', async () => {
  const { store, now } = await started();
  expect(store.getState().run?.request).toMatchObject({ severity: 1, seed: 3, steps: 4 });
  expect(store.getState()).toMatchObject({ cursor: 2, view: 'x0' });
  expect(now()).toMatchObject({ at: 0, done: [false, false, false] });
});

it('what happened before the first picture was there does not count', async () => {
  const { player, store, now, finish } = setUp();
  const start = player.start(LESSON);
  await vi.waitFor(() => expect(now().lesson).toBe(LESSON));
  store.setState({ playing: true });
  store.setState({ playing: false });
  finish();
  await start;
  expect(now().done[0]).toBe(false);
});

it('remembers that a goal was reached, and only of the step shown', async () => {
  const { player, store, now, draw } = await started();
  store.setState({ playing: true });
  store.setState({ playing: false });
  expect(now().done).toEqual([true, false, false]);
  player.next();
  expect(now().done).toEqual([true, false, false]);
  draw({ ...store.getState().run!.request, seed: 4 });
  expect(now().done).toEqual([true, true, false]);
  player.back();
  expect(now()).toMatchObject({ at: 0, done: [true, true, false] });
});

it('leads back to where the control of a step is', async () => {
  const { player, store } = await started({
    ...LESSON,
    steps: [{ title: 'Here', text: ['…'], control: 'grade' }, ...LESSON.steps.slice(2)],
  });
  player.next();
  expect(store.getState().workspace).toBe('severity');
  player.back();
  expect(store.getState().workspace).toBe('sample');
});

it('leads to another workspace, and ends after the last step', async () => {
  const { player, store, now, stage } = await started();
  player.next();
  player.next();
  expect(store.getState()).toMatchObject({ workspace: 'severity', compared: 2 });
  player.next();
  expect(now().lesson).toBeNull();
  expect(stage.announce).toHaveBeenLastCalledWith('Lesson closed');
});

it('says why it cannot begin', async () => {
  const { player, store, now } = setUp();
  store.setState({ bundles: [] });
  await player.start(LESSON);
  expect(now()).toMatchObject({ lesson: null, failure: { code: 'request-invalid' } });
});
