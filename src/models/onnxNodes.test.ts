import { expect, test } from 'vitest';
import { nameNodes } from './onnxNodes';

const text = (value: string): number[] => [...new TextEncoder().encode(value)];
/** A length-delimited field. */
const field = (number: number, content: number[]): number[] => {
  const { length } = content;
  const size = length < 128 ? [length] : [(length & 0x7f) | 0x80, length >> 7];
  return [(number << 3) | 2, ...size, ...content];
};
const node = (name: string | undefined, operator: string) =>
  field(1, [
    ...field(1, text('in')),
    ...field(2, text('out')),
    ...(name === undefined ? [] : field(3, text(name))),
    ...field(4, text(operator)),
  ]);
const modelOf = (...nodes: number[][]) => {
  const irVersion = [1 << 3, 0x8a, 0x01];
  const float32Field = [(9 << 3) | 5, 0, 0, 0, 0];
  const float64Field = [(10 << 3) | 1, 0, 0, 0, 0, 0, 0, 0, 0];
  const weights = field(5, new Array<number>(200).fill(0xff));
  const graph = [...nodes[0]!, ...weights, ...nodes.slice(1).flat()];
  return Uint8Array.from([...irVersion, ...float32Field, ...float64Field, ...field(7, graph)]);
};

test('finds the named nodes of the operators and leaves the model alone', () => {
  const model = modelOf(node('time/sin', 'Sin'), node('sum', 'Add'), node('time/cos', 'Cos'));
  const result = nameNodes(model, ['Sin', 'Cos']);
  expect(result.names).toEqual(['time/sin', 'time/cos']);
  expect(result.model).toBe(model);
});

test('names those that have none, and changes nothing else', () => {
  const nodes = (first: number[], last: number[]) =>
    modelOf(first, node(undefined, 'Add'), node('c', 'Cos'), last);
  const { model, names } = nameNodes(nodes(node(undefined, 'Sin'), node('', 'Cos')), ['Sin', 'Cos']);
  expect(names).toEqual(['unnamed/Sin/0', 'c', 'unnamed/Cos/2']);
  // Found again under these names, and nothing is left to be named.
  expect(nameNodes(model, ['Sin', 'Cos'])).toEqual({ model, names });
  // The name is added behind what the node already says.
  const appended = (before: number[], name: string) =>
    field(1, [...before.slice(2), ...field(3, text(name))]);
  const expected = nodes(
    appended(node(undefined, 'Sin'), 'unnamed/Sin/0'),
    appended(node('', 'Cos'), 'unnamed/Cos/2'),
  );
  expect(model).toEqual(expected);
});

test.each([[[0x3a, 5, 0]], [[0x3a]], [[0x80]], [[0x3b]], [[0x4d, 0]]])(
  'refuses what is not a message: %j',
  (broken) => {
    expect(() => nameNodes(Uint8Array.from(broken), ['Sin'])).toThrow(RangeError);
  },
);
