import { unzipSync, strFromU8 } from 'fflate';
import { describe, expect, it } from 'vitest';
import { exampleManifest } from '../models/testing';
import { Archive } from './archive';
import {
  datasetReadme,
  parsePlan,
  parseShard,
  pictureFile,
  pictureFiles,
  planLabels,
  planRequest,
  planSize,
  planText,
  shardRequests,
  type DatasetPlan,
} from './dataset';
import { toLatin1, toLatin1Json, xmpPacket } from './pngText';
import { describePicture, settingsText } from './provenance';
import { parseRequests } from './requestTable';

const plan: DatasetPlan = {
  formatVersion: 1,
  model: 'phantom',
  variant: 'odm',
  modelSha256: 'ab'.repeat(32),
  grades: [0, 1.5, 1e-7],
  count: 4,
  seed: 7,
  sampler: 'dpmpp-2m',
  steps: 8,
  guidance: 1.5,
  eta: 0,
};
const whole = [...shardRequests(plan)];

describe('a plan', () => {
  it('has consecutive seeds, the same at every grade', () => {
    expect(planSize(plan)).toBe(12);
    expect(whole.map(pictureFile).slice(0, 4)).toEqual([
      'images/0/7.png',
      'images/1.5/7.png',
      'images/1e-7/7.png',
      'images/0/8.png',
    ]);
    for (const grade of plan.grades) {
      expect(whole.filter((r) => r.severity === grade).map((r) => r.seed)).toEqual([7, 8, 9, 10]);
    }
  });

  it('is the same set however many shards make it', () => {
    for (const of of [1, 2, 3, 5, 12, 20]) {
      const made = Array.from({ length: of }, (_, i) => [...shardRequests(plan, { index: i + 1, of })]);
      expect(new Set(made.flat().map(pictureFile))).toEqual(new Set(whole.map(pictureFile)));
      expect(made.flat()).toHaveLength(12);
      const sizes = made.map((shard) => shard.length);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    }
    expect(planRequest(plan, 4)).toEqual(whole[4]);
  });

  it('reads shards as people write them', () => {
    expect(parseShard('2/4')).toEqual({ index: 2, of: 4 });
    for (const text of ['0/4', '5/4', '1', '1/0', 'a/b'])
      expect(() => parseShard(text), text).toThrow(/shard/);
  });

  it('refuses what cannot be', () => {
    expect(parsePlan(plan)).toEqual(plan);
    expect(() => parsePlan({ ...plan, seed: 0xffffffff })).toThrow(/seed/);
    expect(() => parsePlan({ ...plan, grades: [1, 1] })).toThrow(/twice/);
    expect(() => parsePlan({ ...plan, grades: [] })).toThrow(/grades/);
    expect(() => parsePlan({ ...plan, count: 0 })).toThrow(/count/);
    expect(() => parsePlan({ ...plan, colour: 'red' })).toThrow();
  });
});

it('chosen pictures have names of their own, even with one grade and seed', () => {
  const [first, second] = whole;
  expect(pictureFiles([first!, { ...first!, steps: 9 }, second!, { ...first!, steps: 10 }])).toEqual([
    'images/0/7.png',
    'images/0/7-2.png',
    'images/1.5/7.png',
    'images/0/7-3.png',
  ]);
});

it('labels.csv brings the requests back', () => {
  const text = planLabels(plan, () => true);
  expect(text.split('\r\n')[0]).toBe(
    'file,grade,seed,model,variant,sampler,steps,guidance,eta,changed_from,model_sha256',
  );
  expect(parseRequests(text)).toEqual(whole);
});

/** The training lab writes the same texts; its tests read this file too. */
it('the texts of a set are those of the golden file', async () => {
  const manifest = { ...exampleManifest(), limits: ['Draws nothing – “really” nothing.', 'A second limit.'] };
  const provenance = describePicture({
    manifest: { ...manifest, attribution: 'Nobody – “東京”' },
    request: whole[4]!,
    provider: 'CPU',
    versions: { studio: '0.1.0' },
    frame: { index: 8, steps: 8 },
  });
  const texts = {
    manifest,
    plan,
    provenance,
    record: toLatin1Json(provenance),
    parameters: settingsText(provenance),
    xmp: xmpPacket({
      tool: 'Ordinal Diffusion Studio',
      description: 'Synthetic & such.',
      rights: 'Nobody – <“東京”>',
    }),
    copyright: toLatin1('Nobody – “東京” (CC0-1.0)'),
    planText: planText(plan),
    labels: planLabels(plan, () => true),
    readme: datasetReadme(manifest, plan),
  };
  expect(texts.readme).toContain(manifest.data.credit);
  expect(texts.readme).toContain('severity 1.5, between or beyond');
  await expect(`${JSON.stringify(texts, null, 2)}\n`).toMatchFileSnapshot('golden/dataset.json');
});

it('an archive gives its files back, and its bytes do not depend on the time', () => {
  const make = () => {
    const archive = new Archive();
    archive.add('images/0/7.png', Uint8Array.of(1, 2, 3));
    archive.add('README.md', 'Größe\n');
    expect(() => archive.add('README.md', '')).toThrow(RangeError);
    return Buffer.concat(archive.finish());
  };
  const files = unzipSync(make());
  expect([...files['images/0/7.png']!]).toEqual([1, 2, 3]);
  expect(strFromU8(files['README.md']!)).toBe('Größe\n');
  expect(make()).toEqual(make());
});
