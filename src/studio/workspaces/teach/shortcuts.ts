/** The keys of the Teach workspace: answers of the quiz. */
import type { Shortcut } from '../../keyboard/shortcuts';
import { gradeForKey } from './quiz/keys';
import { makeQuiz } from './quiz/quiz';

export const TEACH_SHORTCUTS: readonly Shortcut[] = [
  {
    id: 'quiz-grade',
    keys: [...'0123456789'],
    what: 'Answer with the grade of this number',
    widgetsKeep: false,
    run: (session, key) => {
      const quiz = session.kept(makeQuiz);
      const { manifest, settings } = quiz.store.getState();
      if (manifest && settings?.mode === 'grade') quiz.answer(gradeForKey(manifest.grades, key));
    },
  },
  {
    id: 'quiz-left',
    keys: ['ArrowLeft'],
    what: 'Answer that the left one is more severe',
    widgetsKeep: true,
    run: (session) => answerPair(session.kept(makeQuiz), 0),
  },
  {
    id: 'quiz-right',
    keys: ['ArrowRight'],
    what: 'Answer that the right one is more severe',
    widgetsKeep: true,
    run: (session) => answerPair(session.kept(makeQuiz), 1),
  },
  {
    id: 'quiz-next',
    keys: ['n'],
    what: 'The next question',
    widgetsKeep: false,
    run: (session) => session.kept(makeQuiz).next(),
  },
];

function answerPair(quiz: ReturnType<typeof makeQuiz>, side: 0 | 1): void {
  if (quiz.store.getState().settings?.mode === 'pair') quiz.answer(side);
}
