/**
 * Between the mathematics and a runtime: what a bundle's network is fed and what its answer must be, as plain typed
 * arrays, so that the browser's and the command line's runtimes share it.
 */
import type { Schedule } from '../diffusion';
import { StudioError } from '../errors';
import { isDiffusion, type BundleManifest } from './manifest';
import { onnxSignature } from './onnxSignature';
import { asShown } from './picture';

/** A network that can be evaluated. */
export interface Network {
  /**
   * Evaluates K pictures, or one picture under K conditions, as one batch.
   * @param x flat [K, CHW], or flat CHW: the same picture for every row. Of a generator, z: flat [K, latent].
   * @param t what the network takes as time: a float, or an integer where the manifest says `int64`; no matter to a generator.
   * @param rows K rows of C + 1 class weights; one-hot where the manifest says `index`. A generator has no null class, which
   * must be zero.
   * @returns flat [K, CHW], in the network's own prediction; a generator's pictures.
   * @throws StudioError when the runtime fails or the output is not what the manifest promises.
   */
  run(x: Float32Array, t: number, rows: readonly (readonly number[])[]): Promise<Float32Array>;
}

/** A tensor before any runtime knows it. */
export type PlainTensor = { readonly dims: readonly number[] } & (
  | { readonly type: 'float32'; readonly data: Float32Array }
  | { readonly type: 'int64'; readonly data: BigInt64Array }
);

/** Elements of one picture, C x H x W. */
export function pictureLength({ image }: BundleManifest): number {
  return image.channels * image.height * image.width;
}

/** What a network takes as time: as it is for integers and the cosine's 0..1, a fraction of a table's length else. */
export function networkTime(manifest: BundleManifest, schedule: Schedule, t: number): number {
  return manifest.inputs.t.kind === 'float' ? schedule.toUnit(t) : t;
}

/** K copies of one picture, one behind the other; what is K pictures already is left as it is. */
function repeat(x: Float32Array, times: number, length: number): Float32Array {
  if (x.length === times * length) return x;
  const batch = new Float32Array(x.length * times);
  for (let k = 0; k < times; k++) batch.set(x, k * x.length);
  return batch;
}

/** How a file takes its inputs, beyond what the manifest says: exports differ in what they leave open. */
export interface InputForm {
  /** Pictures in one run where the file fixes their number; null where it is open. */
  readonly batch: number | null;
  /** Values of the time input: one for each picture, a single one, or one without any axis. */
  readonly time: 'each' | 'one' | 'scalar';
}

/** Any batch, and a time for each picture, as the lab exports. */
const OPEN: InputForm = { batch: null, time: 'each' };

/** The form of a file's inputs. @throws RangeError when the bytes are not an ONNX model. */
export function inputForm(
  weights: Uint8Array,
  { inputs, variants }: BundleManifest,
  variant: string,
): InputForm {
  // A generator without steps has no time, and its exporter is ours.
  if (!isDiffusion(variants[variant]!)) return OPEN;
  const found = onnxSignature(weights).inputs;
  const dimsOf = (name: string) => found.find((input) => input.name === name)?.dims;
  const time = dimsOf(inputs.t.name);
  const batch = dimsOf(inputs.x.name)?.[0] ?? null;
  return {
    batch,
    time: time?.length === 0 ? 'scalar' : time?.length === 1 && time[0] === 1 && batch !== 1 ? 'one' : 'each',
  };
}

/** The inputs of one batch by name, as the manifest wants them; see `Network.run`. */
export function networkInputs(
  manifest: BundleManifest,
  variant: string,
  x: Float32Array,
  t: number,
  rows: readonly (readonly number[])[],
  form: InputForm = OPEN,
): Record<string, PlainTensor> {
  const { inputs, image, grades } = manifest;
  const entry = manifest.variants[variant]!;
  const k = rows.length;
  if (!isDiffusion(entry)) {
    const y = Float32Array.from(rows.flatMap((row) => row.slice(0, grades.length)));
    return {
      [entry.inputs.z.name]: { type: 'float32', data: repeat(x, k, entry.latent), dims: [k, entry.latent] },
      [entry.inputs.y.name]: { type: 'float32', data: y, dims: [k, grades.length] },
    };
  }
  const times = form.time === 'each' ? k : 1;
  const dims = form.time === 'scalar' ? [] : [times];
  return {
    [inputs.x.name]: {
      type: 'float32',
      data: repeat(x, k, image.channels * image.height * image.width),
      dims: [k, image.channels, image.height, image.width],
    },
    [inputs.t.name]:
      inputs.t.kind === 'float'
        ? { type: 'float32', data: new Float32Array(times).fill(t), dims }
        : { type: 'int64', data: new BigInt64Array(times).fill(BigInt(Math.round(t))), dims },
    [inputs.y.name]:
      inputs.y.kind === 'weights'
        ? { type: 'float32', data: Float32Array.from(rows.flat()), dims: [k, grades.length + 1] }
        : { type: 'int64', data: BigInt64Array.from(rows, (row) => BigInt(row.indexOf(1))), dims: [k] },
  };
}

