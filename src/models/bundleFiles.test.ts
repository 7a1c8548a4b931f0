import { readFileSync, readdirSync } from 'node:fs';
import { zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { openBundleFiles, openZip } from './bundleFiles';
import { inspectOnnx } from './inspect';

const files = () =>
  new Map(
    readdirSync('models/phantom').map((name) => [
      `phantom/${name}`,
      new Uint8Array(readFileSync(`models/phantom/${name}`)),
    ]),
  );

describe('bundles brought along', () => {
  test('a ZIP of a folder is opened, with what its manifest names', async () => {
    const zip = zipSync(Object.fromEntries(files()), { level: 1 });
    const { manifest, files: kept } = await openBundleFiles(await openZip(zip));
    expect(manifest.id).toBe('phantom');
    for (const { file } of Object.values(manifest.variants))
      expect(kept.get(file)?.length).toBeGreaterThan(0);
  });

  test.each<[string, (f: Map<string, Uint8Array<ArrayBuffer>>) => void, string]>([
    ['no manifest', (f) => f.delete('phantom/manifest.json'), 'import-invalid'],
    ['a missing file', (f) => f.delete('phantom/odm.onnx'), 'import-invalid'],
    ['a damaged file', (f) => f.set('phantom/odm.onnx', new Uint8Array(5)), 'hash-mismatch'],
    [
      'a manifest of nonsense',
      (f) => f.set('phantom/manifest.json', new Uint8Array([123])),
      'import-invalid',
    ],
    [
      'a manifest of another kind',
      (f) => f.set('phantom/manifest.json', new TextEncoder().encode('{"formatVersion":1}')),
      'manifest-invalid',
    ],
  ])('%s is refused', async (_, spoil, code) => {
    const spoilt = files();
    spoil(spoilt);
    await expect(openBundleFiles(spoilt)).rejects.toMatchObject({ code });
  });

  test('what is no archive is refused', async () => {
    await expect(openZip(new Uint8Array([1, 2, 3]))).rejects.toMatchObject({ code: 'import-invalid' });
  });
});

/** A protobuf field that holds bytes or text. */
const field = (number: number, content: string | number[]): number[] => {
  const bytes = typeof content === 'string' ? [...new TextEncoder().encode(content)] : content;
  const size = bytes.length < 128 ? [bytes.length] : [(bytes.length & 0x7f) | 0x80, bytes.length >> 7];
  return [(number << 3) | 2, ...size, ...bytes];
};
const FLOAT = 1;
const INT64 = 7;
const HALF = 10;
/** A ValueInfoProto; a size of 0 is open. */
const value = (name: string, type: number, dims: number[]): number[] => {
  const shape = dims.flatMap((d) =>
    field(1, d === 0 ? field(2, 'n') : [8, ...(d < 128 ? [d] : [(d & 127) | 128, d >> 7])]),
  );
  return [...field(1, name), ...field(2, field(1, [8, type, ...field(2, shape)]))];
};
type Value = [string, number, number[]];
const model = (inputs: Value[], outputs: Value[], domain = ''): Uint8Array =>
  Uint8Array.from([
    8,
    9,
    ...field(8, field(1, domain)),
    ...field(7, [
      ...inputs.flatMap((v) => field(11, value(...v))),
      ...outputs.flatMap((v) => field(12, value(...v))),
    ]),
  ]);

const X: Value = ['x', FLOAT, [0, 3, 28, 28]];
const T: Value = ['t', FLOAT, [0]];
const Y: Value = ['y', FLOAT, [0, 3]];
const OUT: Value = ['out', FLOAT, [0, 3, 28, 28]];

describe('bare ONNX files', () => {
  test('a model of two grades with class weights', () => {
    expect(inspectOnnx(model([X, T, Y], [OUT]))).toMatchObject({
      x: ['x'],
      t: [{ name: 't', kind: 'float' }],
      y: [{ name: 'y', kind: 'weights' }],
      width: 28,
      height: 28,
      grades: 2,
    });
  });

  test('grey pictures of ten grades, and an open number of channels', () => {
    const labels: Value = ['y', FLOAT, [0, 11]];
    const grey = model([['x', FLOAT, [0, 1, 28, 28]], T, labels], [['out', FLOAT, [0, 1, 28, 28]]]);
    expect(inspectOnnx(grey)).toMatchObject({ channels: 1, width: 28, height: 28, grades: 10 });
    expect(inspectOnnx(model([['x', FLOAT, [0, 0, 28, 28]], T, Y], [OUT])).channels).toBeNull();
  });

  test.each<[string, Uint8Array, RegExp]>([
    ['nothing', new Uint8Array(0), /not an ONNX model/],
    ['text', new TextEncoder().encode('hello, world'), /not an ONNX model/],
    ['wrong rank', model([['x', FLOAT, [0, 784]], T, Y], [OUT]), /rank 4/],
    ['pictures of four channels', model([['x', FLOAT, [0, 4, 28, 28]], T, Y], [OUT]), /4 channels/],
    ['too large pictures', model([['x', FLOAT, [0, 3, 1024, 1024]], T, Y], [OUT]), /1024 × 1024/],
    ['half precision', model([['x', HALF, [0, 3, 28, 28]], T, Y], [OUT]), /float16/],
    ['no time', model([X, Y], [OUT]), /no input for the time/],
    ['no grade', model([X, T], [OUT]), /no input for the grade/],
    ['an input too many', model([X, T, Y, ['text', FLOAT, [0, 77, 768]]], [OUT]), /cannot give: text/],
    ['one grade', model([X, T, ['y', FLOAT, [0, 2]]], [OUT]), /1 grades/],
    ['no picture out', model([X, T, Y], [['out', INT64, [0]]]), /no output/],
    ['operators of its own', model([X, T, Y], [OUT], 'com.example'), /com\.example/],
  ])('%s: says why', (_, bytes, reason) => {
    expect(() => inspectOnnx(bytes)).toThrow(
      expect.objectContaining({ code: 'import-invalid', message: expect.stringMatching(reason) }),
    );
  });
});
