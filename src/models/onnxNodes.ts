/**
 * Finding nodes in an ONNX file, and naming those that have no name: ModelProto.graph (field 7) -> node (field 1) -> name
 * (field 3) and op_type (field 4). Everything else is passed over, or copied as it is.
 */
import { delimited, fields, join, LENGTH_DELIMITED, type Field } from './protobuf';

const GRAPH = 7;
const NODE = 1;
const NAME = 3;
const OP_TYPE = 4;

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

  const is = (field: Field, number: number) => field.number === number && field.wireType === LENGTH_DELIMITED;
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
