/**
 * What the evaluation protocol found about a bundle: the schema of `models/<id>/metrics.json`, its one definition. Only
 * the training lab's evaluation writes such a file, checked against the JSON Schema generated from here; the page and the
 * tests read it. Unknown keys are errors. Grades are named by their clinical value, as in the manifest.
 */
import { z } from 'zod';
import { MAX_SEED } from './seeds';

const variantKey = z.string().regex(/^[a-z0-9][a-z0-9-]*$/);
const digest = z.string().regex(/^[0-9a-f]{64}$/, 'a lower-case hexadecimal SHA-256');
const count = z.number().int().nonnegative();
const seed = z.number().int().min(0).max(MAX_SEED);

/** A measured figure: never without its 95 % interval and the number of pictures (or pairs, as said) behind it. */
export const estimateSchema = z.strictObject({
  value: z.number().finite(),
  /** Low and high end of the 95 % interval; for bootstraps of a biased statistic the value may lie outside it. */
  interval: z.tuple([z.number().finite(), z.number().finite()]),
  n: count,
});
export type Estimate = z.infer<typeof estimateSchema>;
const estimate = estimateSchema;

/**
 * Distances between two sets of pictures in feature space. `kid`: unbiased, plain (not x 1000), may be below zero; `fd`:
 * the biased Frechet distance, to be read only beside the floor. `n` of both estimates is the number of pictures judged;
 * `reference` that of the set they are compared with.
 */
const distance = z.strictObject({ kid: estimate, fd: estimate, reference: count });
/** Null where a side has too few pictures for a figure to mean anything. */
const maybeDistance = distance.nullable();

/** Distances to the training images and to those held out of training. */
const distances = z.strictObject({ training: maybeDistance, heldOut: maybeDistance });

const classDistances = z.array(z.strictObject({ grade: z.number(), ...distances.shape }));

/** Agreement of the grader's reading with the true (or asked) grade. */
const agreement = z.strictObject({
  /** Quadratic weighted kappa. */
  qwk: estimate,
  /** Mean absolute error in steps of the scale (1: one grade off). */
  mae: estimate,
  /** Counts: rows are the true (or asked) grade, columns the grade read, both in the order of the manifest's grades. */
  confusion: z.array(z.array(count)),
  byGrade: z.array(
    z.strictObject({
      grade: z.number(),
      /** Share read as exactly this grade. */
      recall: estimate,
      /** Mean severity read (the expectation over the grader's probabilities), on the clinical scale. */
      severity: estimate,
    }),
  ),
});

/** How one variant's pictures are judged: features class by class, and the grader's reading of them. */
const judgement = z.strictObject({
  classwise: classDistances,
  /** Mean over the grades, each counted alike, of the class-wise distances. */
  mean: distances,
  grader: agreement,
});

/** Real against real: what a perfect generator would score with as many pictures. */
const floor = z.strictObject({
  /** Two random halves of the training images of a grade, averaged over splits; null below 16 images. */
  halves: z.array(z.strictObject({ grade: z.number(), distance: maybeDistance })),
  /** Held-out images of a grade against its training images. */
  heldOut: z.array(z.strictObject({ grade: z.number(), distance: maybeDistance })),
  /** Neighbouring grades of the training images against each other: how far one grade is. */
  neighbours: z.array(z.strictObject({ from: z.number(), to: z.number(), distance })),
});

/** Geometry of the grades' noise estimates at one time, means over pictures and triples p < q < r of grades. */
const orderPoint = z.strictObject({
  t: z.number(),
  /** d_pr / (d_pq + d_qr); 1 on a straight, ordered line. */
  straightness: estimate,
  /** (d_pq + d_qr) / d_pr - 1; 0 on a straight, ordered line. */
  slack: estimate,
  /** Share of triples whose outer distance is smaller than an inner one. */
  violations: estimate,
  /** Of successive differences; 1 on a straight, ordered line. */
  cosine: estimate,
  /** Root-mean-square distance of the lowest and the highest grade's noise estimate. */
  outer: estimate,
  /** `outer` divided by that of the variant named in `reference`; null for that variant itself or without one. */
  outerRatio: estimate.nullable(),
});

