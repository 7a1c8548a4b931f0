/**
 * A picture as a plain value: everything that determines one run. The store holds it, links and files carry it, the
 * command line takes it. The same request gives the same picture everywhere, to float tolerance.
 */
import { z } from 'zod';
import { MAX_SEED } from './seeds';

export const SAMPLERS = ['ddpm', 'ddim', 'dpmpp-2m', 'dpmpp-2m-karras'] as const;
export type SamplerName = (typeof SAMPLERS)[number];

/** A severity that a run was drawn with before its grade was changed on the way. */
export const gradeChangeSchema = z.strictObject({
  severity: z.number().finite(),
  /** The first step that was no longer drawn with it; step 0 looks at pure noise. */
  step: z.number().int().min(1).max(999),
});
export type GradeChange = z.infer<typeof gradeChangeSchema>;

/** More changes in one run than anybody makes; a bound for what links and files may hold. */
const MAX_CHANGES = 16;

const fields = z.strictObject({
  /** Bundle id, e.g. `fundus-idrid`. */
  model: z.string().min(1),
  /** Variant key within the bundle, e.g. `odm` or `dm`. */
  variant: z.string().min(1),
  /** Clinical severity on the bundle's own scale (e.g. DR grade 0..4); fractions mix the neighbouring grades. */
  severity: z.number().finite(),
  /** Unsigned 32-bit seed. */
  seed: z.number().int().min(0).max(MAX_SEED),
  sampler: z.enum(SAMPLERS),
  /** Number of sampler steps, 1..1000. */
  steps: z.number().int().min(1).max(1000),
  /** Guidance scale; 1 is plain conditional sampling, 0 unconditional. */
  guidance: z.number().min(0).max(20),
  /** DDIM's eta in [0, 1]; ignored by the other samplers. */
  eta: z.number().min(0).max(1),
  /**
   * Absent for a picture drawn with one severity from noise to the end. Otherwise the severities of its first steps, the
   * earliest first; `severity` is the one that it ends with. See `severityAt`.
   */
  changedFrom: z.array(gradeChangeSchema).min(1).max(MAX_CHANGES).optional(),
});

export const sampleRequestSchema = fields.superRefine((request, ctx) => {
  const changes = request.changedFrom ?? [];
  changes.forEach(({ severity, step }, i) => {
    const issue = (message: string) =>
      ctx.addIssue({ code: 'custom', path: ['changedFrom', i], message, input: request });
    const next = changes[i + 1];
    if (step >= (next?.step ?? request.steps))
      issue('changes of the grade must follow each other before the last step');
    if (severity === (next ?? request).severity) issue('a change of the grade must change it');
  });
});

export type SampleRequest = z.infer<typeof sampleRequestSchema>;

/** The severity that a step, 0 .. steps - 1, is drawn with. */
export function severityAt(
  { severity, changedFrom = [] }: Pick<SampleRequest, 'severity' | 'changedFrom'>,
  step: number,
): number {
  return changedFrom.find((change) => step < change.step)?.severity ?? severity;
}

/** The request without changes on the way: one severity from noise to the end. */
export function unchanged({ changedFrom: _, ...request }: SampleRequest): SampleRequest {
  return request;
}

/**
 * The run that is the same up to a step and drawn with another severity from there on.
 * @param step 0 .. steps - 1; from 0 nothing is the same but the noise.
 */
export function changeGrade(request: SampleRequest, step: number, severity: number): SampleRequest {
  const changes: GradeChange[] = (request.changedFrom ?? []).filter((change) => change.step < step);
  if (step > 0) changes.push({ severity: severityAt(request, step - 1), step });
  // Nothing changes where the new severity is the one before.
  if (changes.at(-1)?.severity === severity) changes.pop();
  const whole = { ...unchanged(request), severity };
  return changes.length > 0 ? { ...whole, changedFrom: changes } : whole;
}

/** The request with another number of steps, without the changes that would no longer lie before its end. */
export function withSteps(request: SampleRequest, steps: number): SampleRequest {
  const changes = request.changedFrom?.filter((change) => change.step < steps) ?? [];
  if (changes.at(-1)?.severity === request.severity) changes.pop();
  const whole = { ...unchanged(request), steps };
  return changes.length > 0 ? { ...whole, changedFrom: changes } : whole;
}

/** Whether two requests ask for the same, setting by setting. */
export function sameRequest(a: SampleRequest, b: SampleRequest): boolean {
  const { changedFrom: ours, ...rest } = a;
  return (
    (Object.keys(rest) as (keyof typeof rest)[]).every((key) => rest[key] === b[key]) &&
    JSON.stringify(ours) === JSON.stringify(b.changedFrom)
  );
}

/** Changes of the grade as one text, e.g. `0@6 1@9`: severity 0 up to step 6, 1 up to step 9; empty for none. */
export function changesText(changes: readonly GradeChange[] | undefined): string {
  return (changes ?? []).map(({ severity, step }) => `${severity}@${step}`).join(' ');
}

/** What `changesText` wrote; a number that cannot be read is NaN, which the schema refuses. */
export function parseChanges(text: string): GradeChange[] | undefined {
  if (text === '') return undefined;
  const number = (part: string | undefined) => (part === undefined || part === '' ? NaN : Number(part));
  return text.split(' ').map((change) => {
    const [severity, step, ...more] = change.split('@');
    return { severity: number(severity), step: more.length > 0 ? NaN : number(step) };
  });
}
