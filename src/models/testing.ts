/** A small valid manifest for tests, as plain data that a test may spoil. */
import type { BundleManifest } from './manifest';
import type { Estimate, Metrics } from './metrics';

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

/** What an evaluation of that manifest would have found: made-up numbers of the right shape, one grade with too few images. */
export function exampleMetrics(manifest: BundleManifest): Metrics {
  const estimate = (value: number, n = 100): Estimate => ({ value, interval: [value * 0.9, value * 1.1], n });
  const grades = manifest.grades.map((g) => g.value);
  const last = grades.at(-1);
  const distance = (kid: number) => ({ kid: estimate(kid), fd: estimate(kid * 100), reference: 60 });
  const agreement = (qwk: number): Metrics['grader']['heldOut'] => ({
    qwk: estimate(qwk),
    mae: estimate(0.4),
    confusion: grades.map((_, i) => grades.map((__, j) => (i === j ? 30 : 4))),
    byGrade: grades.map((grade) => ({ grade, recall: estimate(0.7), severity: estimate(grade + 0.1) })),
  });
  const classwise = (kid: number) =>
    grades.map((grade) => ({ grade, training: grade === last ? null : distance(kid), heldOut: null }));
  const orderPoints = (straightness: number, ratio: number | null) =>
    [0.3, 0.5, 0.9].map((t) => ({
      t,
      straightness: estimate(straightness),
      slack: estimate(1 / straightness - 1),
      violations: estimate(1 - straightness),
      cosine: estimate(straightness),
      outer: estimate(0.05),
      outerRatio: ratio === null ? null : estimate(ratio),
    }));
  const nearest = {
    generated: estimate(0.2),
    heldOut: estimate(0.21),
    mannWhitney: { u: 1000, p: 0.4, superiority: estimate(0.5) },
    underThreshold: 0,
    share: estimate(0),
    heldOutShare: estimate(0.01),
    closest: [
      { seed: 4711, grade: grades[0]!, distance: 0.12, ratio: 0.83, trainingImage: 'train/0001.png' },
    ],
  };
  const variants = Object.entries(manifest.variants).map(([key, v], i) => [
    key,
    {
      title: v.title,
      sha256: v.sha256,
      imagesSeen: v.imagesSeen,
      sampling: 'defaults' in v ? { ...v.defaults } : null,
      generatedPerGrade: 500,
      judgement: {
        classwise: classwise(0.1 + i * 0.05),
        mean: { training: distance(0.1), heldOut: null },
        grader: agreement(0.8 - i * 0.1),
      },
      qwkOfOwn: 0.95,
      ordinality: {
        reference: 'dm',
        noised: orderPoints(0.98 - i * 0.4, key === 'dm' ? null : 1.1),
        trajectory: [],
      },
      interpolation: [
        {
          severity: (grades[0]! + grades[1]!) / 2,
          extrapolated: false,
          real: null,
          severityRead: estimate((grades[0]! + grades[1]!) / 2),
          severityMeasured: null,
        },
      ],
      ...(i === 0 && {
        leaveOneOut: [
          {
            grade: grades[1]!,
            method: 'interpolation',
            imagesSeen: v.imagesSeen,
            distance: distance(0.17),
            distanceTrainedWith: distance(0.1),
            seen: { grade: grades[0]!, distance: distance(0.13), distanceTrainedWith: distance(0.09) },
            severityRead: estimate(grades[1]! + 0.25),
            severityMeasured: null,
          },
        ],
        severityMeasured: grades.map((grade) => ({
          grade,
          mean: estimate(grade + 0.1),
          mae: estimate(0.1),
        })),
      }),
      memorisation: {
        threshold: 0.7,
        n: 2500,
        heldOut: 60,
        reference: 400,
        pixels: nearest,
        features: nearest,
      },
    },
  ]);
  return {
    formatVersion: 1,
    protocol: 'v1',
    bundle: manifest.id,
    date: '2026-01-01T00:00:00Z',
    hardware: { device: 'cpu', software: 'torch', seconds: 60 },
    features: { name: 'Example-Net', dimensions: 1280, sha256: 'f'.repeat(64) },
    data: {
      name: manifest.data.name,
      training: grades.map(() => 60),
      heldOut: grades.map(() => 6),
      note: '',
    },
    seeds: { generation: 0, generationStride: 100000, noise: 1, bootstrap: 2, folds: 3, resamples: 1000 },
    floor: {
      halves: grades.map((grade) => ({ grade, distance: grade === last ? null : distance(0.02) })),
      heldOut: [],
      neighbours: [],
    },
    grader: {
      candidates: [{ name: 'linear', qwk: estimate(0.85), mae: estimate(0.3) }],
      chosen: 'linear',
      folds: 5,
      crossValidated: agreement(0.85),
      heldOut: agreement(0.84),
    },
    byVariant: Object.fromEntries(variants) as Metrics['byVariant'],
  };
}
