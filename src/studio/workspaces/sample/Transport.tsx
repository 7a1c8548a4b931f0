/** The scrubber over the trajectory: a native range, so that it behaves as every person's platform does. */
import type { CSSProperties, KeyboardEvent } from 'react';
import { IconButton, SelectBox, type Choice } from '../../components/widgets';
import { usePreference, useSession, useStudio } from '../../context';
import { scrubberText } from '../../store/format';
import { SPEEDS } from '../../store/preferences';
import { useKeyName } from '../../keyboard/useKeyName';
import { SAMPLE_SHORTCUTS } from './shortcuts';

const SPEED_CHOICES: readonly Choice<string>[] = SPEEDS.map((v) => ({ value: String(v), label: `${v} / s` }));
/** What Page Up and Page Down move by. */
const PAGE = 10;

export function Transport() {
  const session = useSession();
  const run = useStudio((s) => s.run);
  const cursor = useStudio((s) => s.cursor);
  const playing = useStudio((s) => s.playing);
  const backKey = useKeyName(SAMPLE_SHORTCUTS, 'step-back');
  const playKey = useKeyName(SAMPLE_SHORTCUTS, 'play');
  const forwardKey = useKeyName(SAMPLE_SHORTCUTS, 'step-forward');
  const [speed, setSpeed] = usePreference('speed');
  const [loop, setLoop] = usePreference('loop');

  const held = run?.held ?? [];
  const steps = run?.request.steps ?? 1;
  const place = Math.max(0, held.indexOf(cursor));
  const sigma = session.frame(cursor)?.sigma ?? 1;
  const disabled = held.length < 2;
  const text = run ? scrubberText(cursor, steps, sigma) : 'no steps yet';

  // Browsers disagree on the size of a page (a tenth of the range in Chromium); here it is ten steps.
  const page = (e: KeyboardEvent) => {
    if (e.key !== 'PageUp' && e.key !== 'PageDown') return;
    e.preventDefault();
    session.stepBy(e.key === 'PageUp' ? PAGE : -PAGE);
  };

  return (
    <div className="transport" data-control="transport">
      <div className="transport-buttons">
        <IconButton
          icon="back"
          label="Step back"
          hotkey={backKey}
          isDisabled={disabled}
          onPress={() => session.stepBy(-1)}
          testId="step-back"
        />
        <IconButton
          icon={playing ? 'pause' : 'play'}
          label={playing ? 'Pause' : 'Play the trajectory'}
          hotkey={playKey}
          isDisabled={disabled}
          onPress={() => session.togglePlay()}
          testId="play"
        />
        <IconButton
          icon="forward"
          label="Step forward"
          hotkey={forwardKey}
          isDisabled={disabled}
          onPress={() => session.stepBy(1)}
          testId="step-forward"
        />
      </div>
      <input
        className="scrubber"
        type="range"
        min={0}
        // The whole run from the start: while drawing, what is to come is the empty part of the track.
        max={steps}
        step={1}
        value={cursor}
        disabled={disabled}
        aria-label="Step of the trajectory"
        aria-valuetext={text}
        style={
          {
            '--made': `${((held.at(-1) ?? 0) / steps) * 100}%`,
            '--at': `${(cursor / steps) * 100}%`,
          } as CSSProperties
        }
        onChange={(e) => {
          session.pause();
          const wanted = Number(e.currentTarget.value);
          // A thinned run has gaps; an arrow key must still get across them.
          const by = wanted - cursor;
          if (Math.abs(by) === 1 && held[place + by] !== wanted) session.stepBy(by);
          else session.seek(wanted);
        }}
        onKeyDown={page}
        data-testid="scrubber"
      />
      <output className="transport-text" data-testid="step-text">
        {run ? `${cursor} / ${steps}` : '–'}
        <span className="transport-sigma">
          {run ? (cursor >= steps ? 'finished' : `σ ${sigma.toFixed(2)}`) : ''}
        </span>
      </output>
      <div className="transport-buttons">
        <SelectBox
          label="Frames a second when playing"
          compact
          value={String(speed)}
          choices={SPEED_CHOICES}
          onChange={(v) => setSpeed(Number(v))}
          testId="speed"
        />
        <IconButton icon="loop" label="Loop" pressed={loop} onPress={() => setLoop(!loop)} testId="loop" />
      </div>
    </div>
  );
}
