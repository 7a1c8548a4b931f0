import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { decode, encode } from 'fast-png';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { drawText, textWidth } from './glyphs';
import { encodeNpy } from './npy';
import { StudioError } from '../errors';
import { decodePicture, encodePicture, readProvenance, withDisclaimer } from './png';
import { toLatin1Json, withText } from './pngText';
import { describePicture, settingsText, SOFTWARE, type Provenance } from './provenance';
import { exampleManifest, exampleWithGenerator } from '../models/testing';
import { toByte } from '../models/picture';
import { STRIP_TEXT } from './raster';
import { anyRequest } from './testing';

const provenance: Provenance = {
  formatVersion: 3,
  software: SOFTWARE,
  versions: { studio: '0.1.0', 'onnxruntime-web': '1.30.0' },
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

  it('saves one channel as grey', () => {
    const grey = Float32Array.of(-1, 0, 0.2, 1);
    const saved = decodePicture(
      encodePicture({ chw: grey, width: 2, height: 2, provenance, scale: 1, strip: false }),
    );
    const coloured = Float32Array.from([...grey, ...grey, ...grey], (v) => toByte(v) / 127.5 - 1);
    expect(saved).toEqual({ chw: coloured, width: 2, height: 2 });
    expect(() => encodePicture({ chw: new Float32Array(5), width: 2, height: 2, provenance })).toThrow(
      RangeError,
    );
  });

  it('tells no PNG, not ours and ours but broken apart', () => {
    const message = (bytes: Uint8Array) => {
      try {
        readProvenance(bytes);
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(StudioError);
        expect((thrown as StudioError).code).toBe('file-invalid');
        return (thrown as StudioError).message;
      }
      return '';
    };
    const plain = { width: 1, height: 1, data: new Uint8Array(3), channels: 3 };
    const ours = encodePicture({ chw, width: 4, height: 2, provenance });
    const cut = ours.slice(0, ours.length - 20);
    const flipped = ours.slice();
    flipped[ours.length - 30]! ^= 0xff;
    const noPng = message(Uint8Array.of(1, 2, 3));
    const notOurs = message(encode(plain));
    const broken = message(
      encode({ ...plain, text: { Software: SOFTWARE, parameters: '{"formatVersion":1}' } }),
    );
    expect(new Set([noPng, notOurs, broken, '']).size).toBe(4);
    expect(message(encode({ ...plain, text: { Software: 'Paint', parameters: 'Steps: 4' } }))).toBe(notOurs);
    for (const bytes of [encode({ ...plain, text: { Software: SOFTWARE, parameters: '{' } }), cut, flipped]) {
      expect(message(bytes)).toBe(broken);
    }
    const several = message(withDisclaimer(encode(plain), 'CC BY 4.0', 'A contact sheet'));
    expect([noPng, notOurs, broken, '']).not.toContain(several);
  });

  it('claims no sampler for a generator’s picture', () => {
    const manifest = exampleWithGenerator();
    const request = { ...provenance.request, model: manifest.id, variant: 'stylegan2' };
    const rest = { manifest, provider: 'WASM', versions: {}, frame: { index: 1, steps: 1 } };
    const record = describePicture({ ...rest, request });
    expect(record.method).toBe('generator');
    expect(readProvenance(encodePicture({ chw, width: 4, height: 2, provenance: record }))).toEqual(record);
    const text = settingsText(record);
    expect(text).toContain('Sampler: none (generator)');
    expect(text).not.toMatch(/CFG|ddim|ddpm|dpmpp/);
    const denoised = describePicture({ ...rest, request: { ...request, variant: 'odm' } });
    expect(denoised).not.toHaveProperty('method');
    expect(settingsText(denoised)).toContain(`CFG scale: ${request.guidance}`);
  });

  it('says at which times a picture was guided, if not at all', () => {
    const manifest = exampleManifest();
    manifest.diffusion.guidanceRange = [0, 0.6];
    const request = { ...provenance.request, model: manifest.id, variant: 'odm', guidance: 4 };
    const rest = { manifest, provider: 'WASM', versions: {}, frame: { index: 1, steps: 1 } };
    const record = describePicture({ ...rest, request });
    expect(record.guidanceRange).toEqual([0, 0.6]);
    expect(readProvenance(encodePicture({ chw, width: 4, height: 2, provenance: record }))).toEqual(record);
    expect(settingsText(record)).toContain('CFG scale: 4, CFG at t: 0 to 0.6');
    expect(describePicture({ ...rest, request: { ...request, guidance: 1 } })).not.toHaveProperty(
      'guidanceRange',
    );
    expect(settingsText(provenance)).not.toContain('CFG at');
  });

  it('reads the record of the first version', () => {
    const old = { ...provenance, formatVersion: 1, versions: undefined };
    const png = encode({
      width: 1,
      height: 1,
      data: new Uint8Array(3),
      channels: 3,
      text: { Software: SOFTWARE, parameters: toLatin1Json(old) },
    });
    expect(readProvenance(png)).toEqual({ ...provenance, versions: {} });
  });

  it('reads the record of the second version', () => {
    const old = { ...provenance, formatVersion: 2 } as unknown as Provenance;
    expect(readProvenance(encodePicture({ chw, width: 4, height: 2, provenance: old }))).toEqual(provenance);
  });

  it('says in words that the grade was changed on the way', () => {
    const changedFrom = [{ severity: 0, step: 3 }];
    const text = settingsText({ ...provenance, request: { ...provenance.request, changedFrom } });
    expect(text).toContain('Severity until step 3: 0');
    expect(settingsText(provenance)).not.toContain('until');
  });

  it('any request comes back', () => {
    fc.assert(
      fc.property(anyRequest(), fc.string({ unit: 'binary' }), (request, attribution) => {
        const made = { ...provenance, request, attribution };
        const bytes = encodePicture({ chw, width: 4, height: 2, provenance: made, scale: 1, strip: false });
        expect(readProvenance(bytes)).toEqual(made);
      }),
      { numRuns: 50 },
    );
  });
});

