/** Model bundles: what they are, where they come from, whether they are intact. */
export * from './manifest';
export * from './metrics';
export * from './request';
export { parseManifest, readCatalogue, readManifest } from './source';
export { fetchWeights, sha256Hex, type WeightsRequest } from './weights';
