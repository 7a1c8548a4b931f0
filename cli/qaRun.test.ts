/**
 * An ordinality run of the command line: the same numbers as the training lab's
 * (training/golden/make_ordinality_golden.py), and resumed where it was stopped.
 */
import { appendFileSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { OrdinalTriple } from '../src/diffusion';
import { measuredTriples } from '../src/models/ordinalityAnalysis';
import { trajectoryKey, trajectorySchema, type OrdinalityRequest } from '../src/models/ordinality';
import { openBundle, type Bundle } from './bundle';
import { runQa } from './qaRun';

interface Golden {
  request: OrdinalityRequest;
  weightsSha256: Record<string, string>;
  trajectories: {
    variant: string;
    severity: number;
    seed: number;
    steps: { t: number; distances: number[]; triples: OrdinalTriple[] }[];
    /** By a small grader of the lab's. */
    read: number[];
  }[];
}
const golden = JSON.parse(readFileSync('e2e/golden/ordinality/phantom.json', 'utf8')) as Golden;
const { entry: grader } = (
  JSON.parse(readFileSync('e2e/golden/grader/grader.json', 'utf8')) as {
    graders: Record<string, { entry: NonNullable<Bundle['manifest']['grader']> }>;
  }
).graders['ordinal']!;
const never = new AbortController().signal;

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'qa-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const lines = async () =>
  (await readFile(path.join(folder, 'trajectories.jsonl'), 'utf8'))
    .split('\n')
    .filter(Boolean)
    .map((line) => trajectorySchema.parse(JSON.parse(line)));

test('finds the lab’s numbers to 1e-4, whether or not it was stopped in between', async () => {
  const { folder: home, manifest } = await openBundle(golden.request.model);
  const file = path.relative(home, path.resolve('e2e/golden/grader', grader.file));
  const bundle: Bundle = { folder: home, manifest: { ...manifest, grader: { ...grader, file } } };
  for (const [variant, sha256] of Object.entries(golden.weightsSha256)) {
    expect(sha256, 'made from other weights; run training/golden/make_ordinality_golden.py again').toBe(
      bundle.manifest.variants[variant]!.sha256,
    );
  }

  const controller = new AbortController();
  const stopped = runQa(bundle, golden.request, folder, 1, controller.signal, (done) => {
    if (done === 3) controller.abort();
  });
  await expect(stopped).rejects.toMatchObject({ code: 'cancelled' });
  expect(await lines()).toHaveLength(3);
  // As a power cut leaves it.
  appendFileSync(path.join(folder, 'trajectories.jsonl'), '{"variant":"odm","sev');

  const seen: number[] = [];
  const files = await runQa(bundle, golden.request, folder, 1, never, (done) => seen.push(done));
  expect(seen).toEqual([3, 4, 5, 6, 7, 8]);
  expect(files.map((file) => path.basename(file))).toEqual([
    'trajectories.jsonl',
    'triples.csv',
    'distances.csv',
    'readings.csv',
    'ordinality.json',
  ]);

  const found = new Map((await lines()).map((one) => [trajectoryKey(one), one]));
  expect(found.size).toBe(golden.trajectories.length);
  let worst = 0;
  let misread = 0;
  const compare = (a: number, b: number) => (worst = Math.max(worst, Math.abs(a - b)));
  for (const expected of golden.trajectories) {
    const one = found.get(trajectoryKey(expected))!;
    expect(one.steps).toHaveLength(expected.steps.length);
    one.read!.forEach((p, i) => (misread = Math.max(misread, Math.abs(p - expected.read[i]!))));
    const triples = measuredTriples(one, bundle.manifest.grades.length);
    for (const [k, step] of expected.steps.entries()) {
      compare(one.steps[k]!.t, step.t);
      step.distances.forEach((d, i) => compare(one.steps[k]!.distances[i]!, d));
      for (const [i, triple] of step.triples.entries()) {
        const own = triples[k]![i]!;
        expect([own.p, own.q, own.r, own.ordered]).toEqual([triple.p, triple.q, triple.r, triple.ordered]);
        compare(own.slack, triple.slack);
        compare(own.straightness, triple.straightness);
        compare(own.cosine, triple.cosine);
      }
    }
  }
  expect(worst).toBeLessThan(1e-4);
  expect(misread).toBeLessThan(1e-3);

  const json = JSON.parse(await readFile(path.join(folder, 'ordinality.json'), 'utf8')) as {
    finished: number;
    summary: Record<string, { curves: Record<string, { mean: number; n: number }[]> }>;
  };
  expect(json.finished).toBe(8);
  const straight = golden.trajectories
    .filter((one) => one.variant === 'dm')
    .map((one) => {
      const { triples } = one.steps[2]!;
      return triples.reduce((s, t) => s + t.straightness, 0) / triples.length;
    });
  expect(json.summary['dm']!.curves['straightness']![2]).toMatchObject({
    mean: expect.closeTo(straight.reduce((a, b) => a + b, 0) / straight.length, 4),
    n: 2,
  });
  const csv = (await readFile(path.join(folder, 'triples.csv'), 'utf8')).split('\r\n');
  expect(csv).toHaveLength(1 + 8 * 6 * 10 + 1);
});

test('a folder with another run is left alone', async () => {
  const bundle = await openBundle('phantom');
  const small = { ...golden.request, variants: ['odm'], severities: [1], seeds: [1], steps: 2 };
  await runQa(bundle, small, folder, 1, never);
  const before = await lines();
  await expect(runQa(bundle, { ...small, seeds: [2] }, folder, 1, never)).rejects.toMatchObject({
    code: 'request-invalid',
  });
  expect(await lines()).toEqual(before);
  await expect(runQa(bundle, { ...small, seeds: [] }, folder, 1, never)).rejects.toMatchObject({
    code: 'request-invalid',
  });
});
