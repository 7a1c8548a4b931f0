/** What has to be said of an ONNX file that comes without a manifest; what the file itself says is filled in. */
import { useId, useState } from 'react';
import { MAX_GRADES, MAX_SIDE, MIN_GRADES, MIN_SIDE, type Inspection } from '../../../models/inspect';
import type { ForeignDescription } from '../../../models/foreign';
import { SAMPLERS, type SamplerName } from '../../../models/request';
import { SAMPLER_TITLES } from '../../components/samplers';
import { Button, NumberBox, SelectBox, type Choice } from '../../components/widgets';

const COLOURS = [
  { value: 'rgb', label: 'red, green, blue', channels: 3 },
  { value: 'grey', label: 'grey', channels: 1 },
] as const;

type ScheduleKind = ForeignDescription['schedule']['kind'];

interface Draft {
  readonly title: string;
  readonly scale: string;
  readonly labels: readonly string[];
  readonly values: readonly number[];
  readonly colour: (typeof COLOURS)[number]['value'];
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
    colour: inspection.channels === 1 ? 'grey' : 'rgb',
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
    channels: COLOURS.find(({ value }) => value === draft.colour)!.channels,
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
    data: draft.data.trim() || 'data that were not named',
    license: draft.license.trim() || 'Not stated',
    credit: draft.credit.trim() || 'Not stated',
  };
}

interface ForeignFormProps {
  name: string;
  inspection: Inspection;
  busy: boolean;
  onSubmit: (description: ForeignDescription) => void;
}

/** Keys of a draft whose values are of a kind. */
type Keys<T> = { [K in keyof Draft]-?: Draft[K] extends T ? K : never }[keyof Draft];
type NumberLimits = Pick<
  Parameters<typeof NumberBox>[0],
  'min' | 'max' | 'step' | 'digits' | 'bare' | 'disabled'
>;
const BETA: NumberLimits = { min: 1e-7, max: 0.999, step: 1e-7, digits: 7, bare: true };
const SIDE: NumberLimits = { min: MIN_SIDE, max: MAX_SIDE, bare: true };

export function ForeignForm({ name, inspection, busy, onSubmit }: ForeignFormProps) {
  const [draft, setDraft] = useState(() => firstDraft(name, inspection));
  const set = (change: Partial<Draft>) => setDraft({ ...draft, ...change });
  const named = (names: readonly string[]) => names.map((value) => ({ value, label: value }));
  const setCount = (count: number) =>
    set({
      values: Array.from({ length: count }, (_, k) => draft.values[k] ?? (draft.values[k - 1] ?? k - 1) + 1),
      labels: Array.from({ length: count }, (_, k) => draft.labels[k] ?? `Grade ${k}`),
    });
  const choice = <K extends Keys<string>>(label: string, key: K, choices: readonly Choice<Draft[K]>[]) => (
    <SelectBox
      label={label}
      value={draft[key]}
      choices={choices}
      onChange={(value) => set({ [key]: value })}
      testId={`foreign-${key}`}
    />
  );
  const number = (label: string, key: Keys<number>, limits: NumberLimits) => (
    <NumberBox
      label={label}
      value={draft[key]}
      {...limits}
      onChange={(value) => set({ [key]: value })}
      testId={`foreign-${key}`}
    />
  );
  const words = (label: string, key: Keys<string>) => (
    <TextBox
      label={label}
      value={draft[key]}
      onChange={(value) => set({ [key]: value })}
      testId={`foreign-${key}`}
    />
  );
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
          {choice('Noisy picture', 'x', named(inspection.x))}
          {choice(
            'Time',
            't',
            inspection.t.map(({ name: value, kind }) => ({
              value,
              label: `${value} (${kind === 'int64' ? 'training step' : '0..1'})`,
            })),
          )}
          {choice(
            'Grade',
            'y',
            inspection.y.map(({ name: value, kind }) => ({
              value,
              label: `${value} (${kind === 'index' ? 'class number' : 'class weights'})`,
            })),
          )}
          {choice('Output', 'output', named(inspection.output))}
        </div>
      </fieldset>
      <fieldset>
        <legend>Diffusion</legend>
        <div className="field-pair">
          {choice('It predicts', 'prediction', [
            { value: 'epsilon', label: 'the noise (epsilon)' },
            { value: 'x0', label: 'the picture (x0)' },
            { value: 'v', label: 'velocity (v)' },
          ])}
          {choice('Noise schedule', 'schedule', [
            { value: 'linear', label: 'linear betas' },
            { value: 'scaled_linear', label: 'scaled linear betas' },
            { value: 'squaredcos_cap_v2', label: 'cosine betas (squaredcos_cap_v2)' },
            { value: 'cosine', label: 'cosine, continuous time 0..1' },
          ])}
          {draft.schedule !== 'cosine' &&
            number('Training steps', 'trainSteps', { min: 2, max: 10000, bare: true })}
          {(draft.schedule === 'linear' || draft.schedule === 'scaled_linear') && (
            <>
              {number('First beta', 'betaStart', BETA)}
              {number('Last beta', 'betaEnd', BETA)}
            </>
          )}
          {choice(
            'Sampler at first',
            'sampler',
            SAMPLERS.map((value) => ({ value, label: SAMPLER_TITLES[value] })),
          )}
          {number('Steps at first', 'steps', { min: 1, max: 1000 })}
        </div>
      </fieldset>
      <fieldset>
        <legend>Pictures and grades</legend>
        <div className="field-pair">
          {choice(
            'Colour',
            'colour',
            COLOURS.filter(({ channels }) => [null, channels].includes(inspection.channels)),
          )}
          {number('Width', 'width', { ...SIDE, disabled: inspection.width !== null })}
          {number('Height', 'height', { ...SIDE, disabled: inspection.height !== null })}
          <NumberBox
            label="Number of grades"
            value={draft.values.length}
            min={MIN_GRADES}
            max={MAX_GRADES}
            onChange={setCount}
            testId="foreign-grades"
          />
          {words('Name of the scale', 'scale')}
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
          {words('Name of the model', 'title')}
          {words('Trained on', 'data')}
          {words('Licence', 'license')}
          {words('Credit', 'credit')}
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
