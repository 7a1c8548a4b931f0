/**
 * Several pictures in lockstep: sampling loops of the same table ask for their evaluations at the same times, so one batch
 * answers them all. Each picture is what its own loop alone would have drawn.
 */
import { sampleLoop, type Evaluate, type SampleLoop } from './loop';

/** One loop's part of a batch: see `Evaluate`. */
export interface Question {
  readonly x: Float32Array;
  readonly rows: readonly (readonly number[])[];
}

/** Evaluates all parts at one time `t`, in one batch; the answers in the order of the questions, each flat [K, CHW]. */
export type EvaluateTogether = (
  questions: readonly Question[],
  t: number,
) => Promise<readonly Float32Array[]>;

/** Waits for the questions of all `count` loops, then asks them together. */
function together(count: number, evaluate: EvaluateTogether): Evaluate {
  let round: (Question & { resolve: (answer: Float32Array) => void; reject: (why: unknown) => void })[] = [];
  return (x, t, rows) =>
    new Promise((resolve, reject) => {
      round.push({ x, rows, resolve, reject });
      if (round.length < count) return;
      const full = round;
      round = [];
      evaluate(full, t).then(
        (answers) => full.forEach((question, i) => question.resolve(answers[i]!)),
        (why: unknown) => full.forEach((question) => question.reject(why)),
      );
    });
}

/**
 * Draws the finished pictures of several loops that share one table; in the order of `loops`. An error of `evaluate`
 * passes through and ends all of them.
 * @throws RangeError when the tables differ in length.
 */
export async function sampleTogether(
  loops: readonly Omit<SampleLoop, 'evaluate'>[],
  evaluate: EvaluateTogether,
): Promise<Float32Array[]> {
  const steps = loops[0]?.table.length;
  if (loops.some((loop) => loop.table.length !== steps))
    throw new RangeError('loops in lockstep share one table');
  const shared = together(loops.length, evaluate);
  return Promise.all(
    loops.map(async (loop) => {
      let picture = new Float32Array(0);
      for await (const step of sampleLoop({ ...loop, evaluate: shared })) picture = step.x as typeof picture;
      return picture;
    }),
  );
}
