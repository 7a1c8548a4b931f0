import { describe, expect, it } from 'vitest';
import { SAMPLERS, type SampleRequest } from '../../../models/request';
import { exampleManifest } from '../../../models/testing';
import { mathNumber, mathText, sum, words } from '../../components/math';
import { stepNotation, tableOf, updateTerms } from './notation';

const request = (change: Partial<SampleRequest> = {}): SampleRequest => ({
  model: 'example',
  variant: 'odm',
  severity: 1,
  seed: 1,
  sampler: 'ddim',
  steps: 6,
  guidance: 1,
  eta: 0,
  ...change,
});

describe('the formula is what the sampler computes', () => {
  const cases = SAMPLERS.flatMap((sampler) => [0, 0.5].map((eta) => ({ sampler, eta })));
  it.each(cases)('$sampler, eta $eta', ({ sampler, eta }) => {
    const table = tableOf(request({ sampler, eta }), exampleManifest());
    // Four unrelated numbers in place of pictures.
    const values = { x: 0.7, x0: -0.31, before: 0.45, z: 1.1 };
    table.forEach((row, index) => {
      const epsilon = (values.x - row.alpha * values.x0) / row.sigma;
      const symbols: Record<string, number> = {
        x_t: values.x,
        x̂_0: values.x0,
        'x̂_0 ′ ': values.before,
        ε̂: epsilon,
        z: values.z,
      };
      const written = updateTerms(table, index, sampler).terms.reduce((total, { factor, of }) => {
        const value = symbols[mathText(of)];
        expect(value, mathText(of)).toBeDefined();
        return total + factor * value!;
      }, 0);
      const computed = row.a * values.x + row.b * values.x0 + row.c * values.before + row.d * values.z;
      expect(written).toBeCloseTo(computed, 12);
    });
  });
});

describe('as text', () => {
  const text = (change: Partial<SampleRequest>, index: number, prediction: 'x0' | 'epsilon' | 'v' = 'x0') => {
    const manifest = exampleManifest();
    manifest.diffusion.prediction = prediction;
    if (prediction === 'epsilon') manifest.diffusion.tRange = [0.01, 0.99];
    const r = request(change);
    return stepNotation(r, manifest, tableOf(r, manifest), index)!.formulas.map((f) => [
      mathText(f.symbols),
      mathText(f.numbers),
    ]);
  };

  it('DDIM in the middle', () => {
    expect(text({}, 3)).toEqual([
      ['x_t = α x_0 + σ ε', 'x_t = 0.8072 x_0 + 0.5903 ε'],
      ['x̂_0 = f(x_t,t,y)', 'x̂_0 = f(x_t,t,G 1)'],
      ['ε̂ = (x_t − α x̂_0)/(σ)', 'ε̂ = (x_t − 0.8072 x̂_0)/(0.5903)'],
      ['x_s = α_s x̂_0 + σ_s ε̂', 'x_s = 0.9481 x̂_0 + 0.318 ε̂'],
    ]);
  });

  it('guidance, a severity between two grades', () => {
    const [, estimate] = text({ guidance: 2, severity: 0.25 }, 0);
    expect(estimate).toEqual([
      'x̂_0 = g f(x_t,t,y) + (1 − g) f(x_t,t,∅)',
      'x̂_0 = 2 f(x_t,t,0.75 G 0 + 0.25 G 1) − f(x_t,t,∅)',
    ]);
  });

  it('guidance where the model takes it, and none elsewhere', () => {
    const manifest = exampleManifest();
    const r = request({ guidance: 2 });
    const table = tableOf(r, manifest);
    manifest.diffusion.guidanceRange = [0, table[2]!.t];
    const at = (index: number) => stepNotation(r, manifest, table, index)!.formulas[1]!;
    expect(mathText(at(1).numbers)).toBe('x̂_0 = f(x_t,t,G 1)');
    expect(at(1).meaning).toContain('nothing is guided');
    expect(mathText(at(2).numbers)).toBe('x̂_0 = 2 f(x_t,t,G 1) − f(x_t,t,∅)');
  });

  it('beyond the last grade the last two are extended', () => {
    expect(text({ severity: 2.5 }, 0)[1]![1]).toBe('x̂_0 =  − 0.5 f(x_t,t,G 1) + 1.5 f(x_t,t,G 2)');
  });

  it('the other predictions name what they predict', () => {
    expect(
      text({}, 3, 'epsilon')
        .slice(1, 3)
        .map(([symbols]) => symbols),
    ).toEqual(['ε̂ = f(x_t,t,y)', 'x̂_0 = (x_t − σ ε̂)/(α)']);
    expect(text({}, 3, 'v')[2]![0]).toBe('x̂_0 = α x_t − σ v̂');
  });

  it('DPM-Solver++ looks back from its second step on', () => {
    expect(text({ sampler: 'dpmpp-2m' }, 0).at(-1)![0]).not.toContain('′');
    expect(text({ sampler: 'dpmpp-2m' }, 2).at(-1)![0]).toContain('′');
  });

  it('the last step is the prediction; after it there is nothing to compute', () => {
    expect(text({}, 5).at(-1)).toEqual(['x_s = x̂_0', 'x_s = x̂_0']);
    const r = request();
    expect(stepNotation(r, exampleManifest(), tableOf(r, exampleManifest()), 6)).toBeNull();
  });
});

it('numbers are short and signed truly', () => {
  expect([0, 1, 0.123456, -2.5, 123.456, 0.000012, Infinity].map(mathNumber)).toEqual([
    '0',
    '1',
    '0.1235',
    '−2.5',
    '123.5',
    '1.2 · 10^−5',
    '∞',
  ]);
  expect(mathText(sum([]))).toBe('0');
  expect(mathText(sum([{ factor: -1, of: words('a') }]))).toBe(' − a');
});
