/**
 * A set of pictures into a folder; see `npm run generate`. Each picture is written whole or not at all, and one that is
 * there already, with the record of exactly this request, is not drawn again: a run that was killed is gone on with by
 * starting it once more, and shards share a folder.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { StudioError } from '../src/errors';
import {
  datasetReadme,
  MAX_COUNT,
  parsePlan,
  pictureFile,
  planLabels,
  planText,
  shardRequests,
  type DatasetPlan,
  type Shard,
} from '../src/exchange/dataset';
import { encodePicture, readProvenance } from '../src/exchange/png';
import { describePicture, type Provenance } from '../src/exchange/provenance';
import { isDiffusion, type BundleManifest } from '../src/models/manifest';
import { SAMPLERS, type SampleRequest } from '../src/models/request';
import { MAX_SEED } from '../src/models/seeds';
import { canonicalRequest, samplingDefaults } from '../src/models/variants';
import { readChoice, readNumber, UsageError } from './arguments';
import type { Bundle } from './bundle';
import { draw } from './draw';
import { openNetwork, RUNTIME_VERSION, type CliNetwork } from './session';
import { STUDIO_VERSION } from './version';

export interface GenerateOptions {
  readonly shard: Shard;
  readonly threads: number;
  /** Burns the strip in; off, because it would be learned from the pictures. */
  readonly strip: boolean;
}

/** What of a set can be chosen on the command line, as it was typed. */
export interface PlanOptions {
  /** Grades or severities, separated by commas, or `all`. */
  readonly grade?: string;
  readonly count?: string;
  readonly seed?: string;
  readonly sampler?: string;
  readonly steps?: string;
  readonly guidance?: string;
  readonly eta?: string;
}

/**
 * The plan of a set; what is left out is the variant's own default.
 * @throws UsageError, also when a generator, which draws in one evaluation, is given settings of a sampler; StudioError
 * `request-invalid`.
 */
export function planOf(manifest: BundleManifest, variant: string, given: PlanOptions): DatasetPlan {
  const entry = manifest.variants[variant]!;
  const whole = (name: string, text: string, min: number, max: number) =>
    readNumber(name, text, { min, max, integer: true });
  const set = (['sampler', 'steps', 'guidance', 'eta'] as const).filter((name) => given[name] !== undefined);
  if (!isDiffusion(entry) && set.length > 0) {
    throw new UsageError(
      `--${set[0]!} means nothing for ${variant}: it is a generator, which draws in one evaluation.`,
    );
  }
  const defaults = samplingDefaults(manifest, variant);
  const { model, seed, sampler, steps, guidance, eta } = canonicalRequest(manifest, {
    model: manifest.id,
    variant,
    severity: 0,
    seed: whole('seed', given.seed ?? '0', 0, MAX_SEED),
    sampler: given.sampler === undefined ? defaults.sampler : readChoice('sampler', given.sampler, SAMPLERS),
    steps: given.steps === undefined ? defaults.steps : whole('steps', given.steps, 1, 1000),
    guidance:
      given.guidance === undefined
        ? defaults.guidance
        : readNumber('guidance', given.guidance, { min: 0, max: 20 }),
    eta: given.eta === undefined ? 0 : readNumber('eta', given.eta, { min: 0, max: 1 }),
  });
  return parsePlan({
    formatVersion: 1,
    model,
    variant,
    modelSha256: entry.sha256,
    grades:
      given.grade === undefined || given.grade === 'all'
        ? manifest.grades.map((g) => g.value)
        : given.grade.split(',').map((text) => readNumber('grade', text, { min: -1e6, max: 1e6 })),
    count: whole('count', given.count ?? '', 1, MAX_COUNT),
    seed,
    sampler,
    steps,
    guidance,
    eta,
  });
}

