/**
 * A picture as a plain value: everything that determines one run. The store holds it, links and files carry it, the
 * command line takes it. The same request gives the same picture everywhere, to float tolerance.
 */
import { z } from 'zod';

export const SAMPLERS = ['ddpm', 'ddim', 'dpmpp-2m'] as const;
export type SamplerName = (typeof SAMPLERS)[number];

export const sampleRequestSchema = z.strictObject({
  /** Bundle id, e.g. `fundus-idrid`. */
  model: z.string().min(1),
  /** Variant key within the bundle, e.g. `odm` or `dm`. */
  variant: z.string().min(1),
  /** Clinical severity on the bundle's own scale (e.g. DR grade 0..4); fractions mix the neighbouring grades. */
  severity: z.number().finite(),
  /** Unsigned 32-bit seed. */
  seed: z.number().int().min(0).max(0xffffffff),
  sampler: z.enum(SAMPLERS),
  /** Number of sampler steps, 1..1000. */
  steps: z.number().int().min(1).max(1000),
  /** Guidance scale; 1 is plain conditional sampling, 0 unconditional. */
  guidance: z.number().min(0).max(20),
  /** DDIM's eta in [0, 1]; ignored by the other samplers. */
  eta: z.number().min(0).max(1),
});

export type SampleRequest = z.infer<typeof sampleRequestSchema>;
