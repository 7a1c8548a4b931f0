/**
 * Finished pictures against those that the training lab's own sampler drew from the same weights and seed with another
 * engine (training/golden/make_picture_golden.py).
 */
import { readFileSync, readdirSync } from 'node:fs';
import type { SampleRequest } from '../src/models/request';
import { expect, test } from './fixtures';
import { floats, maxDifference } from './studio';

interface Golden {
  request: SampleRequest;
  weightsSha256: string;
  shape: number[];
  /** `values` holds every stride-th element of the flat CHW picture. */
  stride: number;
  values: string;
}

const FOLDER = 'e2e/golden';
const files = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));

test('there are golden pictures of every sampler', () => {
  const samplers = files.map((name) => (read(name) as Golden).request.sampler);
  expect([...new Set(samplers)].sort()).toEqual(['ddim', 'ddpm', 'dpmpp-2m', 'dpmpp-2m-karras']);
});

for (const name of files) {
  test(`the same picture as Python's: ${name.replace('.json', '')}`, async ({ studio, page }) => {
    const golden = read(name) as Golden;
    const { request } = golden;
    const manifest = JSON.parse(readFileSync(`models/${request.model}/manifest.json`, 'utf8')) as {
      variants: Record<string, { sha256: string }>;
    };
    expect(
      golden.weightsSha256,
      'made from other weights; run training/golden/make_picture_golden.py again',
    ).toBe(manifest.variants[request.variant]?.sha256);

    await studio.open({ model: request.model, variant: request.variant, ep: 'wasm' });
    const first = await studio.finished();
    const { seed, steps, sampler, guidance, eta } = request;
    await page.evaluate((change) => window.odmStudio?.edit(change), { seed, steps, sampler, guidance, eta });
    const run = await studio.draws(() =>
      first.request.severity === request.severity
        ? page.getByTestId('generate').click()
        : studio.chooseGrade(request.severity),
    );
    expect(run.request).toEqual(request);

    const { x } = await studio.pixels();
    expect(x.length).toBe(golden.shape.reduce((a, b) => a * b, 1));
    const kept = x.filter((_, i) => i % golden.stride === 0);
    const difference = maxDifference(kept, floats(golden.values));
    test.info().annotations.push({ type: 'largest difference', description: difference.toExponential(2) });
    expect(difference).toBeLessThanOrEqual(1e-3);
  });
}

function read(name: string): unknown {
  return JSON.parse(readFileSync(`${FOLDER}/${name}`, 'utf8'));
}
