/** One kept picture: what it was made with, what one thinks of it, and what can be made of it. Current settings stay. */
import { useEffect, useState, type CSSProperties } from 'react';
import { StudioError } from '../../../errors';
import { encodeLink } from '../../../exchange/link';
import { readProvenance } from '../../../exchange/png';
import { isDiffusion } from '../../../models/manifest';
import { changeGrade, severityAt, type SampleRequest } from '../../../models/request';
import { SAMPLER_TITLES } from '../../components/samplers';
import { Button, IconButton, SelectBox } from '../../components/widgets';
import { usePreference, useSession, useStudio } from '../../context';
import { copyPng, copyText, settingsWithLink, wholeAddress } from '../../exports/files';
import { keptPng, pngToSave } from '../../exports/galleryFiles';
import { formatBytes, gradeText, providerNamed } from '../../store/format';
import { download, fileStem } from '../../store/saving';
import { problemOf } from '../../store/session';
import type { Entry } from '../../../storage/gallery';
import { useDesk } from './useGallery';
import { usePictureUrl } from './usePictureUrl';

const STATUS = { finished: '', cancelled: 'Cancelled', interrupted: 'Interrupted' } as const;

export function Details({ entry, onClose }: { entry: Entry; onClose: () => void }) {
  const [smooth] = usePreference('smooth');
  const url = usePictureUrl(entry.id);
  const { request, frame } = entry;
  const stopped =
    entry.status === 'finished' ? '' : `${STATUS[entry.status]} at step ${frame.index} of ${frame.steps}`;
  return (
    <section className="panel details" aria-labelledby="details-title" data-testid="details">
      <div className="panel-head">
        <h2 id="details-title">{entry.gradeText}</h2>
        <IconButton icon="close" label="Close" onPress={onClose} testId="details-close" />
      </div>
      <div className="details-picture">
        {url && (
          <img
            src={url}
            alt={`Synthetic picture, ${entry.gradeText}, seed ${request.seed}`}
            className={smooth ? '' : 'tile-pixels'}
          />
        )}
        <span className="stage-stamp" aria-hidden="true">
          Synthetic
        </span>
      </div>
      <Uses entry={entry} />
      <Remarks key={entry.id} entry={entry} />
      <dl className="facts" data-testid="details-facts">
        <Fact name="Model">
          {entry.modelTitle} ({request.variant})
        </Fact>
        <Fact name="Severity">
          {request.changedFrom ? `${changedSeverity(request)}, then ${request.severity}` : request.severity}
        </Fact>
        <Fact name="Seed">{request.seed}</Fact>
        <Fact name="Sampler">
          {SAMPLER_TITLES[request.sampler]}, {request.steps} steps
        </Fact>
        <Fact name="Guidance">{request.guidance}</Fact>
        {request.sampler === 'ddim' && <Fact name="Eta">{request.eta}</Fact>}
        {stopped && <Fact name="Ended">{stopped}</Fact>}
        <Fact name="Drawn">
          {new Date(entry.madeAt).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' })}
          {entry.times > 1 && `, ${entry.times} times in all`}
        </Fact>
        <Fact name="Computed by">{entry.provider}</Fact>
        <Fact name="Kept">
          {formatBytes(entry.bytes)}
          {entry.hasTrajectory && ', with every step'}
        </Fact>
      </dl>
      <Takings entry={entry} onClose={onClose} />
    </section>
  );
}

/** `0 up to step 6, 1 up to step 9`. */
function changedSeverity({ changedFrom = [] }: SampleRequest): string {
  return changedFrom.map(({ severity, step }) => `${severity} up to step ${step}`).join(', ');
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Uses({ entry }: { entry: Entry }) {
  const session = useSession();
  const desk = useDesk();
  const manifest = useStudio((s) => s.manifests[entry.request.model]);
  const there = useStudio((s) => s.bundles.includes(entry.request.model));
  const { request } = entry;
  const variant = manifest?.variants[request.variant];
  const diffusion = variant !== undefined && isDiffusion(variant);
  // The last step that there is to go on from; of a run that was stopped, the one where it was.
  const last = Math.min(request.steps - 1, entry.frame.index);
  const [step, setStep] = useState(Math.min(last, Math.round(request.steps / 2)));

  const kept = { request, provider: providerNamed(entry.provider), status: entry.status };
  /** The kept steps, if there are any of the weights that are here. */
  const keptSteps = async () =>
    entry.hasTrajectory && variant?.sha256 === entry.modelSha256 ? desk.trajectory(entry) : [];

  const open = async () => {
    const frames = await keptSteps();
    if (frames.length > 0) {
      await session.showKept(kept, frames);
      return;
    }
    try {
      await session.openMade({ ...entry, step: entry.frame.index }, 'file');
    } catch (thrown) {
      session.notify(problemOf(StudioError.from(thrown)));
    }
  };
  const draw = (changed: typeof request) => void session.openInSample(changed);
  const goOn = async (severity: number) => {
    const frames = await keptSteps();
    if (frames.length === 0) draw(changeGrade(request, step, severity));
    else if (await session.showKept(kept, frames)) await session.continueWith(severity, step);
  };
  return (
    <div className="details-uses">
      <Button kind="primary" onPress={() => void open()} isDisabled={!there} testId="use-settings">
        Use these settings
      </Button>
      <Button
        onPress={() => draw({ ...request, seed: session.randomSeed() })}
        isDisabled={!there}
        testId="remix"
      >
        Remix
      </Button>
      <p className="field-hint">
        {there ? 'Remix keeps everything but the seed.' : 'This studio has not got the model that drew it.'}
      </p>
      {manifest && there && diffusion && (
        <fieldset className="details-continue">
          <legend>Continue with another grade</legend>
          <label className="field">
            <span className="field-label">
              From step {step} of {request.steps}
            </span>
            <input
              className="scrubber"
              type="range"
              min={0}
              max={last}
              value={step}
              aria-valuetext={`step ${step} of ${request.steps}`}
              style={{ '--at': `${(step / Math.max(1, last)) * 100}%`, '--made': '100%' } as CSSProperties}
              onChange={(e) => setStep(Number(e.currentTarget.value))}
              data-testid="continue-step"
            />
          </label>
          <SelectBox
            label="Grade from there on"
            compact
            value=""
            choices={[
              { value: '', label: 'Choose a grade …' },
              ...manifest.grades
                .filter((g) => g.value !== severityAt(request, step))
                .map((g) => ({ value: String(g.value), label: gradeText(g) })),
            ]}
            onChange={(value) => {
              if (value !== '') void goOn(Number(value));
            }}
            testId="other-grade"
          />
          <p className="field-hint">
            {step === 0
              ? 'A new picture from the same noise.'
              : `The steps before it ${entry.hasTrajectory ? 'stay' : 'are drawn again'} as they were. The later the change, the more is left of this picture.`}
          </p>
        </fieldset>
      )}
    </div>
  );
}

function Remarks({ entry }: { entry: Entry }) {
  const desk = useDesk();
  const [note, setNote] = useState(entry.note);
  // Written when the person pauses, so that closing the page loses nothing.
  useEffect(() => {
    if (note === entry.note) return;
    const timer = setTimeout(() => void desk.change(entry.id, { note }), 400);
    return () => clearTimeout(timer);
  }, [desk, entry.id, entry.note, note]);
  return (
    <div className="details-remarks">
      <label className="field">
        <span className="field-label">Note</span>
        <textarea
          className="note"
          rows={2}
          value={note}
          onChange={(e) => setNote(e.currentTarget.value)}
          onBlur={() => {
            if (note !== entry.note) void desk.change(entry.id, { note });
          }}
          data-testid="note"
        />
      </label>
      <IconButton
        icon="star"
        label={entry.star ? 'Take the star away' : 'Star'}
        pressed={entry.star}
        onPress={() => void desk.change(entry.id, { star: !entry.star })}
        testId="star"
      />
    </div>
  );
}

function Takings({ entry, onClose }: { entry: Entry; onClose: () => void }) {
  const session = useSession();
  const desk = useDesk();
  const [strip] = usePreference('strip');
  const take = (work: () => Promise<void>, said: string) => () => {
    work().then(
      () => session.announce(said),
      (thrown: unknown) => session.notify(problemOf(StudioError.from(thrown))),
    );
  };
  const settings = async () => {
    const provenance = readProvenance(await keptPng(desk, entry));
    const { request, modelSha256, provider, frame } = entry;
    const look = {
      step: frame.index,
      view: 'x',
      noiseMap: 'rgb',
      differenceMap: 'luminance',
      compared: null,
      lockedLimit: null,
    } as const;
    const link = wholeAddress(`#sample?${encodeLink({ request, modelSha256, provider, look })}`);
    await copyText(settingsWithLink(provenance, link));
  };
  return (
    <div className="details-takings">
      <Button
        onPress={take(async () => {
          const stem = fileStem(entry.request);
          download(await pngToSave(desk, entry, strip), 'image/png', `${stem}.png`);
        }, 'Saved')}
        testId="details-save"
      >
        Save PNG
      </Button>
      <Button
        onPress={take(async () => copyPng(await pngToSave(desk, entry, strip)), 'Picture copied')}
        testId="details-copy"
      >
        Copy picture
      </Button>
      <Button onPress={take(settings, 'Settings copied')} testId="details-copy-settings">
        Copy settings
      </Button>
      <Button
        onPress={() => {
          onClose();
          void desk.delete([entry.id]);
        }}
        testId="details-delete"
      >
        Delete
      </Button>
    </div>
  );
}
