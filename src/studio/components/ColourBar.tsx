/** A colour bar with its numbers: what a map's colours mean, and in which unit. */
import { formatMeasure, formatSigned } from '../store/format';
import { paletteGradient, type Palette } from './colour';

interface ColourBarProps {
  palette: Palette;
  low: number;
  high: number;
  /** What is shown, with its unit. */
  title: string;
  /** A value to mark, e.g. the one under the pointer. */
  mark?: number | null;
  testId?: string;
}

export function ColourBar({ palette, low, high, title, mark = null, testId }: ColourBarProps) {
  const signed = low < 0;
  const ticks = signed ? [low, low / 2, 0, high / 2, high] : [low, (low + high) / 2, high];
  const place = (v: number) => `${(Math.max(0, Math.min(1, (v - low) / (high - low))) * 100).toFixed(2)}%`;
  const digits = Math.max(1, Math.min(5, 1 - Math.floor(Math.log10(high / 2))));
  return (
    <figure className="colour-bar" data-testid={testId}>
      <figcaption>{title}</figcaption>
      <div className="colour-bar-scale" style={{ background: paletteGradient(palette) }}>
        {mark !== null && <span className="colour-bar-mark" style={{ left: place(mark) }} />}
      </div>
      <div className="colour-bar-ticks">
        {ticks.map((v) => (
          <span key={v} style={{ left: place(v) }}>
            {signed ? formatSigned(v, digits) : formatMeasure(v)}
          </span>
        ))}
      </div>
    </figure>
  );
}
