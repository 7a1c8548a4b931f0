/** A generator beside the diffusion models: one evaluation, the lab's picture, and a page that says what there is not. */
import { AxeBuilder } from '@axe-core/playwright';
import { readProvenance } from '../src/exchange/png';
import type { BundleManifest } from '../src/models/manifest';
import { exampleMetrics } from '../src/models/testing';
import { expect, test } from './fixtures';
import { addGenerator, drawsAsPyTorch } from './generator';

test('a generator draws at once, says that it has no trajectory, and gives the settings back', async ({
  studio,
  page,
}, info) => {
  const golden = await addGenerator(page);
  await studio.open({ model: 'phantom', ep: 'wasm' });
  const first = await studio.finished();
  await page.getByTestId('view-epsilon').click();

  const run = await studio.draws(() => page.getByTestId('variant-stylegan2').click());
  expect(run.held).toEqual([1]);
  expect(run.request).toMatchObject({
    variant: 'stylegan2',
    seed: first.request.seed,
    steps: 1,
    guidance: 1,
  });
  await expect(page.getByTestId('one-evaluation')).toContainText('no denoising trajectory');
  // What it was given to learn from, beside what the others were: the comparison is worth no more than that.
  const seen = 'saw 4,000 images; they saw up to 200,000.';
  await expect(page.getByTestId('one-evaluation')).toContainText(seen);
  await expect(page.getByTestId('neighbours')).toContainText('choose a diffusion variant');
  await expect(page.getByTestId('no-sampling')).toBeVisible();
  for (const gone of ['scrubber', 'filmstrip', 'view', 'steps', 'guidance', 'sampler', 'notation-open']) {
    await expect(page.getByTestId(gone), gone).toHaveCount(0);
  }
  await expect(page.getByTestId('caption')).toContainText('one evaluation');
  // The picture, not a noise map: the view chosen for the others does not apply.
  const shown = await studio.canvas('picture');
  expect(new Set(shown.filter((_, i) => i % 4 === 0)).size).toBeGreaterThan(20);

  for (const [size, viewport] of [
    ['desktop', { width: 1280, height: 800 }],
    ['phone', { width: 390, height: 844 }],
  ] as const) {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.setViewportSize(viewport);
      await page.emulateMedia({ colorScheme });
      await page.screenshot({
        path: info.outputPath(`${size}-${colorScheme}.png`),
        fullPage: size === 'phone',
      });
      const { violations } = await new AxeBuilder({ page }).analyze();
      expect(violations.filter((v) => v.impact === 'serious' || v.impact === 'critical')).toEqual([]);
      const overflow = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      expect(overflow).toBeLessThanOrEqual(0);
    }
  }
  await page.setViewportSize({ width: 1280, height: 800 });

  await page.getByTestId('save').click();
  const { bytes } = await studio.saves(() => page.getByTestId('save-png').click());
  expect(readProvenance(bytes)).toMatchObject({ method: 'generator', modelSha256: golden.variant.sha256 });
  await page.keyboard.press('Escape');

  await drawsAsPyTorch(studio, page, golden);

  const back = await studio.draws(() => page.getByTestId('variant-odm').click());
  const { steps, guidance, sampler } = first.request;
  expect(back.request).toMatchObject({ variant: 'odm', steps, guidance, sampler });
  await expect(studio.scrubber).toBeVisible();
  await expect(page.getByTestId('view')).toBeVisible();
});

test('a generator’s figures: its copies can be drawn again, and what needs a trajectory is not missed', async ({
  studio,
  page,
}) => {
  await addGenerator(page);
  await page.route('**/models/phantom/metrics.json', async (route) => {
    const manifest = await page.evaluate(
      () => window.odmStudio!.store.getState().manifests['phantom'] as unknown as BundleManifest,
    );
    await route.fulfill({ json: exampleMetrics(manifest) });
  });
  await studio.open({ model: 'phantom', ep: 'wasm' });
  await studio.finished();
  await page.getByTestId('model-info').click();
  await page.getByTestId('model-part-figures').click();
  const copies = page
    .getByTestId('memorisation')
    .locator('div', { hasText: /^StyleGAN2: of/ })
    .last();
  const run = await studio.draws(() => copies.getByRole('button', { name: 'Draw it again' }).click());
  expect(run.request).toMatchObject({ variant: 'stylegan2', seed: 4711, steps: 1 });
  await expect(page.getByTestId('model-info-dialog')).toBeHidden();
});
