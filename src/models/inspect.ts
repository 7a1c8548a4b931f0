/**
 * Judging an ONNX file that comes without a manifest: what its inputs and outputs are likely for, and, where it can't be
 * run here, why not. What is found is offered to the person, who decides.
 */
import { StudioError } from '../errors';
import { onnxSignature, type OnnxSignature, type TensorSignature } from './onnxSignature';

/** Beyond this a browser's memory does not hold weights, their copies and the pictures in between. */
export const MAX_WEIGHTS_BYTES = 512 * 2 ** 20;
export const MIN_SIDE = 8;
export const MAX_SIDE = 512;
export const MIN_GRADES = 2;
export const MAX_GRADES = 10;

/** Names to choose among, the likeliest first. */
export interface Inspection {
  readonly signature: OnnxSignature;
  readonly x: readonly string[];
  readonly t: readonly { readonly name: string; readonly kind: 'float' | 'int64' }[];
  readonly y: readonly { readonly name: string; readonly kind: 'weights' | 'index' }[];
  readonly output: readonly string[];
  /** Where the file fixes them. */
  readonly channels: 1 | 3 | null;
  readonly width: number | null;
  readonly height: number | null;
  readonly grades: number | null;
}

/** The error of something brought along that can't be used: what is wrong and what would help. */
export function unusable(message: string, remedy: string, detail = ''): StudioError {
  return new StudioError({ code: 'import-invalid', message, remedy, detail });
}

const shape = ({ name, type, dims }: TensorSignature) =>
  `${name}: ${type} [${dims ? dims.map((d) => d ?? '?').join(', ') : 'shape not given'}]`;

/** The likelier one first: those whose name matches, then as they come. */
const byName = <T extends { readonly name: string }>(found: readonly T[], pattern: RegExp): T[] => [
  ...found.filter(({ name }) => pattern.test(name)),
  ...found.filter(({ name }) => !pattern.test(name)),
];

/**
 * What an ONNX file offers.
 * @throws StudioError `import-invalid` that says why the file can't be run here.
 */
