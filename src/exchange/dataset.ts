/**
 * A set of generated pictures: n pictures a grade with consecutive seeds, as one plan from which page, command line and
 * training lab derive the same requests, file names and texts. The folder is `images/<grade>/<seed>.png` with a
 * labels.csv: the lab's reader takes it, and torchvision's ImageFolder takes `images/`.
 */
import { z } from 'zod';
import { StudioError } from '../errors';
import { isDiffusion, type BundleManifest } from '../models/manifest';
import { sampleRequestSchema, type SampleRequest } from '../models/request';
import { MAX_SEED } from '../models/seeds';
import { toCsv } from './csv';
import { DISCLAIMER } from './provenance';
import { REQUEST_COLUMNS, requestCells } from './requestTable';

const { model, variant, severity, seed, sampler, steps, guidance, eta } = sampleRequestSchema.shape;

export const MAX_COUNT = 100_000;

export const planSchema = z
  .strictObject({
    formatVersion: z.literal(1),
    model,
    variant,
    /** SHA-256 of the weights. */
    modelSha256: z.string().regex(/^[0-9a-f]{64}$/),
    /** Severities, each once; usually grades of the model. */
    grades: z.array(severity).min(1),
    /** Pictures a grade. */
    count: z.number().int().min(1).max(MAX_COUNT),
    /** The first seed; every grade has the same seeds, so that the same eye is there at every grade. */
    seed,
    sampler,
    steps,
    guidance,
    eta,
  })
  .superRefine((plan, ctx) => {
    if (plan.seed + plan.count - 1 > MAX_SEED)
      ctx.addIssue({ code: 'custom', path: ['count'], message: 'the last seed would exceed 4294967295' });
    if (new Set(plan.grades).size !== plan.grades.length)
      ctx.addIssue({ code: 'custom', path: ['grades'], message: 'a grade is named twice' });
  });
export type DatasetPlan = z.infer<typeof planSchema>;

/** @throws StudioError `request-invalid`. */
export function parsePlan(value: unknown): DatasetPlan {
  const parsed = planSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new StudioError({
    code: 'request-invalid',
    message: `This set of pictures cannot be made: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}.`,
    remedy: 'Change the settings, then try again.',
    detail: parsed.error.message,
  });
}

/** The number of pictures of a plan. */
export function planSize(plan: DatasetPlan): number {
  return plan.grades.length * plan.count;
}

/** Picture `index` of a plan: all grades of the first seed, then all of the next, so that a set cut short is balanced. */
export function planRequest(plan: DatasetPlan, index: number): SampleRequest {
  const { model, variant, sampler, steps, guidance, eta } = plan;
  const place = index % plan.grades.length;
  return {
    model,
    variant,
    severity: plan.grades[place]!,
    seed: plan.seed + Math.floor(index / plan.grades.length),
    sampler,
    steps,
    guidance,
    eta,
  };
}

export interface Shard {
  /** 1-based. */
  readonly index: number;
  readonly of: number;
}

/** The pictures of one shard: every `of`-th. What a picture is does not depend on its shard. */
export function* shardRequests(
  plan: DatasetPlan,
  shard: Shard = { index: 1, of: 1 },
): Generator<SampleRequest> {
  for (let i = shard.index - 1; i < planSize(plan); i += shard.of) yield planRequest(plan, i);
}

/** `2/4`. @throws StudioError `request-invalid`. */
export function parseShard(text: string): Shard {
  const [, index, of] = (/^(\d+)\/(\d+)$/.exec(text) ?? []).map(Number);
  if (index === undefined || of === undefined || index < 1 || index > of) {
    throw new StudioError({
      code: 'request-invalid',
      message: `“${text}” is not a shard.`,
      remedy: 'Write it as 1/4: the first of four.',
    });
  }
  return { index, of };
}

/** `images/2/7.png`: a folder a grade, named by its clinical value. */
export function pictureFile({ severity, seed }: Pick<SampleRequest, 'severity' | 'seed'>): string {
  return `images/${severity}/${seed}.png`;
}

/** One row of a labels.csv. */
export interface Labelled {
  readonly file: string;
  readonly request: SampleRequest;
  readonly modelSha256: string;
}

