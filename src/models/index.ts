/** Model bundles: what they are, where they come from, whether they are intact. */
export * from './manifest';
export * from './metrics';
export * from './request';
export { readCatalogue, readManifest } from './source';
export { parseManifest } from './validate';
export { fetchWeights, sha256Hex, type WeightsRequest } from './weights';
