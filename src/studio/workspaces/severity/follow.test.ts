/** The preview against an engine whose pictures are finished when the test says so. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { cancelled, StudioError } from '../../../errors';
import type { SampleRequest } from '../../../models/request';
import type { Picture } from '../../store/pictures';
import { Follower, previewOf } from './follow';

const at = (severity: number, changes: Partial<SampleRequest> = {}): SampleRequest => ({
  model: 'eye',
  variant: 'odm',
  severity,
  seed: 7,
  sampler: 'dpmpp-2m',
  steps: 20,
  guidance: 1.5,
  eta: 0,
  ...changes,
});

interface Job {
  readonly request: SampleRequest;
  readonly signal: AbortSignal;
  atWork(): boolean;
  /** After this many milliseconds; 280 make four steps the right number for a preview. */
  finish(ms?: number): Promise<void>;
  fail(error: Error): Promise<void>;
}

let jobs: Job[];
let clock: number;
let known: Map<number, Picture>;
const flush = () => vi.advanceTimersByTimeAsync(0);

function setUp() {
  const follower = new Follower({
    restMs: 100,
    now: () => clock,
    known: (r) => (r.steps === 20 ? known.get(r.severity) : undefined),
    onChange: () => undefined,
    draw: (request, signal) =>
      new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => reject(cancelled()));
        let done = false;
        jobs.push({
          request,
          signal,
          atWork: () => !done && !signal.aborted,
          async finish(ms = 280) {
            clock += ms;
            done = true;
            resolve({ request, chw: new Float32Array(3), provider: 'wasm' });
            await flush();
          },
          async fail(error) {
            reject(error);
            await flush();
          },
        });
      }),
  });
  const running = () => jobs.filter((job) => job.atWork()).length;
  return { follower, running };
}

beforeEach(() => {
  vi.useFakeTimers();
  jobs = [];
  clock = 0;
  known = new Map();
});
afterEach(() => vi.useRealTimers());

describe('while the hand moves', () => {
  it('in jerks, and previews take longer than its rests, one picture still comes after the other', async () => {
    const { follower, running } = setUp();
    for (const severity of [1, 1.1, 1.2, 1.3, 1.4]) {
      follower.follow(at(severity));
      await vi.advanceTimersByTimeAsync(150);
      expect(running()).toBe(1);
    }
    // The first was left and given up; the second is let finish, however often it is left.
    expect(jobs.map(({ request }) => request.severity)).toEqual([1, 1.1]);
    await jobs[1]!.finish(900);
    expect(follower.state).toMatchObject({ quality: 'preview', shown: { severity: 1.1 } });
    // Then the newest of what was asked for.
    expect(jobs.at(-1)!.request).toMatchObject({ severity: 1.4 });
    expect(running()).toBe(1);
  });

  it('there is one request at work, of few evaluations, and then the newest of what was asked for', async () => {
    const { follower } = setUp();
    for (const severity of [0.1, 0.2, 0.3, 0.4]) follower.follow(at(severity));
    expect(jobs).toHaveLength(1);
    expect(jobs[0]!.request).toEqual(at(0.1, { steps: 4 }));
    await jobs[0]!.finish();
    expect(follower.state).toMatchObject({ quality: 'preview', shown: { severity: 0.1, steps: 20 } });
    // No queue: the places in between are never drawn.
    expect(jobs.map((job) => job.request.severity)).toEqual([0.1, 0.4]);
  });

  it('a hand that never rests still sees pictures', async () => {
    const { follower } = setUp();
    for (let i = 1; i <= 30; i++) {
      follower.follow(at(i / 10));
      if (i % 3 === 0) await jobs.at(-1)!.finish();
      await vi.advanceTimersByTimeAsync(50);
    }
    expect(jobs.every((job) => job.request.steps < 20)).toBe(true);
    expect(follower.state.shown!.severity).toBeGreaterThan(2.5);
  });

  it('moving on gives the refinement up at once', async () => {
    const { follower, running } = setUp();
    follower.follow(at(1));
    await jobs[0]!.finish();
    await vi.advanceTimersByTimeAsync(100);
    expect(jobs[1]!.request).toEqual(at(1));
    expect(follower.state.working).toBe('full');
    follower.follow(at(2));
    expect(jobs[1]!.signal.aborted).toBe(true);
    expect(running()).toBe(1);
    expect(jobs[2]!.request).toEqual(at(2, { steps: 4 }));
    // What comes late of the old one changes nothing.
    await jobs[1]!.finish();
    expect(follower.state).toMatchObject({ quality: 'preview', shown: { severity: 1 } });
  });

  it('takes as many evaluations as fit into the time for a preview', async () => {
    const { follower } = setUp();
    follower.follow(at(1));
    await jobs[0]!.finish(400);
    follower.follow(at(2));
    expect(jobs[1]!.request.steps).toBe(3);
    await jobs[1]!.finish(3);
    follower.follow(at(3));
    expect(jobs[2]!.request.steps).toBe(8);
  });
});

