/** A film of a run's steps, or of the same noise along the whole severity scale. */
import { useEffect, useState } from 'react';
import { StudioError } from '../../errors';
import type { FilmFrame } from '../../exchange/film';
import type { BundleManifest } from '../../models/manifest';
import { severityAt, unchanged, type SampleRequest } from '../../models/request';
import { Button, DialogBox, NumberBox, Segmented, SelectBox } from './widgets';
import { useSession } from '../context';
import { filmFormats, makeFilm, type FilmFormat, type FilmSubject } from '../exports/film';
import { formatBytes } from '../store/format';
import { download, fileStem, sweepStem } from '../store/saving';
import type { StudioSession } from '../store/session';
import type { RunInfo } from '../store/state';

type Subject = 'x' | 'x0' | 'sweep';

/** What there is to film: settings for a sweep and, where its steps are on the page, a run. */
export interface Filmed {
  readonly manifest: BundleManifest;
  readonly request: SampleRequest;
  readonly run: RunInfo | null;
}

const SIZES = [
  { value: '256', label: 'About 256 px' },
  { value: '512', label: 'About 512 px' },
  { value: '768', label: 'About 768 px' },
] as const;
const FORMAT_TITLES: Record<FilmFormat, string> = { mp4: 'MP4', webm: 'WebM', gif: 'GIF' };

interface Progress {
  readonly what: string;
  readonly done: number;
  readonly total: number;
  readonly controller: AbortController;
}

/** The steps that are held, as they were drawn. */
function trajectoryFrames(session: StudioSession, run: RunInfo, show: 'x' | 'x0'): FilmFrame[] {
  return run.held.flatMap((index) => {
    const frame = session.frame(index);
    if (!frame) return [];
    const place =
      index >= frame.steps ? 'finished' : `step ${index} of ${frame.steps}, noise ${frame.sigma.toFixed(2)}`;
    const severity = run.request.changedFrom ? `, severity ${severityAt(run.request, index)}` : '';
    return [{ chw: frame[show], label: place + severity }];
  });
}

/** The same settings and noise at severities from the lowest grade to the highest. */
async function sweepFrames(
  session: StudioSession,
  { manifest, request }: Filmed,
  count: number,
  onDone: (done: number) => void,
  signal: AbortSignal,
): Promise<FilmFrame[]> {
  const low = manifest.grades[0]!.value;
  const high = manifest.grades.at(-1)!.value;
  const requests = Array.from({ length: count }, (_, i) => ({
    ...unchanged(request),
    // A step of 0.01 of the scale is finer than anyone sees, and reads well.
    severity: Number((low + ((high - low) * i) / (count - 1)).toFixed(2)),
  }));
  const pictures: FilmFrame[] = [];
  let done = 0;
  await session.withEngine(
    request,
    (engine) =>
      engine.pictures(
        requests,
        ({ index, picture }) => {
          pictures[index] = { chw: picture, label: `severity ${requests[index]!.severity.toFixed(2)}` };
          onDone(++done);
        },
        signal,
      ),
    signal,
  );
  return pictures;
}

interface FilmDialogProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  filmed: Filmed | null;
}

export function FilmDialog({ open, onOpenChange, filmed }: FilmDialogProps) {
  return (
    <DialogBox title="Film" open={open} onOpenChange={onOpenChange} testId="film-dialog">
      {filmed && <FilmForm filmed={filmed} />}
    </DialogBox>
  );
}

