/** The command line's pictures against those that the training lab's own sampler drew from the same weights. */
import { readFileSync, readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { SampleRequest } from '../src/models/request';
import { openBundle } from './bundle';
import { draw } from './draw';
import { openNetwork } from './session';

const FOLDER = 'e2e/golden';
const files = readdirSync(FOLDER).filter((name) => name.startsWith('phantom-') && name.endsWith('.json'));

test.each(files)('the same picture as Python’s: %s', async (name) => {
  const golden = JSON.parse(readFileSync(`${FOLDER}/${name}`, 'utf8')) as {
    request: SampleRequest;
    weightsSha256: string;
    stride: number;
    values: string;
  };
  const { request, stride } = golden;
  const bundle = await openBundle(request.model);
  expect(
    golden.weightsSha256,
    'made from other weights; run training/golden/make_picture_golden.py again',
  ).toBe(bundle.manifest.variants[request.variant]!.sha256);
  const network = await openNetwork(bundle, request.variant, 1);
  const picture = await draw(bundle.manifest, network, request, new AbortController().signal);
  const bytes = Uint8Array.from(Buffer.from(golden.values, 'base64'));
  const expected = new Float32Array(bytes.buffer);
  const kept = picture.filter((_, i) => i % stride === 0);
  expect(kept).toHaveLength(expected.length);
  expect(Math.max(...kept.map((v, i) => Math.abs(v - expected[i]!)))).toBeLessThan(1e-4);
  await network.release();
});

test('what is not there is said plainly', async () => {
  await expect(openBundle('nothing')).rejects.toMatchObject({ code: 'manifest-invalid' });
  const bundle = await openBundle('phantom');
  await expect(openNetwork(bundle, 'fast', 1)).rejects.toMatchObject({ code: 'request-invalid' });
  const variant = bundle.manifest.variants['odm']!;
  const broken = {
    ...bundle,
    manifest: {
      ...bundle.manifest,
      variants: { odm: { ...variant, sha256: '0'.repeat(64) } },
    },
  };
  await expect(openNetwork(broken, 'odm', 1)).rejects.toMatchObject({ code: 'hash-mismatch' });
});
