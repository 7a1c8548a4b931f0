/** A round: the question shown, then what came of it. */
import { useEffect, useMemo, useRef, useState } from 'react';
import { useStore } from 'zustand';
import { Icon, LevelGlyph } from '../../../components/Icon';
import { PixelCanvas } from '../../../components/PixelCanvas';
import { Button, Segmented, TableScroll } from '../../../components/widgets';
import { usePreference, useSession } from '../../../context';
import type { Grade } from '../../../store/format';
import { formatMeasure, gradeText } from '../../../store/format';
import { download } from '../../../store/saving';
import { answerKey } from './keys';
import { makeQuiz, type Shown } from './quiz';
import { gradeResult, isReal, pairResult, resultsCsv, subset, type Answer, type Subset } from './results';
import type { Question } from './round';

export function QuizView() {
  const quiz = useSession().kept(makeQuiz);
  const phase = useStore(quiz.store, (s) => s.phase);
  // What takes the place of what was there begins at its top.
  useEffect(() => {
    // In braces: newer browsers give a promise back, which is no way to clean up.
    window.scrollTo({ top: 0 });
  }, [phase]);
  return phase === 'asking' ? <Asking /> : <Results />;
}

const percent = (share: number) => `${Math.round(share * 100)} %`;

function Asking() {
  const quiz = useSession().kept(makeQuiz);
  const { settings, manifest, questions, at, ready, answers, answered, failure } = useStore(quiz.store);
  const question = questions[at];
  if (!settings || !manifest || !question) return null;
  const { grades } = manifest;
  const pictures = at < ready ? quiz.pictures(at) : undefined;
  const given = answered ? answers.at(-1) : undefined;
  const mixed = questions.some(isReal);
  const last = at + 1 === questions.length;
  return (
    <section
      className="quiz"
      aria-labelledby="quiz-question"
      data-testid="quiz"
      data-at={at}
      data-ready={at < ready}
    >
      <header className="quiz-head">
        <h2 id="quiz-question">
          {settings.mode === 'grade' ? 'Which grade is this?' : 'Which of the two is more severe?'}
        </h2>
        <span className="panel-note">
          Question {at + 1} of {questions.length}
          {settings.feedback === 'each' &&
            answers.length > 0 &&
            ` · ${answers.filter((a) => a.answer === a.question.truth).length} of ${answers.length} right`}
        </span>
        <span className="spacer" />
        <Button onPress={() => quiz.finish()} testId="quiz-end">
          End the round
        </Button>
      </header>
      <div className={settings.mode === 'pair' ? 'quiz-pictures quiz-pair' : 'quiz-pictures'}>
        {question.items.map((_, i) => (
          <QuizPicture
            key={i}
            shown={pictures?.[i]}
            size={manifest.image}
            label={`${mixed ? 'Picture' : 'Synthetic picture'}${settings.mode === 'pair' ? `, ${i === 0 ? 'left' : 'right'}` : ''}`}
            stamp={mixed ? 'Synthetic or real: told at the end' : 'Synthetic'}
          />
        ))}
      </div>
      {failure && (
        <p role="alert" className="teach-problem">
          {failure.message} {failure.remedy}{' '}
          <Button kind="quiet" onPress={() => void quiz.goOn()} testId="quiz-again">
            Try again
          </Button>
        </p>
      )}
      {settings.mode === 'grade' ? (
        <div className="quiz-answers" role="group" aria-label="Answer">
          {grades.map((grade, i) => (
            <AnswerButton
              key={grade.value}
              grade={grade}
              level={i + 1}
              count={grades.length}
              keyName={answerKey(grades, i)}
              state={
                given ? (i === question.truth ? 'truth' : i === given.answer ? 'wrong' : 'other') : 'open'
              }
              feedback={settings.feedback === 'each'}
              disabled={!pictures || answered}
              onPress={() => quiz.answer(i)}
            />
          ))}
        </div>
      ) : (
        <div className="quiz-answers quiz-two" role="group" aria-label="Answer">
          {(['Left', 'Right'] as const).map((side, i) => (
            <Button
              key={side}
              isDisabled={!pictures || answered}
              onPress={() => quiz.answer(i)}
              testId={`quiz-answer-${i}`}
            >
              <kbd>{i === 0 ? '←' : '→'}</kbd>
              {side} is more severe
            </Button>
          ))}
        </div>
      )}
      <div className="quiz-feedback" data-testid="quiz-said">
        {given ? (
          <>
            <Said answer={given} grades={grades} />
            <NextButton label={last ? 'See the results' : 'Next question'} onPress={() => quiz.next()} />
          </>
        ) : (
          <p className="field-hint">
            {pictures
              ? settings.mode === 'grade'
                ? 'Press the key of a grade, or choose it. The grade meant is the one that the model was asked for.'
                : 'Press ← or →, or choose one.'
              : `Drawing picture ${at + 1} of ${questions.length} …`}
          </p>
        )}
      </div>
    </section>
  );
}

