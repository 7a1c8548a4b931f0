/** The settings of a picture as controls of the draft; what a change leads to is the workspace's affair. */
import type { ReactNode } from 'react';
import { createSchedule } from '../../diffusion';
import { SAMPLERS, type SampleRequest } from '../../models/request';
import { MAX_SEED } from '../../models/seeds';
import { useSession, useStudio } from '../context';
import { draftIsGenerated, draftManifest } from '../store/state';
import { ModelInfo } from './model/ModelInfo';
import { SAMPLER_TITLES } from './samplers';
import { Disclosure, IconButton, NumberBox, Segmented, SelectBox } from './widgets';

interface ModelFieldsProps {
  onModel: (model: string) => void;
  onVariant: (variant: string) => void;
}

export function ModelFields({ onModel, onVariant }: ModelFieldsProps) {
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
          onChange={onModel}
          testId="model"
        />
        {manifest && <ModelInfo manifest={manifest} />}
      </div>
      {manifest && variant !== undefined && (
        <Segmented
          label="Variant"
          value={variant}
          choices={Object.entries(manifest.variants).map(([value, v]) => ({ value, label: v.title }))}
          onChange={onVariant}
          testId="variant"
        />
      )}
    </div>
  );
}

interface SeedFieldsProps {
  onSeed: (seed: number) => void;
  onStep: (by: 1 | -1) => void;
  onRoll: () => void;
  /** Name of the key that locks the seed, where there is one. */
  lockKey?: string;
}

export function SeedFields({ onSeed, onStep, onRoll, lockKey }: SeedFieldsProps) {
  const session = useSession();
  const seed = useStudio((s) => s.draft?.seed);
  const locked = useStudio((s) => s.seedLocked);
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
          onChange={onSeed}
          testId="seed"
        />
        <div className="seed-buttons" role="group" aria-label="Change the seed">
          <IconButton
            icon="minus"
            label="Previous seed"
            isDisabled={locked}
            onPress={() => onStep(-1)}
            testId="seed-previous"
          />
          <IconButton
            icon="plus"
            label="Next seed"
            isDisabled={locked}
            onPress={() => onStep(1)}
            testId="seed-next"
          />
          <IconButton
            icon="dice"
            label="Random seed"
            isDisabled={locked}
            onPress={onRoll}
            testId="seed-dice"
          />
          <IconButton
            icon={locked ? 'lock' : 'unlock'}
            label="Lock the seed"
            {...(lockKey !== undefined && { hotkey: lockKey })}
            pressed={locked}
            onPress={() => session.toggleSeedLock()}
            testId="seed-lock"
          />
        </div>
      </div>
    </div>
  );
}

/** Where a bundle's models take guidance, if not everywhere. */
function GuidanceReach() {
  const diffusion = useStudio(draftManifest)?.diffusion;
  if (!diffusion?.guidanceRange) return null;
  const schedule = createSchedule(diffusion.schedule);
  const [low, high] = diffusion.guidanceRange.map((t) => Number(schedule.level(t).sigma.toFixed(2)));
  return (
    <p className="field-hint" data-testid="guidance-reach">
      Guidance acts at noise levels σ {low}–{high}
    </p>
  );
}

interface SamplingFieldsProps {
  onChange: (change: Partial<Pick<SampleRequest, 'steps' | 'sampler' | 'guidance' | 'eta'>>) => void;
  /** More of what is seldom wanted. */
  children?: ReactNode;
}

export function SamplingFields({ onChange, children }: SamplingFieldsProps) {
  const steps = useStudio((s) => s.draft?.steps);
  const sampler = useStudio((s) => s.draft?.sampler);
  const guidance = useStudio((s) => s.draft?.guidance);
  const eta = useStudio((s) => s.draft?.eta);
  const generated = useStudio(draftIsGenerated);
  if (steps === undefined || sampler === undefined || guidance === undefined || eta === undefined)
    return null;
  return (
    <div className="control-group" data-control="sampling">
      {generated ? (
        <p className="field-hint" data-testid="no-sampling">
          This variant makes the whole picture in one evaluation: there is no sampler, no number of steps and
          no guidance to choose.
        </p>
      ) : (
        <>
          <div className="field-pair">
            <NumberBox
              label="Steps"
              value={steps}
              min={1}
              max={1000}
              onChange={(v) => onChange({ steps: v })}
              testId="steps"
            />
            <NumberBox
              label="Guidance"
              value={guidance}
              min={0}
              max={20}
              step={0.1}
              digits={1}
              onChange={(v) => onChange({ guidance: v })}
              testId="guidance"
            />
          </div>
          {guidance !== 1 && <GuidanceReach />}
          <SelectBox
            label="Sampler"
            value={sampler}
            choices={SAMPLERS.map((value) => ({ value, label: SAMPLER_TITLES[value] }))}
            onChange={(v) => onChange({ sampler: v })}
            testId="sampler"
          />
        </>
      )}
      {(!generated || children) && (
        <Disclosure title="Advanced" testId="advanced">
          {!generated && (
            <NumberBox
              label="Eta (randomness of DDIM)"
              value={eta}
              min={0}
              max={1}
              step={0.05}
              digits={2}
              disabled={sampler !== 'ddim'}
              hint={sampler === 'ddim' ? '0 is deterministic, 1 is as random as DDPM' : 'Only DDIM has it'}
              onChange={(v) => onChange({ eta: v })}
              testId="eta"
            />
          )}
          {children}
        </Disclosure>
      )}
    </div>
  );
}