describe('when the hand rests', () => {
  it('the picture is drawn as it was asked for, after its preview', async () => {
    const { follower } = setUp();
    follower.follow(at(1));
    await vi.advanceTimersByTimeAsync(100);
    expect(jobs).toHaveLength(1);
    await jobs[0]!.finish();
    expect(jobs[1]!.request).toEqual(at(1));
    await jobs[1]!.finish();
    expect(follower.state).toMatchObject({ quality: 'full', working: 'no' });
    await vi.advanceTimersByTimeAsync(1000);
    expect(jobs).toHaveLength(2);
  });

  it('a preview of a place that the hand has left is given up', async () => {
    const { follower, running } = setUp();
    follower.follow(at(1));
    follower.follow(at(2));
    await vi.advanceTimersByTimeAsync(100);
    expect(jobs[0]!.signal.aborted).toBe(true);
    expect(jobs[1]!.request).toEqual(at(2, { steps: 4 }));
    expect(running()).toBe(1);
  });

  it('a key does not wait', async () => {
    const { follower } = setUp();
    follower.follow(at(1), true);
    await jobs[0]!.finish();
    expect(jobs[1]!.request.steps).toBe(20);
  });

  it('a request that is short anyway is drawn as it is', async () => {
    const { follower } = setUp();
    follower.follow(at(1, { steps: 5 }));
    expect(jobs[0]!.request.steps).toBe(5);
    await jobs[0]!.finish();
    expect(follower.state.quality).toBe('full');
  });
});

it('a picture that is known is shown at once, and ends what is at work', async () => {
  const { follower } = setUp();
  known.set(2, { request: at(2), chw: new Float32Array(3), provider: 'wasm' });
  follower.follow(at(1));
  follower.follow(at(2));
  expect(jobs[0]!.signal.aborted).toBe(true);
  expect(follower.state).toMatchObject({ quality: 'full', working: 'no', shown: { severity: 2 } });
  await vi.advanceTimersByTimeAsync(1000);
  expect(jobs).toHaveLength(1);
});

it('an error stops the work, keeps the picture, and asking again tries again', async () => {
  const { follower } = setUp();
  follower.follow(at(1));
  await jobs[0]!.finish();
  follower.follow(at(2));
  await jobs[1]!.fail(new StudioError({ code: 'device-lost', message: 'm', remedy: 'r' }));
  expect(follower.state).toMatchObject({
    working: 'no',
    shown: { severity: 1 },
    error: { code: 'device-lost' },
  });
  follower.follow(at(2));
  expect(follower.state.error).toBeNull();
  expect(jobs).toHaveLength(3);
});

it('stopping gives up and asks for nothing more', async () => {
  const { follower, running } = setUp();
  follower.follow(at(1));
  follower.stop();
  await vi.advanceTimersByTimeAsync(1000);
  expect(running()).toBe(0);
  expect(jobs).toHaveLength(1);
});

it('a preview is deterministic, and never longer than what it stands for', () => {
  expect(previewOf(at(1, { sampler: 'ddpm' }), 4)).toMatchObject({ sampler: 'dpmpp-2m-karras', steps: 4 });
  expect(previewOf(at(1, { sampler: 'ddim', eta: 1 }), 4)).toMatchObject({ sampler: 'ddim', eta: 0 });
  expect(previewOf(at(1, { steps: 2 }), 4).steps).toBe(2);
});