/** Takes the focus, so that the space bar or Enter goes on. */
function NextButton({ label, onPress }: { label: string; onPress: () => void }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    place.current?.querySelector('button')?.focus();
  }, []);
  return (
    <div ref={place}>
      <Button kind="primary" onPress={onPress} testId="quiz-next">
        {label}
        <kbd>Enter</kbd>
      </Button>
    </div>
  );
}

function Said({ answer, grades }: { answer: Answer; grades: readonly Grade[] }) {
  const { question } = answer;
  const right = answer.answer === question.truth;
  const pair = question.items.length > 1;
  const name = (i: number) => gradeText(grades[question.items[i]!.grade]!);
  return (
    <p className={right ? 'quiz-right' : 'quiz-wrong'} data-right={right}>
      <Icon name={right ? 'check' : 'close'} />
      <span>
        <strong>{right ? 'Right.' : 'Not right.'}</strong>{' '}
        {pair ? `Left: ${name(0)}. Right: ${name(1)}.` : `It was drawn as ${name(0)}.`}
      </span>
    </p>
  );
}

interface AnswerButtonProps {
  grade: Grade;
  level: number;
  count: number;
  keyName: string;
  state: 'open' | 'truth' | 'wrong' | 'other';
  feedback: boolean;
  disabled: boolean;
  onPress: () => void;
}

function AnswerButton({
  grade,
  level,
  count,
  keyName,
  state,
  feedback,
  disabled,
  onPress,
}: AnswerButtonProps) {
  const shown = feedback ? state : 'open';
  return (
    <div className={`quiz-answer quiz-answer-${shown}`}>
      <Button isDisabled={disabled} onPress={onPress} testId={`quiz-answer-${grade.value}`}>
        <kbd>{keyName}</kbd>
        <LevelGlyph level={level} count={count} />
        <span className="quiz-answer-name">
          <strong>{grade.short}</strong>
          <span>{grade.label}</span>
        </span>
        {shown === 'truth' && <Icon name="check" />}
        {shown === 'wrong' && <Icon name="close" />}
      </Button>
    </div>
  );
}

interface QuizPictureProps {
  shown: Shown | undefined;
  size: { readonly width: number; readonly height: number };
  label: string;
  stamp: string;
}

function QuizPicture({ shown, size, label, stamp }: QuizPictureProps) {
  const [smooth] = usePreference('smooth');
  const paint = useMemo(() => (shown ? (rgba: Uint8ClampedArray) => rgba.set(shown.rgba) : null), [shown]);
  return (
    <div className={shown ? 'quiz-picture' : 'quiz-picture stage-waiting'}>
      <PixelCanvas
        width={shown?.width ?? size.width}
        height={shown?.height ?? size.height}
        paint={paint}
        label={label}
        smooth={smooth}
        testId="quiz-picture"
      />
      <span className="stage-stamp" aria-hidden="true">
        {stamp}
      </span>
    </div>
  );
}

