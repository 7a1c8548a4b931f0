import { decode } from 'fast-png';
import { expect, it } from 'vitest';
import { readProvenance } from './png';
import { SOFTWARE, type Provenance } from './provenance';
import { encodeSheet, readSheetProvenance, type SheetCell } from './sheet';

const provenance = (seed: number): Provenance => ({
  formatVersion: 3,
  software: SOFTWARE,
  versions: { studio: '1' },
  request: {
    model: 'phantom',
    variant: 'odm',
    severity: 1.5,
    seed,
    sampler: 'ddim',
    steps: 4,
    guidance: 1,
    eta: 0,
  },
  modelSha256: 'a'.repeat(64),
  provider: 'WASM, one thread',
  frame: { index: 4, steps: 4 },
  license: 'CC0',
  attribution: 'made “up” here',
});
/** A flat grey of its own for every seed. */
const cell = (seed: number): SheetCell => ({
  chw: new Float32Array(3 * 32 * 32).fill(-1 + seed * 0.16),
  width: 32,
  height: 32,
  label: ['1.5', `seed ${seed}`],
  provenance: provenance(seed),
});

it('shows every picture at its place, and carries what each was made of', () => {
  const bytes = encodeSheet({ title: 'Phantom', columns: 2, cells: [1, 2, 3].map(cell) });
  const { width, height, data } = decode(bytes);
  expect(readSheetProvenance(bytes)).toMatchObject({ columns: 2, title: 'Phantom' });
  expect(readSheetProvenance(bytes).pictures).toEqual([1, 2, 3].map(provenance));

  // 32 pixels are enlarged sevenfold; the grey of each is found where its row and column say.
  const greys = new Map<number, number>();
  for (let i = 0; i < width * height; i++) greys.set(data[i * 3]!, (greys.get(data[i * 3]!) ?? 0) + 1);
  for (const seed of [1, 2, 3]) {
    const grey = Math.round(seed * 0.16 * 127.5);
    expect(greys.get(grey)).toBeGreaterThanOrEqual(224 * 224);
  }
  const at = (x: number, y: number) => data[(y * width + x) * 3];
  expect(at(100, 120)).toBe(20);
  expect(at(340, 120)).toBe(41);
  expect(at(100, height - 180)).toBe(61);
});

it('has the strip and the labels in it, as ink', () => {
  const ink = (label: string[]) => {
    const { data } = decode(encodeSheet({ title: 'T', columns: 1, cells: [{ ...cell(1), label }] }));
    return (data as Uint8Array).reduce((sum, v) => sum + (v === 255 ? 1 : 0), 0);
  };
  expect(ink(['', ''])).toBeGreaterThan(300);
  expect(ink(['GRADE', 'SEED'])).toBeGreaterThan(ink(['', '']));
  // Too long a line is cut off, not drawn over its neighbour.
  expect(() => ink(['x'.repeat(500)])).not.toThrow();
});

it('refuses nothing and mixed sizes', () => {
  expect(() => encodeSheet({ title: '', columns: 1, cells: [] })).toThrow(RangeError);
  const small = { ...cell(2), width: 16, height: 16, chw: new Float32Array(3 * 256) };
  expect(() => encodeSheet({ title: '', columns: 2, cells: [cell(1), small] })).toThrow(RangeError);
});

it('takes grey pictures among coloured ones', () => {
  const grey = { ...cell(2), chw: new Float32Array(32 * 32).fill(-1 + 2 * 0.16) };
  const sheet = (cells: Parameters<typeof encodeSheet>[0]['cells']) =>
    encodeSheet({ title: 'T', columns: 2, cells });
  const pixels = (bytes: Uint8Array) => Buffer.from(decode(bytes).data);
  expect(pixels(sheet([cell(1), grey])).equals(pixels(sheet([cell(1), cell(2)])))).toBe(true);
});

it('is told from a single picture', () => {
  const bytes = encodeSheet({ title: 'T', columns: 1, cells: [cell(1)] });
  expect(() => readProvenance(bytes)).toThrow(/several pictures/);
  expect(() => readSheetProvenance(new Uint8Array(8))).toThrow(/not a contact sheet/);
});
