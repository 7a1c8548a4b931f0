/** The settings of the next picture. Model, variant, grade and the seed's buttons draw at once; numbers wait for Generate. */
import { Label, Radio, RadioGroup } from 'react-aria-components';
import { LevelGlyph } from '../../components/Icon';
import { ModelFields, SamplingFields, SeedFields } from '../../components/RequestFields';
import { Button, SelectBox } from '../../components/widgets';
import { useSession, useStudio } from '../../context';
import { changesInWords, severityPlace, severityText } from '../../store/format';
import { draftIsNew, draftManifest } from '../../store/state';
import { useKeyName } from '../../keyboard/useKeyName';
import { SAMPLE_SHORTCUTS } from './shortcuts';

export function Controls() {
  const session = useSession();
  const lockKey = useKeyName(SAMPLE_SHORTCUTS, 'lock-seed');
  return (
    <section className="panel controls" aria-label="Settings">
      <ModelFields
        onModel={(id) => void session.chooseModel(id)}
        onVariant={(variant) => void session.chooseVariant(variant)}
      />
      <GradeChoice />
      <SeedFields
        lockKey={lockKey}
        onSeed={(seed) => session.edit({ seed })}
        onStep={(by) => void session.stepSeed(by)}
        onRoll={() => void session.rollSeed()}
      />
      <SamplingFields onChange={(change) => session.edit(change)}>
        <ProviderField />
      </SamplingFields>
      <GenerateButton />
    </section>
  );
}

function GradeChoice() {
  const session = useSession();
  const manifest = useStudio(draftManifest);
  const draft = useStudio((s) => s.draft);
  if (!manifest || !draft) return <div className="control-group grade-placeholder" />;
  const { grades } = manifest;
  const { severity } = draft;
  return (
    <div className="control-group" data-control="grade">
      <RadioGroup
        className="grades"
        value={String(severity)}
        onChange={(v) => void session.chooseGrade(grades.findIndex((g) => String(g.value) === v))}
        data-testid="grade"
      >
        <Label className="field-label">Severity grade</Label>
        <span className="field-hint" id="grade-scale">
          {manifest.scale}; trained on {manifest.data.name}
        </span>
        {severityPlace(grades, severity).kind !== 'grade' && (
          <p className="between-grades" data-testid="between-grades">
            Severity {severityText(grades, severity)}
          </p>
        )}
        {draft.changedFrom && (
          <p className="between-grades" data-testid="changed-grade">
            Begun with {changesInWords(grades, draft.changedFrom)}. Choosing a grade draws the whole picture
            with it.
          </p>
        )}
        <div className="grade-list">
          {grades.map((g, i) => (
            <Radio
              key={g.value}
              value={String(g.value)}
              className="grade"
              aria-label={`${g.short}, ${g.label}`}
              data-testid={`grade-${g.value}`}
            >
              <LevelGlyph level={i + 1} count={grades.length} />
              <span className="grade-short">{g.short}</span>
              <span className="grade-label">{g.label}</span>
            </Radio>
          ))}
        </div>
      </RadioGroup>
    </div>
  );
}

function ProviderField() {
  const session = useSession();
  const provider = useStudio((s) => s.provider);
  return (
    <SelectBox
      label="Compute on"
      value={provider}
      choices={[
        { value: 'auto', label: 'The best there is' },
        { value: 'webgpu', label: 'WebGPU (graphics card)' },
        { value: 'wasm', label: 'WASM (processor)' },
      ]}
      onChange={(v) => void session.chooseProvider(v)}
      testId="provider"
    />
  );
}

function GenerateButton() {
  const session = useSession();
  const keyName = useKeyName(SAMPLE_SHORTCUTS, 'generate');
  const ready = useStudio((s) => s.draft !== null);
  const busy = useStudio((s) => s.activity.kind !== 'idle');
  const changed = useStudio((s) => s.run !== null && draftIsNew(s));
  const locked = useStudio((s) => s.seedLocked);
  let hint = 'Draws again with a new seed';
  if (busy) hint = 'Starts over with these settings';
  else if (changed) hint = 'Settings have changed since this picture';
  else if (locked) hint = 'The seed is locked: the same picture again';
  return (
    <div className="control-group generate" data-control="generate">
      <Button kind="primary" isDisabled={!ready} onPress={() => void session.generate()} testId="generate">
        Generate
        <kbd>{keyName}</kbd>
      </Button>
      <span className="field-hint">{hint}</span>
    </div>
  );
}
