/**
 * Small graders exported as the large ones are read pictures here as the training lab reads them
 * (training/golden/make_grader_golden.py): the same names, the same values from the same bytes, the same resizing.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type BundleManifest } from '../src/models/manifest';
import { gradeRead } from '../src/models/ordinalityAnalysis';
import { exampleManifest } from '../src/models/testing';
import { openGrader } from './grader';

interface Golden {
  grades: number[];
  size: number;
  graders: Record<
    string,
    { entry: NonNullable<BundleManifest['grader']>; probabilities: number[][]; read: number[] }
  >;
  pictures: string;
}
const folder = 'e2e/golden/grader';
const golden = JSON.parse(readFileSync(`${folder}/grader.json`, 'utf8')) as Golden;
const { size } = golden;
const pictures = new Float32Array(Uint8Array.from(Buffer.from(golden.pictures, 'base64')).buffer);
const length = 3 * size * size;

test.each(Object.entries(golden.graders))('a grader of kind %s', async (_, { entry, ...expected }) => {
  const example = exampleManifest();
  const manifest = {
    ...example,
    grades: golden.grades.map((value) => ({ ...example.grades[0]!, value })),
    image: { ...example.image, width: size, height: size },
    grader: entry,
  };
  const grader = (await openGrader({ folder, manifest }, 1))!;
  expect(pictures).toHaveLength(expected.probabilities.length * length);
  // Beyond the range of bytes, as a sampler may leave a picture.
  expect(pictures.some((v) => v > 1.05)).toBe(true);
  for (const [i, wanted] of expected.probabilities.entries()) {
    const found = await grader.read(pictures.slice(i * length, (i + 1) * length));
    expect(found).toHaveLength(wanted.length);
    found.forEach((p, k) => expect(Math.abs(p - wanted[k]!), `picture ${i}`).toBeLessThan(1e-3));
    expect(gradeRead(found)).toBe(expected.read[i]);
  }
  await grader.release();
});
