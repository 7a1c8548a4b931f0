/** Model bundles: what they are, where they come from, whether they are intact. */
export * from './manifest';
export * from './metrics';
export * from './offline';
export * from './request';
export * from './variants';
export { readCatalogue, readManifest } from './source';
export { parseManifest } from './validate';
export {
  deleteWeights,
  fetchWeights,
  storedWeights,
  type StoredWeights,
  type WeightsRequest,
} from './weights';
