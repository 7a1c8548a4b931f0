/**
 * The main job on the processor, as a person does it, from opening the page to a saved picture.
 * `UPDATE_SCREENSHOT=1` makes the README's picture on the way.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { decode } from 'fast-png';
import { readProvenance } from '../src/exchange/png';
import { expect, test } from './fixtures';
import { floats, maxDifference } from './studio';

const UPDATE_SCREENSHOT = Boolean(process.env['UPDATE_SCREENSHOT']);

test('a fundus picture, its trajectory, its neighbours, the other models, a saved file', async ({
  studio,
  page,
}, info) => {
  test.setTimeout(900_000);

  await test.step('a picture appears without a click, and the page says what drew it', async () => {
    await studio.open();
    await expect(page).toHaveTitle(/Ordinal Diffusion Studio/);
    const run = await studio.finished();
    expect(run.request).toMatchObject({ model: 'fundus-idrid', variant: 'odm' });
    expect(run.provider).toBe('wasm-threads');
    await expect(page.getByTestId('provider-chip')).toHaveText('WASM');
    await expect(page.getByTestId('synthetic-badge')).toBeVisible();
    await studio.showsStep(run.request.steps);
    expect(await studio.canvas('picture')).toEqual(rgba((await studio.pixels()).x, 128, 128));
  });

  await test.step('the README can show it', async () => {
    const { steps } = (await studio.run())!.request;
    const telling = Math.round(steps * 0.6); // late enough to see an eye in the estimate, noisy enough for the grades to differ in it
    await studio.scrubTo(telling);
    await studio.neighboursOf(telling);
    await page.getByTestId('view-x0').click();
    const path = UPDATE_SCREENSHOT ? 'docs/screenshot.png' : info.outputPath('studio.png');
    await page.screenshot({ path, animations: 'disabled' });
    await page.getByTestId('view-x').click();
  });

  await test.step('the page says where the picture was guided', async () => {
    await expect(page.getByTestId('guidance-reach')).toContainText('noise levels σ 0–0.81');
    await expect(page.getByTestId('neighbours-unguided')).toBeHidden();
    const { steps } = (await studio.run())!.request;
    await studio.scrubTo(steps - 3);
    await studio.neighboursOf(steps - 3);
    await expect(page.getByTestId('neighbours-unguided')).toBeVisible();
  });

  await test.step('another seed, number of steps, sampler and guidance', async () => {
    await studio.setNumber('seed', 42);
    await studio.setNumber('steps', 6);
    await studio.setNumber('guidance', 1);
    await page.getByTestId('sampler').selectOption('ddim');
    const run = await studio.draws(() => page.getByTestId('generate').click());
    expect(run.request).toMatchObject({ seed: 42, steps: 6, guidance: 1, sampler: 'ddim' });
    expect(run.held).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  await test.step('another grade: another picture from the same noise', async () => {
    const first = await studio.pixels(0);
    const final = await studio.pixels();
    const run = await studio.draws(() => studio.chooseGrade(4));
    expect(run.request).toMatchObject({ severity: 4, seed: 42, steps: 6 });
    expect(maxDifference((await studio.pixels(0)).x, first.x)).toBe(0);
    expect(maxDifference((await studio.pixels()).x, final.x)).toBeGreaterThan(0.01);
    await expect(page.getByTestId('caption')).toContainText('seed 42');
  });

  await test.step('through the trajectory, back and forward', async () => {
    await studio.scrubTo(2);
    await expect(studio.scrubber).toHaveAttribute('aria-valuetext', /^step 2 of 6, noise level 0\.\d\d$/);
    expect(await studio.canvas('picture')).toEqual(rgba((await studio.pixels(2)).x, 128, 128));
    await page.getByTestId('step-forward').click();
    await studio.showsStep(3);
    await page.getByTestId('step-back').click();
    await page.getByTestId('step-back').click();
    await studio.showsStep(1);
    await page.getByTestId('view-x0').click();
    expect(await studio.canvas('picture')).toEqual(rgba((await studio.pixels(1)).x0, 128, 128));
    await page.getByTestId('view-epsilon').click();
    await expect(page.getByTestId('picture')).toHaveAttribute('aria-label', /noise estimate, step 1 of 6/);
    await page.getByTestId('view-x').click();
    await page.getByTestId('play').click();
    await studio.showsStep(6);
  });

  await test.step('what every grade estimates from the x_t at the scrubber', async () => {
    await studio.scrubTo(3);
    await studio.neighboursOf(3);
    for (const grade of [0, 1, 2, 3, 4]) {
      const row = page.getByTestId(`neighbour-${grade}`);
      await expect(row.locator('canvas')).toHaveCount(3);
      for (const canvas of await row.locator('canvas').all()) {
        await expect(canvas).toHaveAttribute('data-painted', 'true');
      }
      await expect(row).toContainText(grade === 4 ? 'chosen' : /d \d/);
    }
    await expect(page.getByTestId('verdict')).toContainText(/order/i);
    await expect(page.getByTestId('difference-scale')).toBeVisible();
    await page.getByTestId('distances-open').click();
    await expect(page.getByTestId('distances').getByRole('row')).toHaveCount(6);
  });

  await test.step('the chosen grade among the neighbours is what the sampler saw', async () => {
    const drawn = await studio.pixels(3);
    const among = await page.evaluate(() => {
      const { odmStudio } = window;
      const result = odmStudio?.neighbourPixels(odmStudio.store.getState().neighbours.key);
      return Array.from(result?.x0[4] ?? []);
    });
    expect(maxDifference(Float32Array.from(among), drawn.x0)).toBeLessThan(1e-4);
  });

  let odm: Float32Array;
  await test.step('the standard model, with every setting kept', async () => {
    odm = (await studio.pixels()).x;
    const run = await studio.draws(() => page.getByTestId('variant-dm').click());
    expect(run.request).toMatchObject({
      model: 'fundus-idrid',
      variant: 'dm',
      severity: 4,
      seed: 42,
      steps: 6,
    });
    expect(maxDifference((await studio.pixels()).x, odm)).toBeGreaterThan(0.01);
  });

  await test.step('and back: the same picture as before', async () => {
    await studio.draws(() => page.getByTestId('variant-odm').click());
    expect(maxDifference((await studio.pixels()).x, odm)).toBeLessThan(1e-4);
  });

  await test.step('the picture saved, with what it was made of', async () => {
    await page.getByTestId('save').click();
    const { name, bytes } = await studio.saves(() => page.getByTestId('save-png').click());
    expect(name).toMatch(/^fundus-idrid_odm_grade-4_seed-42.*\.png$/);
    const provenance = readProvenance(bytes);
    expect(provenance.request).toEqual((await studio.run())!.request);
    const weights = await readFile('models/fundus-idrid/manifest.json', 'utf8').then(
      (text) => JSON.parse(text) as { variants: { odm: { file: string; sha256: string } } },
    );
    expect(provenance.modelSha256).toBe(weights.variants.odm.sha256);
    const file = await readFile(`models/fundus-idrid/${weights.variants.odm.file}`);
    expect(createHash('sha256').update(file).digest('hex')).toBe(provenance.modelSha256);

    const png = decode(bytes);
    expect(png.width).toBe(512);
    expect(png.height).toBeGreaterThan(512); // the strip that says what it is
    const expected = rgba((await studio.pixels()).x, 128, 128);
    const got = Array.from({ length: 128 * 128 * 4 }, (_, i) => {
      const [pixel, channel] = [i >> 2, i & 3];
      const at = (pixel >> 7) * 4 * png.width + (pixel & 127) * 4;
      return channel === 3 ? 255 : Number(png.data[at * png.channels + channel]);
    });
    expect(got).toEqual(expected);
    await page.keyboard.press('Escape');
  });

  await test.step('the colon model', async () => {
    const run = await studio.draws(async () => {
      await page.getByTestId('model').selectOption('colon-hyperkvasir');
    });
    expect(run.request.model).toBe('colon-hyperkvasir');
    await expect(page.getByTestId('grade').getByRole('radio')).toHaveCount(3);
    await studio.setNumber('steps', 4);
    await page.getByTestId('generate').click();
    const other = await studio.draws(() => studio.chooseGrade(3));
    expect(other.request).toMatchObject({ severity: 3, steps: 4 });
    await studio.neighboursOf(3);
    await expect(page.getByTestId('neighbour-1').locator('canvas')).toHaveCount(3);
  });
});

test('weights are downloaded once', async ({ studio, page }) => {
  const fetched: string[] = [];
  page.on('request', (request) => {
    if (request.url().endsWith('.onnx')) fetched.push(request.url());
  });
  await studio.open({ model: 'phantom' });
  await studio.finished();
  expect(fetched).toHaveLength(1);
  await page.reload();
  await studio.finished();
  expect(fetched).toHaveLength(1);
});

test('the exact numbers can be saved', async ({ studio, page }) => {
  await studio.open({ model: 'phantom' });
  await studio.finished();
  await page.getByTestId('save').click();
  const { bytes } = await studio.saves(() => page.getByTestId('save-npy').click());
  const { x } = await studio.pixels();
  const values = floats(Buffer.from(bytes.subarray(bytes.length - x.byteLength)).toString('base64'));
  expect(maxDifference(values, x)).toBe(0);
});

/** A CHW picture in [-1, 1] as a canvas shows it. */
function rgba(chw: Float32Array, width: number, height: number): number[] {
  const plane = width * height;
  return Array.from({ length: plane * 4 }, (_, i) => {
    if ((i & 3) === 3) return 255;
    return Math.max(0, Math.min(255, Math.round((chw[(i & 3) * plane + (i >> 2)]! + 1) * 127.5)));
  });
}
