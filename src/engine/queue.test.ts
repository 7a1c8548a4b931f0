import { describe, expect, test } from 'vitest';
import { SerialQueue } from './queue';

const never = new AbortController().signal;
const tick = () => new Promise((resolve) => setTimeout(resolve, 1));

describe('SerialQueue', () => {
  test('runs one job at a time, in order', async () => {
    const queue = new SerialQueue();
    const log: string[] = [];
    const job = (name: string) =>
      queue.run(never, async () => {
        log.push(`${name} starts`);
        await tick();
        log.push(`${name} ends`);
        return name;
      });
    expect(await Promise.all([job('a'), job('b'), job('c')])).toEqual(['a', 'b', 'c']);
    expect(log).toEqual(['a starts', 'a ends', 'b starts', 'b ends', 'c starts', 'c ends']);
  });

  test('a failed job does not stop the next', async () => {
    const queue = new SerialQueue();
    const bad = queue.run(never, () => Promise.reject(new Error('bad')));
    const good = queue.run(never, async () => 'good');
    await expect(bad).rejects.toThrow('bad');
    await expect(good).resolves.toBe('good');
  });

  test('a job aborted while it waits rejects at once and never starts', async () => {
    const queue = new SerialQueue();
    const controller = new AbortController();
    let release!: () => void;
    const first = queue.run(never, () => new Promise<void>((resolve) => (release = resolve)));
    let started = false;
    const second = queue.run(controller.signal, async () => void (started = true));
    await tick();
    controller.abort();
    await expect(second).rejects.toMatchObject({ code: 'cancelled' });
    release();
    await first;
    await queue.run(never, async () => undefined);
    expect(started).toBe(false);
  });

  test('a signal that is already aborted is refused', async () => {
    await expect(new SerialQueue().run(AbortSignal.abort(), async () => 1)).rejects.toMatchObject({
      code: 'cancelled',
    });
  });

  test('background jobs wait for the page’s, and let them pass where they give way', async () => {
    const queue = new SerialQueue();
    const log: string[] = [];
    const page = (name: string) => queue.run(never, async () => void log.push(name));
    const long = queue.run(
      never,
      async () => {
        log.push('long 1');
        void page('urgent');
        const waiting = queue.run(never, async () => void log.push('later'), 'background');
        await tick();
        await queue.giveWay();
        log.push('long 2');
        await queue.giveWay();
        return waiting;
      },
      'background',
    );
    // Asked for after the background job, but before it could begin.
    await page('first');
    await tick();
    expect(log).toEqual(['first', 'long 1']);
    // Not `await long`: what it returns waits for it.
    void long;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(log).toEqual(['first', 'long 1', 'urgent', 'long 2']);
  });
});
