/** The phantom on real WebGPU (Chromium's software adapter), against WASM, and through the loss of its device. */
import type { Page } from '@playwright/test';
import { expect, test } from './fixtures';
import { maxDifference, type Studio } from './studio';

const SETTINGS = { seed: 11, steps: 6, sampler: 'ddpm', guidance: 1.5, eta: 0 } as const;

/** Every step of the same run on one provider. */
async function trajectory(studio: Studio, page: Page, ep: 'webgpu' | 'wasm') {
  await studio.open({ ep, model: 'phantom' });
  await studio.finished();
  await page.evaluate((change) => window.odmStudio?.edit(change), SETTINGS);
  const run = await studio.draws(() => studio.chooseGrade(4));
  expect(run.provider).toContain(ep);
  await expect(page.getByTestId('provider-chip')).toHaveText(ep === 'webgpu' ? 'WebGPU' : 'WASM');
  const frames = [];
  for (const index of run.held) frames.push(await studio.pixels(index));
  return frames;
}

test('WebGPU and WASM draw the same picture', async ({ studio, page }) => {
  test.setTimeout(600_000);
  const gpu = await trajectory(studio, page, 'webgpu');

  await test.step('every grade is estimated on the GPU too', async () => {
    await studio.scrubTo(2);
    await studio.neighboursOf(2);
    await expect(page.getByTestId('neighbour-grid').locator('canvas')).toHaveCount(15);
  });

  const cpu = await trajectory(studio, page, 'wasm');
  expect(gpu).toHaveLength(7);
  let most = 0;
  gpu.forEach((frame, i) => {
    const difference = Math.max(maxDifference(frame.x, cpu[i]!.x), maxDifference(frame.x0, cpu[i]!.x0));
    expect(difference, `step ${i}`).toBeLessThanOrEqual(1e-3);
    most = Math.max(most, difference);
  });
  test.info().annotations.push({ type: 'largest difference', description: most.toExponential(2) });
});

test('WebGPU that is only emulated is not taken unasked, and the page says so', async ({ studio, page }) => {
  await studio.open({ model: 'phantom' });
  const run = await studio.finished();
  expect(run.provider).toBe('wasm-threads');
  await page.getByTestId('provider-chip').click();
  await expect(page.getByTestId('provider-note')).toContainText('emulated in software');
});

test('a lost device: frames are kept, and trying again goes on', async ({ studio, page, provoke }) => {
  test.setTimeout(600_000);
  provoke(/device/i);
  // a loss that meets ONNX Runtime while it reads a result back is said in other words, and followed by an empty line
  provoke(/MapAsyncStatus::Success was false/);
  provoke(/^console: {2}http\S+\/ort-wasm\S+\.mjs$/);
  await withDevicesWithinReach(page);
  await studio.open({ ep: 'webgpu', model: 'phantom' });
  await studio.finished();
  const before = await studio.pixels();

  await studio.startsLongRun();
  expect(await studio.engineWorker().evaluate(destroyDevices)).toBeGreaterThan(0);

  await expect(studio.error).toHaveAttribute('data-code', 'device-lost');
  await expect(studio.activity).toHaveAttribute('data-state', 'failed');
  const run = await studio.run();
  expect(run?.status).toBe('interrupted');
  expect(run?.held.length).toBeGreaterThan(3);
  await studio.scrubTo(2);

  await studio.setNumber('steps', before.index);
  await studio.draws(() => page.getByTestId('try-again').click());
  await expect(page.getByTestId('provider-chip')).toHaveText('WebGPU');
  await expect(studio.error).toBeHidden();
  expect(maxDifference((await studio.pixels()).x, before.x)).toBeLessThanOrEqual(1e-3);
});

/** Puts the WebGPU devices that the engine makes within the test's reach, by a line before the worker's own script. */
async function withDevicesWithinReach(page: Page): Promise<void> {
  await page.route('**/assets/worker-*.js', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: `(${rememberDevices.toString()})();\n${await response.text()}` });
  });
}

function rememberDevices(): void {
  const scope = self as unknown as {
    GPUAdapter: { prototype: { requestDevice: (...a: unknown[]) => Promise<unknown> } };
  };
  const { prototype } = scope.GPUAdapter;
  const { requestDevice } = prototype;
  prototype.requestDevice = async function (...args) {
    const device = await requestDevice.apply(this, args);
    const holder = self as unknown as { testDevices?: unknown[] };
    (holder.testDevices ??= []).push(device);
    return device;
  };
}

function destroyDevices(): number {
  const { testDevices = [] } = self as unknown as { testDevices?: { destroy: () => void }[] };
  for (const device of testDevices) device.destroy();
  return testDevices.length;
}
