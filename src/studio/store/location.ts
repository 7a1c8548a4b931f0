/** The part of the address bar that the studio reads: `?ep=`, `?model=`, `?variant=`, and the workspace, `#severity`. */
import type { ProviderChoice } from '../../engine/types';

export interface LocationWishes {
  provider: ProviderChoice;
  model: string | null;
  variant: string | null;
}

const PROVIDERS: readonly ProviderChoice[] = ['auto', 'webgpu', 'wasm'];

export function readLocation(search: string): LocationWishes {
  const params = new URLSearchParams(search);
  const ep = params.get('ep');
  return {
    provider: PROVIDERS.find((p) => p === ep) ?? 'auto',
    model: params.get('model') || null,
    variant: params.get('variant') || null,
  };
}

/** The same address with what is shown now; other parameters are left alone. `auto` needs no parameter. */
export function writeLocation(
  search: string,
  shown: { provider: ProviderChoice; model: string; variant: string },
): string {
  const params = new URLSearchParams(search);
  params.set('model', shown.model);
  params.set('variant', shown.variant);
  if (shown.provider === 'auto') params.delete('ep');
  else params.set('ep', shown.provider);
  return `?${params.toString()}`;
}

/** The workspace that the part after `#` names; what a workspace keeps there for itself follows after a `?`. */
export function readWorkspace(hash: string): string {
  return hash.replace(/^#\/?/, '').split('?')[0] || 'sample';
}
