/**
 * The panel of neighbouring grades as a figure for slides: noise, predicted picture and signed difference of every grade
 * from one noisy picture, with the colour bar, twice as large as on the page, white whatever the theme.
 */
import { StudioError } from '../../errors';
import { withDisclaimer } from '../../exchange/png';
import { severityAt } from '../../models/request';
import type { Palette } from '../components/colour';
import { formatMeasure, gradeText } from '../store/format';
import type { RunInfo } from '../store/state';

/** Twice what the page shows. */
const SCALE = 2;
const TILE = 152 * SCALE;
const GAP = 10 * SCALE;
const MARGIN = 22 * SCALE;
const NAMES = 128 * SCALE;
const HEAD = 74 * SCALE;
const FOOT = 74 * SCALE;

export interface FigureRow {
  /** RGBA painters of noise, predicted picture, difference. */
  readonly paints: readonly ((rgba: Uint8ClampedArray) => void)[];
  /** Root-mean-square distance to the chosen grade; null for the chosen grade itself. */
  readonly distance: number | null;
}

export interface NeighbourFigure {
  readonly run: RunInfo;
  readonly step: number;
  readonly sigma: number;
  /** One per grade. */
  readonly rows: readonly FigureRow[];
  /** What the difference shows, and its scale. */
  readonly map: string;
  readonly scale: { readonly low: number; readonly high: number; readonly palette: Palette };
  readonly verdict: string | null;
}

/** PNG bytes. @throws StudioError `export-failed`. */
export async function neighbourFigure(figure: NeighbourFigure): Promise<Uint8Array> {
  const { run, rows, scale } = figure;
  const { image, grades } = run.manifest;
  const canvas = document.createElement('canvas');
  canvas.width = 2 * MARGIN + NAMES + 3 * TILE + 2 * GAP;
  canvas.height = MARGIN + HEAD + rows.length * (TILE + GAP) + FOOT;
  const pen = canvas.getContext('2d');
  if (!pen) throw failed();
  const font = getComputedStyle(document.body).fontFamily;
  const write = (
    text: string,
    x: number,
    y: number,
    size: number,
    weight = 400,
    align: CanvasTextAlign = 'left',
  ) => {
    pen.font = `${weight} ${size * SCALE}px ${font}`;
    pen.textAlign = align;
    pen.fillText(text, x, y, canvas.width - 2 * MARGIN);
  };
  pen.fillStyle = '#ffffff';
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.fillStyle = '#15191d';
  pen.textBaseline = 'alphabetic';
  const { request } = run;
  write(
    `${run.manifest.title}, ${run.manifest.variants[request.variant]?.title ?? request.variant}`,
    MARGIN,
    MARGIN + 12 * SCALE,
    16,
    700,
  );
  write(
    `One noisy picture, every grade’s estimate: seed ${request.seed}, step ${figure.step} of ${request.steps}, σ ${figure.sigma.toFixed(2)}`,
    MARGIN,
    MARGIN + 32 * SCALE,
    12,
  );
  const column = (i: number) => MARGIN + NAMES + i * (TILE + GAP);
  ['Noise ε̂', 'Predicted picture x̂₀', `Difference Δ ε̂, ${figure.map}`].forEach((title, i) => {
    pen.font = `600 ${12 * SCALE}px ${font}`;
    pen.textAlign = 'left';
    pen.fillText(title, column(i), MARGIN + HEAD - 10 * SCALE, TILE);
  });

  const tile = document.createElement('canvas');
  tile.width = image.width;
  tile.height = image.height;
  const ink = tile.getContext('2d');
  if (!ink) throw failed();
  rows.forEach((row, r) => {
    const top = MARGIN + HEAD + r * (TILE + GAP);
    const grade = grades[r]!;
    write(grade.short, MARGIN, top + TILE / 2 - 4 * SCALE, 15, 700);
    write(
      row.distance === null ? 'chosen' : `d ${formatMeasure(row.distance)}`,
      MARGIN,
      top + TILE / 2 + 14 * SCALE,
      12,
    );
    row.paints.forEach((paint, i) => {
      const pixels = ink.createImageData(image.width, image.height);
      paint(pixels.data);
      ink.putImageData(pixels, 0, 0);
      // Pictures are smoothed, maps keep the model's own pixels.
      pen.imageSmoothingEnabled = i === 1;
      pen.imageSmoothingQuality = 'high';
      pen.drawImage(tile, column(i), top, TILE, TILE);
    });
  });

  const foot = MARGIN + HEAD + rows.length * (TILE + GAP) + 6 * SCALE;
  const left = column(2);
  for (let x = 0; x < TILE; x++) {
    const at = Math.round((x / (TILE - 1)) * (scale.palette.length / 3 - 1)) * 3;
    pen.fillStyle = `rgb(${scale.palette[at]} ${scale.palette[at + 1]} ${scale.palette[at + 2]})`;
    pen.fillRect(left + x, foot, 1, 12 * SCALE);
  }
  pen.fillStyle = '#15191d';
  write(formatMeasure(scale.low).replace('-', '−'), left, foot + 26 * SCALE, 11);
  write(formatMeasure(scale.high), left + TILE, foot + 26 * SCALE, 11, 400, 'right');
  if (figure.verdict !== null) write(figure.verdict, MARGIN, foot + 12 * SCALE, 12, 600);
  write('SYNTHETIC – NOT A PATIENT', MARGIN, foot + 34 * SCALE, 12, 700);

  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
  if (!blob) throw failed();
  const { license, attribution } = run.manifest;
  return withDisclaimer(
    new Uint8Array(await blob.arrayBuffer()),
    `${attribution} (${license})`,
    `Noise estimates of all grades from one noisy picture: ${grades.map(gradeText).join('; ')}. ${request.model} (${request.variant}), seed ${request.seed}, severity ${severityAt(request, figure.step)}, ${request.sampler}, ${request.steps} steps, guidance ${request.guidance}, step ${figure.step}`,
  );
}

function failed(): StudioError {
  return new StudioError({
    code: 'export-failed',
    message: 'The browser could not draw the figure.',
    remedy: 'Close other tabs to free memory, then try again.',
  });
}
