/** The lessons on offer, and a way to open one's own. */
import { useEffect, useState } from 'react';
import { FileTrigger } from 'react-aria-components';
import { useStore } from 'zustand';
import { createStore } from 'zustand/vanilla';
import { StudioError, type ErrorInfo } from '../../../errors';
import { Button, SelectBox } from '../../components/widgets';
import { useSession, useStudio } from '../../context';
import { makeLessonPlayer } from '../../lessons/player';
import { parseLesson, type Lesson } from '../../lessons/schema';

const FILES = import.meta.glob<string>('../../lessons/library/*.json', {
  query: '?raw',
  import: 'default',
  eager: true,
});

const LIBRARY: readonly Lesson[] = Object.keys(FILES)
  .sort()
  .map((path) => parseLesson(FILES[path]!, path));

interface OwnLessons {
  readonly lessons: readonly Lesson[];
  readonly failure: ErrorInfo | null;
}

/** Lessons opened from files, while the page is open. */
const makeOwnLessons = () => createStore<OwnLessons>()(() => ({ lessons: [], failure: null }));

/** The lesson that the address asks for: `#teach?lesson=what-a-grade-changes`. */
function lessonInAddress(): Lesson | undefined {
  const id = new URLSearchParams(location.hash.split('?')[1]).get('lesson');
  return LIBRARY.find((lesson) => lesson.id === id);
}

export function LessonList() {
  const session = useSession();
  const player = session.kept(makeLessonPlayer);
  const own = session.kept(makeOwnLessons);
  const { lessons, failure } = useStore(own);
  const startFailure = useStore(player.store, (s) => s.failure);
  const manifests = useStudio((s) => s.manifests);
  const bundles = useStudio((s) => s.bundles);
  const [model, setModel] = useState('');

  const open = async (file: File | undefined) => {
    if (!file) return;
    try {
      const lesson = parseLesson(await file.text(), file.name);
      own.setState({
        lessons: [...lessons.filter((one) => one.id !== lesson.id), lesson],
        failure: null,
      });
      session.announce(`Lesson opened: ${lesson.title}`);
    } catch (thrown) {
      own.setState({ failure: StudioError.from(thrown).toInfo() });
    }
  };

  const ready = bundles.length > 0;
  useEffect(() => {
    const wanted = ready ? lessonInAddress() : undefined;
    if (!wanted) return;
    history.replaceState(null, '', `${location.search}#teach`);
    void player.start(wanted);
  }, [ready, player]);

  const problem = failure ?? startFailure;
  return (
    <section className="panel teach-lessons" aria-labelledby="lessons-title">
      <div className="panel-head">
        <h2 id="lessons-title">Guided lessons</h2>
        <p className="panel-hint">
          Step by step through the real controls, with the real model. Each step marks a control and waits
          until you have used it; you can always go on without.
        </p>
      </div>
      <ol className="lesson-list">
        {[...LIBRARY, ...lessons].map((lesson, i) => (
          <li key={lesson.id} className="lesson-card">
            <h3>{lesson.title}</h3>
            <p>{lesson.summary}</p>
            <div className="lesson-foot">
              <span className="field-hint">
                {lesson.steps.length} steps, about {lesson.minutes} min
                {i >= LIBRARY.length && ', from your file'}
              </span>
              <Button
                kind="primary"
                isDisabled={!ready}
                aria-label={`Start the lesson: ${lesson.title}`}
                onPress={() => void player.start(lesson, model || null)}
                testId={`start-${lesson.id}`}
              >
                Start
              </Button>
            </div>
          </li>
        ))}
      </ol>
      <div className="teach-row">
        <SelectBox
          label="Do them with"
          value={model}
          choices={[
            { value: '', label: 'The lesson’s own model' },
            ...bundles.map((id) => ({ value: id, label: manifests[id]?.title ?? id })),
          ]}
          onChange={setModel}
          testId="lesson-model"
        />
        <FileTrigger acceptedFileTypes={['.json']} onSelect={(files) => void open(files?.[0])}>
          <Button testId="open-lesson">Open a lesson file …</Button>
        </FileTrigger>
      </div>
      <p className="field-hint">
        A lesson is a text file that anyone can write; <code>docs/lessons.md</code> in the studio’s repository
        says how.
      </p>
      {problem && (
        <p role="alert" className="teach-problem" data-testid="lesson-problem">
          {problem.message} {problem.remedy}
        </p>
      )}
    </section>
  );
}
