import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exampleManifest } from '../../../../models/testing';
import { planRound, shuffled, type QuizSettings, type RealImage } from './round';

const manifest = exampleManifest();
const settings = (change: Partial<QuizSettings> = {}): QuizSettings => ({
  mode: 'grade',
  model: 'example',
  variant: 'odm',
  count: 10,
  seed: 4,
  feedback: 'each',
  ...change,
});
const reals: RealImage[] = [0, 0, 0, 1, 1, 2].map((grade, i) => ({ file: `${i}.png`, grade }));

const any = fc.record({
  mode: fc.constantFrom('grade' as const, 'pair' as const),
  count: fc.integer({ min: 1, max: 60 }),
  seed: fc.integer({ min: 0, max: 0xffffffff }),
});

describe('a round', () => {
  it('is as long as asked, decided by its seed, and its truth is right', () => {
    fc.assert(
      fc.property(any, (change) => {
        const questions = planRound(settings(change), manifest, reals);
        expect(questions).toHaveLength(change.count);
        expect(planRound(settings(change), manifest, reals)).toEqual(questions);
        for (const { items, truth } of questions) {
          if (change.mode === 'grade') expect(truth).toBe(items[0]!.grade);
          else expect(items[truth]!.grade).toBeGreaterThan(items[1 - truth]!.grade);
          // Both of a pair are of the same kind, or the kind would be the answer.
          expect(new Set(items.map((item) => item.source.kind)).size).toBe(1);
        }
      }),
    );
  });

  it('asks every grade, or every pair of grades, equally often up to one', () => {
    fc.assert(
      fc.property(any, (change) => {
        const counts = new Map<string, number>();
        for (const { items } of planRound(settings(change), manifest)) {
          const key = items
            .map((item) => item.grade)
            .sort()
            .join();
          counts.set(key, (counts.get(key) ?? 0) + 1);
        }
        const all = [...counts.values()];
        const least = counts.size < 3 ? 0 : Math.min(...all);
        expect(Math.max(...all) - least).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('never shows a picture twice', () => {
    fc.assert(
      fc.property(any, (change) => {
        const shown = planRound(settings(change), manifest, reals).flatMap(({ items }) =>
          items.map(({ source }) => (source.kind === 'real' ? source.file : `${source.request.seed}`)),
        );
        expect(new Set(shown).size).toBe(shown.length);
      }),
    );
  });

  it('mixes real images in, of their own grades, and does without when there are none left', () => {
    const questions = planRound(settings({ count: 12 }), manifest, reals);
    const real = questions.flatMap(({ items }) => items).filter((item) => item.source.kind === 'real');
    expect(real.length).toBeGreaterThanOrEqual(4);
    const few = planRound(settings({ count: 3 }), manifest, reals).filter(
      (q) => q.items[0]!.source.kind === 'real',
    );
    expect([1, 2]).toContain(few.length);
    for (const { grade, source } of real)
      expect(reals.find((r) => source.kind === 'real' && r.file === source.file)?.grade).toBe(grade);
    const many = planRound(settings({ count: 40 }), manifest, reals);
    expect(many.filter((q) => q.items[0]!.source.kind === 'real').length).toBeLessThanOrEqual(reals.length);
  });

  it('draws with the variant’s own settings', () => {
    const [first] = planRound(settings({ count: 1 }), manifest);
    const { source, grade } = first!.items[0]!;
    expect(source).toEqual({
      kind: 'synthetic',
      request: {
        model: 'example',
        variant: 'odm',
        severity: grade,
        seed: 4,
        sampler: 'ddim',
        steps: 4,
        guidance: 1,
        eta: 0,
      },
    });
  });

  it('shuffles without losing anything', () => {
    let n = 0;
    const uniform = () => [0.1, 0.9, 0.4, 0.7][n++ % 4]!;
    expect(shuffled([1, 2, 3, 4, 5], uniform).sort()).toEqual([1, 2, 3, 4, 5]);
  });
});