const ordinality = z.strictObject({
  /** The variant that `outerRatio` compares with. */
  reference: variantKey.nullable(),
  /** On held-out real pictures, noised; the same pictures and noise for every variant. */
  noised: z.array(orderPoint),
  /** Along sampling trajectories, at the x_t that the variant itself passes through. */
  trajectory: z.array(orderPoint),
});

/** Pictures drawn at a severity between grades. */
const interpolation = z.strictObject({
  severity: z.number(),
  /** Whether this severity lies beyond the trained grades. */
  extrapolated: z.boolean(),
  /** Real pictures of this half grade, which no training saw, where there are any. */
  real: z
    .strictObject({
      n: count,
      /** Pictures drawn at this severity against the real ones of it. */
      kid: estimate,
      /** Pictures drawn at a neighbouring whole grade against the same real ones, for comparison. */
      neighbours: z.array(z.strictObject({ grade: z.number(), kid: estimate })),
      /** Mean severity that the grader reads from the real ones. */
      severityRead: estimate,
    })
    .nullable(),
  /** Mean severity that the grader reads from the pictures drawn. */
  severityRead: estimate,
  /** Mean severity measured from the pictures drawn, where severity can be measured (the phantom). */
  severityMeasured: estimate.nullable(),
});

/** A grade drawn by a model made like a variant, and by that variant, against the same real pictures. */
const drawnGrade = { grade: z.number(), distance, distanceTrainedWith: distance.nullable() };

/** A grade that training never saw, drawn by interpolation or extrapolation of the class weights. */
const leaveOneOut = z.strictObject({
  ...drawnGrade,
  /** The variant this one was made like, and how it was drawn. */
  method: z.enum(['interpolation', 'extrapolation']),
  imagesSeen: count,
  /** A neighbouring grade that the same model has seen: how much of the distance is the model's, not the guess's. */
  seen: z.strictObject(drawnGrade).optional(),
  severityRead: estimate,
  severityMeasured: estimate.nullable(),
});

/** Distances of pictures to their nearest training image in one space; flipped training images count as well. */
const nearest = z.strictObject({
  /** Medians of the distance to the nearest training image. */
  generated: estimate,
  heldOut: estimate,
  /**
   * One-sided Mann-Whitney test that generated pictures lie nearer to the training images than held-out real ones do.
   * `superiority`: the probability that a generated one lies nearer (0.5: no difference).
   */
  mannWhitney: z.strictObject({ u: z.number(), p: z.number().min(0).max(1), superiority: estimate }),
  /** Pictures whose nearest training image is nearer than `threshold` times the second nearest one. */
  underThreshold: count,
  share: estimate,
  /** The same share among held-out real pictures. */
  heldOutShare: estimate,
  /** The most suspicious pictures, by their seed and grade: smallest ratio of nearest to second nearest distance. */
  closest: z.array(
    z.strictObject({
      seed,
      grade: z.number(),
      distance: z.number(),
      ratio: z.number(),
      trainingImage: z.string(),
    }),
  ),
});

const memorisation = z.strictObject({
  threshold: z.number(),
  n: count,
  heldOut: count,
  /** Training images, their flips not counted. */
  reference: count,
  pixels: nearest,
  features: nearest,
});

const nfePoint = z.strictObject({
  sampler: z.string(),
  steps: count,
  /** Evaluations of the network for one picture; guidance doubles the steps. */
  evaluations: count,
  /** Mean class-wise KID against the training images. */
  kid: estimate,
});