// ---- results -------------------------------------------------------------------------------------------------------

function Results() {
  const quiz = useSession().kept(makeQuiz);
  const { settings, manifest, answers } = useStore(quiz.store);
  const [which, setWhich] = useState<Subset>('all');
  if (!settings || !manifest) return null;
  const mixed = answers.some((a) => isReal(a.question)) && answers.some((a) => !isReal(a.question));
  const shown = subset(answers, which);
  const save = () =>
    download(
      new TextEncoder().encode(resultsCsv(answers, settings, manifest)),
      'text/csv',
      `quiz_${settings.model}_${settings.mode}_round-${settings.seed}.csv`,
    );
  return (
    <section className="quiz" aria-labelledby="results-title" data-testid="quiz-results">
      <header className="quiz-head">
        <h2 id="results-title">Results</h2>
        <span className="panel-note">
          {manifest.title}, {manifest.variants[settings.variant]?.title}, round {settings.seed}
        </span>
        <span className="spacer" />
        <Button icon="save" onPress={save} testId="quiz-csv">
          Save as CSV
        </Button>
        <Button kind="primary" onPress={() => quiz.reset()} testId="quiz-done">
          Done
        </Button>
      </header>
      {mixed && (
        <Segmented
          label="Pictures counted"
          value={which}
          choices={[
            { value: 'all', label: 'All pictures' },
            { value: 'synthetic', label: 'Synthetic' },
            { value: 'real', label: 'Real' },
          ]}
          onChange={setWhich}
          testId="quiz-subset"
        />
      )}
      {settings.mode === 'grade' ? (
        <GradeResults answers={shown} grades={manifest.grades} />
      ) : (
        <PairResults answers={shown} />
      )}
      <p className="field-hint quiz-caution">
        A synthetic picture’s grade is the one that the model was asked for; no expert has read it. So a wrong
        answer may be the model’s mistake as well as the reader’s.
        {answers.some((a) => isReal(a.question)) && ' A real image’s grade is the one in your table.'}
      </p>
      <h3>Every question</h3>
      <ol className="quiz-review">
        {answers.map((answer, i) => (
          <ReviewItem
            key={i}
            index={i}
            answer={answer}
            grades={manifest.grades}
            pictures={quiz.pictures(i)}
          />
        ))}
      </ol>
    </section>
  );
}

function Headline({ n, right, interval }: { n: number; right: number; interval: readonly [number, number] }) {
  return (
    <p className="quiz-headline" data-testid="quiz-headline">
      <strong>
        {right} of {n} right
      </strong>{' '}
      <span className="panel-note">
        ({n > 0 ? percent(right / n) : '–'}; 95 % interval {percent(interval[0])} to {percent(interval[1])})
      </span>
    </p>
  );
}

