/** Line icons on a 20-pixel grid, drawn for this page. They never carry a meaning alone: the control has a name. */
const PATHS = {
  picture: 'M3.5 4h13v12h-13zM3.5 13l4-4 4 4 2-2 3 3M13 7.5h.01',
  slider:
    'M2.5 6.5h5M11.5 6.5h6M9.5 4.5a2 2 0 1 1 0 4 2 2 0 0 1 0-4M2.5 13.5h8M14.5 13.5h3M12.5 11.5a2 2 0 1 1 0 4 2 2 0 0 1 0-4',
  pin: 'M7 3.5h6M8 3.5v5L5.5 11.5h9L12 8.5v-5M10 11.5v5',
  compare: 'M3 4.5h6v11H3zM11 4.5h6v11h-6z',
  grid: 'M3.5 3.5h5v5h-5zM11.5 3.5h5v5h-5zM3.5 11.5h5v5h-5zM11.5 11.5h5v5h-5z',
  open: 'M8 4.5H4v11.5h11.5V12M11 3.5h5.5V9M16.5 3.5 9 11',
  zoomIn: 'M8.5 3.5a5 5 0 1 1 0 10 5 5 0 0 1 0-10M12.2 12.2l4.3 4.3M6.3 8.5h4.4M8.5 6.3v4.4',
  zoomOut: 'M8.5 3.5a5 5 0 1 1 0 10 5 5 0 0 1 0-10M12.2 12.2l4.3 4.3M6.3 8.5h4.4',
  line: 'M3 16.5 17 4.5M5.5 12.6a1.6 1.6 0 1 1 0 3.2 1.6 1.6 0 0 1 0-3.2M10 8.9a1.6 1.6 0 1 1 0 3.2 1.6 1.6 0 0 1 0-3.2M14.5 5a1.6 1.6 0 1 1 0 3.2 1.6 1.6 0 0 1 0-3.2',
  play: 'M6 4.5v11l9-5.5z',
  pause: 'M6.5 4.5v11M13.5 4.5v11',
  back: 'M12.5 4.5 7 10l5.5 5.5',
  forward: 'M7.5 4.5 13 10l-5.5 5.5',
  first: 'M14.5 4.5 9 10l5.5 5.5M5.5 4.5v11',
  last: 'M5.5 4.5 11 10l-5.5 5.5M14.5 4.5v11',
  loop: 'M3.5 9V8A2.5 2.5 0 0 1 6 5.5h10.5M14 3l2.5 2.5L14 8M16.5 11v1a2.5 2.5 0 0 1-2.5 2.5H3.5M6 17l-2.5-2.5L6 12',
  dice: 'M5.5 3.5h9a2 2 0 0 1 2 2v9a2 2 0 0 1-2 2h-9a2 2 0 0 1-2-2v-9a2 2 0 0 1 2-2M7 7h.01M13 7h.01M10 10h.01M7 13h.01M13 13h.01',
  lock: 'M5 9h10v7.5H5zM7 9V6.5a3 3 0 0 1 6 0V9',
  unlock: 'M5 9h10v7.5H5zM7 9V6.5a3 3 0 0 1 5.8-1',
  minus: 'M5 10h10',
  plus: 'M5 10h10M10 5v10',
  close: 'M5 5l10 10M15 5 5 15',
  check: 'M4 10.5 8.2 15 16 5.5',
  warning: 'M10 3.5 17.5 16.5h-15zM10 8.5v3.5M10 14.3h.01',
  info: 'M10 2.8a7.2 7.2 0 1 1 0 14.4 7.2 7.2 0 0 1 0-14.4M10 9.2v4.6M10 6.4h.01',
  save: 'M10 3.5v9M6.2 9 10 12.8 13.8 9M4 16.5h12',
  keyboard: 'M2.5 5.5h15v9h-15zM5.5 8.5h.01M8.5 8.5h.01M11.5 8.5h.01M14.5 8.5h.01M6.5 11.5h7',
  teach: 'M2.5 7.5 10 4l7.5 3.5L10 11zM5.5 9v4.2c1 1.2 2.6 1.8 4.5 1.8s3.5-.6 4.5-1.8V9M17.5 7.5v5',
  storage:
    'M4 5.5c0-1.1 2.7-2 6-2s6 .9 6 2-2.7 2-6 2-6-.9-6-2M4 5.5v9c0 1.1 2.7 2 6 2s6-.9 6-2v-9M4 10c0 1.1 2.7 2 6 2s6-.9 6-2',
  star: 'M10 3 12.1 7.6 17 8.2 13.4 11.6 14.3 16.5 10 14.1 5.7 16.5 6.6 11.6 3 8.2 7.9 7.6z',
  gallery: 'M3 3.5h6v6H3zM11.5 3.5h5.5v6h-5.5zM3 12h6v5H3zM11.5 12h5.5v5h-5.5z',
  chevron: 'M5.5 8 10 12.5 14.5 8',
  sun: 'M10 6.5a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7M10 2v1.5M10 16.5V18M2 10h1.5M16.5 10H18M4.3 4.3l1.1 1.1M14.6 14.6l1.1 1.1M4.3 15.7l1.1-1.1M14.6 5.4l1.1-1.1',
  moon: 'M16.2 12.2A6.8 6.8 0 0 1 7.8 3.8a6.8 6.8 0 1 0 8.4 8.4',
  system: 'M3 4.5h14v9H3zM7.5 16.5h5M10 13.5v3',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg className="icon" width={size} height={size} viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} fill={name === 'play' ? 'currentColor' : 'none'} />
    </svg>
  );
}

/** Severity as a shape: `level` of `count` rising bars are filled, a fraction partly, so that order needs no colour. */
export function LevelGlyph({ level, count }: { level: number; count: number }) {
  const width = 3;
  const gap = 1.5;
  return (
    <svg
      className="level-glyph"
      width={count * (width + gap) - gap}
      height={16}
      viewBox={`0 0 ${count * (width + gap) - gap} 16`}
      aria-hidden="true"
      focusable="false"
    >
      {Array.from({ length: count }, (_, i) => {
        const height = 4 + (12 * (i + 1)) / count;
        const part = Math.max(0, Math.min(1, level - i));
        const bar = (full: number, className: string) => (
          <rect
            key={`${i} ${className}`}
            className={className}
            x={i * (width + gap) + 0.5}
            y={16 - full + 0.5}
            width={width - 1}
            height={full - 1}
            rx={0.5}
          />
        );
        if (part === 0 || part === 1) return bar(height, part === 1 ? 'level-on' : 'level-off');
        return [bar(height, 'level-off'), bar(Math.max(2, height * part), 'level-on')];
      })}
    </svg>
  );
}
