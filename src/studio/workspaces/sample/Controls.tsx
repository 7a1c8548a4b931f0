/** The settings of the next picture. Model, variant, grade and the seed's buttons draw at once; numbers wait for Generate. */
import { Label, Radio, RadioGroup } from 'react-aria-components';
import { LevelGlyph } from '../../components/Icon';
import { ModelInfo } from '../../components/ModelInfo';
import { Button, Disclosure, IconButton, NumberBox, Segmented, SelectBox } from '../../components/widgets';
import { useSession, useStudio } from '../../context';
import { SAMPLERS, type SamplerName } from '../../../models/request';
import { severityPlace, severityText } from '../../store/format';
import { draftIsNew, draftManifest } from '../../store/state';
import { useKeyName } from '../../keyboard/useKeyName';
import { SAMPLE_SHORTCUTS } from './shortcuts';

const SAMPLER_TITLES: Record<SamplerName, string> = {
  ddpm: 'DDPM (random)',
  ddim: 'DDIM',
  'dpmpp-2m': 'DPM-Solver++ 2M',
};

const MAX_SEED = 0xffffffff;

export function Controls() {
  return (
    <section className="panel controls" aria-label="Settings">
      <ModelChoice />
      <GradeChoice />
      <SeedChoice />
      <SamplingChoice />
      <GenerateButton />
    </section>
  );
}

function ModelChoice() {
  const session = useSession();
  const bundles = useStudio((s) => s.bundles);
  const manifests = useStudio((s) => s.manifests);
  const model = useStudio((s) => s.draft?.model);
  const variant = useStudio((s) => s.draft?.variant);
  const manifest = useStudio(draftManifest);
  return (
    <div className="control-group" data-control="model">
      <div className="with-side-button">
        <SelectBox
          label="Model"
          value={model ?? ''}
          choices={
            bundles.length > 0
              ? bundles.map((id) => ({ value: id, label: manifests[id]?.title ?? id }))
              : [{ value: '', label: 'Reading …' }]
          }
          disabled={model === undefined}
          onChange={(id) => void session.chooseModel(id)}
          testId="model"
        />
        {manifest && <ModelInfo manifest={manifest} />}
      </div>
      {manifest && variant !== undefined && (
        <Segmented
          label="Variant"
          value={variant}
          choices={Object.entries(manifest.variants).map(([value, v]) => ({ value, label: v.title }))}
          onChange={(v) => void session.chooseVariant(v)}
          testId="variant"
        />
      )}
    </div>
  );
}

function GradeChoice() {
  const session = useSession();
  const manifest = useStudio(draftManifest);
  const severity = useStudio((s) => s.draft?.severity);
  if (!manifest || severity === undefined) return <div className="control-group grade-placeholder" />;
  const { grades } = manifest;
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

function SeedChoice() {
  const session = useSession();
  const seed = useStudio((s) => s.draft?.seed);
  const locked = useStudio((s) => s.seedLocked);
  const lockKey = useKeyName(SAMPLE_SHORTCUTS, 'lock-seed');
  if (seed === undefined) return null;
  return (
    <div className="control-group" data-control="seed">
      <div className="seed-row">
        <NumberBox
          label="Seed"
          value={seed}
          min={0}
          max={MAX_SEED}
          bare
          disabled={locked}
          onChange={(v) => session.edit({ seed: v })}
          testId="seed"
        />
        <div className="seed-buttons" role="group" aria-label="Change the seed">
          <IconButton
            icon="minus"
            label="Previous seed"
            isDisabled={locked}
            onPress={() => void session.stepSeed(-1)}
            testId="seed-previous"
          />
          <IconButton
            icon="plus"
            label="Next seed"
            isDisabled={locked}
            onPress={() => void session.stepSeed(1)}
            testId="seed-next"
          />
          <IconButton
            icon="dice"
            label="Random seed"
            isDisabled={locked}
            onPress={() => void session.rollSeed()}
            testId="seed-dice"
          />
          <IconButton
            icon={locked ? 'lock' : 'unlock'}
            label="Lock the seed"
            hotkey={lockKey}
            pressed={locked}
            onPress={() => session.toggleSeedLock()}
            testId="seed-lock"
          />
        </div>
      </div>
    </div>
  );
}

function SamplingChoice() {
  const session = useSession();
  const steps = useStudio((s) => s.draft?.steps);
  const sampler = useStudio((s) => s.draft?.sampler);
  const guidance = useStudio((s) => s.draft?.guidance);
  const eta = useStudio((s) => s.draft?.eta);
  const provider = useStudio((s) => s.provider);
  if (steps === undefined || sampler === undefined || guidance === undefined || eta === undefined)
    return null;
  return (
    <div className="control-group" data-control="sampling">
      <div className="field-pair">
        <NumberBox
          label="Steps"
          value={steps}
          min={1}
          max={1000}
          onChange={(v) => session.edit({ steps: v })}
          testId="steps"
        />
        <NumberBox
          label="Guidance"
          value={guidance}
          min={0}
          max={20}
          step={0.1}
          digits={1}
          onChange={(v) => session.edit({ guidance: v })}
          testId="guidance"
        />
      </div>
      <SelectBox
        label="Sampler"
        value={sampler}
        choices={SAMPLERS.map((value) => ({ value, label: SAMPLER_TITLES[value] }))}
        onChange={(v) => session.edit({ sampler: v })}
        testId="sampler"
      />
      <Disclosure title="Advanced" testId="advanced">
        <NumberBox
          label="Eta (randomness of DDIM)"
          value={eta}
          min={0}
          max={1}
          step={0.05}
          digits={2}
          disabled={sampler !== 'ddim'}
          hint={sampler === 'ddim' ? '0 is deterministic, 1 is as random as DDPM' : 'Only DDIM has it'}
          onChange={(v) => session.edit({ eta: v })}
          testId="eta"
        />
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
      </Disclosure>
    </div>
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
