import 'fake-indexeddb/auto';
import { describe, expect, test } from 'vitest';
import { createStore } from 'zustand/vanilla';
import type { EngineClient } from '../../../engine/types';
import { cancelled } from '../../../errors';
import { exampleManifest } from '../../../models/testing';
import type { StudioSession } from '../../store/session';
import { createKeeper } from './keep';
import { OrdinalityRunner } from './runner';

const manifest = exampleManifest();

/** A session whose engine measures at once, and holds or fails where told. */
function rig() {
  const measured: string[] = [];
  const control = { holdAt: Infinity, failAt: Infinity };
  const engine: Pick<EngineClient, 'measure'> = {
    async measure(request, onStep, signal) {
      if (measured.length === control.failAt) throw new Error('broken');
      if (measured.length === control.holdAt) {
        await new Promise((_, reject) => signal?.addEventListener('abort', () => reject(cancelled())));
      }
      onStep(1);
      measured.push(`${request.severity}/${request.seed}`);
      const steps = [{ t: 0.9, alpha: 0.1, sigma: 0.99, distances: [1, 2, 1] }];
      return { steps, read: null, provider: 'wasm', ms: 1 };
    },
  };
  const session = {
    store: createStore(() => ({
      manifests: { [manifest.id]: manifest },
      bundles: [manifest.id],
      draft: { model: manifest.id },
    })),
    announce: () => undefined,
    withEngine: (_: unknown, work: (e: unknown, loaded: unknown) => Promise<unknown>) =>
      work(engine, { providerDetail: '1 thread' }),
  } as unknown as StudioSession;
  const runner = new OrdinalityRunner(session, createKeeper(), 0);
  return { runner, measured, control, state: () => runner.store.getState() };
}

const until = async (check: () => boolean) => {
  for (let i = 0; i < 500 && !check(); i++) await new Promise((resolve) => setTimeout(resolve, 2));
  expect(check()).toBe(true);
};

describe('ordinality runs', () => {
  test('are paused, found again by the next page, resumed, and extended without doing anything twice', async () => {
    const first = rig();
    await first.runner.restored;
    expect(first.state()).toMatchObject({ status: 'none', setup: { seeds: '0..7', drawn: 'every' } });
    first.runner.edit({ seeds: '1, 2' });
    first.control.holdAt = 4;
    void first.runner.start();
    await until(() => first.state().done === 4);
    first.runner.pause();
    expect(first.state()).toMatchObject({ status: 'paused', planned: 6, current: null });
    await until(() => first.state().kept);

    const second = rig();
    await second.runner.restored;
    expect(second.state()).toMatchObject({ status: 'paused', done: 4, setup: { seeds: '1, 2' } });
    await second.runner.resume();
    expect(second.state()).toMatchObject({
      status: 'finished',
      done: 6,
      computedBy: 'WASM, one thread, 1 thread',
    });
    expect(second.measured).toEqual(['1/2', '2/2']);
    expect(second.state().trajectories.map((t) => `${t.severity}/${t.seed}`)).toEqual([
      '0/1',
      '1/1',
      '2/1',
      '0/2',
      '1/2',
      '2/2',
    ]);

    second.runner.edit({ seeds: '2..3' });
    await second.runner.start();
    expect(second.measured.slice(2)).toEqual(['0/3', '1/3', '2/3']);
    expect(second.state()).toMatchObject({ status: 'finished', done: 6 });

    await second.runner.discard();
    const third = rig();
    await third.runner.restored;
    expect(third.state()).toMatchObject({ status: 'none', done: 0 });
  });

  test('a problem stops a run and keeps what was measured; what cannot be read does not start', async () => {
    const { runner, control, state, measured } = rig();
    await runner.restored;
    runner.edit({ seeds: 'seven' });
    await runner.start();
    expect(state()).toMatchObject({ status: 'none', problem: { code: 'request-invalid' } });
    runner.edit({ seeds: '7' });
    control.failAt = 1;
    await runner.start();
    expect(state()).toMatchObject({ status: 'failed', done: 1, problem: { message: 'broken' } });
    control.failAt = Infinity;
    await runner.resume();
    expect(state()).toMatchObject({ status: 'finished', done: 3, problem: null });
    expect(measured).toHaveLength(3);
  });
});