const variantMetrics = z.strictObject({
  title: z.string().min(1),
  /** Of the weights that were judged. */
  sha256: digest,
  imagesSeen: count,
  /** How its pictures were drawn; null for a generator without steps. */
  sampling: z
    .strictObject({
      sampler: z.string(),
      steps: count,
      guidance: z.number(),
      /** The manifest's, at the time of the evaluation. */
      guidanceRange: z.tuple([z.number(), z.number()]).optional(),
    })
    .nullable(),
  generatedPerGrade: count,
  judgement,
  /** QWK of its pictures divided by the grader's own on real images. */
  qwkOfOwn: z.number().finite(),
  /** Denoiser PSNR in dB (peak 2) on held-out pictures; `input` is the noisy picture's own. */
  psnr: z.array(z.strictObject({ t: z.number(), psnr: estimate, input: z.number() })).optional(),
  ordinality: ordinality.optional(),
  interpolation: z.array(interpolation),
  leaveOneOut: z.array(leaveOneOut).optional(),
  /** Severity measured from pictures of whole grades, where it can be measured (the phantom). */
  severityMeasured: z.array(z.strictObject({ grade: z.number(), mean: estimate, mae: estimate })).optional(),
  memorisation,
  nfe: z.array(nfePoint).optional(),
});

const grader = z.strictObject({
  /** Every grader tried, with its cross-validated figures. */
  candidates: z.array(z.strictObject({ name: z.string().min(1), qwk: estimate, mae: estimate })).min(1),
  chosen: z.string().min(1),
  folds: z.number().int().min(2),
  /** Cross-validated on real training images: each read by a grader that never saw it. */
  crossValidated: agreement,
  /** The shipped grader, trained on all training images, on the held-out ones. */
  heldOut: agreement,
});

const augmentation = z.strictObject({
  grader: z.string().min(1),
  folds: z.number().int().min(2),
  syntheticPerGrade: count,
  /** What a reader must know: the generators did see the folds' images. */
  note: z.string(),
  /** `variant` null: real images only. All judged on the same real images, left out of grader training by fold. */
  arms: z.array(
    z.strictObject({
      variant: variantKey.nullable(),
      qwk: estimate,
      mae: estimate,
      /** Of the two highest grades. */
      recall: z.array(z.strictObject({ grade: z.number(), recall: estimate })),
      /** QWK less that of the real-only arm, on the same resampled pictures; null for that arm. */
      gain: estimate.nullable(),
      /** QWK on the held-out pictures, which neither grader nor generator saw: the honest figure, from few pictures. */
      heldOutQwk: estimate,
    }),
  ),
});

/** The whole judgement a second time on pictures whose colours are normalised, so that hue can't stand for severity. */
const colourNormalised = z.strictObject({
  /** How exactly, in words. */
  method: z.string().min(1),
  floor,
  grader,
  byVariant: z.record(variantKey, judgement),
});

const cell = z.union([z.string(), z.number(), z.null()]);

export const metricsSchema = z.strictObject({
  formatVersion: z.literal(1),
  protocol: z.literal('v1'),
  /** The bundle's id. */
  bundle: z.string().min(1),
  /** ISO 8601, UTC. */
  date: z.iso.datetime(),
  hardware: z.strictObject({
    /** E.g. `cpu`, `NVIDIA H200`. */
    device: z.string().min(1),
    software: z.string().min(1),
    seconds: z.number().nonnegative(),
  }),
  features: z.strictObject({
    name: z.string().min(1),
    dimensions: count,
    sha256: digest,
  }),
  data: z.strictObject({
    name: z.string().min(1),
    /** Per grade, in the order of the manifest's grades. */
    training: z.array(count),
    heldOut: z.array(count),
    /** What a reader must know of the split. */
    note: z.string(),
  }),
  seeds: z.strictObject({
    /** Picture i of grade index g has seed `generation + g x generationStride + i`. */
    generation: seed,
    generationStride: count,
    noise: seed,
    bootstrap: seed,
    folds: seed,
    resamples: count,
  }),
  floor,
  grader,
  byVariant: z.record(variantKey, variantMetrics),
  augmentation: augmentation.optional(),
  colourNormalised: colourNormalised.optional(),
  /** A free table of designs tried and what they scored. */
  tried: z
    .strictObject({ note: z.string(), columns: z.array(z.string()), rows: z.array(z.array(cell)) })
    .optional(),
});

export type Metrics = z.infer<typeof metricsSchema>;
export type VariantMetrics = Metrics['byVariant'][string];