function GradeResults({ answers, grades }: { answers: readonly Answer[]; grades: readonly Grade[] }) {
  const result = useMemo(() => gradeResult(answers, grades.length), [answers, grades.length]);
  const most = Math.max(1, ...result.confusion.counts);
  return (
    <div className="quiz-figures">
      <div>
        <Headline {...result} />
        <dl className="quiz-numbers">
          <div>
            <dt>Weighted kappa (QWK)</dt>
            <dd data-testid="quiz-kappa">
              {Number.isNaN(result.kappa) ? 'not defined' : formatMeasure(result.kappa)}
            </dd>
          </div>
          <div>
            <dt>Mean error, in grades</dt>
            <dd>{formatMeasure(result.error)}</dd>
          </div>
          <div>
            <dt>Answers (n)</dt>
            <dd>{result.n}</dd>
          </div>
        </dl>
        <p className="field-hint">
          Kappa with quadratic weights: 1 is perfect agreement, 0 is chance; being two grades off counts four
          times as much as one.
        </p>
        <table className="info-table">
          <caption className="visually-hidden">Recognised, by grade</caption>
          <thead>
            <tr>
              <th scope="col">Grade</th>
              <th scope="col" className="number">
                Recognised
              </th>
              <th scope="col">
                <span className="visually-hidden">Share</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {grades.map((grade, k) => (
              <tr key={grade.value} data-testid={`quiz-recall-${grade.value}`}>
                <th scope="row">{grade.short}</th>
                <td className="number">
                  {result.asked[k] === 0
                    ? 'not asked'
                    : `${Math.round(result.recall[k]! * result.asked[k]!)} of ${result.asked[k]}`}
                </td>
                <td className="info-bar-cell">
                  {result.recall[k]! > 0 && (
                    <span className="info-bar" style={{ inlineSize: `${result.recall[k]! * 100}%` }} />
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <TableScroll label="Confusion matrix">
        <table className="confusion" data-testid="quiz-confusion">
          <caption>Rows: the grade it was. Columns: the answer given.</caption>
          <thead>
            <tr>
              <td />
              {grades.map((grade) => (
                <th key={grade.value} scope="col">
                  {grade.short}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {grades.map((grade, i) => (
              <tr key={grade.value}>
                <th scope="row">{grade.short}</th>
                {grades.map((other, j) => {
                  const count = result.confusion.counts[i * grades.length + j]!;
                  return (
                    <td
                      key={other.value}
                      className={i === j ? 'confusion-right' : undefined}
                      style={{ '--share': count / most } as React.CSSProperties}
                    >
                      {count}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </TableScroll>
    </div>
  );
}

function PairResults({ answers }: { answers: readonly Answer[] }) {
  const result = useMemo(() => pairResult(answers), [answers]);
  return (
    <div>
      <Headline {...result} />
      <p className="field-hint">Guessing gets half of them right.</p>
      <table className="info-table quiz-distances">
        <caption className="visually-hidden">Right, by how far apart the two were</caption>
        <thead>
          <tr>
            <th scope="col">Grades apart</th>
            <th scope="col" className="number">
              Right
            </th>
          </tr>
        </thead>
        <tbody>
          {result.byDistance.map(({ distance, n, right }) => (
            <tr key={distance}>
              <th scope="row">{distance}</th>
              <td className="number">
                {right} of {n}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface ReviewItemProps {
  index: number;
  answer: Answer;
  grades: readonly Grade[];
  pictures: readonly Shown[] | undefined;
}

function ReviewItem({ index, answer, grades, pictures }: ReviewItemProps) {
  const { question } = answer;
  const right = answer.answer === question.truth;
  const real = isReal(question);
  return (
    <li className={right ? 'review review-right' : 'review review-wrong'}>
      <div className="review-pictures">
        {question.items.map((item, i) => (
          <figure key={i}>
            <QuizThumbnail
              shown={pictures?.[i]}
              label={`Question ${index + 1}: ${real ? 'real' : 'synthetic'}, ${gradeText(grades[item.grade]!)}`}
            />
            <figcaption>{grades[item.grade]!.short}</figcaption>
          </figure>
        ))}
      </div>
      <p>
        <Icon name={right ? 'check' : 'close'} size={14} />
        {right ? 'right' : `answered ${answerName(question, answer.answer, grades)}`}
      </p>
      <p className={real ? 'review-kind review-real' : 'review-kind'}>{real ? 'Real' : 'Synthetic'}</p>
    </li>
  );
}

function answerName(question: Question, answer: number, grades: readonly Grade[]): string {
  return question.items.length > 1 ? (answer === 0 ? 'left' : 'right') : grades[answer]!.short;
}

function QuizThumbnail({ shown, label }: { shown: Shown | undefined; label: string }) {
  const paint = useMemo(() => (shown ? (rgba: Uint8ClampedArray) => rgba.set(shown.rgba) : null), [shown]);
  return (
    <PixelCanvas width={shown?.width ?? 1} height={shown?.height ?? 1} paint={paint} label={label} smooth />
  );
}
