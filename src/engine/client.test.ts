import { expose, transfer } from 'comlink';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createEngineClient, type EngineWorker } from './client';
import type { LoadProgress, LoadRequest, StepFrame } from './types';

/** A worker whose far end is a set of functions in this realm. */
class FakeWorker extends EventTarget implements EngineWorker {
  private readonly channel = new MessageChannel();
  terminated = false;

  constructor(functions: object) {
    super();
    expose(functions, this.channel.port2 as unknown as Worker);
    this.channel.port1.onmessage = (event) =>
      this.dispatchEvent(new MessageEvent('message', { data: event.data }));
    workers.push(this);
  }
  postMessage(message: unknown, transferables: unknown = []) {
    this.channel.port1.postMessage(message, transferables as Transferable[]);
  }
  terminate() {
    this.terminated = true;
    this.channel.port1.close();
    this.channel.port2.close();
  }
}

const workers: FakeWorker[] = [];
afterEach(() => {
  for (const worker of workers.splice(0)) worker.terminate();
});

const loadRequest: LoadRequest = { bundleUrl: 'http://host/m/', variant: 'odm', provider: 'auto' };
const sampleRequest = {
  model: 'm',
  variant: 'odm',
  severity: 1,
  seed: 1,
  sampler: 'ddim' as const,
  steps: 2,
  guidance: 1,
  eta: 0,
};
const failed = (code: string) => ({ ok: false, error: { code, message: 'm', remedy: 'r', detail: 'd' } });
const hang = () => new Promise<never>(() => undefined);

describe('the client', () => {
  test('passes progress and the result through', async () => {
    const client = createEngineClient(
      new FakeWorker({
        load: async (_job: number, request: LoadRequest, say: (p: LoadProgress) => Promise<void>) => {
          await say({ phase: 'manifest' });
          await say({ phase: 'verify' });
          return { ok: true, value: { variant: request.variant } };
        },
      }),
    );
    const seen: string[] = [];
    const loaded = await client.load(loadRequest, (p) => seen.push(p.phase));
    expect(loaded).toMatchObject({ variant: 'odm' });
    expect(seen).toEqual(['manifest', 'verify']);
  });

  test('receives transferred frames', async () => {
    const client = createEngineClient(
      new FakeWorker({
        sample: async (_job: number, request: object, say: (f: object) => Promise<void>) => {
          const x = Float32Array.of(1, 2, 3);
          await say(transfer({ index: 0, x }, [x.buffer]));
          return { ok: true, value: { request, transferred: x.length === 0 } };
        },
      }),
    );
    const frames: StepFrame[] = [];
    const summary = await client.sample(sampleRequest, (f) => frames.push(f));
    expect(summary).toEqual({ request: sampleRequest, transferred: true });
    expect(frames[0]!.x).toEqual(Float32Array.of(1, 2, 3));
  });

  test('turns failed outcomes into StudioErrors', async () => {
    const client = createEngineClient(new FakeWorker({ load: async () => failed('hash-mismatch') }));
    await expect(client.load(loadRequest, () => undefined)).rejects.toMatchObject({
      name: 'StudioError',
      code: 'hash-mismatch',
      message: 'm',
      remedy: 'r',
      detail: 'd',
    });
  });

  test('aborting rejects at once, tells the worker, and silences late frames', async () => {
    const cancel = vi.fn();
    let say!: (f: object) => Promise<void>;
    const client = createEngineClient(
      new FakeWorker({
        cancel,
        sample: async (_job: number, _request: object, callback: typeof say) => {
          say = callback;
          await say({ index: 0 });
          return hang();
        },
      }),
    );
    const controller = new AbortController();
    const seen: StepFrame[] = [];
    const job = client.sample(
      sampleRequest,
      (f) => {
        seen.push(f);
        controller.abort();
      },
      controller.signal,
    );
    await expect(job).rejects.toMatchObject({ code: 'cancelled' });
    await vi.waitFor(() => expect(cancel).toHaveBeenCalledWith(1));
    await say({ index: 1 });
    expect(seen).toHaveLength(1);
  });

  test('an aborted signal starts nothing', async () => {
    const neighbours = vi.fn();
    const client = createEngineClient(new FakeWorker({ neighbours }));
    const request = { model: 'm', variant: 'odm', x: new Float32Array(3), t: 0.5 };
    await expect(client.neighbours(request, AbortSignal.abort())).rejects.toMatchObject({
      code: 'cancelled',
    });
    expect(neighbours).not.toHaveBeenCalled();
  });

  test('a crash of the worker ends every job, and those to come', async () => {
    const worker = new FakeWorker({ load: hang, sample: hang });
    const client = createEngineClient(worker);
    const jobs = [client.load(loadRequest, () => undefined), client.sample(sampleRequest, () => undefined)];
    worker.dispatchEvent(new Event('error'));
    for (const job of jobs) await expect(job).rejects.toMatchObject({ code: 'worker-crashed' });
    await expect(client.load(loadRequest, () => undefined)).rejects.toMatchObject({ code: 'worker-crashed' });
    expect(worker.terminated).toBe(true);
  });

  test('a worker that reports its own breakdown is ended', async () => {
    const worker = new FakeWorker({ load: hang, sample: async () => failed('worker-crashed') });
    const client = createEngineClient(worker);
    const waiting = client.load(loadRequest, () => undefined);
    await expect(client.sample(sampleRequest, () => undefined)).rejects.toMatchObject({
      code: 'worker-crashed',
    });
    await expect(waiting).rejects.toMatchObject({ code: 'worker-crashed' });
    expect(worker.terminated).toBe(true);
  });

  test('dispose cancels what is under way', async () => {
    const worker = new FakeWorker({ load: hang });
    const client = createEngineClient(worker);
    const job = client.load(loadRequest, () => undefined);
    client.dispose();
    await expect(job).rejects.toMatchObject({ code: 'cancelled' });
    expect(worker.terminated).toBe(true);
  });
});
