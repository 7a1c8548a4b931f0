/**
 * What a picture says of how it was made: the record inside every file that leaves, in a version of its own; older
 * versions are brought up to date when they are read.
 */
import { z } from 'zod';
import { isDiffusion, type BundleManifest } from '../models/manifest';
import { sampleRequestSchema, type SampleRequest } from '../models/request';

export const SOFTWARE = 'Ordinal Diffusion Studio';
export const DISCLAIMER = 'Synthetic picture made by a model. Not a patient, not for diagnosis.';

export const provenanceSchema = z.strictObject({
  /** Version of this record. */
  formatVersion: z.literal(3),
  software: z.literal(SOFTWARE),
  /** Of the studio and of the runtime that computed, e.g. `{ studio: "0.1.0", "onnxruntime-web": "1.30.0" }`. */
  versions: z.record(z.string(), z.string()),
  request: sampleRequestSchema,
  /** Present when the picture was made in one evaluation of a generator: the request's sampler settings then mean nothing. */
  method: z.literal('generator').optional(),
  /** Present when the picture was guided at some times only: the bundle's `diffusion.guidanceRange` then. */
  guidanceRange: z.tuple([z.number(), z.number()]).optional(),
  /** SHA-256 of the weights. */
  modelSha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** The execution provider that did the work, with its detail. */
  provider: z.string(),
  /** Which step was saved; `index === steps` is the finished picture, before that it is the estimate of x0. */
  frame: z.strictObject({ index: z.number().int().min(0), steps: z.number().int().min(1) }),
  license: z.string(),
  attribution: z.string(),
});
export type Provenance = z.infer<typeof provenanceSchema>;

/**
 * From one version to the next. Version 1 did not name the versions of what had computed; version 2 knew no change of the
 * grade on the way, so its requests are as they are.
 */
const MIGRATIONS: Record<number, (record: Record<string, unknown>) => Record<string, unknown>> = {
  1: (record) => ({ ...record, formatVersion: 2, versions: {} }),
  2: (record) => ({ ...record, formatVersion: 3 }),
};

/** Validates a record of this or an older version. @throws ZodError. */
export function parseProvenance(value: unknown): Provenance {
  let record = z.looseObject({ formatVersion: z.number() }).parse(value) as Record<string, unknown>;
  for (let migrate; (migrate = MIGRATIONS[record['formatVersion'] as number]);) record = migrate(record);
  return provenanceSchema.parse(record);
}

/** The record of a picture of one of a bundle's variants. @throws RangeError when the manifest has no such variant. */
export function describePicture(made: {
  manifest: BundleManifest;
  request: SampleRequest;
  provider: string;
  versions: Record<string, string>;
  frame: { index: number; steps: number };
}): Provenance {
  const { manifest, request, provider, versions, frame } = made;
  const variant = manifest.variants[request.variant];
  if (!variant) throw new RangeError(`no variant ${request.variant}`);
  const { guidanceRange } = manifest.diffusion;
  return {
    formatVersion: 3,
    software: SOFTWARE,
    versions,
    request,
    ...(!isDiffusion(variant)
      ? { method: 'generator' as const }
      : guidanceRange && request.guidance !== 1 && { guidanceRange }),
    modelSha256: variant.sha256,
    provider,
    frame: { index: frame.index, steps: frame.steps },
    license: manifest.license,
    attribution: manifest.attribution,
  };
}

/** The settings on two lines, for people and for programs that read `parameters`. */
export function settingsText({
  request,
  method,
  guidanceRange,
  modelSha256,
  provider,
  frame,
  versions,
}: Provenance): string {
  const made = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const fields = [
    ...(method === 'generator'
      ? ['Steps: 1', 'Sampler: none (generator)', `Seed: ${request.seed}`]
      : [
          `Steps: ${request.steps}`,
          `Sampler: ${request.sampler}`,
          `CFG scale: ${request.guidance}`,
          ...(guidanceRange ? [`CFG at t: ${guidanceRange.join(' to ')}`] : []),
          `Seed: ${request.seed}`,
          ...(request.sampler === 'ddim' ? [`Eta: ${request.eta}`] : []),
          ...(request.changedFrom ?? []).map(
            ({ severity, step }) => `Severity until step ${step}: ${severity}`,
          ),
          ...(frame.index < frame.steps ? [`Stopped at step: ${frame.index}`] : []),
        ]),
    `Model: ${request.model} (${request.variant})`,
    `Model hash: ${modelSha256.slice(0, 10)}`,
    `Provider: ${provider}`,
    ...(made.length > 0 ? [`Version: ${made.join('; ')}`] : []),
  ];
  return `Synthetic picture, severity ${request.severity}\n${fields.join(', ')}`;
}
