import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  changeGrade,
  changesText,
  parseChanges,
  sampleRequestSchema,
  sameRequest,
  severityAt,
  unchanged,
  withSteps,
  type SampleRequest,
} from './request';

const plain: SampleRequest = {
  model: 'phantom',
  variant: 'odm',
  severity: 0,
  seed: 7,
  sampler: 'ddim',
  steps: 10,
  guidance: 1,
  eta: 0,
};
const severities = (request: SampleRequest) =>
  Array.from({ length: request.steps }, (_, step) => severityAt(request, step));

const anyChanges = fc.array(fc.record({ step: fc.nat(9), severity: fc.constantFrom(0, 1, 1.5, 4, -0.5) }), {
  maxLength: 6,
});

describe('a grade changed on the way', () => {
  it('is drawn with the one, then with the other', () => {
    const once = changeGrade(plain, 4, 3);
    expect(once).toEqual({ ...plain, severity: 3, changedFrom: [{ severity: 0, step: 4 }] });
    expect(severities(once)).toEqual([0, 0, 0, 0, 3, 3, 3, 3, 3, 3]);
    expect(severities(changeGrade(once, 7, 1))).toEqual([0, 0, 0, 0, 3, 3, 3, 1, 1, 1]);
    expect(severities(changeGrade(once, 2, 1))).toEqual([0, 0, 1, 1, 1, 1, 1, 1, 1, 1]);
  });

  it('goes by one name: what changes nothing is not written', () => {
    expect(changeGrade(plain, 0, 3)).toEqual({ ...plain, severity: 3 });
    expect(changeGrade(plain, 5, 0)).toEqual(plain);
    expect(changeGrade(changeGrade(plain, 4, 3), 4, 0)).toEqual(plain);
    expect(sameRequest(changeGrade(plain, 4, 3), changeGrade(plain, 4, 3))).toBe(true);
    expect(sameRequest(changeGrade(plain, 4, 3), changeGrade(plain, 5, 3))).toBe(false);
    expect(sameRequest(changeGrade(plain, 4, 3), { ...plain, severity: 3 })).toBe(false);
    expect(sameRequest({ ...plain, severity: 3 }, changeGrade(plain, 4, 3))).toBe(false);
  });

  it('however often: each step has the severity chosen last at or before it, and the request is valid', () => {
    fc.assert(
      fc.property(anyChanges, (changes) => {
        let request = plain;
        const expected = severities(plain);
        for (const { step, severity } of changes) {
          request = changeGrade(request, step, severity);
          expected.fill(severity, step);
        }
        expect(severities(request)).toEqual(expected);
        expect(sampleRequestSchema.parse(request)).toEqual(request);
        expect(parseChanges(changesText(request.changedFrom))).toEqual(request.changedFrom);
        for (const steps of [1, 3, 8, 20]) {
          const other = withSteps(request, steps);
          expect(sampleRequestSchema.parse(other)).toEqual(other);
        }
        expect(unchanged(request)).toEqual({ ...plain, severity: request.severity });
      }),
    );
  });

  it('is refused where it cannot be', () => {
    const bad = (changedFrom: unknown) =>
      expect(sampleRequestSchema.safeParse({ ...plain, changedFrom }).success).toBe(false);
    bad([]);
    bad([{ severity: 1, step: 0 }]);
    bad([{ severity: 1, step: 10 }]);
    bad([{ severity: 0, step: 4 }]);
    bad([
      { severity: 1, step: 4 },
      { severity: 2, step: 4 },
    ]);
    bad([
      { severity: 1, step: 4 },
      { severity: 1, step: 5 },
    ]);
    bad([{ severity: 1, step: 4, why: 'x' }]);
    expect(sampleRequestSchema.safeParse({ ...plain, changedFrom: [{ severity: 1, step: 9 }] }).success).toBe(
      true,
    );
  });
});
