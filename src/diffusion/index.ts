/** The mathematics of ordinal diffusion: pure functions of numbers, the same in any JavaScript realm. */
export * from './agreement';
export * from './betas';
export * from './conditioning';
export * from './lockstep';
export * from './loop';
export * from './noise';
export * from './ordinal';
export { philox4x32 } from './philox';
export * from './planar';
export * from './prediction';
export * from './sampler';
export * from './schedule';
export * from './statistics';
export * from './trajectory';
