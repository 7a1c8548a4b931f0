/** A generator in the phantom's bundle, as if it had been exported with it; the file has random weights. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Page } from '@playwright/test';
import type { BundleManifest, BundleVariant } from '../src/models/manifest';
import { expect } from './fixtures';
import { maxDifference, type Studio } from './studio';

const FOLDER = path.join(import.meta.dirname, 'golden', 'generator');

interface Golden {
  readonly variant: BundleVariant;
  readonly parity: BundleManifest['parity'][string];
  /** What PyTorch drew of the same weights. */
  readonly picture: { readonly severity: number; readonly seed: number; readonly values: number[] };
}

/** Serves the phantom with the generator as one more variant. */
export async function addGenerator(page: Page): Promise<Golden> {
  const golden = JSON.parse(await readFile(path.join(FOLDER, 'generator.json'), 'utf8')) as Golden;
  await page.route('**/models/phantom/manifest.json', async (route) => {
    const response = await route.fetch();
    const manifest = (await response.json()) as BundleManifest;
    // Its weights are random; a number stands in for what a trained one would have seen.
    manifest.variants.stylegan2 = { ...golden.variant, imagesSeen: 4_000 };
    manifest.parity.stylegan2 = golden.parity;
    await route.fulfill({ response, json: manifest });
  });
  await page.route('**/models/phantom/stylegan2.onnx', (route) =>
    route.fulfill({ path: path.join(FOLDER, 'stylegan2.onnx'), contentType: 'application/octet-stream' }),
  );
  return golden;
}

/** Draws the golden's request and holds the page's picture to PyTorch's. */
export async function drawsAsPyTorch(studio: Studio, page: Page, golden: Golden): Promise<void> {
  const { severity, seed, values } = golden.picture;
  await studio.draws(() =>
    page.evaluate(
      ([s, n]) =>
        window.odmStudio!.openInSample({
          ...window.odmStudio!.store.getState().draft!,
          variant: 'stylegan2',
          severity: s!,
          seed: n!,
        }),
      [severity, seed],
    ),
  );
  const { x0 } = await studio.pixels();
  expect(maxDifference(x0, Float32Array.from(values))).toBeLessThan(2e-3);
}
