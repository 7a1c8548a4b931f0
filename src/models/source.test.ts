import { describe, expect, test, vi } from 'vitest';
import type { BundleManifest } from './manifest';
import { fetchFrom, readCatalogue, readManifest } from './source';
import { parseManifest } from './validate';
import { exampleManifest, exampleWithGenerator } from './testing';

const respond = (body: BodyInit | null, init?: ResponseInit) =>
  vi.stubGlobal(
    'fetch',
    vi.fn(async () => new Response(body, init)),
  );
const respondJson = (value: unknown) => respond(JSON.stringify(value));

describe('readManifest', () => {
  test('reads a valid manifest from its folder', async () => {
    respondJson(exampleManifest());
    await expect(readManifest('http://host/models/example/')).resolves.toEqual(exampleManifest());
    expect(fetch).toHaveBeenCalledWith('http://host/models/example/manifest.json', expect.anything());
  });

  test('looks at the format version first', async () => {
    respondJson({ formatVersion: 2, everything: 'else is different' });
    await expect(readManifest('http://host/m/')).rejects.toMatchObject({
      code: 'manifest-invalid',
      message: expect.stringContaining('format version 2'),
    });
  });

  test.each([
    ['not JSON', '<!doctype html>', 'not JSON'],
    ['no object', '[]', 'format version'],
    ['no version', '{}', 'format version'],
  ])('refuses %s', async (_, body, words) => {
    respond(body);
    await expect(readManifest('http://host/m/')).rejects.toMatchObject({
      code: 'manifest-invalid',
      message: expect.stringContaining(words),
      detail: 'http://host/m/manifest.json',
    });
  });

  test('a missing manifest, a broken server and no connection are told apart', async () => {
    respond('', { status: 404 });
    await expect(readManifest('http://host/m/')).rejects.toMatchObject({ code: 'manifest-invalid' });
    respond('', { status: 503 });
    await expect(readManifest('http://host/m/')).rejects.toMatchObject({ code: 'download-failed' });
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')));
    await expect(readManifest('http://host/m/')).rejects.toMatchObject({ code: 'download-failed' });
  });

  test('an aborted request is a cancellation', async () => {
    const signal = AbortSignal.abort();
    vi.stubGlobal('fetch', () => Promise.reject(signal.reason));
    await expect(fetchFrom('http://host/', signal)).rejects.toMatchObject({ code: 'cancelled' });
  });
});

describe('parseManifest', () => {
  const spoiled: [string, (m: BundleManifest & Record<string, unknown>) => void, string][] = [
    ['an unknown key', (m) => (m.extra = 1), 'extra'],
    ['grades out of order', (m) => m.grades.reverse(), 'grades must rise'],
    ['a count too few', (m) => m.data.counts.pop(), 'one count per grade'],
    ['a variant without parity', (m) => delete m.parity.odm, 'parity'],
    ['no variant', (m) => (m.variants = {}), 'at least one variant'],
    ['a hash in capitals', (m) => (m.variants.odm!.sha256 = 'A'.repeat(64)), 'SHA-256'],
    ['a file outside the bundle', (m) => (m.variants.odm!.file = '../odm.onnx'), 'plain file name'],
    ['a reversed range', (m) => (m.diffusion.tRange = [0.9, 0.1]), 'low, high'],
    ['guidance in no time at all', (m) => (m.diffusion.guidanceRange = [0.6, 0.2]), 'guidanceRange'],
    ['times beyond the cosine', (m) => (m.diffusion.tRange = [0, 999]), '0..1'],
    ['integer times of a cosine', (m) => (m.inputs.t.kind = 'int64'), 'integer times'],
    ['an index outside the image', (m) => (m.parity.odm!.indices[0] = 192), 'in the image'],
    ['a parity row of wrong length', (m) => (m.parity.odm!.y = [1]), 'length 4'],
    [
      'an epsilon prediction at t = 1',
      (m) => (m.diffusion = { ...m.diffusion, prediction: 'epsilon', tRange: [0, 1] }),
      'below t = 1',
    ],
    [
      'times outside the table',
      (m) => {
        m.diffusion.schedule = { kind: 'table', alphasCumprod: [0.9, 0.5, 0.1] };
        m.diffusion.tRange = [0, 3];
      },
      'indices into the table',
    ],
  ];

  test.each(spoiled)('refuses %s', (_, spoil, words) => {
    const manifest = exampleManifest();
    spoil(manifest as BundleManifest & Record<string, unknown>);
    expect(() => parseManifest(manifest, 'here')).toThrow(words);
  });

  test('takes a generator beside a diffusion model', () => {
    expect(parseManifest(exampleWithGenerator(), 'here').variants.stylegan2).toMatchObject({ latent: 4 });
  });

  test.each<[string, (m: BundleManifest) => void, string]>([
    ['alone', (m) => delete m.variants.odm, 'that is a diffusion model'],
    ['with a sampler', (m) => Object.assign(m.variants.stylegan2!, { defaults: {} }), 'defaults'],
    ['without a latent', (m) => Object.assign(m.variants.stylegan2!, { latent: undefined }), 'latent'],
    ['with a time', (m) => (m.parity.stylegan2!.t = 0.5), 'null for a generator'],
    ['with a null class', (m) => m.parity.stylegan2!.y.push(0), 'length 3'],
    ['of an unknown kind', (m) => Object.assign(m.variants.stylegan2!, { kind: 'flow' }), 'kind'],
  ])('refuses a generator %s', (_, spoil, words) => {
    const manifest = exampleWithGenerator();
    spoil(manifest);
    expect(() => parseManifest(manifest, 'here')).toThrow(words);
  });

  test('names the first faults and counts the rest', () => {
    const manifest: Record<string, unknown> = {
      ...exampleManifest(),
      title: '',
      scale: '',
      license: '',
      id: 'X Y',
    };
    expect(() => parseManifest(manifest, 'here')).toThrow(/id: .*; title: .*; scale: .*; and 1 more/);
  });
});

describe('readCatalogue', () => {
  test('reads the list of bundles', async () => {
    respondJson({ formatVersion: 1, bundles: ['a', 'b'] });
    await expect(readCatalogue('http://host/models/')).resolves.toMatchObject({ bundles: ['a', 'b'] });
    expect(fetch).toHaveBeenCalledWith('http://host/models/catalogue.json', expect.anything());
  });

  test('refuses an empty one', async () => {
    respondJson({ formatVersion: 1, bundles: [] });
    await expect(readCatalogue('http://host/models/')).rejects.toMatchObject({ code: 'catalogue-invalid' });
  });
});
