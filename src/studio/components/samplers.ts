/** The samplers' names as the page prints them. */
import type { SamplerName } from '../../models/request';

export const SAMPLER_TITLES: Record<SamplerName, string> = {
  ddpm: 'DDPM (random)',
  ddim: 'DDIM',
  'dpmpp-2m': 'DPM-Solver++ 2M',
  'dpmpp-2m-karras': 'DPM-Solver++ 2M Karras',
};
