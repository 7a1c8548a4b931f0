/**
 * What an ONNX file says of itself: its inputs and outputs, how many parameters it has, which sets of operators it needs.
 * Read from the file's bytes without a runtime, so that a model can be judged before anything is started.
 * Field numbers are those of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
 */
import { fields, LENGTH_DELIMITED, varints, type Field } from './protobuf';

export interface TensorSignature {
  readonly name: string;
  /** `float32`, `int64` …; `other` for what no model here takes. */
  readonly type: 'float32' | 'float16' | 'float64' | 'int32' | 'int64' | 'bool' | 'other';
  /** Sizes; null for one that is open (the batch, mostly). Absent where the file does not say. */
  readonly dims: readonly (number | null)[] | null;
}

export interface OnnxSignature {
  readonly inputs: readonly TensorSignature[];
  readonly outputs: readonly TensorSignature[];
  /** Elements of all floating-point initialisers. */
  readonly params: number;
  /** Shapes of initialisers whose name speaks of classes or labels. */
  readonly classEmbeddings: readonly (readonly number[])[];
  /** Whether all weights are float32. */
  readonly float32: boolean;
  /** Operator sets beyond ONNX's own, e.g. `com.example`. */
  readonly foreignDomains: readonly string[];
  /** Whether weights lie in another file beside this one. */
  readonly externalData: boolean;
}

const TYPES: Record<number, TensorSignature['type']> = {
  1: 'float32',
  6: 'int32',
  7: 'int64',
  9: 'bool',
  10: 'float16',
  11: 'float64',
};
const FLOATS = new Set([1, 10, 11, 16]);
/** Domains that the runtime brings operators for. */
const KNOWN_DOMAINS = new Set(['', 'ai.onnx', 'ai.onnx.ml', 'com.microsoft', 'com.microsoft.nchwc']);

const text = (field: Field) => new TextDecoder().decode(field.content);

function dimensions(shape: Uint8Array): (number | null)[] {
  const dims: (number | null)[] = [];
  for (const dim of fields(shape)) {
    if (dim.number !== 1) continue;
    let size: number | null = null;
    for (const part of fields(dim.content)) if (part.number === 1) size = part.value;
    dims.push(size);
  }
  return dims;
}

function valueInfo(message: Uint8Array): TensorSignature {
  let name = '';
  let type: TensorSignature['type'] = 'other';
  let dims: TensorSignature['dims'] = null;
  for (const field of fields(message)) {
    if (field.number === 1) name = text(field);
    if (field.number !== 2) continue;
    for (const kind of fields(field.content)) {
      // TypeProto.tensor_type
      if (kind.number !== 1) continue;
      for (const part of fields(kind.content)) {
        if (part.number === 1) type = TYPES[part.value] ?? 'other';
        if (part.number === 2) dims = dimensions(part.content);
      }
    }
  }
  return { name, type, dims };
}

interface Initializer {
  readonly name: string;
  readonly dims: readonly number[];
  readonly dataType: number;
  readonly external: boolean;
}

function initializer(message: Uint8Array): Initializer {
  let name = '';
  let dataType = 0;
  let external = false;
  const dims: number[] = [];
  for (const field of fields(message)) {
    if (field.number === 1) dims.push(...varints(field));
    else if (field.number === 2) dataType = field.value;
    else if (field.number === 8) name = text(field);
    else if (field.number === 14) external = field.value === 1;
  }
  return { name, dims, dataType, external };
}

/** Reads an ONNX file. @throws RangeError when the bytes are not an ONNX model. */
export function onnxSignature(model: Uint8Array): OnnxSignature {
  const inputs: TensorSignature[] = [];
  const outputs: TensorSignature[] = [];
  const initializers: Initializer[] = [];
  const domains = new Set<string>();
  let graphs = 0;
  for (const field of fields(model)) {
    if (field.number === 8 && field.wireType === LENGTH_DELIMITED) {
      let domain = '';
      for (const part of fields(field.content)) if (part.number === 1) domain = text(part);
      domains.add(domain);
    }
    if (field.number !== 7 || field.wireType !== LENGTH_DELIMITED) continue;
    graphs++;
    for (const part of fields(field.content)) {
      if (part.number === 5) initializers.push(initializer(part.content));
      else if (part.number === 11) inputs.push(valueInfo(part.content));
      else if (part.number === 12) outputs.push(valueInfo(part.content));
    }
  }
  if (graphs !== 1 || domains.size === 0 || outputs.length === 0)
    throw new RangeError('this is not an ONNX model');
  const named = new Set(initializers.map((i) => i.name));
  const weights = initializers.filter((i) => FLOATS.has(i.dataType));
  const elements = ({ dims }: Initializer) => dims.reduce((product, size) => product * size, 1);
  return {
    // Old exporters list the weights among the inputs.
    inputs: inputs.filter((input) => !named.has(input.name)),
    outputs,
    params: weights.reduce((sum, w) => sum + elements(w), 0),
    classEmbeddings: weights
      .filter((w) => /class|label/i.test(w.name) && w.dims.length === 2)
      .map((w) => w.dims),
    float32: weights.every((w) => w.dataType === 1),
    foreignDomains: [...domains].filter((domain) => !KNOWN_DOMAINS.has(domain)),
    externalData: initializers.some((i) => i.external),
  };
}
