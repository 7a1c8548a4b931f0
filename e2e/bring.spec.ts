/**
 * Bringing a model along: a class-conditional UNet2DModel as `diffusers` exports it, with nothing but a form, against
 * diffusers' own trajectory (training/golden/make_foreign_golden.py); a ZIP of a bundle; and files that can't work.
 */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { zipSync } from 'fflate';
import type { Page } from '@playwright/test';
import { decodePicture } from '../src/exchange/png';
import type { SampleRequest } from '../src/models/request';
import { expect, test } from './fixtures';
import { floats, maxDifference } from './studio';

const FOLDER = 'e2e/golden/foreign';
interface Case extends Pick<SampleRequest, 'sampler' | 'seed' | 'steps'> {
  betas: string;
  label: number;
  trajectory: string[];
}
const golden = (JSON.parse(readFileSync(`${FOLDER}/unet2d.json`, 'utf8')) as { cases: Case[] }).cases.find(
  (c) => c.betas === 'linear' && c.sampler === 'dpmpp-2m',
)!;

async function choose(page: Page, name: string, buffer: Buffer): Promise<void> {
  const [chooser] = await Promise.all([
    page.waitForEvent('filechooser'),
    page.getByTestId('choose-files').click(),
  ]);
  await chooser.setFiles([{ name, mimeType: 'application/octet-stream', buffer }]);
}

/** As a person drops files, or a folder, from the file manager. */
async function drop(page: Page, ...files: string[]): Promise<void> {
  const box = (await page.getByTestId('drop-zone').boundingBox())!;
  const client = await page.context().newCDPSession(page);
  const place = { x: box.x + box.width / 2, y: box.y + 12 };
  const data = { items: [], files: files.map((file) => path.resolve(file)), dragOperationsMask: 1 };
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const)
    await client.send('Input.dispatchDragEvent', { type, ...place, data });
  await client.detach();
}

