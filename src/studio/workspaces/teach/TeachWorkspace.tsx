/** For teaching: guided lessons, a quiz, and a link that shows a class only what it needs. */
import { useStore } from 'zustand';
import { useSession } from '../../context';
import { LessonList } from './LessonList';
import { PresenterPanel } from './PresenterPanel';
import { makeQuiz } from './quiz/quiz';
import { QuizSetup } from './quiz/QuizSetup';
import { QuizView } from './quiz/QuizView';
import './teach.css';

export function TeachWorkspace() {
  const quiz = useSession().kept(makeQuiz);
  const phase = useStore(quiz.store, (s) => s.phase);
  if (phase !== 'setup') {
    return (
      <main className="teach teach-round">
        <QuizView />
      </main>
    );
  }
  return (
    <main className="teach">
      <LessonList />
      <QuizSetup />
      <PresenterPanel />
    </main>
  );
}
