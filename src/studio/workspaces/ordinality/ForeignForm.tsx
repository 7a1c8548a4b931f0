/** What has to be said of an ONNX file that comes without a manifest; what the file itself says is filled in. */
import { useId, useState } from 'react';
import { MAX_GRADES, MAX_SIDE, MIN_GRADES, MIN_SIDE, type Inspection } from '../../../models/inspect';
import type { ForeignDescription } from '../../../models/foreign';
import { SAMPLERS, type SamplerName } from '../../../models/request';
import { Button, NumberBox, SelectBox } from '../../components/widgets';

type ScheduleKind = ForeignDescription['schedule']['kind'];

interface Draft {
  readonly title: string;
  readonly scale: string;
  readonly labels: readonly string[];
  readonly values: readonly number[];
  readonly channels: 1 | 3;
  readonly width: number;
  readonly height: number;
  readonly prediction: ForeignDescription['prediction'];
  readonly schedule: ScheduleKind;
  readonly trainSteps: number;
  readonly betaStart: number;
  readonly betaEnd: number;
  readonly x: string;
  readonly t: string;
  readonly y: string;
  readonly output: string;
  readonly sampler: SamplerName;
  readonly steps: number;
  readonly data: string;
  readonly license: string;
  readonly credit: string;
}

const COLOURS = [
  { value: '3', label: 'red, green, blue' },
  { value: '1', label: 'grey' },
] as const;
const FALLBACK_GRADES = 5;
const FALLBACK_SIDE = 128;

function firstDraft(name: string, inspection: Inspection): Draft {
  const grades = inspection.grades ?? FALLBACK_GRADES;
  // Integer times are those of a table; diffusers' own models mostly predict epsilon.
  const table = inspection.t[0]?.kind === 'int64';
  return {
    title: name.replace(/\.onnx$/i, ''),
    scale: `Grades 0–${grades - 1}`,
    labels: Array.from({ length: grades }, (_, k) => `Grade ${k}`),
    values: Array.from({ length: grades }, (_, k) => k),
    channels: inspection.channels ?? 3,
    width: inspection.width ?? FALLBACK_SIDE,
    height: inspection.height ?? FALLBACK_SIDE,
    prediction: table ? 'epsilon' : 'x0',
    schedule: table ? 'linear' : 'cosine',
    trainSteps: 1000,
    betaStart: 0.0001,
    betaEnd: 0.02,
    x: inspection.x[0]!,
    t: inspection.t[0]!.name,
    y: inspection.y[0]!.name,
    output: inspection.output[0]!,
    sampler: 'dpmpp-2m',
    steps: 20,
    data: '',
    license: '',
    credit: '',
  };
}

function describe(draft: Draft, { t, y }: Inspection): ForeignDescription {
  const { schedule: kind, trainSteps: steps, betaStart: start, betaEnd: end } = draft;
  return {
    ...draft,
    title: draft.title.trim() || 'My model',
    scale: draft.scale.trim() || 'Grades',
    grades: draft.values.map((value, k) => ({ value, label: draft.labels[k]?.trim() || `Grade ${value}` })),
    schedule:
      kind === 'cosine'
        ? { kind }
        : kind === 'squaredcos_cap_v2'
          ? { kind, steps }
          : { kind, steps, start, end },
    t: t.find(({ name }) => name === draft.t)!,
    y: y.find(({ name }) => name === draft.y)!,
    data: draft.data.trim() || 'Not said',
    license: draft.license.trim() || 'Not said',
    credit: draft.credit.trim() || 'Not said',
  };
}

interface ForeignFormProps {
  name: string;
  inspection: Inspection;
  busy: boolean;
  onSubmit: (description: ForeignDescription) => void;
}

