import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { manifestSchema } from './manifest';
import { estimateSchema, metricsSchema } from './metrics';

const MODELS = path.join(import.meta.dirname, '../../models');

describe('metrics', () => {
  test('an estimate carries its interval and its n, and nothing else', () => {
    const whole = { value: 0.5, interval: [0.4, 0.6], n: 40 };
    expect(estimateSchema.safeParse(whole).success).toBe(true);
    expect(estimateSchema.safeParse({ value: 0.5, n: 40 }).success).toBe(false);
    expect(estimateSchema.safeParse({ value: 0.5, interval: [0.4, 0.6] }).success).toBe(false);
    expect(estimateSchema.safeParse({ ...whole, sd: 0.1 }).success).toBe(false);
    expect(estimateSchema.safeParse({ ...whole, value: Number.NaN }).success).toBe(false);
  });

  test('a file of another format version or with an unknown key is refused', () => {
    const refused = metricsSchema.safeParse({ formatVersion: 2, protocol: 'v1', extra: 1 });
    expect(refused.error?.issues.map((i) => i.path.join('.'))).toContain('formatVersion');
    expect(refused.error?.issues.some((i) => i.code === 'unrecognized_keys')).toBe(true);
  });

  test('what the shipped bundles name as their evaluation is valid and about their own weights', async () => {
    for (const entry of await readdir(MODELS, { withFileTypes: true })) {
      if (!entry.isDirectory()) continue;
      const read = async (name: string): Promise<unknown> =>
        JSON.parse(await readFile(path.join(MODELS, entry.name, name), 'utf8'));
      const manifest = manifestSchema.parse(await read('manifest.json'));
      if (!manifest.evaluation) continue;
      const metrics = metricsSchema.parse(await read(manifest.evaluation));
      expect(metrics.bundle).toBe(manifest.id);
      for (const [key, variant] of Object.entries(metrics.byVariant)) {
        expect(variant.sha256, `${manifest.id} ${key}`).toBe(manifest.variants[key]?.sha256);
      }
    }
  });
});
