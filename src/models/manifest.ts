/**
 * What a model bundle says of itself: the schema of `models/<id>/manifest.json`, its one definition. The training lab
 * validates what it exports against the JSON Schema generated from here (`npm run schema`). Unknown keys are errors.
 */
import { z } from 'zod';
import { MAX_SEED } from './seeds';
import { estimateSchema } from './metrics';
import { SAMPLERS } from './request';

const digest = z.string().regex(/^[0-9a-f]{64}$/, 'a lower-case hexadecimal SHA-256');
const fileName = z.string().regex(/^[\w][\w.-]*$/, 'a plain file name inside the bundle');

const grade = z.strictObject({
  /** The clinical number (DR 3, Mayo 1.5 …). */
  value: z.number().finite(),
  /** e.g. `Severe NPDR`. */
  label: z.string().min(1),
  /** e.g. `DR 3`; at most 12 characters. */
  short: z.string().min(1).max(12),
  description: z.string(),
});

const schedule = z.discriminatedUnion('kind', [
  /** alpha = cos(pi t / 2), sigma = sin(pi t / 2), t in [0, 1]. */
  z.strictObject({ kind: z.literal('cosine') }),
  /** A discrete table: alpha_k = sqrt(alphasCumprod[k]). */
  z.strictObject({ kind: z.literal('table'), alphasCumprod: z.array(z.number().gt(0).lte(1)).min(2) }),
]);

/** What is said of the weights of every variant. */
const weights = {
  /** Shown name, e.g. `Ordinal (ODM)`. */
  title: z.string().min(1),
  file: fileName,
  sha256: digest,
  bytes: z.number().int().positive(),
  precision: z.enum(['float32', 'float16-weights']),
  params: z.number().int().positive(),
  /** Floating-point operations (2 x multiply-adds) of one evaluation of one image. */
  flopsPerEval: z.number().positive(),
  /** Images seen in training, the common trunk included. */
  imagesSeen: z.number().int().nonnegative(),
};

/** A denoiser, with the bundle's `diffusion`, `inputs` and `output`. */
const diffusionVariant = z.strictObject({
  kind: z.literal('diffusion').optional(),
  ...weights,
  defaults: z.strictObject({
    sampler: z.enum(SAMPLERS),
    steps: z.number().int().min(1).max(1000),
    guidance: z.number().min(0).max(20),
  }),
});

/**
 * A network that makes a picture in one evaluation, such as a StyleGAN2, shown for comparison: z `[B, latent]`, the standard
 * normals of (seed, purpose LATENT, step 0), and y `[B, C]` class weights that sum to one, to pictures in -1..1.
 */
const generatorVariant = z.strictObject({
  kind: z.literal('generator'),
  ...weights,
  /** Width of z. */
  latent: z.number().int().min(1).max(4096),
  inputs: z.strictObject({
    z: z.strictObject({ name: z.string().min(1) }),
    y: z.strictObject({ name: z.string().min(1) }),
  }),
  output: z.strictObject({ name: z.string().min(1) }),
});

const variant = z.discriminatedUnion('kind', [diffusionVariant, generatorVariant]);

/**
 * An ONNX classifier of severity, trained on real images only: pictures `[B, channels, H, W]` in -1..1 at the bundle's size to
 * probabilities `[B, C]` of the grades, in their order. It is given the values that a picture's bytes have, and the grade that
 * it reads is the median. It reads pictures, not patients.
 */
const grader = z.strictObject({
  /** What it is, e.g. `EfficientNet-Lite0, fine-tuned`. */
  title: z.string().min(1),
  file: fileName,
  sha256: digest,
  bytes: z.number().int().positive(),
  precision: z.enum(['float32', 'float16-weights']),
  params: z.number().int().positive(),
  input: z.strictObject({ name: z.string().min(1) }),
  output: z.strictObject({ name: z.string().min(1) }),
  /** Its own agreement with the true grades, cross-validated on real images: how far its reading can be trusted. */
  qwk: estimateSchema,
});

/**
 * A fixed evaluation and what a float32 CPU run of the same file gave: x is the standard normal noise of
 * (seed, purpose PARITY, step 0) at unit scale, batch 1; `t` is a time in the units of `tRange`; `y` a row of C + 1 class
 * weights, or the one class index; `indices` are flat CHW positions into the output. Of a generator the noise is z, `t` is
 * null and `y` a row of C class weights.
 */
const parity = z.strictObject({
  seed: z.number().int().min(0).max(MAX_SEED),
  t: z.number().nullable(),
  y: z.array(z.number()),
  indices: z.array(z.number().int().nonnegative()).length(64),
  values: z.array(z.number()).length(64),
  rms: z.number().nonnegative(),
});

export type DiffusionVariant = z.infer<typeof diffusionVariant>;
export type GeneratorVariant = z.infer<typeof generatorVariant>;
export type BundleVariant = z.infer<typeof variant>;

/** Whether a variant denoises step by step, with all that belongs to it; a generator makes its picture at once. */
export function isDiffusion(one: BundleVariant): one is DiffusionVariant {
  return one.kind !== 'generator';
}

