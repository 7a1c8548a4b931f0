import { describe, expect, it } from 'vitest';
import type { NeighbourTriple } from '../../engine/types';
import {
  formatBytes,
  formatDownload,
  formatDuration,
  formatMeasure,
  formatSigned,
  gradeIndex,
  loadProgressText,
  orderVerdict,
  sampleProgressText,
  scrubberText,
  severityPlace,
  severityRange,
  severityText,
  type LoadPhase,
} from './format';

describe('numbers', () => {
  it('prints downloads, sizes and times as people read them', () => {
    expect(formatDownload(4_100_000, 12_340_000)).toBe('4.1 of 12.3 MB');
    expect(formatDownload(13_000_000, 12_340_000)).toBe('12.3 of 12.3 MB');
    expect(formatBytes(10_752_000_000)).toBe('10.8 GB');
    expect(formatBytes(412_000)).toBe('0.4 MB');
    expect(formatBytes(4_200)).toBe('4 kB');
    expect(formatDuration(84.6)).toBe('85 ms');
    expect(formatDuration(3210)).toBe('3.2 s');
    expect(formatDuration(125_000)).toBe('2 min 5 s');
    expect(formatDuration(NaN)).toBe('–');
  });

  it('prints signs with a true minus, and no sign for what rounds to zero', () => {
    expect(formatSigned(-0.2134)).toBe('−0.213');
    expect(formatSigned(0.2)).toBe('+0.200');
    expect(formatSigned(-0.0001)).toBe('0.000');
  });

  it('prints measures with enough digits for their size', () => {
    expect(formatMeasure(0.0312)).toBe('0.0312');
    expect(formatMeasure(0.4567)).toBe('0.457');
    expect(formatMeasure(12.34)).toBe('12.3');
    expect(formatMeasure(0.00001)).toBe('1.0e-5');
    expect(formatMeasure(NaN)).toBe('–');
  });
});

it('the scrubber says step and noise level, and at the end that it is finished', () => {
  expect(scrubberText(12, 50, 0.6341)).toBe('step 12 of 50, noise level 0.63');
  expect(scrubberText(50, 50, 0)).toBe('step 50 of 50, finished picture');
});

describe('progress', () => {
  it('rises through all phases of loading', () => {
    const phases: LoadPhase[] = [
      { phase: 'catalogue' },
      { phase: 'manifest' },
      { phase: 'download', loadedBytes: 0, totalBytes: 10, fromCache: false },
      { phase: 'download', loadedBytes: 10, totalBytes: 10, fromCache: false },
      { phase: 'verify' },
      { phase: 'session', provider: 'wasm' },
      { phase: 'warm-up', provider: 'wasm' },
      { phase: 'parity', provider: 'wasm' },
    ];
    const fractions = phases.map((p) => loadProgressText(p).fraction);
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    expect(Math.max(...fractions)).toBeLessThan(1);
  });

  it('says what is being done', () => {
    const download = { phase: 'download', loadedBytes: 4.1e6, totalBytes: 12e6 } as const;
    expect(loadProgressText({ ...download, fromCache: false }).label).toBe('Downloading 4.1 of 12.0 MB');
    expect(loadProgressText({ ...download, fromCache: true }).label).toContain('stored');
    expect(loadProgressText({ phase: 'session', provider: 'webgpu' }).label).toBe('Preparing the GPU');
    expect(sampleProgressText(12, 20, 250)).toEqual({
      label: 'Step 12 of 20 · 250 ms a step · 2.0 s left',
      fraction: 0.6,
    });
    expect(sampleProgressText(0, 20, null).label).toBe('Step 0 of 20');
  });
});

describe('orderVerdict', () => {
  const triple = (slack: number, ordered: boolean): NeighbourTriple => ({
    p: 0,
    q: 1,
    r: 2,
    slack,
    straightness: 1 / (1 + slack),
    cosine: ordered ? 0.9 : -0.3,
    ordered,
  });

  it('knows straight, bent, mostly ordered and broken', () => {
    expect(orderVerdict([triple(0.01, true)])).toMatchObject({
      kind: 'ordered',
      headline: 'In order, on a nearly straight line',
    });
    expect(orderVerdict([triple(0.1, true), triple(0.1, true)])?.headline).toBe(
      'In order, along a slightly bent line',
    );
    expect(orderVerdict([triple(0.4, true)])?.headline).toBe('In order, along a bent line');
    const nine = Array.from({ length: 9 }, () => triple(0.1, true));
    expect(orderVerdict([...nine, triple(0.8, false)])).toMatchObject({ kind: 'mostly', violations: 1 });
    expect(orderVerdict([triple(0.8, false), triple(0.1, true)])?.kind).toBe('broken');
  });

  it('has nothing to say of two grades, and stays readable where the slack has no bound', () => {
    expect(orderVerdict([])).toBeNull();
    expect(orderVerdict([triple(Infinity, false)])?.explanation).toContain('coincide');
  });
});

it('gradeIndex finds the nearest grade by clinical value', () => {
  const grades = [1, 2, 3].map((value) => ({ value, label: '', short: '', description: '' }));
  expect(gradeIndex(grades, 2)).toBe(1);
  expect(gradeIndex(grades, 2.6)).toBe(2);
  expect(gradeIndex(grades, -1)).toBe(0);
});

describe('a severity in words', () => {
  const grades = [1, 2, 3].map((value) => ({
    value,
    label: ['Mild', 'Moderate', 'Severe'][value - 1]!,
    short: `Mayo ${value}`,
    description: '',
  }));

  it('is a grade, lies between two, or beyond an end', () => {
    expect(severityText(grades, 2)).toBe('Mayo 2, Moderate');
    expect(severityText(grades, 2.4)).toBe('2.4, between Mayo 2 and Mayo 3');
    expect(severityText(grades, 3.333)).toBe('3.33, beyond Mayo 3 (extrapolated)');
    expect(severityText(grades, -0.25)).toBe('−0.25, beyond Mayo 1 (extrapolated)');
  });

  it('has a level that rises with it and stays within the glyph', () => {
    expect([-1, 1, 1.5, 2, 2.75, 3, 4].map((v) => severityPlace(grades, v).level)).toEqual([
      1, 1, 1.5, 2, 2.75, 3, 3,
    ]);
  });

  it('is offered for one more step of the scale at each end', () => {
    expect(severityRange(grades)).toEqual([0, 4]);
  });
});
