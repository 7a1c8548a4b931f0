/** What is to be measured: model, variants, seeds, sampling. */
import { useEffect } from 'react';
import { SAMPLERS } from '../../../models/request';
import { parseSeeds } from '../../../models/seeds';
import { SAMPLER_TITLES } from '../../components/samplers';
import { Button, NumberBox, SelectBox, Switch } from '../../components/widgets';
import { useStudio } from '../../context';
import { gradeText } from '../../store/format';
import { BringYourOwn } from './BringYourOwn';
import { useRun, useRunner } from './shown';
import { measurable } from './runner';

function seedCount(text: string): number | null {
  try {
    return parseSeeds(text).length;
  } catch {
    return null;
  }
}

export function SetupPanel() {
  const runner = useRunner();
  const setup = useRun((s) => s.setup);
  const problem = useRun((s) => (s.status === 'failed' ? null : s.problem));
  const running = useRun((s) => s.status === 'running');
  const bundles = useStudio((s) => s.bundles);
  const manifests = useStudio((s) => s.manifests);
  const manifest = setup ? manifests[setup.model] : undefined;
  // A model that was removed leaves its settings behind: the first of the list takes over.
  const first = bundles[0] === undefined ? undefined : manifests[bundles[0]];
  useEffect(() => {
    if (setup && !bundles.includes(setup.model) && first) runner.chooseModel(first);
  }, [setup, bundles, first, runner]);
  if (!setup || !manifest) {
    return (
      <section className="panel controls" aria-label="Settings">
        <p className="panel-empty">Reading the models …</p>
      </section>
    );
  }
  const count = seedCount(setup.seeds);
  const drawn = setup.drawn === 'every' ? manifest.grades.length : 1;
  const total = (count ?? 0) * drawn * setup.variants.length;
  return (
    <section className="panel controls" aria-label="Settings">
      <div className="control-group">
        <SelectBox
          label="Model"
          value={setup.model}
          choices={bundles.map((id) => ({
            value: id,
            label: manifests[id]?.title ?? id,
            disabled: manifests[id] === undefined,
          }))}
          onChange={(id) => manifests[id] && runner.chooseModel(manifests[id])}
          testId="qa-model"
        />
        <BringYourOwn />
        <fieldset className="qa-variants">
          <legend className="field-label">Variants, on the same noise</legend>
          {measurable(manifest).map((key) => (
            <Switch
              key={key}
              label={manifest.variants[key]!.title}
              value={setup.variants.includes(key)}
              onChange={(on) =>
                runner.edit({
                  variants: measurable(manifest).filter((k) => (k === key ? on : setup.variants.includes(k))),
                })
              }
              testId={`qa-variant-${key}`}
            />
          ))}
        </fieldset>
      </div>
      <div className="control-group">
        <label className="field">
          <span className="field-label">Seeds</span>
          <span className="number-box">
            <input
              className="number-input"
              value={setup.seeds}
              onChange={(e) => runner.edit({ seeds: e.currentTarget.value })}
              aria-invalid={count === null}
              aria-describedby="qa-seeds-hint"
              spellCheck={false}
              autoComplete="off"
              data-testid="qa-seeds"
            />
          </span>
          <span className="field-hint" id="qa-seeds-hint">
            {count === null
              ? 'Write 0..63, or 1, 5, 9..12'
              : `${count} ${count === 1 ? 'seed' : 'seeds'}; e.g. 0..63, or 1, 5, 9..12`}
          </span>
        </label>
        <SelectBox
          label="Pictures drawn at"
          value={String(setup.drawn)}
          choices={[
            { value: 'every', label: 'Every grade' },
            ...manifest.grades.map((g) => ({ value: String(g.value), label: gradeText(g) })),
          ]}
          onChange={(v) => runner.edit({ drawn: v === 'every' ? 'every' : Number(v) })}
          testId="qa-drawn"
        />
      </div>
      <div className="control-group">
        <div className="field-pair">
          <NumberBox
            label="Steps"
            value={setup.steps}
            min={1}
            max={1000}
            onChange={(steps) => runner.edit({ steps })}
            testId="qa-steps"
          />
          <NumberBox
            label="Guidance"
            value={setup.guidance}
            min={0}
            max={20}
            step={0.1}
            digits={1}
            disabled={manifest.inputs.y.kind === 'index'}
            onChange={(guidance) => runner.edit({ guidance })}
            testId="qa-guidance"
          />
        </div>
        <SelectBox
          label="Sampler"
          value={setup.sampler}
          choices={SAMPLERS.map((value) => ({ value, label: SAMPLER_TITLES[value] }))}
          onChange={(sampler) => runner.edit({ sampler })}
          testId="qa-sampler"
        />
        {setup.sampler === 'ddim' && (
          <NumberBox
            label="Eta"
            value={setup.eta}
            min={0}
            max={1}
            step={0.05}
            digits={2}
            onChange={(eta) => runner.edit({ eta })}
          />
        )}
      </div>
      <div className="control-group generate">
        <Button kind="primary" onPress={() => void runner.start()} testId="qa-start">
          {running ? 'Start over' : 'Measure'}
        </Button>
        <span className="field-hint">
          {total} {total === 1 ? 'trajectory' : 'trajectories'} of {setup.steps} steps, all{' '}
          {manifest.grades.length} grades at each
        </span>
        {problem && (
          <p className="field-error" role="alert" data-testid="qa-problem">
            {problem.message} {problem.remedy}
          </p>
        )}
      </div>
    </section>
  );
}