/** Writes a file in one go: a reader sees the old one or the new one. */
async function writeWhole(file: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${file}.${randomUUID()}.tmp`;
  await writeFile(temporary, content);
  await rename(temporary, file);
}

async function read(file: string): Promise<Uint8Array | null> {
  return readFile(file).catch((thrown: unknown) => {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw thrown;
  });
}

const sameRecord = (a: Provenance, request: SampleRequest, sha256: string) =>
  a.modelSha256 === sha256 && JSON.stringify(a.request) === JSON.stringify(request);

/** Whether a file holds the picture of this request by these weights. A broken one is drawn again. */
async function isThere(file: string, request: SampleRequest, sha256: string): Promise<boolean> {
  const bytes = await read(file);
  if (!bytes) return false;
  try {
    return sameRecord(readProvenance(bytes), request, sha256);
  } catch {
    return false;
  }
}

/**
 * Draws what is missing of one shard, then lists everything that is there.
 * @param onProgress pictures of this shard that are there, and its size; once before the first and after each.
 * @throws StudioError `request-invalid` (also when the folder holds another set), `cancelled` (what is drawn stays), or
 * as `openNetwork` and `Network.run`.
 */
export async function generate(
  bundle: Bundle,
  plan: DatasetPlan,
  out: string,
  options: GenerateOptions,
  signal: AbortSignal,
  onProgress: (done: number, total: number) => void,
): Promise<void> {
  const { manifest } = bundle;
  for (const grade of plan.grades) await mkdir(path.join(out, 'images', String(grade)), { recursive: true });
  const planFile = path.join(out, 'plan.json');
  const before = await read(planFile);
  if (before && new TextDecoder().decode(before) !== planText(plan)) {
    throw new StudioError({
      code: 'request-invalid',
      message: `${out} already holds another set of pictures.`,
      remedy: 'Choose another folder, or the same settings as before (they are in its plan.json).',
    });
  }
  if (!before) await writeWhole(planFile, planText(plan));

  const requests = [...shardRequests(plan, options.shard)];
  let network: CliNetwork | undefined;
  try {
    let done = 0;
    onProgress(done, requests.length);
    for (const request of requests) {
      const file = path.join(out, pictureFile(request));
      if (!(await isThere(file, request, plan.modelSha256))) {
        network ??= await openNetwork(bundle, plan.variant, options.threads);
        const chw = await draw(manifest, network, request, signal);
        const end = { index: request.steps, steps: request.steps };
        const provenance = describePicture({
          manifest,
          request,
          provider: 'CPU',
          versions: { studio: STUDIO_VERSION, 'onnxruntime-node': RUNTIME_VERSION },
          frame: end,
        });
        const { width, height } = manifest.image;
        const scale = options.strip ? undefined : 1;
        await writeWhole(
          file,
          encodePicture({
            chw,
            width,
            height,
            provenance,
            strip: options.strip,
            ...(scale ? { scale } : {}),
          }),
        );
      }
      onProgress(++done, requests.length);
    }
  } finally {
    await network?.release();
  }
  await writeLists(bundle, plan, out);
}

/**
 * What describes the set. Shards may end at the same time; whichever lists last looks again whether another's pictures
 * came in between.
 */
async function writeLists(bundle: Bundle, plan: DatasetPlan, out: string): Promise<void> {
  const { manifest, folder } = bundle;
  await writeWhole(path.join(out, 'README.md'), datasetReadme(manifest, plan));
  for (const name of ['manifest.json', ...(manifest.card ? [manifest.card] : [])]) {
    const content = await read(path.join(folder, name));
    if (content) await writeWhole(path.join(out, name), content);
  }
  const labels = path.join(out, 'labels.csv');
  for (let listed = ''; ;) {
    const there = new Set<string>();
    for (const request of shardRequests(plan)) {
      const file = pictureFile(request);
      if (await isThere(path.join(out, file), request, plan.modelSha256)) there.add(file);
    }
    const text = planLabels(plan, (request) => there.has(pictureFile(request)));
    if (text === listed) return;
    await writeWhole(labels, text);
    listed = text;
  }
}
