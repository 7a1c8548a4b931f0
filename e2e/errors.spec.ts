/**
 * What can go wrong: every failure has its name and says what to do, what was drawn stays on the page, and "Try again" works
 * once the cause is gone. All with the phantom, whose weights load in a moment.
 */
import type { Page } from '@playwright/test';
import { expect, test } from './fixtures';
import type { Studio } from './studio';

const MANIFEST = '**/models/phantom/manifest.json';
const WEIGHTS = '**/models/phantom/*.onnx';

/** Opens the page with a fault in place, sees the named error, removes the fault and tries again. */
async function recovers(studio: Studio, page: Page, code: string, place: string): Promise<void> {
  await studio.open({ model: 'phantom', ep: 'wasm' });
  await expect(studio.error).toHaveAttribute('data-code', code);
  await expect(studio.error).toHaveAttribute('role', 'alert');
  // What happened and what to do are two sentences, not one word.
  await expect(studio.error.locator('.error-text > p')).toHaveCount(2);
  for (const sentence of await studio.error.locator('.error-text > p').allInnerTexts()) {
    expect(sentence).toMatch(/^\S+( \S+){3,}[.?]$/);
  }
  await page.unroute(place);
  await page.getByTestId('try-again').click();
  const run = await studio.finished();
  expect(run.request.model).toBe('phantom');
  await expect(studio.error).toBeHidden();
}

/** Serves the manifest with a change. */
async function changeManifest(page: Page, change: (manifest: PhantomManifest) => void): Promise<void> {
  await page.route(MANIFEST, async (route) => {
    const response = await route.fetch();
    const manifest = (await response.json()) as PhantomManifest;
    change(manifest);
    await route.fulfill({ response, json: manifest });
  });
}

interface PhantomManifest {
  title?: string;
  parity: Record<string, { values: number[] }>;
}

test('a list of models that is no list', async ({ studio, page }) => {
  const place = '**/models/catalogue.json';
  await page.route(place, (route) => route.fulfill({ json: { formatVersion: 1, bundles: 'phantom' } }));
  await recovers(studio, page, 'catalogue-invalid', place);
});

test('a manifest that breaks its schema', async ({ studio, page }) => {
  await changeManifest(page, (manifest) => delete manifest.title);
  await recovers(studio, page, 'manifest-invalid', MANIFEST);
});

test('a manifest that is not JSON', async ({ studio, page }) => {
  await page.route(MANIFEST, (route) =>
    route.fulfill({ contentType: 'application/json', body: '{"formatVersion": 1,' }),
  );
  await recovers(studio, page, 'manifest-invalid', MANIFEST);
});

test('weights that are not there', async ({ studio, page, provoke }) => {
  provoke(/Failed to load resource.*404/);
  await page.route(WEIGHTS, (route) => route.fulfill({ status: 404, body: 'Not found' }));
  await recovers(studio, page, 'weights-missing', WEIGHTS);
});

test('weights with one wrong byte', async ({ studio, page }) => {
  await page.route(WEIGHTS, async (route) => {
    const response = await route.fetch();
    const body = await response.body();
    body[body.length >> 1]! ^= 0xff;
    await route.fulfill({ response, body });
  });
  await recovers(studio, page, 'hash-mismatch', WEIGHTS);
});

test('a download that breaks off', async ({ studio, page, provoke }) => {
  provoke(/Failed to load resource/);
  await page.route(WEIGHTS, (route) => route.abort('connectionreset'));
  await recovers(studio, page, 'download-failed', WEIGHTS);
});

test('arithmetic that disagrees with the reference', async ({ studio, page }) => {
  await changeManifest(page, (manifest) => {
    for (const parity of Object.values(manifest.parity))
      parity.values = parity.values.map((value) => value + 0.5);
  });
  await studio.open({ model: 'phantom', ep: 'wasm' });
  await expect(studio.error).toHaveAttribute('data-code', 'parity-failed');
  expect(await studio.run()).toBeNull();
});

test('WebGPU demanded where there is none', async ({ studio, page }) => {
  await studio.open({ model: 'phantom', ep: 'webgpu' });
  await expect(studio.error).toHaveAttribute('data-code', 'webgpu-unavailable');
  await studio.draws(() => page.getByTestId('use-any-provider').click());
  await expect(page.getByTestId('provider-chip')).toHaveText('WASM');
});

test('cancelling keeps the frames made', async ({ studio, page }) => {
  await studio.open({ model: 'phantom', ep: 'wasm' });
  await studio.finished();
  await studio.stopsLongRun();
  await keepsFrames(studio, 'cancelled');
  await expect(studio.error).toBeHidden();

  await page.getByTestId('save').click();
  const { bytes } = await studio.saves(() => page.getByTestId('save-png').click());
  expect(bytes.length).toBeGreaterThan(0);
  await page.keyboard.press('Escape');

  await studio.setNumber('steps', 5);
  await studio.draws(() => page.getByTestId('generate').click());
});

test('a crashed worker: frames are kept, a new one goes on', async ({ studio, page, provoke }) => {
  await studio.open({ model: 'phantom', ep: 'wasm' });
  await studio.finished();
  await studio.startsLongRun();

  provoke(/broken on purpose/);
  await studio.engineWorker().evaluate(() => {
    setTimeout(() => {
      throw new Error('broken on purpose');
    });
  });
  await expect(studio.error).toHaveAttribute('data-code', 'worker-crashed');
  await keepsFrames(studio, 'interrupted');

  await studio.setNumber('steps', 5);
  await studio.draws(() => page.getByTestId('try-again').click());
  await expect(studio.error).toBeHidden();
});

async function keepsFrames(studio: Studio, status: string): Promise<void> {
  const run = await studio.run();
  expect(run?.status).toBe(status);
  expect(run?.held.length).toBeGreaterThan(5);
  await studio.scrubTo(3);
  expect((await studio.pixels(3)).x.some((value) => value !== 0)).toBe(true);
}
