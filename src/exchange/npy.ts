/** A float32 picture as NumPy's .npy (version 1.0): the exact numbers, for those who want to compute with them. */

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0];

/** Little-endian float32, C order. Throws a `RangeError` when the shape does not hold the data. */
export function encodeNpy(data: Float32Array, shape: readonly number[]): Uint8Array {
  if (shape.reduce((a, b) => a * b, 1) !== data.length)
    throw new RangeError(`${data.length} values in [${shape.join()}]`);
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(', ')}${shape.length === 1 ? ',' : ''}), }`;
  // Magic, two bytes of header length, header and newline together fill a multiple of 64 bytes.
  const length = Math.ceil((MAGIC.length + 2 + header.length + 1) / 64) * 64 - MAGIC.length - 2;
  const out = new Uint8Array(MAGIC.length + 2 + length + data.length * 4);
  const view = new DataView(out.buffer);
  out.set(MAGIC);
  view.setUint16(MAGIC.length, length, true);
  out.set(new TextEncoder().encode(header.padEnd(length - 1) + '\n'), MAGIC.length + 2);
  data.forEach((v, i) => view.setFloat32(MAGIC.length + 2 + length + i * 4, v, true));
  return out;
}
