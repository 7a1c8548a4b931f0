/** Many pictures at once: what to draw, how far it is, and the finished set as an archive. */
import { useState } from 'react';
import { StudioError } from '../../../errors';
import { MAX_COUNT, parsePlan, planSize, type DatasetPlan } from '../../../exchange/dataset';
import type { BundleManifest } from '../../../models/manifest';
import type { SampleRequest } from '../../../models/request';
import { MAX_SEED } from '../../../models/seeds';
import type { Batch } from '../../../storage/gallery';
import { Button, DialogBox, NumberBox, Switch } from '../../components/widgets';
import { SAMPLER_TITLES } from '../../components/samplers';
import { useSession, useStudio } from '../../context';
import { formatCount, formatDuration, gradeText } from '../../store/format';
import { problemOf } from '../../store/session';
import { draftManifest } from '../../store/state';
import { useDesk, useGallery } from './useGallery';

export function BatchDialog() {
  const [open, setOpen] = useState(false);
  const draft = useStudio((s) => s.draft);
  const manifest = useStudio(draftManifest);
  return (
    <DialogBox
      title="Draw many pictures"
      open={open}
      onOpenChange={setOpen}
      trigger={
        <Button kind="primary" isDisabled={!draft || !manifest} testId="batch-new">
          Draw many …
        </Button>
      }
      testId="batch-dialog"
    >
      {draft && manifest && <BatchForm draft={draft} manifest={manifest} onDone={() => setOpen(false)} />}
    </DialogBox>
  );
}

interface BatchFormProps {
  draft: SampleRequest;
  manifest: BundleManifest;
  onDone: () => void;
}

function BatchForm({ draft, manifest, onDone }: BatchFormProps) {
  const session = useSession();
  const desk = useDesk();
  const [grades, setGrades] = useState<readonly number[]>(manifest.grades.map((g) => g.value));
  const [count, setCount] = useState(20);
  const [seed, setSeed] = useState(draft.seed);
  const [fault, setFault] = useState('');
  const total = grades.length * count;

  const start = () => {
    const { model, variant, sampler, steps, guidance, eta } = draft;
    let plan: DatasetPlan;
    try {
      plan = parsePlan({
        formatVersion: 1,
        ...{ model, variant, sampler, steps, guidance, eta },
        modelSha256: manifest.variants[draft.variant]?.sha256,
        grades: manifest.grades.map((g) => g.value).filter((value) => grades.includes(value)),
        count,
        seed,
      });
    } catch (thrown) {
      setFault(StudioError.from(thrown).message);
      return;
    }
    onDone();
    desk.startBatch(plan).catch((thrown: unknown) => session.notify(problemOf(StudioError.from(thrown))));
  };

  return (
    <div className="batch-form">
      <p>
        {manifest.title} ({manifest.variants[draft.variant]?.title}), {SAMPLER_TITLES[draft.sampler]},{' '}
        {draft.steps} steps, guidance {draft.guidance}: as set in the Sample workspace.
      </p>
      <fieldset className="batch-grades">
        <legend className="field-label">Grades</legend>
        {manifest.grades.map((g) => (
          <Switch
            key={g.value}
            label={gradeText(g)}
            value={grades.includes(g.value)}
            onChange={(on) => setGrades(on ? [...grades, g.value] : grades.filter((v) => v !== g.value))}
            testId={`batch-grade-${g.value}`}
          />
        ))}
      </fieldset>
      <div className="field-pair">
        <NumberBox
          label="Pictures a grade"
          value={count}
          min={1}
          max={MAX_COUNT}
          onChange={setCount}
          testId="batch-count"
        />
        <NumberBox
          label="First seed"
          value={seed}
          min={0}
          max={MAX_SEED}
          bare
          onChange={setSeed}
          testId="batch-seed"
        />
      </div>
      <p className="field-hint">
        {formatCount(total)} pictures with consecutive seeds, the same at every grade. They are drawn in the
        background, kept as they come, and can be paused and gone on with, even after the page was closed.
      </p>
      {fault && (
        <p className="field-error" role="alert">
          {fault}
        </p>
      )}
      <Button kind="primary" isDisabled={grades.length === 0} onPress={start} testId="batch-start">
        Draw {formatCount(total)} pictures
      </Button>
    </div>
  );
}

interface BatchListProps {
  onShow: (batch: Batch) => void;
  onExport: (batch: Batch) => void;
}

export function BatchList({ onShow, onExport }: BatchListProps) {
  const batches = useGallery((s) => s.batches);
  if (batches.length === 0) return null;
  return (
    <section className="batches" aria-label="Batches">
      {batches.map((batch) => (
        <BatchRow key={batch.id} batch={batch} onShow={onShow} onExport={onExport} />
      ))}
    </section>
  );
}

function BatchRow({ batch, onShow, onExport }: BatchListProps & { batch: Batch }) {
  const desk = useDesk();
  const title = useStudio((s) => s.manifests[batch.plan.model]?.title ?? batch.plan.model);
  const known = useGallery(() => desk.doneOf(batch));
  const work = useGallery((s) => (s.work?.id === batch.id ? s.work : null));
  const { plan } = batch;
  const total = planSize(plan);
  const done = work?.done ?? known;
  const whole = done >= total;
  const left = work?.msLeft;
  let state = whole ? 'complete' : 'paused';
  if (work) {
    state = work.phase === 'preparing' ? 'preparing the model' : 'drawing';
    if (left !== null && left !== undefined) state += `, ${formatDuration(left)} left`;
  }
  const name = `${title}, ${plan.count} each of ${plan.grades.length} grades from seed ${plan.seed}`;
  return (
    <div className="batch" data-testid="batch" data-state={work ? 'running' : whole ? 'complete' : 'paused'}>
      <div className="batch-text">
        <strong>{name}</strong>
        <span data-testid="batch-progress">
          {formatCount(done)} of {formatCount(total)}, {state}
        </span>
        <progress className="batch-bar" value={done} max={total} aria-label={`Progress of ${name}`} />
      </div>
      <div className="batch-buttons">
        {work ? (
          <Button onPress={() => void desk.pauseBatch()} testId="batch-pause">
            Pause
          </Button>
        ) : (
          !whole && (
            <Button kind="primary" onPress={() => void desk.resumeBatch(batch)} testId="batch-resume">
              Go on
            </Button>
          )
        )}
        <Button isDisabled={done === 0} onPress={() => onShow(batch)} testId="batch-show">
          Show
        </Button>
        <Button isDisabled={done === 0} onPress={() => onExport(batch)} testId="batch-export">
          Export ZIP
        </Button>
        <Button
          aria-label={`Forget the batch ${name}; its pictures stay`}
          onPress={() => void desk.forgetBatch(batch)}
          testId="batch-forget"
        >
          Forget
        </Button>
      </div>
    </div>
  );
}