/** Name of the output that holds the pictures. */
export function outputName({ variants, output }: BundleManifest, variant: string): string {
  const entry = variants[variant]!;
  return isDiffusion(entry) ? output.name : entry.output.name;
}

/** Runs one batch of named tensors, and gives what `read` makes of the named output. */
export type RunBatch = (
  inputs: Record<string, PlainTensor>,
  output: string,
  read: (output: RuntimeTensor | undefined) => Float32Array,
) => Promise<Float32Array>;

/**
 * A network of any runtime: what `Network.run` promises, from what runs one batch of named tensors. Rows beyond a batch
 * that the file fixes go through it in several runs, the last one filled up with copies.
 */
export function networkOf(
  manifest: BundleManifest,
  variant: string,
  form: InputForm,
  runBatch: RunBatch,
): Network {
  const length = pictureLength(manifest);
  const output = outputName(manifest, variant);
  const once = (x: Float32Array, t: number, rows: readonly (readonly number[])[]) =>
    runBatch(networkInputs(manifest, variant, x, t, rows, form), output, (result) =>
      networkOutput(result, length * rows.length),
    );
  return {
    async run(x, t, rows) {
      const { batch } = form;
      if (batch === null || batch === rows.length) return once(x, t, rows);
      const all = new Float32Array(length * rows.length);
      for (let at = 0; at < rows.length; at += batch) {
        const places = Array.from({ length: batch }, (_, i) => Math.min(at + i, rows.length - 1));
        const own = new Float32Array(length * batch);
        places.forEach((k, i) =>
          own.set(x.length === length ? x : x.subarray(k * length, (k + 1) * length), i * length),
        );
        const part = places.map((k) => rows[k]!);
        const wanted = Math.min(batch, rows.length - at);
        all.set((await once(own, t, part)).subarray(0, wanted * length), at * length);
      }
      return all;
    },
  };
}

/** What a runtime gave, of any runtime. */
interface RuntimeTensor {
  readonly type: string;
  readonly size: number;
  readonly dims: readonly number[];
  readonly data: unknown;
}

/**
 * An output's values, checked.
 * @throws StudioError `output-not-finite`, or `model-unsupported` when the file does not keep the manifest's promise.
 */
export function networkOutput(output: RuntimeTensor | undefined, length: number): Float32Array {
  if (output?.type !== 'float32' || output.size !== length) {
    throw new StudioError({
      code: 'model-unsupported',
      message: 'The model gave something other than the float32 pictures that its manifest announces.',
      remedy: 'Choose another model; if it is yours, compare its outputs with its manifest.',
      detail: output ? `${output.type} [${output.dims.join(', ')}], expected ${length} values` : 'no output',
    });
  }
  const data = output.data as Float32Array;
  for (const value of data) {
    if (!Number.isFinite(value)) {
      throw new StudioError({
        code: 'output-not-finite',
        message: 'The model gave numbers that are not finite.',
        remedy:
          'Try fewer extremes (guidance, severity); if it happens again, open the studio with ?ep=wasm.',
      });
    }
  }
  return data;
}

/**
 * A grader of any runtime: the probabilities of the grades, lowest first, for a flat CHW picture, from what runs one batch of
 * named tensors. It was made for pictures in files, so it is given the values that the picture's bytes have.
 * @throws StudioError as `networkOutput`.
 */
export function graderOf(
  { image, grades }: BundleManifest,
  names: { readonly input: { readonly name: string }; readonly output: { readonly name: string } },
  runBatch: RunBatch,
): (picture: Float32Array) => Promise<number[]> {
  const dims = [1, image.channels, image.height, image.width];
  return async (picture) => {
    const input = { type: 'float32', data: asShown(picture), dims } as const;
    const read = (output: RuntimeTensor | undefined) => networkOutput(output, grades.length);
    return Array.from(await runBatch({ [names.input.name]: input }, names.output.name, read));
  };
}

/**
 * That a session has every input and output that the manifest names.
 * @throws StudioError `model-unsupported`.
 */
export function requireNames(
  manifest: BundleManifest,
  variant: string,
  has: { readonly inputNames: readonly string[]; readonly outputNames: readonly string[] },
): void {
  const entry = manifest.variants[variant]!;
  const inputs = Object.values(isDiffusion(entry) ? manifest.inputs : entry.inputs);
  const absent = inputs.map(({ name }) => name).filter((name) => !has.inputNames.includes(name));
  const output = outputName(manifest, variant);
  if (!has.outputNames.includes(output)) absent.push(output);
  if (absent.length === 0) return;
  throw new StudioError({
    code: 'model-unsupported',
    message: `The model has no input or output called ${absent.join(', ')}, which its manifest names.`,
    remedy: 'Choose another model; if it is yours, correct the names in its manifest.',
    detail: `inputs ${has.inputNames.join(', ')}; outputs ${has.outputNames.join(', ')}`,
  });
}