it('a picture read back is the same to the byte', () => {
  const bytes = encodePicture({ chw, width: 4, height: 2, provenance, scale: 1, strip: false });
  const again = decodePicture(bytes);
  expect([again.width, again.height]).toEqual([4, 2]);
  expect(decode(encodePicture({ ...again, provenance, scale: 1, strip: false })).data).toEqual(
    decode(bytes).data,
  );
});

const exiftool = spawnSync('exiftool', ['-ver']).status === 0;
it.skipIf(!exiftool)('exiftool reads the fields', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'png-'));
  try {
    const file = path.join(folder, 'picture.png');
    writeFileSync(file, encodePicture({ chw, width: 4, height: 2, provenance }));
    const { stdout } = spawnSync('exiftool', ['-json', '-a', '-G1', '-validate', '-warning', file], {
      encoding: 'utf8',
    });
    const all = spawnSync('exiftool', ['-json', file], { encoding: 'utf8' }).stdout;
    const [fields] = JSON.parse(all) as [Record<string, string>];
    expect(stdout).not.toMatch(/[1-9]\d* (Warning|Error)/);
    expect(fields).toMatchObject({
      DigitalSourceType: 'http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia',
      Software: SOFTWARE,
      CreatorTool: SOFTWARE,
      Description: expect.stringContaining('Not a patient'),
      Rights: 'Trained on Größe – 東京 (CC BY 4.0)',
      Parameters: expect.stringContaining('Seed: 4294967295'),
    });
    const record = fields[Object.keys(fields).find((key) => /^ordinal-?diffusion-?studio$/i.test(key))!]!;
    expect(JSON.parse(record)).toEqual(provenance);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it('puts text only into a PNG', () => {
  expect(() => withText(new Uint8Array(100), {}, '')).toThrow(RangeError);
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
