/**
 * The page as a person uses it: its controls by their test ids, its waits by what the page itself says. Pixels and
 * numbers come from `window.odmStudio`, the handle that the page offers to researchers.
 */
import { readFile } from 'node:fs/promises';
import { expect, type Locator, type Page, type Worker } from '@playwright/test';
import type { StepFrame } from '../src/engine/types';
import type { SampleRequest } from '../src/models/request';
import type { StudioSession } from '../src/studio/store/session';
import type { RunStatus } from '../src/studio/store/state';

declare global {
  interface Window {
    odmStudio?: StudioSession;
  }
}

export interface RunState {
  readonly id: number;
  readonly status: RunStatus;
  readonly request: SampleRequest;
  readonly provider: string;
  readonly held: readonly number[];
}

/** One step's picture values, CHW. */
export type Pixels = Pick<StepFrame, 'index' | 't'> & { readonly x: Float32Array; readonly x0: Float32Array };

export class Studio {
  readonly page: Page;
  readonly activity: Locator;
  readonly error: Locator;
  readonly scrubber: Locator;

  constructor(page: Page) {
    this.page = page;
    this.activity = page.getByTestId('activity');
    this.error = page.getByTestId('error-panel');
    this.scrubber = page.getByTestId('scrubber');
  }

  /** Opens the page, e.g. with `{ ep: 'wasm', model: 'phantom' }`. */
  async open(query: Record<string, string> = {}): Promise<void> {
    await this.page.goto(`/?${new URLSearchParams(query).toString()}`);
  }

  async run(): Promise<RunState | null> {
    return this.page.evaluate(() => {
      const run = window.odmStudio?.store.getState().run;
      return run
        ? { id: run.id, status: run.status, request: run.request, provider: run.provider, held: run.held }
        : null;
    });
  }

  /** Waits until a run that was not there before is finished; an error on the page fails at once. */
  async finished(after: RunState | null = null): Promise<RunState> {
    for (;;) {
      if (await this.error.isVisible()) throw new Error(`the page says: ${await this.error.innerText()}`);
      const run = await this.run();
      if (run?.status === 'finished' && run.id !== after?.id) {
        await expect(this.activity).toHaveAttribute('data-state', 'finished');
        return run;
      }
      await this.page.waitForTimeout(200);
    }
  }

  /** Does something that draws and waits for the new picture. */
  async draws(action: () => Promise<void>): Promise<RunState> {
    const before = await this.run();
    await action();
    return this.finished(before);
  }

  /** Starts a run that is long enough to be stopped, and waits for its first frames. */
  async startsLongRun(): Promise<void> {
    await this.setNumber('steps', 1000);
    await this.page.getByTestId('generate').click();
    await expect
      .poll(
        async () => {
          const run = await this.run();
          return run?.status === 'running' && run.request.steps === 1000 ? run.held.length : 0;
        },
        { intervals: [50] },
      )
      .toBeGreaterThan(5);
  }

  /** Starts a long run and stops it after its first frames, from within the page: no delay of the test can miss it. */
  async stopsLongRun(): Promise<void> {
    await this.setNumber('steps', 1000);
    const stopped = this.page.waitForFunction(
      () => {
        const run = window.odmStudio?.store.getState().run;
        const cancel = document.querySelector<HTMLElement>('[data-testid="cancel"]');
        if (!cancel || run?.status !== 'running' || run.request.steps !== 1000 || run.held.length <= 5)
          return false;
        cancel.click();
        return true;
      },
      undefined,
      { polling: 20, timeout: 0 },
    );
    await Promise.all([stopped, this.page.getByTestId('generate').click()]);
    await expect(this.activity).toHaveAttribute('data-state', 'cancelled');
  }

  /** Waits until the run on the page is a finished one of this request. */
  async finishedAs(request: SampleRequest): Promise<void> {
    await expect
      .poll(async () => {
        const run = await this.run();
        return run?.status === 'finished' ? run.request : run?.status;
      })
      .toEqual(request);
  }

  /** Waits for the panel's estimates from the x_t of a step. */
  async neighboursOf(step: number): Promise<void> {
    await expect(this.page.getByTestId('neighbours-status')).toContainText(`step ${step} of`, {
      timeout: 240_000,
    });
    await expect(this.page.getByTestId('neighbours-status')).toHaveAttribute('data-status', 'ready');
  }

  async chooseGrade(value: number): Promise<void> {
    await this.page.getByTestId(`grade-${value}`).click();
  }

  async setNumber(testId: 'seed' | 'steps' | 'guidance', value: number): Promise<void> {
    const field = this.page.getByTestId(testId);
    await field.fill(String(value));
    await field.press('Enter');
    await expect(field).toHaveValue(String(value));
  }

  /** The step's values as the page holds them; the last one when no index is given. */
  async pixels(index?: number): Promise<Pixels> {
    const got = await this.page.evaluate((at) => {
      const frame = at === null ? window.odmStudio?.lastFrame() : window.odmStudio?.frame(at);
      if (!frame) return null;
      const text = (values: Float32Array) => {
        let bytes = '';
        for (const byte of new Uint8Array(values.buffer, values.byteOffset, values.byteLength)) {
          bytes += String.fromCharCode(byte);
        }
        return btoa(bytes);
      };
      return { index: frame.index, t: frame.t, x: text(frame.x), x0: text(frame.x0) };
    }, index ?? null);
    if (!got) throw new Error(`the page holds no frame ${index ?? 'at all'}`);
    return { ...got, x: floats(got.x), x0: floats(got.x0) };
  }

  /** RGBA bytes of a canvas. */
  async canvas(testId: string): Promise<number[]> {
    return this.page.getByTestId(testId).evaluate((element) => {
      const canvas = element as HTMLCanvasElement;
      return Array.from(canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height).data);
    });
  }

  /** Moves the scrubber to a step with its own keys and waits until the page shows it. */
  async scrubTo(index: number): Promise<void> {
    await this.scrubber.focus();
    await this.scrubber.press('Home');
    for (let i = 0; i < index; i++) await this.scrubber.press('ArrowRight');
    await this.showsStep(index);
  }

  async showsStep(index: number): Promise<void> {
    await expect.poll(() => this.page.evaluate(() => window.odmStudio?.store.getState().cursor)).toBe(index);
  }

  /** The engine's worker; the runtime's threads, which answer nobody while they wait, run another script. */
  engineWorker(): Worker {
    const worker = this.page.workers().find((one) => /\/assets\/worker-[^/]*\.js$/.test(one.url()));
    if (!worker) throw new Error('the page has no engine');
    return worker;
  }

  /** What a click saves, as bytes. */
  async saves(action: () => Promise<void>): Promise<{ name: string; bytes: Uint8Array }> {
    // However long it takes to make: the test's own limit is the only one.
    const [download] = await Promise.all([this.page.waitForEvent('download', { timeout: 0 }), action()]);
    return { name: download.suggestedFilename(), bytes: await readFile(await download.path()) };
  }
}

/** Little-endian float32 values from base64. */
export function floats(base64: string): Float32Array {
  const bytes = Uint8Array.from(Buffer.from(base64, 'base64'));
  return new Float32Array(bytes.buffer);
}

export function maxDifference(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  let most = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    // NaN compares false with everything; it must not pass for agreement.
    if (!(difference <= most)) most = difference;
    if (Number.isNaN(difference)) return NaN;
  }
  return most;
}
