import { decode, encode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { drawText, textWidth } from './glyphs';
import { encodeNpy } from './npy';
import { encodePicture, readProvenance, SOFTWARE, STRIP_TEXT, type Provenance } from './png';

const provenance: Provenance = {
  formatVersion: 1,
  software: SOFTWARE,
  request: {
    model: 'phantom',
    variant: 'odm',
    severity: 2,
    seed: 4294967295,
    sampler: 'ddim',
    steps: 20,
    guidance: 1.5,
    eta: 0,
  },
  modelSha256: 'ab'.repeat(32),
  provider: 'WASM, 2 threads – “fast”',
  frame: { index: 20, steps: 20 },
  license: 'CC BY 4.0',
  attribution: 'Trained on Größe – 東京',
};

/** 4 x 2 pixels, values spread over [-1, 1] and one beyond. */
const chw = Float32Array.from({ length: 24 }, (_, i) => (i === 5 ? 3 : (i / 23) * 2 - 1));

describe('encodePicture', () => {
  it('enlarges whole pixels and keeps their values to a rounding', () => {
    const png = decode(encodePicture({ chw, width: 4, height: 2, provenance, strip: false, scale: 3 }));
    expect([png.width, png.height, png.channels]).toEqual([12, 6, 3]);
    for (let y = 0; y < 6; y++) {
      for (let x = 0; x < 12; x++) {
        for (let c = 0; c < 3; c++) {
          const value = chw[c * 8 + Math.floor(y / 3) * 4 + Math.floor(x / 3)]!;
          const expected = Math.max(0, Math.min(255, Math.round((value + 1) * 127.5)));
          expect(png.data[(y * 12 + x) * 3 + c]).toBe(expected);
        }
      }
    }
  });

  it('burns the strip in under the picture unless told not to', () => {
    const picture = { chw: new Float32Array(3 * 32 * 32), width: 32, height: 32, provenance };
    const withStrip = decode(encodePicture(picture));
    const without = decode(encodePicture({ ...picture, strip: false }));
    expect(without.height).toBe(512);
    expect(withStrip.width).toBe(512);
    expect(withStrip.height).toBeGreaterThan(512);
    const strip = withStrip.data.subarray(512 * 512 * 3);
    const ink = strip.filter((v) => v === 255).length / strip.length;
    expect(ink).toBeGreaterThan(0.03);
    expect(ink).toBeLessThan(0.5);
  });

  it('finds room for the strip on small pictures too', () => {
    for (const width of [80, 128, 160, 512]) {
      const picture = { chw: new Float32Array(3 * width * 8), width, height: 8, provenance, scale: 1 };
      const png = decode(encodePicture(picture));
      const row = (y: number) => [...png.data.subarray(y * width * 3, (y + 1) * width * 3)];
      // The margins are free of ink: nothing was cut off.
      for (let y = 8; y < png.height; y++) {
        expect(row(y).slice(0, 3)).toEqual([24, 24, 27]);
        expect(row(y).slice(-3)).toEqual([24, 24, 27]);
      }
      expect(png.data.subarray(8 * width * 3).some((v) => v === 255)).toBe(true);
    }
  });

  it('refuses a size that is not the picture’s', () => {
    expect(() => encodePicture({ chw, width: 4, height: 3, provenance })).toThrow(RangeError);
  });
});

describe('readProvenance', () => {
  it('gives back what was written, every character of it', () => {
    const bytes = encodePicture({ chw, width: 4, height: 2, provenance });
    expect(readProvenance(bytes)).toEqual(provenance);
    expect(decode(bytes).text).toMatchObject({ Software: SOFTWARE });
  });

  it('tells no PNG, not ours and ours but broken apart', () => {
    const message = (bytes: Uint8Array) => {
      try {
        readProvenance(bytes);
      } catch (thrown) {
        return (thrown as Error).message;
      }
      return '';
    };
    const plain = { width: 1, height: 1, data: new Uint8Array(3), channels: 3 };
    const messages = [
      message(Uint8Array.of(1, 2, 3)),
      message(encode(plain)),
      message(encode({ ...plain, text: { Software: SOFTWARE, parameters: '{"formatVersion":1}' } })),
      message(encode({ ...plain, text: { Software: SOFTWARE, parameters: '{' } })),
    ];
    expect(messages.slice(0, 3).every(Boolean)).toBe(true);
    expect(new Set(messages).size).toBe(3);
  });
});

it('the alphabet draws every letter of the strip', () => {
  for (const letter of STRIP_TEXT.replaceAll(' ', '')) {
    let ink = 0;
    drawText(letter, () => ink++);
    expect(ink, letter).toBeGreaterThan(4);
  }
  expect(textWidth('AB')).toBe(11);
});

it('encodeNpy writes a header that NumPy reads, 64-byte aligned, and the values', () => {
  const bytes = encodeNpy(Float32Array.of(1, -2.5, 3e-8), [3, 1, 1]);
  expect([...bytes.subarray(0, 8)]).toEqual([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0]);
  const view = new DataView(bytes.buffer);
  const start = 10 + view.getUint16(8, true);
  expect(start % 64).toBe(0);
  const header = new TextDecoder().decode(bytes.subarray(10, start));
  expect(header.trimEnd()).toBe("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 1, 1), }");
  expect([0, 1, 2].map((i) => view.getFloat32(start + i * 4, true))).toEqual([1, -2.5, Math.fround(3e-8)]);
  expect(() => encodeNpy(new Float32Array(3), [2, 2])).toThrow(RangeError);
});
