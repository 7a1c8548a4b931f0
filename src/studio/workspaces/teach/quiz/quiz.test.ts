import { describe, expect, it, vi } from 'vitest';
import type { EngineClient, StepFrame } from '../../../../engine/types';
import { StudioError } from '../../../../errors';
import type { SampleRequest } from '../../../../models/request';
import { exampleManifest } from '../../../../models/testing';
import { Quiz, type QuizHost } from './quiz';
import type { QuizSettings } from './round';

const SETTINGS: QuizSettings = {
  mode: 'grade',
  model: 'example',
  variant: 'odm',
  count: 4,
  seed: 9,
  feedback: 'each',
};

function setUp(failAt = Infinity) {
  let drawn = 0;
  let clock = 0;
  const engine = {
    async sample(request: SampleRequest, onFrame: (frame: StepFrame) => void) {
      if (drawn++ === failAt) {
        failAt = Infinity;
        throw new StudioError({ code: 'device-lost', message: 'Lost.', remedy: 'Again.' });
      }
      const x = new Float32Array(8 * 8 * 3).fill(request.severity - 1);
      onFrame({ index: request.steps, steps: request.steps, x } as StepFrame);
      return {};
    },
  } as unknown as EngineClient;
  const host: QuizHost = {
    manifest: async () => exampleManifest(),
    withEngine: async (_, work) => work(engine, {} as never),
    announce: vi.fn(),
  };
  const quiz = new Quiz(host, () => (clock += 500));
  return { quiz, host, state: () => quiz.store.getState(), drawn: () => drawn };
}

describe('a round', () => {
  it('from the first question to the results', async () => {
    const { quiz, state, host } = setUp();
    await quiz.start(SETTINGS);
    expect(state()).toMatchObject({ phase: 'asking', ready: 4, at: 0, answered: false });
    const { questions } = state();
    // What is shown is what was asked for: grade 0 black, 1 grey, 2 white.
    questions.forEach((q, i) => expect(quiz.pictures(i)?.[0]?.rgba[0]).toBe([0, 128, 255][q.truth]));
    for (const [i, question] of questions.entries()) {
      quiz.next();
      expect(state().at, 'nothing is skipped').toBe(i);
      quiz.answer(i === 0 ? (question.truth + 1) % 3 : question.truth);
      quiz.answer(0);
      expect(state().answers, 'an answer stands').toHaveLength(i + 1);
      expect(host.announce).toHaveBeenLastCalledWith(
        expect.stringMatching(i === 0 ? /^Not right/ : /^Right/),
      );
      quiz.next();
    }
    expect(state().phase).toBe('done');
    expect(state().answers.map((a) => a.answer === a.question.truth)).toEqual([false, true, true, true]);
    expect(state().answers.every((a) => a.seconds > 0)).toBe(true);
    quiz.reset();
    expect(state()).toMatchObject({ phase: 'setup', answers: [] });
  });

  it('without feedback goes straight on', async () => {
    const { quiz, state } = setUp();
    await quiz.start({ ...SETTINGS, feedback: 'end', count: 2 });
    quiz.answer(0);
    expect(state().at).toBe(1);
    quiz.answer(0);
    expect(state().phase).toBe('done');
  });

  it('refuses answers that are none', async () => {
    const { quiz, state } = setUp();
    await quiz.start({ ...SETTINGS, mode: 'pair' });
    quiz.answer(2);
    quiz.answer(-1);
    expect(state().answers).toEqual([]);
    expect(quiz.pictures(0)).toHaveLength(2);
  });

  it('ended early counts what was answered; without an answer it is left', async () => {
    const { quiz, state } = setUp();
    await quiz.start(SETTINGS);
    quiz.finish();
    expect(state().phase).toBe('setup');
    await quiz.start(SETTINGS);
    quiz.answer(1);
    quiz.finish();
    expect(state()).toMatchObject({ phase: 'done' });
    expect(state().answers).toHaveLength(1);
  });

  it('a failure keeps what is there and can be tried again', async () => {
    const { quiz, state } = setUp(2);
    await quiz.start(SETTINGS);
    expect(state()).toMatchObject({ ready: 2, failure: { code: 'device-lost' } });
    quiz.answer(0);
    expect(state().answers).toHaveLength(1);
    await quiz.goOn();
    expect(state()).toMatchObject({ ready: 4, failure: null });
    expect(state().answers).toHaveLength(1);
  });

  it('takes real images from where they come', async () => {
    const { quiz, state } = setUp();
    const load = vi.fn(async () => ({ width: 1, height: 1, rgba: new Uint8ClampedArray(4) }));
    const images = [0, 0, 1, 1, 2, 2].map((grade, i) => ({ file: `${i}.png`, grade }));
    await quiz.start({ ...SETTINGS, count: 6 }, { images, load });
    const real = state().questions.filter((q) => q.items[0]!.source.kind === 'real');
    expect(load).toHaveBeenCalledTimes(real.length);
    expect(real.length).toBeGreaterThan(0);
  });
});