export function ForeignForm({ name, inspection, busy, onSubmit }: ForeignFormProps) {
  const [draft, setDraft] = useState(() => firstDraft(name, inspection));
  const set = (change: Partial<Draft>) => setDraft({ ...draft, ...change });
  const named = (names: readonly string[]) => names.map((value) => ({ value, label: value }));
  const setCount = (count: number) =>
    set({
      values: Array.from({ length: count }, (_, k) => draft.values[k] ?? (draft.values[k - 1] ?? k - 1) + 1),
      labels: Array.from({ length: count }, (_, k) => draft.labels[k] ?? `Grade ${k}`),
    });
  return (
    <form
      className="foreign-form"
      onSubmit={(e) => {
        e.preventDefault();
        onSubmit(describe(draft, inspection));
      }}
      data-testid="foreign-form"
    >
      <p className="field-hint">
        {name}: {inspection.signature.params.toLocaleString('en-GB')} parameters. What the file says is filled
        in; the rest only you know.
      </p>
      <fieldset>
        <legend>Inputs and output</legend>
        <div className="field-pair">
          <SelectBox
            label="Noisy picture"
            value={draft.x}
            choices={named(inspection.x)}
            onChange={(x) => set({ x })}
          />
          <SelectBox
            label="Time"
            value={draft.t}
            choices={inspection.t.map(({ name: value, kind }) => ({
              value,
              label: `${value} (${kind === 'int64' ? 'training step' : '0..1'})`,
            }))}
            onChange={(t) => set({ t })}
          />
          <SelectBox
            label="Grade"
            value={draft.y}
            choices={inspection.y.map(({ name: value, kind }) => ({
              value,
              label: `${value} (${kind === 'index' ? 'class number' : 'class weights'})`,
            }))}
            onChange={(y) => set({ y })}
          />
          <SelectBox
            label="Output"
            value={draft.output}
            choices={named(inspection.output)}
            onChange={(output) => set({ output })}
          />
        </div>
      </fieldset>
      <fieldset>
        <legend>Diffusion</legend>
        <div className="field-pair">
          <SelectBox
            label="It predicts"
            value={draft.prediction}
            choices={[
              { value: 'epsilon', label: 'the noise (epsilon)' },
              { value: 'x0', label: 'the picture (x0)' },
              { value: 'v', label: 'velocity (v)' },
            ]}
            onChange={(prediction) => set({ prediction })}
            testId="foreign-prediction"
          />
          <SelectBox
            label="Noise schedule"
            value={draft.schedule}
            choices={[
              { value: 'linear', label: 'linear betas' },
              { value: 'scaled_linear', label: 'scaled linear betas' },
              { value: 'squaredcos_cap_v2', label: 'cosine betas (squaredcos_cap_v2)' },
              { value: 'cosine', label: 'cosine, continuous time 0..1' },
            ]}
            onChange={(schedule) => set({ schedule })}
            testId="foreign-schedule"
          />
          {draft.schedule !== 'cosine' && (
            <NumberBox
              label="Training steps"
              value={draft.trainSteps}
              min={2}
              max={10000}
              bare
              onChange={(trainSteps) => set({ trainSteps })}
            />
          )}
          {(draft.schedule === 'linear' || draft.schedule === 'scaled_linear') && (
            <>
              <NumberBox
                label="First beta"
                value={draft.betaStart}
                min={0.0000001}
                max={0.999}
                step={0.0000001}
                digits={7}
                bare
                onChange={(betaStart) => set({ betaStart })}
              />
              <NumberBox
                label="Last beta"
                value={draft.betaEnd}
                min={0.0000001}
                max={0.999}
                step={0.0000001}
                digits={7}
                bare
                onChange={(betaEnd) => set({ betaEnd })}
              />
            </>
          )}
          <SelectBox
            label="Sampler at first"
            value={draft.sampler}
            choices={SAMPLERS.map((value) => ({ value, label: value }))}
            onChange={(sampler) => set({ sampler })}
          />
          <NumberBox
            label="Steps at first"
            value={draft.steps}
            min={1}
            max={1000}
            onChange={(steps) => set({ steps })}
            testId="foreign-steps"
          />
        </div>
      </fieldset>
      <fieldset>
        <legend>Pictures and grades</legend>
        <div className="field-pair">
          <SelectBox
            label="Colour"
            value={String(draft.channels)}
            choices={COLOURS.filter(({ value }) => [null, Number(value)].includes(inspection.channels))}
            onChange={(value) => set({ channels: value === '1' ? 1 : 3 })}
            testId="foreign-channels"
          />
          <NumberBox
            label="Width"
            value={draft.width}
            min={MIN_SIDE}
            max={MAX_SIDE}
            bare
            disabled={inspection.width !== null}
            onChange={(width) => set({ width })}
          />
          <NumberBox
            label="Height"
            value={draft.height}
            min={MIN_SIDE}
            max={MAX_SIDE}
            bare
            disabled={inspection.height !== null}
            onChange={(height) => set({ height })}
          />
          <NumberBox
            label="Number of grades"
            value={draft.values.length}
            min={MIN_GRADES}
            max={MAX_GRADES}
            onChange={setCount}
            testId="foreign-grades"
          />
          <TextBox label="Name of the scale" value={draft.scale} onChange={(scale) => set({ scale })} />
        </div>
        <ol className="foreign-grades">
          {draft.values.map((value, k) => (
            <li key={k}>
              <NumberBox
                label={`Value ${k + 1}`}
                value={value}
                min={-1000}
                max={1000}
                step={0.01}
                digits={2}
                bare
                onChange={(v) => set({ values: draft.values.map((old, i) => (i === k ? v : old)) })}
              />
              <TextBox
                label={`Name ${k + 1}`}
                value={draft.labels[k]!}
                onChange={(label) => set({ labels: draft.labels.map((old, i) => (i === k ? label : old)) })}
              />
            </li>
          ))}
        </ol>
      </fieldset>
      <fieldset>
        <legend>Name and source</legend>
        <div className="field-pair">
          <TextBox
            label="Name of the model"
            value={draft.title}
            onChange={(title) => set({ title })}
            testId="foreign-title"
          />
          <TextBox label="Trained on" value={draft.data} onChange={(data) => set({ data })} />
          <TextBox label="Licence" value={draft.license} onChange={(license) => set({ license })} />
          <TextBox label="Credit" value={draft.credit} onChange={(credit) => set({ credit })} />
        </div>
      </fieldset>
      <Button kind="primary" type="submit" isDisabled={busy} testId="foreign-submit">
        Check and add
      </Button>
    </form>
  );
}

interface TextBoxProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  testId?: string;
}

function TextBox({ label, value, onChange, testId }: TextBoxProps) {
  const id = useId();
  return (
    <div className="field">
      <label className="field-label" htmlFor={id}>
        {label}
      </label>
      <span className="number-box">
        <input
          id={id}
          className="number-input"
          value={value}
          onChange={(e) => onChange(e.currentTarget.value)}
          autoComplete="off"
          data-testid={testId}
        />
      </span>
    </div>
  );
}
