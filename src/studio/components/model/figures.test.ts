import { describe, expect, it } from 'vitest';
import { metricsSchema } from '../../../models/metrics';
import { exampleManifest, exampleMetrics } from '../../../models/testing';
import { figuresOf } from './figures';

const manifest = exampleManifest();
const metrics = exampleMetrics(manifest);
const figures = figuresOf(metrics, manifest);
const byId = (id: string) => figures.find((f) => f.id === id)!;

it('the example is what the lab would write', () => {
  expect(() => metricsSchema.parse(metrics)).not.toThrow();
});

describe('a figure', () => {
  it('shows every variant and what real images score, a thousandfold for KID, with intervals and n', () => {
    const kid = byId('kid');
    expect(kid.series).toEqual([
      ...Object.values(manifest.variants).map((v) => v.title),
      'Real against real',
    ]);
    const measured = metrics.byVariant['odm']!.judgement.classwise[0]!.training!.kid;
    expect(kid.points[0]).toMatchObject({
      x: manifest.grades[0]!.short,
      value: measured.value * 1000,
      low: measured.interval[0] * 1000,
      high: measured.interval[1] * 1000,
      n: measured.n,
    });
  });

  it('leaves out what could not be measured', () => {
    // The last grade has too few held-out and training images for a distance.
    const last = manifest.grades.at(-1)!.short;
    expect(byId('kid').points.some((p) => p.x === last)).toBe(false);
    expect(byId('kid').points.length).toBeGreaterThan(0);
  });

  it('compares reading and asking, and knows the perfect line', () => {
    const read = byId('severity-read');
    expect(read.diagonal).toBe(true);
    expect(read.points.filter((p) => p.series === 'Real, held out')).toHaveLength(manifest.grades.length);
  });

  it('shows severity measured where there is a truth', () => {
    const measured = byId('severity-measured');
    expect(measured.diagonal).toBe(true);
    expect(measured.series).toEqual([manifest.variants['odm']!.title]);
    expect(measured.points.map((p) => p.x)).toEqual(manifest.grades.map((g) => g.value));
    expect(measured.points[0]!.value).toBeCloseTo(manifest.grades[0]!.value + 0.1);
    const odm = { ...metrics.byVariant['odm']! };
    delete odm.severityMeasured;
    const without = { ...metrics, byVariant: { odm } };
    expect(figuresOf(without, manifest).map((f) => f.id)).not.toContain('severity-measured');
  });

  it('tells real noised images from a variant’s own trajectories', () => {
    expect(byId('straightness').series.some((s) => s.endsWith('real images, noised'))).toBe(true);
    // The reference variant has no ratio to itself.
    expect(byId('outerRatio').series).toHaveLength(1);
  });

  it('is there only for what was measured', () => {
    expect(figures.map((f) => f.id)).not.toContain('augmentation');
    expect(figures.map((f) => f.id).filter((id) => id.startsWith('nfe'))).toEqual([]);
    for (const figure of figures) expect(figure.points.length, figure.id).toBeGreaterThan(0);
  });

  it('has one NFE curve a variant, with the samplers by their names', () => {
    const kid = metrics.byVariant['odm']!.judgement.mean.training!.kid;
    const nfe = ['dpmpp-2m-karras', 'ddim', 'of-tomorrow'].map((sampler) => ({
      sampler,
      steps: 8,
      evaluations: 16,
      kid,
    }));
    const measured = {
      ...metrics,
      byVariant: { ...metrics.byVariant, odm: { ...metrics.byVariant['odm']!, nfe } },
    };
    const curves = figuresOf(measured, manifest).filter((f) => f.id.startsWith('nfe'));
    expect(curves.map((f) => f.id)).toEqual(['nfe-odm']);
    expect(curves[0]!.series).toEqual(['DPM-Solver++ 2M Karras', 'DDIM', 'of-tomorrow']);
    expect(curves[0]!.points[0]).toMatchObject({ x: 16, value: kid.value * 1000 });
  });
});
