/**
 * Finding nodes in an ONNX file, and naming those that have no name, without a protobuf library: just enough of the
 * wire format (https://protobuf.dev/programming-guides/encoding/) for ModelProto.graph (field 7) -> node (field 1) ->
 * name (field 3) and op_type (field 4). Everything else is passed over, or copied as it is.
 */

const GRAPH = 7;
const NODE = 1;
const NAME = 3;
const OP_TYPE = 4;
const LENGTH_DELIMITED = 2;

interface Field {
  readonly number: number;
  readonly wireType: number;
  /** The whole field, tag and all. */
  readonly raw: Uint8Array;
  /** What a length-delimited field holds; empty for the others. */
  readonly content: Uint8Array;
}

/** The fields of one message, in order. @throws RangeError when the bytes are not a message. */
function* fields(message: Uint8Array): Generator<Field> {
  let at = 0;
  const varint = (): number => {
    // Multiplied rather than shifted: lengths may exceed 31 bits, and what is longer is passed over anyway.
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = message[at++];
      if (byte === undefined) throw new RangeError('the file ends within a number');
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
  };
  while (at < message.length) {
    const start = at;
    const tag = varint();
    const wireType = tag % 8;
    let length = 0;
    if (wireType === 0) varint();
    else if (wireType === 1) at += 8;
    else if (wireType === 5) at += 4;
    else if (wireType === LENGTH_DELIMITED) length = varint();
    else throw new RangeError(`unknown wire type ${wireType}`);
    const contentStart = at;
    at += length;
    if (at > message.length) throw new RangeError('the file ends within a field');
    yield {
      number: Math.floor(tag / 8),
      wireType,
      raw: message.subarray(start, at),
      content: message.subarray(contentStart, at),
    };
  }
}

/** A length-delimited field in its parts: tag, length and contents. */
function delimited(number: number, contents: readonly Uint8Array[]): Uint8Array[] {
  const head = [(number << 3) | LENGTH_DELIMITED];
  let length = contents.reduce((sum, part) => sum + part.length, 0);
  for (; length >= 128; length = Math.floor(length / 128)) head.push((length % 128) | 0x80);
  return [Uint8Array.from([...head, length]), ...contents];
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/**
 * The names of all nodes of the given operators, in graph order. Those that had none get one; then `model` is a copy
 * with these names, else it is the array that was passed in.
 * @throws RangeError when the bytes are not a protobuf message.
 */
export function nameNodes(
  model: Uint8Array,
  operators: readonly string[],
): { model: Uint8Array; names: string[] } {
  const names: string[] = [];
  const text = new TextDecoder();
  let changed = false;

  const named = (node: Field): Uint8Array[] => {
    let name = '';
    let operator = '';
    for (const { number, content } of fields(node.content)) {
      if (number === NAME) name = text.decode(content);
      else if (number === OP_TYPE) operator = text.decode(content);
    }
    if (!operators.includes(operator)) return [node.raw];
    names.push(name || `unnamed/${operator}/${names.length}`);
    if (name) return [node.raw];
    changed = true;
    // Of a field given twice the last counts, so an empty name before it does no harm.
    const nameField = delimited(NAME, [new TextEncoder().encode(names.at(-1)!)]);
    return delimited(NODE, [node.content, ...nameField]);
  };

  const is = (field: Field, number: number) =>
    field.number === number && field.wireType === LENGTH_DELIMITED;
  const parts: Uint8Array[] = [];
  for (const field of fields(model)) {
    if (!is(field, GRAPH)) {
      parts.push(field.raw);
      continue;
    }
    const graph: Uint8Array[] = [];
    for (const part of fields(field.content)) {
      for (const piece of is(part, NODE) ? named(part) : [part.raw]) graph.push(piece);
    }
    parts.push(...delimited(GRAPH, [join(graph)]));
  }
  return { model: changed ? join(parts) : model, names };
}