export function inspectOnnx(model: Uint8Array): Inspection {
  if (model.length > MAX_WEIGHTS_BYTES) {
    throw unusable(
      `The model is too large: ${Math.round(model.length / 2 ** 20)} MB, and ${MAX_WEIGHTS_BYTES / 2 ** 20} MB is the most that a browser can be asked to run.`,
      'Export a smaller model, or store its weights as float16.',
    );
  }
  let signature: OnnxSignature;
  try {
    signature = onnxSignature(model);
  } catch (thrown) {
    throw unusable(
      'This is not an ONNX model.',
      'Choose the .onnx file that your exporter wrote.',
      thrown instanceof Error ? thrown.message : '',
    );
  }
  const { inputs, outputs } = signature;
  const detail = `inputs ${inputs.map(shape).join('; ')} – outputs ${outputs.map(shape).join('; ')}`;
  if (signature.externalData) {
    throw unusable(
      'The model’s weights lie in another file beside it.',
      'Export it into one file: external_data=False in torch.onnx.export.',
      detail,
    );
  }
  if (signature.foreignDomains.length > 0) {
    throw unusable(
      `The model needs operators that no browser runtime has (${signature.foreignDomains.join(', ')}).`,
      'Export it with the standard ONNX operators only.',
      detail,
    );
  }
  const halves = inputs.filter((i) => i.type === 'float16');
  if (halves.length > 0) {
    throw unusable(
      `The input ${halves[0]!.name} is float16.`,
      'Export the model with float32 inputs and outputs; its weights may stay float16.',
      detail,
    );
  }

  const pictures = inputs.filter((i) => i.type === 'float32' && (i.dims === null || i.dims.length === 4));
  if (pictures.length === 0) {
    throw unusable(
      'The model has no input for the noisy picture: a float32 tensor of rank 4, [batch, channels, height, width].',
      'Check the shape and the type of its inputs; the detail lists them.',
      detail,
    );
  }
  const x = byName(pictures, /^x|sample|image|noisy/i);
  const dims = x[0]!.dims;
  const channels = dims?.[1] ?? null;
  if (channels !== null && channels !== 1 && channels !== 3) {
    throw unusable(
      `The model’s pictures have ${channels} channels; this studio shows pictures of 3 (red, green, blue) or of 1 (grey).`,
      'Bring a model of RGB or grey pictures in the range −1..1.',
      detail,
    );
  }
  const [height, width] = [dims?.[2] ?? null, dims?.[3] ?? null];
  for (const side of [height, width]) {
    if (side !== null && (side < MIN_SIDE || side > MAX_SIDE)) {
      throw unusable(
        `The model’s pictures are ${width ?? '?'} × ${height ?? '?'}; sides from ${MIN_SIDE} to ${MAX_SIDE} pixels can be shown.`,
        'Bring a model of another size.',
        detail,
      );
    }
  }

  const rest = inputs.filter((i) => i.name !== x[0]!.name);
  const rank = ({ dims: d }: TensorSignature) => d?.length ?? null;
  const scalars = rest.filter((i) => (i.type === 'float32' || i.type === 'int64') && (rank(i) ?? 1) <= 1);
  const times = byName(scalars, /time|^t$|sigma|step|noise/i).map(({ name, type }) => ({
    name,
    kind: type === 'int64' ? ('int64' as const) : ('float' as const),
  }));
  const classes = byName(
    rest.flatMap((i): (TensorSignature & { readonly kind: 'index' | 'weights' })[] => {
      if (i.type === 'int64' && (rank(i) ?? 1) === 1) return [{ ...i, kind: 'index' }];
      if (i.type === 'float32' && (rank(i) ?? 2) === 2) return [{ ...i, kind: 'weights' }];
      return [];
    }),
    /class|label|^y$|cond|grade/i,
  );
  if (times.length === 0) {
    throw unusable(
      'The model has no input for the time: int64 or float32, one value for each picture.',
      'A denoiser needs the noise level; check which inputs were exported.',
      detail,
    );
  }
  const y = classes.filter(({ name }) => name !== times[0]!.name);
  if (y.length === 0) {
    throw unusable(
      'The model has no input for the grade: int64 class labels [batch], or float32 class weights [batch, grades + 1].',
      'Only class-conditional models can be asked for a severity.',
      detail,
    );
  }
  // An input that nobody feeds would stop every run.
  const spare = rest.filter(
    (i) => !times.some((t) => t.name === i.name) && !y.some((c) => c.name === i.name),
  );
  if (spare.length > 0) {
    throw unusable(
      `The model has an input that this studio cannot give: ${spare.map(shape).join(', ')}.`,
      'Export it with the noisy picture, the time and the class only.',
      detail,
    );
  }
  const drawn = outputs.filter((o) => o.type === 'float32' && (o.dims === null || o.dims.length === 4));
  if (drawn.length === 0) {
    throw unusable(
      'The model has no output of float32 pictures, [batch, channels, height, width].',
      'Check the rank and the type of its outputs; the detail lists them.',
      detail,
    );
  }

  const weightsWidth = y[0]!.kind === 'weights' ? (y[0]!.dims?.[1] ?? null) : null;
  const embedded = signature.classEmbeddings
    .map(([rows]) => rows!)
    .find((n) => n >= MIN_GRADES && n <= MAX_GRADES + 1);
  const grades =
    weightsWidth !== null ? weightsWidth - 1 : y[0]!.kind === 'index' ? (embedded ?? null) : null;
  if (grades !== null && (grades < MIN_GRADES || grades > MAX_GRADES)) {
    throw unusable(
      `The model has ${grades} grades; ${MIN_GRADES} to ${MAX_GRADES} can be compared.`,
      'Bring a model of an ordinal scale.',
      detail,
    );
  }
  return {
    signature,
    x: x.map(({ name }) => name),
    t: times,
    y: y.map(({ name, kind }) => ({ name, kind })),
    output: drawn.map(({ name }) => name),
    channels,
    width,
    height,
    grades,
  };
}