export const manifestSchema = z
  .strictObject({
    formatVersion: z.literal(1),
    id: z.string().regex(/^[a-z0-9][a-z0-9-]*$/),
    title: z.string().min(1),
    domain: z.enum(['fundus', 'colon', 'phantom', 'other']),
    /** Name of the scale, e.g. `Diabetic retinopathy (ICDR 0–4)`. */
    scale: z.string().min(1),
    /** Lowest first. */
    grades: z.array(grade).min(2).max(10),
    image: z.strictObject({
      width: z.number().int().min(8).max(512),
      height: z.number().int().min(8).max(512),
      /** 3: red, green, blue; 1: grey. */
      channels: z.literal([1, 3]),
      range: z.tuple([z.literal(-1), z.literal(1)]),
    }),
    diffusion: z.strictObject({
      prediction: z.enum(['x0', 'epsilon', 'v']),
      schedule,
      /** Times the network was trained on; for a table, indices into it. */
      tRange: z.tuple([z.number(), z.number()]),
      /**
       * Times, in the same units and inclusive, at which a guidance scale other than 1 acts; absent: all of them. Guidance in
       * a limited interval is after Kynkäänniemi et al. 2024 (arXiv 2404.07724).
       */
      guidanceRange: z.tuple([z.number(), z.number()]).optional(),
    }),
    inputs: z.strictObject({
      x: z.strictObject({ name: z.string().min(1) }),
      t: z.strictObject({ name: z.string().min(1), kind: z.enum(['float', 'int64']) }),
      y: z.strictObject({ name: z.string().min(1), kind: z.enum(['weights', 'index']) }),
    }),
    output: z.strictObject({ name: z.string().min(1) }),
    /** Keys such as `odm`, `dm`; `odm` is shown unless the person asks. */
    variants: z.record(z.string().regex(/^[a-z0-9][a-z0-9-]*$/), variant),
    grader: grader.optional(),
    /** Per variant. */
    parity: z.record(z.string(), parity),
    data: z.strictObject({
      name: z.string().min(1),
      license: z.string().min(1),
      credit: z.string().min(1),
      /** Training images per grade, in the order of `grades`. */
      counts: z.array(z.number().int().nonnegative()),
      preprocessing: z.string(),
      knownFlaws: z.array(z.string()),
    }),
    card: fileName.optional(),
    preview: fileName.optional(),
    /** `metrics.json`: what the evaluation protocol found. Absent: not evaluated. */
    evaluation: fileName.optional(),
    license: z.string().min(1),
    attribution: z.string().min(1),
    intendedUse: z.string().min(1),
    limits: z.array(z.string()).min(1),
  })
  .superRefine((m, ctx) => {
    const issue = (path: (string | number)[], message: string) =>
      ctx.addIssue({ code: 'custom', path, message });
    for (let i = 1; i < m.grades.length; i++) {
      if (!(m.grades[i]!.value > m.grades[i - 1]!.value)) issue(['grades', i], 'grades must rise in value');
    }
    if (m.data.counts.length !== m.grades.length) issue(['data', 'counts'], 'one count per grade is needed');
    if (!Object.values(m.variants).some(isDiffusion)) {
      issue(['variants'], 'at least one variant that is a diffusion model is needed');
    }
    for (const key of Object.keys(m.variants)) {
      if (!m.parity[key]) issue(['parity', key], 'every variant needs a parity reference');
    }
    const [low, high] = m.diffusion.tRange;
    if (!(low < high)) issue(['diffusion', 'tRange'], 'must be [low, high]');
    const [bottom, top] = m.diffusion.guidanceRange ?? m.diffusion.tRange;
    if (!(bottom < top)) issue(['diffusion', 'guidanceRange'], 'must be [low, high]');
    if (m.diffusion.schedule.kind === 'cosine') {
      if (low < 0 || high > 1) issue(['diffusion', 'tRange'], 'must lie in 0..1');
      if (m.inputs.t.kind === 'int64')
        issue(['inputs', 't', 'kind'], 'a cosine schedule has no integer times');
      // x0 = (x - sigma epsilon) / alpha has no value at t = 1.
      if (m.diffusion.prediction === 'epsilon' && high > 0.9999) {
        issue(['diffusion', 'tRange'], 'an epsilon prediction must stay below t = 1');
      }
    } else {
      const last = m.diffusion.schedule.alphasCumprod.length - 1;
      if (!Number.isInteger(low) || !Number.isInteger(high) || low < 0 || high > last) {
        issue(['diffusion', 'tRange'], 'must be indices into the table');
      }
    }
    const elements = m.image.channels * m.image.width * m.image.height;
    for (const [key, reference] of Object.entries(m.parity)) {
      if (reference.indices.some((i) => i >= elements))
        issue(['parity', key, 'indices'], 'must lie in the image');
      const generator = m.variants[key]?.kind === 'generator';
      if (generator !== (reference.t === null))
        issue(['parity', key, 't'], 'must be null for a generator alone');
      const columns = generator ? m.grades.length : m.inputs.y.kind === 'weights' ? m.grades.length + 1 : 1;
      if (reference.y.length !== columns) issue(['parity', key, 'y'], `must have length ${columns}`);
    }
  });

export type BundleManifest = z.infer<typeof manifestSchema>;

export const catalogueSchema = z.strictObject({
  formatVersion: z.literal(1),
  /** Bundle ids (folder names), in the order shown; the first is opened. */
  bundles: z.array(z.string().regex(/^[a-z0-9][a-z0-9-]*$/)).min(1),
});
export type Catalogue = z.infer<typeof catalogueSchema>;
