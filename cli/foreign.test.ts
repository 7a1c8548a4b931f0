/**
 * A class-conditional UNet2DModel as `diffusers` exports it, with nothing changed: what the inspection offers becomes a
 * manifest, and the trajectories are those of diffusers' own schedulers (training/golden/make_foreign_golden.py).
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { BetaSchedule } from '../src/diffusion';
import { foreignManifest, type ForeignDescription } from '../src/models/foreign';
import { inspectOnnx } from '../src/models/inspect';
import type { SamplerName } from '../src/models/request';
import { sampleSteps } from '../src/models/sampling';
import { inputForm, networkOf } from '../src/models/network';
import { openOnnx, toTensor } from './session';

interface Golden {
  size: number;
  classes: number;
  cases: {
    sampler: SamplerName;
    betas: 'linear' | 'squaredcos_cap_v2';
    label: number;
    seed: number;
    steps: number;
    timesteps: number[];
    alphasCumprod: number[];
    trajectory: string[];
  }[];
}
const golden = JSON.parse(readFileSync('e2e/golden/foreign/unet2d.json', 'utf8')) as Golden;
const weights = new Uint8Array(readFileSync('e2e/golden/foreign/unet2d.onnx'));
const inspection = inspectOnnx(weights);

const floats = (base64: string) => new Float32Array(Uint8Array.from(Buffer.from(base64, 'base64')).buffer);
const betas = (kind: 'linear' | 'squaredcos_cap_v2'): BetaSchedule =>
  kind === 'linear' ? { kind, steps: 1000, start: 1e-4, end: 0.02 } : { kind, steps: 1000 };

function describeModel(schedule: BetaSchedule): ForeignDescription {
  return {
    title: 'Foreign U-Net',
    scale: 'Three grades',
    grades: [0, 1, 2].map((value) => ({ value, label: `Grade ${value}` })),
    width: inspection.width!,
    height: inspection.height!,
    prediction: 'epsilon',
    schedule,
    x: inspection.x[0]!,
    t: inspection.t[0]!,
    y: inspection.y[0]!,
    output: inspection.output[0]!,
    sampler: 'dpmpp-2m',
    steps: 8,
    data: 'None',
    license: 'CC0-1.0',
    credit: 'Nobody',
  };
}

test('what its inputs and outputs are for is seen', () => {
  expect(inspection).toMatchObject({
    x: ['sample'],
    t: [
      { name: 'timestep', kind: 'int64' },
      { name: 'class_labels', kind: 'int64' },
    ],
    y: [{ name: 'class_labels', kind: 'index' }],
    output: ['out_sample'],
    width: golden.size,
    height: golden.size,
    grades: golden.classes,
  });
  expect(inspection.signature).toMatchObject({ float32: true, externalData: false, foreignDomains: [] });
  expect(inspection.signature.params).toBeGreaterThan(30_000);
});

describe.each(golden.cases.map((c) => [`${c.sampler}, ${c.betas} betas`, c] as const))(
  'as diffusers: %s',
  (_, one) => {
    test('every x of the trajectory, to 1e-3', async () => {
      const file = { sha256: createHash('sha256').update(weights).digest('hex'), bytes: weights.length };
      const manifest = foreignManifest(describeModel(betas(one.betas)), inspection, file);
      const { diffusion } = manifest;
      if (diffusion.schedule.kind !== 'table') throw new Error('a table was expected');
      const table = diffusion.schedule.alphasCumprod;
      one.timesteps.forEach((t, i) =>
        expect(Math.abs(table[t]! / one.alphasCumprod[i]! - 1)).toBeLessThan(1e-3),
      );
      expect(diffusion.tRange).toEqual([0, one.timesteps[0]]);

      const session = await openOnnx(weights, 1);
      const network = networkOf(
        manifest,
        'main',
        inputForm(weights, manifest, 'main'),
        async (inputs, output, read) => {
          const feeds = Object.entries(inputs).map(([name, tensor]) => [name, toTensor(tensor)] as const);
          return read((await session.run(Object.fromEntries(feeds), [output]))[output]);
        },
      );
      const steps = sampleSteps(manifest, network, {
        model: manifest.id,
        variant: 'main',
        severity: one.label,
        seed: one.seed,
        sampler: one.sampler,
        steps: one.steps,
        guidance: 1,
        eta: 0,
      });
      let worst = 0;
      let seen = 0;
      for await (const { index, x } of steps) {
        const expected = floats(one.trajectory[index]!);
        expect(x).toHaveLength(expected.length);
        x.forEach((v, i) => (worst = Math.max(worst, Math.abs(v - expected[i]!))));
        seen++;
      }
      expect(seen).toBe(one.trajectory.length);
      expect(worst).toBeLessThan(1e-3);
      await session.release();
    });
  },
);
