/** What the settings of a request mean for a bundle and the kinds of variants that it may have. */
import { isDiffusion, type BundleManifest } from './manifest';
import { unchanged, type SampleRequest } from './request';

/**
 * A request with the settings that its variant knows: a generator has no sampler, steps or guidance, and one picture of it
 * must not go by many names.
 */
export function canonicalRequest(manifest: BundleManifest, request: SampleRequest): SampleRequest {
  const entry = manifest.variants[request.variant];
  if (!entry || isDiffusion(entry)) return request;
  return { ...unchanged(request), sampler: 'ddim', steps: 1, guidance: 1, eta: 0 };
}

/** A variant's own settings; of a generator, which has none, those of the first variant that has. */
export function samplingDefaults(
  manifest: BundleManifest,
  variant: string,
): Pick<SampleRequest, 'sampler' | 'steps' | 'guidance' | 'eta'> {
  const wanted = manifest.variants[variant]!;
  const entry = isDiffusion(wanted) ? wanted : Object.values(manifest.variants).find(isDiffusion)!;
  return { eta: 0, ...entry.defaults };
}

/** The guidance scale of an evaluation at time `t`: the request's, or 1 where the bundle's models take none. */
export function guidanceAt(
  { diffusion: { guidanceRange } }: Pick<BundleManifest, 'diffusion'>,
  { guidance }: Pick<SampleRequest, 'guidance'>,
  t: number,
): number {
  if (!guidanceRange) return guidance;
  const [low, high] = guidanceRange;
  return low <= t && t <= high ? guidance : 1;
}