function FilmForm({ filmed }: { filmed: Filmed }) {
  const session = useSession();
  const [subject, setSubject] = useState<Subject>(filmed.run ? 'x0' : 'sweep');
  const { run, request } = filmed;
  const [count, setCount] = useState(21);
  const [size, setSize] = useState<(typeof SIZES)[number]['value']>('512');
  const [speed, setSpeed] = useState(8);
  const [formats, setFormats] = useState<readonly FilmFormat[]>(['gif']);
  const [wanted, setWanted] = useState<FilmFormat | null>(null);
  const [progress, setProgress] = useState<Progress | null>(null);
  const [message, setMessage] = useState('');
  const { width, height } = filmed.manifest.image;
  const format = wanted !== null && formats.includes(wanted) ? wanted : formats[0]!;

  useEffect(() => {
    let here = true;
    filmFormats({ width, height }, Number(size)).then(
      (able) => here && setFormats(able),
      () => undefined,
    );
    return () => {
      here = false;
    };
  }, [width, height, size]);
  // Closing the dialog, or the page's next run, ends what nobody waits for.
  useEffect(() => () => progress?.controller.abort(), [progress?.controller]);

  const make = async () => {
    const controller = new AbortController();
    const say = (what: string, total: number) => (done: number) => {
      if (!controller.signal.aborted) setProgress({ what, done, total, controller });
    };
    setMessage('');
    try {
      let frames: FilmFrame[];
      if (subject === 'sweep' || !run) {
        const drawing = say('Drawing', count);
        drawing(0);
        frames = await sweepFrames(session, filmed, count, drawing, controller.signal);
      } else frames = trajectoryFrames(session, run, subject);
      const encoding = say('Encoding', frames.length);
      encoding(0);
      const film: FilmSubject = { frames, width, height };
      const options = { format, size: Number(size), speed };
      const blob = await makeFilm(film, options, encoding, controller.signal);
      const name =
        subject === 'sweep' ? `${sweepStem(request)}.${format}` : `${fileStem(request)}_film.${format}`;
      download(blob, blob.type, name);
      setMessage(`Saved ${name}: ${frames.length} frames, ${formatBytes(blob.size)}.`);
      session.announce('The film is saved');
    } catch (thrown) {
      const error = StudioError.from(thrown);
      setMessage(error.code === 'cancelled' ? 'Cancelled.' : `${error.message} ${error.remedy}`);
    }
    setProgress(null);
  };

  return (
    <div className="film-form">
      {run && (
        <Segmented
          label="What"
          showLabel
          value={subject}
          choices={[
            { value: 'x0', label: 'Predicted picture x̂₀' },
            { value: 'x', label: 'Noisy picture xₜ' },
            { value: 'sweep', label: 'Severity sweep' },
          ]}
          onChange={setSubject}
          testId="film-subject"
        />
      )}
      <p className="field-hint">
        {subject === 'sweep'
          ? 'Drawn from the same noise with the same settings, from the lowest grade to the highest.'
          : 'Every step of this run that is held, from noise to picture.'}
      </p>
      <div className="field-pair">
        <SelectBox label="Size" value={size} choices={SIZES} onChange={setSize} testId="film-size" />
        <NumberBox
          label="Pictures a second"
          value={speed}
          min={1}
          max={30}
          onChange={setSpeed}
          testId="film-speed"
        />
        <SelectBox
          label="Format"
          value={format}
          choices={formats.map((value) => ({ value, label: FORMAT_TITLES[value] }))}
          onChange={setWanted}
          testId="film-format"
        />
        {subject === 'sweep' && (
          <NumberBox
            label="Pictures"
            value={count}
            min={2}
            max={200}
            onChange={setCount}
            testId="film-count"
          />
        )}
      </div>
      <p className="field-hint">
        “Synthetic – not a patient” and what is seen are burnt in. The last picture stands a second longer.
      </p>
      {progress ? (
        <div className="film-progress">
          <progress value={progress.done} max={progress.total} aria-label={progress.what} />
          <span>
            {progress.what}: {progress.done} of {progress.total}
          </span>
          <Button onPress={() => progress.controller.abort()} testId="film-cancel">
            Cancel
          </Button>
        </div>
      ) : (
        <Button kind="primary" onPress={() => void make()} testId="film-make">
          Make the film
        </Button>
      )}
      <p aria-live="polite" data-testid="film-message">
        {message}
      </p>
    </div>
  );
}
