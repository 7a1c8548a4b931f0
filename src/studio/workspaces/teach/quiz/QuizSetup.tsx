/** The settings of a round. */
import { useState } from 'react';
import { FileTrigger } from 'react-aria-components';
import { useStore } from 'zustand';
import { createStore } from 'zustand/vanilla';
import { StudioError } from '../../../../errors';
import { MAX_SEED } from '../../../../models/seeds';
import { Button, NumberBox, Segmented, SelectBox } from '../../../components/widgets';
import { useSession, useStudio } from '../../../context';
import { folderFiles, readFolder } from './folder';
import { makeQuiz, type Reals } from './quiz';
import { showRealPicture } from './realPicture';
import { MAX_COUNT, MIN_COUNT, type QuizMode } from './round';

interface Form {
  readonly mode: QuizMode;
  readonly model: string | null;
  readonly variant: string | null;
  readonly count: number;
  readonly seed: number;
  readonly feedback: 'each' | 'end';
  /** Real images, and the model whose scale their grades are of. */
  readonly reals: (Reals & { readonly model: string }) | null;
  readonly problem: string;
}

/** Kept while other workspaces are open, and between rounds. */
const makeForm = () =>
  createStore<Form>()(() => ({
    mode: 'grade',
    model: null,
    variant: null,
    count: 10,
    seed: 1,
    feedback: 'each',
    reals: null,
    problem: '',
  }));

export function QuizSetup() {
  const session = useSession();
  const quiz = session.kept(makeQuiz);
  const store = session.kept(makeForm);
  const form = useStore(store);
  const failure = useStore(quiz.store, (s) => s.failure);
  const bundles = useStudio((s) => s.bundles);
  const manifests = useStudio((s) => s.manifests);
  const draftModel = useStudio((s) => s.draft?.model);
  const [reading, setReading] = useState(false);

  const model = form.model ?? draftModel ?? bundles[0] ?? '';
  const manifest = manifests[model];
  const variants = manifest ? Object.entries(manifest.variants) : [];
  const variant =
    variants.find(([key]) => key === form.variant)?.[0] ??
    variants.find(([key]) => key === 'odm')?.[0] ??
    variants[0]?.[0];
  // A folder's grades are of the scale it was read for.
  const reals = form.reals?.model === model ? form.reals : null;

  const readReals = async (list: FileList | null) => {
    if (!list || !manifest) return;
    setReading(true);
    try {
      const { images, blobs } = await readFolder(folderFiles(list), manifest);
      store.setState({
        reals: { model, images, load: (file, of) => showRealPicture(file, blobs.get(file)!, of) },
        problem: '',
      });
      session.announce(`${images.length} real images at hand`);
    } catch (thrown) {
      const { message, remedy } = StudioError.from(thrown);
      store.setState({ reals: null, problem: `${message} ${remedy}` });
    }
    setReading(false);
  };

  const problem = form.problem || (failure ? `${failure.message} ${failure.remedy}` : '');
  return (
    <section className="panel teach-quiz" aria-labelledby="quiz-title">
      <div className="panel-head">
        <h2 id="quiz-title">Quiz</h2>
        <p className="panel-hint">
          Pictures drawn here and now, as often of each grade; answer with the keyboard. At the end: who mixed
          up what, weighted kappa, and how many of each grade were recognised.
        </p>
      </div>
      <Segmented
        label="What is asked"
        showLabel
        value={form.mode}
        choices={[
          { value: 'grade', label: 'Which grade is this?' },
          { value: 'pair', label: 'Which is more severe?' },
        ]}
        onChange={(mode) => store.setState({ mode })}
        testId="quiz-mode"
      />
      <SelectBox
        label="Model"
        value={model}
        choices={bundles.map((id) => ({ value: id, label: manifests[id]?.title ?? id }))}
        onChange={(value) => store.setState({ model: value })}
        testId="quiz-model"
      />
      {variants.length > 1 && variant !== undefined && (
        <Segmented
          label="Variant"
          value={variant}
          choices={variants.map(([value, v]) => ({ value, label: v.title }))}
          onChange={(value) => store.setState({ variant: value })}
          testId="quiz-variant"
        />
      )}
      <div className="field-pair">
        <NumberBox
          label="Questions"
          value={form.count}
          min={MIN_COUNT}
          max={MAX_COUNT}
          onChange={(count) => store.setState({ count })}
          testId="quiz-count"
        />
        <NumberBox
          label="Round number"
          value={form.seed}
          min={0}
          max={MAX_SEED}
          hint="The same number asks the same questions"
          onChange={(seed) => store.setState({ seed })}
          testId="quiz-seed"
        />
      </div>
      <Segmented
        label="Say whether it was right"
        showLabel
        value={form.feedback}
        choices={[
          { value: 'each', label: 'After each answer' },
          { value: 'end', label: 'Only at the end' },
        ]}
        onChange={(feedback) => store.setState({ feedback })}
        testId="quiz-feedback"
      />
      <div className="teach-row">
        <FileTrigger acceptDirectory onSelect={(files) => void readReals(files)}>
          <Button isDisabled={!manifest || reading} testId="quiz-folder">
            Mix in real images …
          </Button>
        </FileTrigger>
        {reals && (
          <Button kind="quiet" onPress={() => store.setState({ reals: null })} testId="quiz-no-folder">
            Without them
          </Button>
        )}
      </div>
      <p className="field-hint" data-testid="quiz-reals">
        {reals
          ? `${reals.images.length} real images from your folder. They stay on this machine; which was real is told at the end.`
          : 'A folder with a labels.csv (columns file and grade). It is read in this page and sent nowhere.'}
      </p>
      {problem && (
        <p role="alert" className="teach-problem" data-testid="quiz-problem">
          {problem}
        </p>
      )}
      <Button
        kind="primary"
        isDisabled={!manifest || variant === undefined}
        onPress={() => {
          const { mode, count, seed, feedback } = form;
          void quiz.start({ mode, model, variant: variant!, count, seed, feedback }, reals);
        }}
        testId="quiz-start"
      >
        Start the round
      </Button>
    </section>
  );
}