test('a foreign U-Net runs as it is, a ZIP is taken in, and what cannot work says why', async ({
  studio,
  page,
}, info) => {
  await page.goto('/?model=phantom&ep=wasm#ordinality');
  await expect(page.getByTestId('qa-model')).toHaveValue('phantom');
  await page.getByTestId('bring-model').click();

  // What is no model, and what is one but not of pictures in colour.
  const unet = readFileSync(`${FOLDER}/unet2d.onnx`);
  await choose(page, 'broken.onnx', Buffer.from('not a model at all'));
  const problem = page.getByTestId('import-error');
  await expect(problem).toHaveAttribute('data-code', 'import-invalid');
  await expect(problem).toContainText('not an ONNX model');
  await choose(page, 'empty.zip', Buffer.from(zipSync({ 'readme.txt': new Uint8Array([1]) })));
  await expect(problem).toContainText('no manifest.json');

  // The file's own inputs are offered; the rest is said.
  await choose(page, 'my-unet.onnx', unet);
  await expect(problem).toBeHidden();
  const form = page.getByTestId('foreign-form');
  await expect(form).toBeVisible();
  await expect(page.getByTestId('foreign-grades')).toHaveValue('3');
  await page.getByTestId('foreign-title').fill('My U-Net');
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    const { violations } = await new AxeBuilder({ page })
      .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'])
      .analyze();
    expect(
      violations
        .filter(({ impact }) => impact === 'serious' || impact === 'critical')
        .map(({ id, nodes }) => `${id}: ${nodes.map((n) => n.target.join(' ')).join(', ')}`),
    ).toEqual([]);
    await page.screenshot({ path: info.outputPath(`form-${colorScheme}.png`) });
  }
  await page.setViewportSize({ width: 390, height: 844 });
  await page.screenshot({ path: info.outputPath('form-phone.png') });
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.getByTestId('foreign-submit').click();
  await expect(page.getByTestId('bring-dialog')).toBeHidden();
  await expect(page.getByTestId('qa-model')).toHaveValue('my-u-net');

  const frames = await page.evaluate(
    async ({ label, seed, steps, sampler }) => {
      const request = {
        model: 'my-u-net',
        variant: 'main',
        severity: label,
        seed,
        steps,
        sampler,
        guidance: 1,
        eta: 0,
      };
      const found: number[][] = [];
      const { signal } = new AbortController();
      await window.odmStudio!.withEngine(
        request,
        (engine) => engine.sample(request, (frame) => found.push(Array.from(frame.x)), signal),
        signal,
      );
      return found;
    },
    { label: golden.label, seed: golden.seed, steps: golden.steps, sampler: golden.sampler },
  );
  expect(frames).toHaveLength(golden.trajectory.length);
  for (const [k, expected] of golden.trajectory.entries()) {
    expect(maxDifference(Float32Array.from(frames[k]!), floats(expected)), `step ${k}`).toBeLessThan(1e-3);
  }

  // It can be measured like any other.
  await page.getByTestId('qa-seeds').fill('1, 2');
  await page.getByTestId('qa-steps').fill('4');
  await page.getByTestId('qa-steps').press('Enter');
  await page.getByTestId('qa-start').click();
  await expect(page.getByTestId('qa-progress')).toHaveAttribute('data-status', 'finished');
  await expect(page.getByTestId('chart-slack')).toBeVisible();

  // A whole bundle as a ZIP, in a folder of its own and under a name that is taken.
  const files = Object.fromEntries(
    readdirSync('models/phantom').map((name) => [
      `phantom/${name}`,
      new Uint8Array(readFileSync(`models/phantom/${name}`)),
    ]),
  );
  const zip = info.outputPath('phantom.zip');
  writeFileSync(zip, zipSync(files, { level: 0 }));
  await page.getByTestId('bring-model').click();
  await drop(page, zip);
  await expect(page.getByTestId('qa-model')).toHaveValue('phantom-2');
  // The folder itself.
  await page.getByTestId('bring-model').click();
  await drop(page, 'models/phantom');
  await expect(page.getByTestId('qa-model')).toHaveValue('phantom-3');

  // Grey pictures, ten grades.
  await page.getByTestId('bring-model').click();
  await drop(page, `${FOLDER}/grey28.onnx`);
  await expect(page.getByTestId('foreign-grades')).toHaveValue('10');
  await expect(page.getByTestId('foreign-colour')).toHaveValue('grey');
  await page.getByTestId('foreign-steps').fill('3');
  await page.getByTestId('foreign-steps').press('Tab');
  await page.getByTestId('foreign-submit').click();
  await expect(page.getByTestId('qa-model')).toHaveValue('grey28');

  // All are there after a reload, and can be drawn from in Sample.
  await page.reload();
  await expect(page.getByTestId('qa-model').locator('option[value=my-u-net]')).toHaveText('My U-Net');
  await expect(page.getByTestId('qa-model').locator('option[value=phantom-2]')).toBeAttached();
  await page.getByTestId('workspace-sample').click();
  await studio.finished();
  const run = await studio.draws(async () => {
    await page.getByTestId('model').selectOption('my-u-net');
  });
  expect(run.request.model).toBe('my-u-net');
  const grey = await studio.draws(async () => {
    await page.getByTestId('model').selectOption('grey28');
  });
  expect(grey.request).toMatchObject({ model: 'grey28', severity: 5, steps: 3 });
  await studio.neighboursOf(2);
  await expect(page.getByTestId('neighbour-grid').locator('canvas')).toHaveCount(30);
  await page.screenshot({ path: info.outputPath('grey.png'), fullPage: true });
  await page.getByTestId('save').click();
  const { bytes } = await studio.saves(() => page.getByTestId('save-png').click());
  const { chw, width, height } = decodePicture(bytes);
  const plane = chw.length / 3;
  expect(width % 28).toBe(0);
  expect(height).toBeGreaterThan(width);
  expect(chw.subarray(plane, 2 * plane)).toEqual(chw.subarray(0, plane));
  expect(new Set(chw.subarray(0, width * width)).size).toBeGreaterThan(2);
});
