/** Sets of pictures drawn with the phantom's weights: the same files however they were made. */
import { copyFile, mkdtemp, readFile, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { pictureFile, shardRequests, type DatasetPlan } from '../src/exchange/dataset';
import { decodePicture, readProvenance } from '../src/exchange/png';
import { parseRequests } from '../src/exchange/requestTable';
import type { BundleManifest, BundleVariant } from '../src/models/manifest';
import { samplingDefaults } from '../src/models/variants';
import { settingsText } from '../src/exchange/provenance';
import { UsageError } from './arguments';
import { openBundle, type Bundle } from './bundle';
import { generate, planOf } from './generateRun';

let folder: string;
let bundle: Bundle;
let plan: DatasetPlan;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'generate-'));
  bundle = await openBundle('phantom');
  plan = {
    formatVersion: 1,
    model: 'phantom',
    variant: 'odm',
    modelSha256: bundle.manifest.variants['odm']!.sha256,
    grades: [0, 1.5, 4],
    count: 3,
    seed: 7,
    sampler: 'ddpm',
    steps: 3,
    guidance: 1.5,
    eta: 0,
  };
});
afterEach(() => rm(folder, { recursive: true }));

const never = new AbortController().signal;
const run = (
  name: string,
  shard = { index: 1, of: 1 },
  signal = never,
  seen: (done: number) => void = () => undefined,
) => generate(bundle, plan, path.join(folder, name), { shard, threads: 1, strip: false }, signal, seen);

async function contents(name: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  const root = path.join(folder, name);
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    if (entry.isFile()) found[path.relative(root, file)] = (await readFile(file)).toString('base64');
  }
  return found;
}

test('a set: pictures with their records, labels, card, manifest, readme', async () => {
  await run('whole');
  const files = await contents('whole');
  const requests = [...shardRequests(plan)];
  expect(Object.keys(files).sort()).toEqual(
    [...requests.map(pictureFile), 'README.md', 'card.md', 'labels.csv', 'manifest.json', 'plan.json'].sort(),
  );
  const labels = Buffer.from(files['labels.csv']!, 'base64').toString();
  expect(parseRequests(labels)).toEqual(requests);
  for (const request of requests) {
    const png = Buffer.from(files[pictureFile(request)]!, 'base64');
    expect(readProvenance(png)).toMatchObject({ request, modelSha256: plan.modelSha256, provider: 'CPU' });
    expect(decodePicture(png).width).toBe(bundle.manifest.image.width);
  }
});

test('shards in one folder make the same files as one run', async () => {
  await run('whole');
  await Promise.all([3, 1, 2].map((index) => run('parts', { index, of: 3 })));
  expect(await contents('parts')).toEqual(await contents('whole'));
});

test('a stopped run goes on and redraws only what is missing or broken', async () => {
  const controller = new AbortController();
  const stopped = run(
    'twice',
    { index: 1, of: 1 },
    controller.signal,
    (done) => done === 4 && controller.abort(),
  );
  await expect(stopped).rejects.toMatchObject({ code: 'cancelled' });
  const some = [...shardRequests(plan)]
    .slice(0, 4)
    .map((request) => path.join(folder, 'twice', pictureFile(request)));
  const past = new Date(2020, 0, 1);
  for (const file of some) await utimes(file, past, past);
  const broken = some[1]!;
  await writeFile(broken, (await readFile(broken)).subarray(0, 200));
  await run('twice');
  await run('whole');
  expect(await contents('twice')).toEqual(await contents('whole'));
  for (const file of some.filter((f) => f !== broken))
    expect((await stat(file)).mtimeMs).toBe(past.getTime());
});

test('a generator’s pictures, each in one evaluation, and said so', async () => {
  const made = path.join(import.meta.dirname, '../e2e/golden/generator');
  const golden = JSON.parse(await readFile(path.join(made, 'generator.json'), 'utf8')) as {
    variant: BundleVariant;
    parity: BundleManifest['parity'][string];
    picture: { severity: number; seed: number; values: number[] };
  };
  const { picture } = golden;
  const manifest = structuredClone(bundle.manifest);
  manifest.variants['stylegan2'] = golden.variant;
  manifest.parity['stylegan2'] = golden.parity;
  await copyFile(path.join(made, 'stylegan2.onnx'), path.join(folder, 'stylegan2.onnx'));
  bundle = { folder, manifest };
  const given = { grade: `${picture.severity},0`, count: '2', seed: String(picture.seed) };
  plan = planOf(manifest, 'stylegan2', given);
  expect(plan).toMatchObject({ sampler: 'ddim', steps: 1, guidance: 1, eta: 0 });
  await run('generated');
  const files = await contents('generated');
  for (const request of shardRequests(plan)) {
    const png = Buffer.from(files[pictureFile(request)]!, 'base64');
    const record = readProvenance(png);
    expect(record).toMatchObject({ request, method: 'generator', modelSha256: golden.variant.sha256 });
    expect(settingsText(record)).toContain('Sampler: none (generator)');
    if (request.severity !== picture.severity || request.seed !== picture.seed) continue;
    // What PyTorch drew of the same weights, to the rounding of a byte.
    const { chw } = decodePicture(png);
    chw.forEach((v, i) =>
      expect(Math.abs(v - Math.max(-1, Math.min(1, picture.values[i]!)))).toBeLessThan(0.0075),
    );
  }
  const readme = Buffer.from(files['README.md']!, 'base64').toString();
  expect(readme).toContain('one evaluation of a generator');
  expect(readme).not.toContain('Sampler ddim');
  expect(() => planOf(manifest, 'stylegan2', { ...given, steps: '20' })).toThrow(/--steps means nothing/);
});

test('a plan is the variant’s own defaults, and what was typed', () => {
  const { manifest } = bundle;
  const { sampler, steps } = samplingDefaults(manifest, 'odm');
  expect(planOf(manifest, 'odm', { count: '3' })).toMatchObject({
    sampler,
    steps,
    eta: 0,
    seed: 0,
    count: 3,
  });
  const typed = {
    count: '3',
    grade: '0,1.5',
    sampler: 'ddim',
    steps: '5',
    guidance: '2',
    eta: '0.5',
    seed: '9',
  };
  expect(planOf(manifest, 'odm', typed)).toEqual({
    ...{ formatVersion: 1, model: 'phantom', variant: 'odm' },
    modelSha256: manifest.variants['odm']!.sha256,
    ...{ grades: [0, 1.5], count: 3, seed: 9, sampler: 'ddim', steps: 5, guidance: 2, eta: 0.5 },
  });
  expect(() => planOf(manifest, 'odm', { count: '0' })).toThrow(UsageError);
  expect(() => planOf(manifest, 'odm', { count: '1', sampler: 'euler' })).toThrow(UsageError);
});

test('a folder that holds another set is left alone', async () => {
  await run('whole');
  plan = { ...plan, seed: 8 };
  await expect(run('whole')).rejects.toMatchObject({ code: 'request-invalid', message: /another set/ });
});
