/** From an ONNX file and what the person says of it to a manifest. */
import { alphasCumprod, type BetaSchedule } from '../diffusion';
import { unusable, type Inspection } from './inspect';
import type { BundleManifest } from './manifest';
import type { SamplerName } from './request';
import { parseManifest } from './validate';

/** What a form about a foreign model asks for. */
export interface ForeignDescription {
  readonly title: string;
  readonly scale: string;
  /** Lowest first. */
  readonly grades: readonly { readonly value: number; readonly label: string }[];
  readonly channels: 1 | 3;
  readonly width: number;
  readonly height: number;
  readonly prediction: 'x0' | 'epsilon' | 'v';
  /** `cosine`: continuous times 0..1; else a table from betas. */
  readonly schedule: { readonly kind: 'cosine' } | BetaSchedule;
  readonly x: string;
  readonly t: { readonly name: string; readonly kind: 'float' | 'int64' };
  readonly y: { readonly name: string; readonly kind: 'weights' | 'index' };
  readonly output: string;
  readonly sampler: SamplerName;
  readonly steps: number;
  readonly data: string;
  readonly license: string;
  readonly credit: string;
}

/**
 * Below this share of signal (alpha-bar) an epsilon prediction says next to nothing about x0 = (x - sigma epsilon) / alpha,
 * and what it says is multiplied by 1 / alpha; sampling starts where there is more.
 */
const LEAST_SIGNAL = 1e-4;
const PARITY_VALUES = 64;

/** A folder name for a title: lower case, digits and hyphens. */
export function slug(title: string): string {
  const text = title
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return text || 'model';
}

/**
 * A manifest of one variant whose parity reference is still to be computed (all zeros).
 * @param file the weights' name, hash and size.
 * @throws StudioError `import-invalid` or `manifest-invalid`, which name what does not fit.
 */
export function foreignManifest(
  description: ForeignDescription,
  { signature }: Inspection,
  file: { readonly sha256: string; readonly bytes: number },
): BundleManifest {
  const { schedule: spec, prediction, t, y, channels, width, height } = description;
  let schedule: BundleManifest['diffusion']['schedule'];
  try {
    schedule =
      spec.kind === 'cosine' ? { kind: 'cosine' } : { kind: 'table', alphasCumprod: alphasCumprod(spec) };
  } catch (thrown) {
    throw unusable(
      `This schedule can't be: ${thrown instanceof Error ? thrown.message : ''}.`,
      'Correct the number of training steps and the betas.',
    );
  }
  let tRange: [number, number] = [0.002, 0.998];
  if (schedule.kind === 'table') {
    const last = schedule.alphasCumprod.length - 1;
    const high =
      prediction === 'epsilon' ? schedule.alphasCumprod.findLastIndex((a) => a >= LEAST_SIGNAL) : last;
    tRange = [0, high];
  }
  const elements = channels * width * height;
  const middle = Math.floor(description.grades.length / 2);
  const columns = description.grades.length + 1;
  const at = (tRange[0] + tRange[1]) / 2;
  const variant = 'main';
  return parseManifest(
    {
      formatVersion: 1,
      id: slug(description.title),
      title: description.title,
      domain: 'other',
      scale: description.scale,
      grades: description.grades.map(({ value, label }) => ({
        value,
        label,
        short: String(value).slice(0, 12),
        description: '',
      })),
      image: { width, height, channels, range: [-1, 1] },
      diffusion: { prediction, schedule, tRange },
      inputs: { x: { name: description.x }, t, y },
      output: { name: description.output },
      variants: {
        [variant]: {
          title: 'As brought',
          file: 'main.onnx',
          sha256: file.sha256,
          bytes: file.bytes,
          precision: signature.float32 ? 'float32' : 'float16-weights',
          params: Math.max(1, signature.params),
          // Not known of a foreign file: two operations for every weight is the least it can be.
          flopsPerEval: Math.max(1, 2 * signature.params),
          imagesSeen: 0,
          defaults: { sampler: description.sampler, steps: description.steps, guidance: 1 },
        },
      },
      parity: {
        [variant]: {
          seed: 2024,
          t: schedule.kind === 'table' ? Math.round(at) : at,
          y:
            y.kind === 'index' ? [middle] : Array.from({ length: columns }, (_, k) => (k === middle ? 1 : 0)),
          indices: Array.from({ length: PARITY_VALUES }, (_, k) =>
            Math.floor((k * elements) / PARITY_VALUES),
          ),
          values: new Array<number>(PARITY_VALUES).fill(0),
          rms: 0,
        },
      },
      data: {
        name: description.data,
        license: description.license,
        credit: description.credit,
        counts: description.grades.map(() => 0),
        preprocessing: '',
        knownFlaws: [],
      },
      license: description.license,
      attribution: description.credit,
      intendedUse:
        'Brought along by the person at this browser; nothing is known of it here but what they said.',
      limits: ['Not checked by the studio’s makers. Not for diagnosis.'],
    },
    description.title,
  );
}
