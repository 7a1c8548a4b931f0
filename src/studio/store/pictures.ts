/**
 * Finished pictures by the request that made them, the most recently used ones up to a number of bytes: what was drawn once
 * in any workspace need not be drawn again. Kept outside the stores, which hold requests only.
 */
import type { ProviderName } from '../../engine/types';
import { changesText, type SampleRequest } from '../../models/request';

export interface Picture {
  readonly request: SampleRequest;
  /** CHW in [-1, 1]. */
  readonly chw: Float32Array;
  readonly provider: ProviderName;
}

/** About 1000 pictures of 128 x 128. */
const DEFAULT_BYTES = 192 * 1024 * 1024;

/** Equal for requests that give the same picture on the same weights. */
export function requestKey(r: SampleRequest): string {
  // Only DDIM reads eta.
  const eta = r.sampler === 'ddim' ? r.eta : 0;
  return [
    ...[r.model, r.variant, r.severity, r.seed, r.sampler, r.steps, r.guidance, eta],
    changesText(r.changedFrom),
  ].join('|');
}

export class PictureCache {
  readonly #pictures = new Map<string, Picture>();
  #bytes = 0;

  constructor(readonly maxBytes: number = DEFAULT_BYTES) {}

  get(request: SampleRequest): Picture | undefined {
    const key = requestKey(request);
    const found = this.#pictures.get(key);
    if (found) {
      this.#pictures.delete(key);
      this.#pictures.set(key, found);
    }
    return found;
  }

  add(picture: Picture): void {
    const key = requestKey(picture.request);
    this.#bytes += picture.chw.byteLength - (this.#pictures.get(key)?.chw.byteLength ?? 0);
    this.#pictures.delete(key);
    this.#pictures.set(key, picture);
    for (const [oldest, { chw }] of this.#pictures) {
      if (this.#bytes <= this.maxBytes || oldest === key) break;
      this.#pictures.delete(oldest);
      this.#bytes -= chw.byteLength;
    }
  }
}
