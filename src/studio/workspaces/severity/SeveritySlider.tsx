/**
 * The severity as a slider over the clinical scale with its grades marked, hatched where it is extrapolated, and as a number
 * that can be typed. A native range: its keys are those of every slider, and Page Up and Down go from grade to grade.
 */
import type { CSSProperties, KeyboardEvent } from 'react';
import { NumberBox } from '../../components/widgets';
import type { BundleManifest } from '../../../models/manifest';
import { severityPlace, severityRange, severityText } from '../../store/format';

interface SeveritySliderProps {
  manifest: BundleManifest;
  value: number;
  onChange: (severity: number) => void;
  /** The hand has let go. */
  onRest: () => void;
}

const STEP = 0.05;

export function SeveritySlider({ manifest, value, onChange, onRest }: SeveritySliderProps) {
  const { grades } = manifest;
  const [low, high] = severityRange(grades);
  const lowest = grades[0]!.value;
  const highest = grades.at(-1)!.value;
  const share = (v: number) => (v - low) / (high - low);
  const beyond = severityPlace(grades, value).kind === 'beyond';

  const page = (e: KeyboardEvent) => {
    if (e.key !== 'PageUp' && e.key !== 'PageDown') return;
    e.preventDefault();
    const up = e.key === 'PageUp';
    const stops = [low, ...grades.map((g) => g.value), high];
    const next = up ? stops.find((v) => v > value + 1e-9) : stops.findLast((v) => v < value - 1e-9);
    if (next !== undefined) onChange(next);
  };

  return (
    <div className="severity-slider" data-control="severity">
      <div
        className="severity-scale"
        style={{ '--from': share(lowest), '--to': share(highest), '--at': share(value) } as CSSProperties}
      >
        <input
          type="range"
          className="severity-range"
          min={low}
          max={high}
          step={STEP}
          value={value}
          aria-label="Severity"
          aria-valuetext={severityText(grades, value)}
          onChange={(e) => onChange(Math.round(Number(e.currentTarget.value) * 100) / 100)}
          onPointerUp={onRest}
          onKeyDown={page}
          data-testid="severity-range"
        />
        <div className="severity-marks">
          {grades.map((g) => (
            <button
              key={g.value}
              type="button"
              className="severity-mark"
              style={{ '--place': share(g.value) } as CSSProperties}
              // The slider does the same for the keyboard.
              tabIndex={-1}
              aria-label={`Go to ${g.short}, ${g.label}`}
              onClick={() => {
                onChange(g.value);
                onRest();
              }}
              data-testid={`severity-mark-${g.value}`}
            >
              {g.short}
            </button>
          ))}
          <span className="severity-mark-end" style={{ '--place': 0 } as CSSProperties} aria-hidden="true">
            extrap.
          </span>
          <span className="severity-mark-end" style={{ '--place': 1 } as CSSProperties} aria-hidden="true">
            extrap.
          </span>
        </div>
      </div>
      <div className="severity-number">
        <NumberBox
          label="Severity as a number"
          value={value}
          min={low}
          max={high}
          step={STEP}
          digits={2}
          onChange={onChange}
          testId="severity-number"
        />
        <p
          className={beyond ? 'severity-words severity-beyond' : 'severity-words'}
          data-testid="severity-words"
        >
          {severityText(grades, value)}
          {beyond && (
            <span>
              No training image lies beyond the ends of the scale; this continues the model’s last step.
            </span>
          )}
        </p>
      </div>
    </div>
  );
}
