/** A small valid manifest for tests, as plain data that a test may spoil. */
import type { BundleManifest } from './manifest';

export function exampleManifest(): BundleManifest {
  return {
    formatVersion: 1,
    id: 'example',
    title: 'Example',
    domain: 'other',
    scale: 'Example scale (0–2)',
    grades: [0, 1, 2].map((value) => ({
      value,
      label: `Grade ${value}`,
      short: `G ${value}`,
      description: '',
    })),
    image: { width: 8, height: 8, channels: 3, range: [-1, 1] },
    diffusion: { prediction: 'x0', schedule: { kind: 'cosine' }, tRange: [0.01, 0.99] },
    inputs: {
      x: { name: 'x' },
      t: { name: 't', kind: 'float' },
      y: { name: 'y', kind: 'weights' },
    },
    output: { name: 'x0' },
    variants: {
      odm: {
        title: 'Ordinal (ODM)',
        file: 'odm.onnx',
        sha256: '0'.repeat(64),
        bytes: 3,
        precision: 'float32',
        params: 1,
        flopsPerEval: 1,
        imagesSeen: 0,
        defaults: { sampler: 'ddim', steps: 4, guidance: 1 },
      },
    },
    parity: {
      odm: {
        seed: 1,
        t: 0.5,
        y: [0, 1, 0, 0],
        indices: Array.from({ length: 64 }, (_, i) => i),
        values: new Array<number>(64).fill(0),
        rms: 0,
      },
    },
    data: {
      name: 'None',
      license: 'CC0-1.0',
      credit: 'Nobody',
      counts: [1, 1, 1],
      preprocessing: '',
      knownFlaws: [],
    },
    license: 'CC0-1.0',
    attribution: 'Nobody',
    intendedUse: 'Tests.',
    limits: ['Draws nothing.'],
  };
}

/** The same with a generator beside the diffusion model. */
export function exampleWithGenerator(): BundleManifest {
  const manifest = exampleManifest();
  const { sha256, bytes, precision, params, flopsPerEval, imagesSeen } = manifest.variants.odm!;
  manifest.variants.stylegan2 = {
    sha256,
    bytes,
    precision,
    params,
    flopsPerEval,
    imagesSeen,
    kind: 'generator',
    title: 'StyleGAN2',
    file: 'stylegan2.onnx',
    latent: 4,
    inputs: { z: { name: 'z' }, y: { name: 'y' } },
    output: { name: 'picture' },
  };
  manifest.parity.stylegan2 = { ...manifest.parity.odm!, t: null, y: [0, 1, 0] };
  return manifest;
}
