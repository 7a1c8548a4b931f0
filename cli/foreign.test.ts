/**
 * Class-conditional UNet2DModels as `diffusers` exports them, with nothing changed: what the inspection offers becomes a
 * manifest, and the trajectories are those of diffusers' own schedulers (training/golden/make_foreign_golden.py).
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { BetaSchedule } from '../src/diffusion';
import { foreignManifest, type ForeignDescription } from '../src/models/foreign';
import { inspectOnnx, type Inspection } from '../src/models/inspect';
import { inputForm, networkOf } from '../src/models/network';
import { measure } from '../src/models/ordinality';
import type { SamplerName } from '../src/models/request';
import { sampleSteps } from '../src/models/sampling';
import { openOnnx, runBatchOf } from './session';

interface Golden {
  size: number;
  channels: 1 | 3;
  classes: number;
  prediction: 'epsilon' | 'x0';
  /** Of an x, flat CHW, every how many values are kept. */
  every: number;
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

const floats = (base64: string) => new Float32Array(Uint8Array.from(Buffer.from(base64, 'base64')).buffer);
const betas = (kind: 'linear' | 'squaredcos_cap_v2'): BetaSchedule =>
  kind === 'linear' ? { kind, steps: 1000, start: 1e-4, end: 0.02 } : { kind, steps: 1000 };

function describeModel(inspection: Inspection, golden: Golden, schedule: BetaSchedule): ForeignDescription {
  return {
    title: 'Foreign U-Net',
    scale: 'Grades',
    grades: Array.from({ length: golden.classes }, (_, value) => ({ value, label: `Grade ${value}` })),
    channels: inspection.channels!,
    width: inspection.width!,
    height: inspection.height!,
    prediction: golden.prediction,
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

describe.each([
  ['unet2d', 'of coloured pictures, three grades'],
  ['grey28', 'of grey pictures, ten grades, 28 x 28'],
  ['pair512', 'of grey pictures, two grades, 512 x 512'],
])('%s, a model %s', (name) => {
  const golden = JSON.parse(readFileSync(`e2e/golden/foreign/${name}.json`, 'utf8')) as Golden;
  const weights = new Uint8Array(readFileSync(`e2e/golden/foreign/${name}.onnx`));
  const inspection = inspectOnnx(weights);
  const file = { sha256: createHash('sha256').update(weights).digest('hex'), bytes: weights.length };

  async function open(schedule: BetaSchedule) {
    const manifest = foreignManifest(describeModel(inspection, golden, schedule), inspection, file);
    const session = await openOnnx(weights, 1);
    const form = inputForm(weights, manifest, 'main');
    const network = networkOf(manifest, 'main', form, runBatchOf(session));
    return { manifest, network, session };
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
      channels: golden.channels,
      width: golden.size,
      height: golden.size,
      grades: golden.classes,
    });
    expect(inspection.signature).toMatchObject({ float32: true, externalData: false, foreignDomains: [] });
    expect(inspection.signature.params).toBeGreaterThan(1000);
  });

  test.each(golden.cases.map((c) => [`${c.sampler}, ${c.betas} betas`, c] as const))(
    'every x of the trajectory is that of diffusers, to 1e-3: %s',
    async (_, one) => {
      const { manifest, network, session } = await open(betas(one.betas));
      const { diffusion } = manifest;
      if (diffusion.schedule.kind !== 'table') throw new Error('a table was expected');
      const table = diffusion.schedule.alphasCumprod;
      one.timesteps.forEach((t, i) =>
        expect(Math.abs(table[t]! / one.alphasCumprod[i]! - 1)).toBeLessThan(1e-3),
      );
      expect(diffusion.tRange).toEqual([0, one.timesteps[0]]);

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
        expect(x).toHaveLength(golden.channels * golden.size ** 2);
        expect(expected).toHaveLength(Math.ceil(x.length / golden.every));
        expected.forEach((v, i) => (worst = Math.max(worst, Math.abs(x[i * golden.every]! - v))));
        seen++;
      }
      expect(seen).toBe(one.trajectory.length);
      expect(worst).toBeLessThan(1e-3);
      await session.release();
    },
  );

  test('the distances of all its grades can be measured', async () => {
    const { manifest, network, session } = await open(betas('linear'));
    const { steps } = await measure(
      manifest,
      network,
      {
        model: manifest.id,
        variant: 'main',
        severity: golden.classes - 1,
        seed: 3,
        sampler: 'ddim',
        steps: 2,
        guidance: 1,
        eta: 0,
      },
      async () => undefined,
    );
    expect(steps).toHaveLength(2);
    for (const { distances } of steps) {
      expect(distances).toHaveLength((golden.classes * (golden.classes - 1)) / 2);
      expect(Math.min(...distances)).toBeGreaterThan(0);
    }
    await session.release();
  });
});
