/**
 * The wire format of protobuf (https://protobuf.dev/programming-guides/encoding/), just enough to walk through an ONNX
 * file without a library: fields one after the other, what is not needed passed over.
 */

export const LENGTH_DELIMITED = 2;

export interface Field {
  readonly number: number;
  readonly wireType: number;
  /** The whole field, tag and all. */
  readonly raw: Uint8Array;
  /** What a length-delimited field holds; empty for the others. */
  readonly content: Uint8Array;
  /** The number of a varint field, exact up to 2^53; 0 for the others. */
  readonly value: number;
}

/** The fields of one message, in order. @throws RangeError when the bytes are not a message. */
export function* fields(message: Uint8Array): Generator<Field> {
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
    let value = 0;
    if (wireType === 0) value = varint();
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
      value,
    };
  }
}

/** A length-delimited field in its parts: tag, length and contents. */
export function delimited(number: number, contents: readonly Uint8Array[]): Uint8Array[] {
  const head = [(number << 3) | LENGTH_DELIMITED];
  let length = contents.reduce((sum, part) => sum + part.length, 0);
  for (; length >= 128; length = Math.floor(length / 128)) head.push((length % 128) | 0x80);
  return [Uint8Array.from([...head, length]), ...contents];
}

/** Numbers that are packed into one field, or the one of an unpacked field. */
export function varints(field: Field): number[] {
  if (field.wireType !== LENGTH_DELIMITED) return [field.value];
  const numbers: number[] = [];
  let value = 0;
  let scale = 1;
  for (const byte of field.content) {
    value += (byte & 0x7f) * scale;
    scale *= 128;
    if (byte >= 0x80) continue;
    numbers.push(value);
    value = 0;
    scale = 1;
  }
  return numbers;
}

export function join(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