/** labels.csv: the file, its grade, and the rest of its request, from which the picture can be made again. */
export function labelsCsv(pictures: Iterable<Labelled>): string {
  const rows = function* () {
    for (const { file, request, modelSha256 } of pictures)
      yield [file, ...requestCells(request), modelSha256];
  };
  return toCsv(['file', ...REQUEST_COLUMNS, 'model_sha256'], rows());
}

/** The labels.csv of those of a plan's pictures that are there. */
export function planLabels(plan: DatasetPlan, there: (request: SampleRequest) => boolean): string {
  const rows = function* () {
    for (const request of shardRequests(plan)) {
      if (there(request)) yield { file: pictureFile(request), request, modelSha256: plan.modelSha256 };
    }
  };
  return labelsCsv(rows());
}

/**
 * File names of pictures that nobody planned: as `pictureFile`, with a number where one grade and seed comes twice (with
 * other settings).
 */
export function pictureFiles(requests: readonly SampleRequest[]): string[] {
  const taken = new Map<string, number>();
  return requests.map((request) => {
    const file = pictureFile(request);
    const times = (taken.get(file) ?? 0) + 1;
    taken.set(file, times);
    return times === 1 ? file : file.replace(/\.png$/, `-${times}.png`);
  });
}

/** JSON of a plan, as the folder's `plan.json` holds it. */
export function planText(plan: DatasetPlan): string {
  return `${JSON.stringify(plan, null, 2)}\n`;
}

function methodOf({ variants }: BundleManifest, plan: DatasetPlan): string {
  const entry = variants[plan.variant];
  return entry && !isDiffusion(entry)
    ? 'Each made in one evaluation of a generator; the sampler, steps, guidance and eta in `labels.csv` mean nothing.'
    : `Sampler ${plan.sampler}, ${plan.steps} steps, guidance ${plan.guidance}, eta ${plan.eta}.`;
}

/** README.md of a planned set: what it is, how it was made, under which licence. */
export function datasetReadme(manifest: BundleManifest, plan: DatasetPlan): string {
  return readme(manifest, plan.grades, [
    `Drawn by ${manifest.title} (\`${manifest.id}\`, variant \`${plan.variant}\`), ${manifest.scale}: ${plan.count} a grade, seeds ${plan.seed} to ${plan.seed + plan.count - 1}, the same at every grade.`,
    `${methodOf(manifest, plan)} SHA-256 of the weights: \`${plan.modelSha256}\`.`,
  ]);
}

/** README.md of pictures of one model that somebody chose. */
export function selectionReadme(manifest: BundleManifest, requests: readonly SampleRequest[]): string {
  const grades = [...new Set(requests.map((request) => request.severity))].sort((a, b) => a - b);
  return readme(manifest, grades, [
    `${requests.length} pictures drawn by ${manifest.title} (\`${manifest.id}\`), ${manifest.scale}, chosen by hand.`,
    'Seeds and settings differ from picture to picture; `labels.csv` has them all.',
  ]);
}

function readme(manifest: BundleManifest, grades: readonly number[], about: readonly string[]): string {
  const named = grades.map((value) => {
    const grade = manifest.grades.find((g) => g.value === value);
    return `- \`images/${value}/\`: ${grade ? `${grade.short}, ${grade.label}` : `severity ${value}, between or beyond the trained grades`}`;
  });
  const { data } = manifest;
  return [
    '# Synthetic pictures',
    '',
    `**${DISCLAIMER}**`,
    '',
    ...about,
    '',
    ...named,
    '',
    '`labels.csv` names every picture with its whole request; the same is written inside each PNG. `images/` is laid out as',
    '`torchvision.datasets.ImageFolder` expects it, which numbers the folders in the order of their names as text.',
    '',
    '## What the model cannot do',
    '',
    ...manifest.limits.map((limit) => `- ${limit}`),
    '',
    '## Licence and credit',
    '',
    `${manifest.license}. ${manifest.attribution}`,
    '',
    `The model was trained on ${data.name} (${data.license}). ${data.credit}`,
    '',
  ].join('\n');
}
