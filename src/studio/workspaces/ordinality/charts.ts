/**
 * The charts of an ordinality run, drawn by Observable Plot: on the page in the theme's colours, and for files in colours
 * of their own, with title and legend inside. Every chart knows its table.
 */
import * as Plot from '@observablehq/plot';
import { interpolateBlues } from 'd3-scale-chromatic';
import type { PlanarMap } from '../../../diffusion';
import type { CurvePoint, Measure } from '../../../models/ordinalityAnalysis';
import { SERIES_COLOURS, SERIES_DASHES } from '../../components/Drawing';
import { formatMeasure } from '../../store/format';

export interface Palette {
  readonly text: string;
  readonly muted: string;
  readonly grid: string;
  readonly surface: string;
  /** By the variant's place. */
  readonly series: readonly string[];
}

/** Follows the page's theme. */
export const SCREEN: Palette = {
  text: 'var(--text)',
  muted: 'var(--text-2)',
  grid: 'var(--line)',
  surface: 'var(--surface)',
  series: SERIES_COLOURS,
};
/** For files, which may be printed. */
export const PAPER: Palette = {
  text: '#15191d',
  muted: '#4d565f',
  grid: '#d3d7db',
  surface: '#ffffff',
  series: ['#0b6b7b', '#8a4b00', '#1c6b3f', '#a4262c'],
};

const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif";

export interface ChartTable {
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface Chart {
  /** Names files and elements. */
  readonly id: string;
  readonly title: string;
  /** What the chart shows, in a sentence, for those who do not see it. */
  readonly description: string;
  /** Names of the series, in the palette's order; empty where there is one of everything. */
  readonly legend: readonly string[];
  readonly table: ChartTable;
  draw(palette: Palette, width: number): SVGSVGElement | HTMLElement;
}

export const MEASURE_TITLES: Record<Measure, string> = {
  straightness: 'Straightness',
  slack: 'Slack',
  violations: 'Order violations',
  cosine: 'Cosine',
  outer: 'Lowest–highest distance',
};
const MEASURE_AXES: Record<Measure, string> = {
  straightness: '↑ direct way ÷ way over the middle grade',
  slack: '↑ detour over the middle grade, share of the direct way',
  violations: '↑ triples out of order, share',
  cosine: '↑ cosine of the angle at the middle grade',
  outer: '↑ RMS distance of noise estimates',
};
/** What a straight, ordered line would have. */
const IDEAL: Record<Measure, number | null> = {
  straightness: 1,
  slack: 0,
  violations: 0,
  cosine: 1,
  outer: null,
};

export interface Series {
  readonly title: string;
  readonly points: readonly CurvePoint[];
}

/** One small chart beside others, e.g. of one triple. */
export interface Facet {
  readonly title: string;
  readonly series: readonly Series[];
}

const number = (v: number) => (Number.isFinite(v) ? formatMeasure(v) : '–');
const minus = (v: number) => (v < 0 ? `−${number(-v)}` : number(v));

/** A measure along the trajectory, with 95 % intervals; `t` marks the step at the scrubber. */
export function curveChart(measure: Measure, facets: readonly Facet[], t: number | null): Chart {
  const several = facets.length > 1;
  const legend = facets[0]?.series.map((s) => s.title) ?? [];
  const data = facets.flatMap((facet) =>
    facet.series.flatMap(({ title, points }, place) =>
      points
        .filter((point) => Number.isFinite(point.mean))
        .map((point) => ({ ...point, facet: facet.title, title, place })),
    ),
  );
  const banded = data.filter((d) => Number.isFinite(d.low) && Number.isFinite(d.high));
  const seeds = Math.max(0, ...data.map((d) => d.n));
  const ideal = IDEAL[measure];
  return {
    id: measure,
    title: MEASURE_TITLES[measure],
    description:
      `${MEASURE_TITLES[measure]} along the trajectory, mean over ${seeds} ${seeds === 1 ? 'seed' : 'seeds'}` +
      `${banded.length > 0 ? ' with 95 % intervals' : ''}, for ${legend.join(' and ')}.`,
    legend,
    table: curveTable(facets),
    draw(palette, width) {
      const fx = several ? { fx: 'facet' as const } : {};
      const marks: Plot.Markish[] = [
        Plot.gridY({ stroke: palette.grid, strokeOpacity: 1 }),
        ...(ideal === null ? [] : [Plot.ruleY([ideal], { stroke: palette.muted, strokeDasharray: '1 3' })]),
        ...(t === null ? [] : [Plot.ruleX([t], { stroke: palette.muted })]),
      ];
      legend.forEach((_, place) => {
        const stroke = palette.series[place % palette.series.length]!;
        const own = data.filter((d) => d.place === place);
        marks.push(
          Plot.areaY(
            banded.filter((d) => d.place === place),
            { x: 't', y1: 'low', y2: 'high', fill: stroke, fillOpacity: 0.18, ...fx },
          ),
          Plot.lineY(own, {
            x: 't',
            y: 'mean',
            stroke,
            strokeWidth: 2,
            strokeDasharray: SERIES_DASHES[place % SERIES_DASHES.length]!,
            ...fx,
          }),
          // A single step makes no line.
          Plot.dot(own.length <= facets.length ? own : [], { x: 't', y: 'mean', fill: stroke, ...fx }),
        );
      });
      return Plot.plot({
        width,
        height: several ? 220 : 210,
        marginLeft: 46,
        marginTop: several ? 42 : 26,
        marginBottom: 38,
        style: { background: 'transparent', color: palette.text, fontFamily: FONT, fontSize: '11px' },
        x: {
          reverse: true,
          label: 'diffusion time t (1 noise, 0 picture) →',
          ticks: several ? 3 : 6,
          tickFormat: '.1f',
        },
        y: {
          label: MEASURE_AXES[measure],
          nice: true,
          ticks: 5,
          ...(measure === 'violations' && { zero: true }),
          ...(measure === 'outer' && { zero: true }),
        },
        fx: { label: null, padding: 0.12, domain: facets.map((f) => f.title) },
        marks,
      });
    },
  };
}

function curveTable(facets: readonly Facet[]): ChartTable {
  const several = facets.length > 1;
  const titles = facets[0]?.series.map((s) => s.title) ?? [];
  return {
    header: [
      ...(several ? ['Triple'] : []),
      'Step',
      't',
      ...titles.flatMap((title) => [title, '95 % interval', 'Seeds']),
    ],
    rows: facets.flatMap((facet) =>
      (facet.series[0]?.points ?? []).map(({ step, t }, i) => [
        ...(several ? [facet.title] : []),
        String(step),
        t.toFixed(3),
        ...facet.series.flatMap(({ points }) => {
          const point = points[i];
          if (!point) return ['–', '–', '0'];
          const interval = Number.isFinite(point.low) ? `${minus(point.low)} to ${minus(point.high)}` : '–';
          return [minus(point.mean), interval, String(point.n)];
        }),
      ]),
    ),
  };
}

export interface MapFacet {
  readonly title: string;
  readonly map: PlanarMap;
}

/** The grades' noise estimates as points of a plane, joined in their order. */
export function mapChart(facets: readonly MapFacet[], grades: readonly string[]): Chart {
  const data = facets.flatMap(({ title, map }, place) =>
    map.points.map(([x, y], i) => ({ facet: title, x, y, grade: grades[i]!, place })),
  );
  const reach = Math.max(1e-12, ...data.map((d) => Math.max(Math.abs(d.x), 1.6 * Math.abs(d.y)))) * 1.18;
  // One either side of zero, and well inside, so that neighbouring facets' numbers keep apart.
  const tick = [5, 2, 1]
    .map((f) => f * 10 ** Math.floor(Math.log10(reach * 0.6)))
    .find((v) => v <= reach * 0.6)!;
  const ticks = [-tick, 0, tick];
  const shares = facets
    .map(({ title, map }) => `${title}: first axis ${Math.round(map.shares[0] * 100)} % of the spread`)
    .join('; ');
  return {
    id: 'map',
    title: 'Planar map of the grades',
    description: `The grades’ noise estimates in the plane, joined in their order. ${shares}.`,
    legend: [],
    table: {
      header: ['Variant', 'Grade', 'First axis', 'Second axis'],
      rows: data.map((d) => [d.facet, d.grade, minus(d.x), minus(d.y)]),
    },
    draw(palette, width) {
      const count = Math.max(1, facets.length);
      // Below each other where two would be too small beside each other.
      const stacked = (width - 68) / count < 160;
      const along = stacked ? 'fy' : 'fx';
      const inner = stacked ? width - 156 : (width - 68) / count;
      const height = Math.round(Math.min(360, inner * 0.625));
      const marks: Plot.Markish[] = [
        Plot.ruleX([0], { stroke: palette.grid }),
        Plot.ruleY([0], { stroke: palette.grid }),
      ];
      facets.forEach((_, place) => {
        const own = data.filter((d) => d.place === place);
        const stroke = palette.series[place % palette.series.length]!;
        marks.push(
          Plot.line(own, {
            x: 'x',
            y: 'y',
            [along]: 'facet',
            stroke,
            strokeWidth: 2,
            strokeDasharray: SERIES_DASHES[place % SERIES_DASHES.length]!,
          }),
          Plot.dot(own, { x: 'x', y: 'y', [along]: 'facet', r: 5, fill: stroke, stroke: palette.surface }),
          Plot.text(own, {
            x: 'x',
            y: 'y',
            [along]: 'facet',
            text: 'grade',
            dy: -13,
            fill: palette.text,
            stroke: palette.surface,
            strokeWidth: 3,
            fontWeight: 600,
          }),
        );
      });
      return Plot.plot({
        width,
        height: (stacked ? count * (height + 16) : height) + 74,
        marginLeft: 56,
        marginRight: stacked ? 100 : 12,
        marginTop: 36,
        marginBottom: 38,
        style: { background: 'transparent', color: palette.text, fontFamily: FONT, fontSize: '11px' },
        x: { domain: [-reach, reach], label: 'first axis, RMS distance →', ticks },
        y: { domain: [-reach / 1.6, reach / 1.6], label: '↑ second axis, RMS distance', ticks },
        [along]: { label: null, padding: 0.08, domain: facets.map((f) => f.title) },
        marks,
      });
    },
  };
}

export interface MatrixFacet {
  readonly title: string;
  /** Row-major. */
  readonly values: ArrayLike<number>;
}

interface MatrixOptions {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly rows: string;
  readonly columns: string;
  readonly labels: readonly string[];
  readonly format: (value: number) => string;
}

const LIGHT_CELL = '#f4f8fb';

/** A square table of numbers as shaded cells with their values, one square a facet. */
export function matrixChart(facets: readonly MatrixFacet[], options: MatrixOptions): Chart {
  const { labels, format } = options;
  const count = labels.length;
  const data = facets.flatMap(({ title, values }) =>
    Array.from({ length: count * count }, (_, k) => ({
      facet: title,
      row: labels[Math.floor(k / count)]!,
      column: labels[k % count]!,
      value: values[k]!,
    })),
  );
  const top = Math.max(1e-12, ...data.map((d) => d.value));
  const shade = (value: number) => (value <= 0 ? LIGHT_CELL : interpolateBlues(0.08 + (0.84 * value) / top));
  return {
    id: options.id,
    title: options.title,
    description: options.description,
    legend: [],
    table: {
      header: ['Variant', `${options.rows} \\ ${options.columns}`, ...labels],
      rows: facets.flatMap(({ title, values }) =>
        labels.map((label, i) => [title, label, ...labels.map((_, j) => format(values[i * count + j]!))]),
      ),
    },
    draw(palette, width) {
      const facetCount = Math.max(1, facets.length);
      // Below each other where the numbers would not fit into the cells beside each other.
      const stacked = (width - 64) / facetCount < 32 * count;
      const along = stacked ? 'fy' : 'fx';
      const right = stacked ? 100 : 8;
      const size = Math.min(stacked ? width - 56 - right : (width - 64) / facetCount, 46 * count);
      return Plot.plot({
        width: Math.round(56 + right + size * (stacked ? 1 : facetCount)),
        height: Math.round(size * 0.82 * (stacked ? facetCount : 1) + 78),
        marginLeft: 56,
        marginRight: right,
        marginTop: 40,
        marginBottom: 38,
        padding: 0.04,
        style: { background: 'transparent', color: palette.text, fontFamily: FONT, fontSize: '11px' },
        x: { domain: [...labels], label: options.columns, tickSize: 0 },
        y: { domain: [...labels], label: options.rows, tickSize: 0 },
        [along]: { label: null, padding: 0.08, domain: facets.map((f) => f.title) },
        marks: [
          Plot.cell(data, {
            x: 'column',
            y: 'row',
            [along]: 'facet',
            fill: (d: { value: number }) => shade(d.value),
          }),
          Plot.text(data, {
            x: 'column',
            y: 'row',
            [along]: 'facet',
            text: (d: { value: number }) => format(d.value),
            // Blues turn dark past two thirds.
            fill: (d: { value: number }) => (d.value / top > 0.66 ? '#ffffff' : '#10202c'),
          }),
        ],
      });
    },
  };
}

const SVG = 'http://www.w3.org/2000/svg';

/** A chart as a file's text: on white, with its title, legend and a line that says what it was made from. */
export function chartSvg(chart: Chart, caption: string, width = 720): string {
  const drawn = chart.draw(PAPER, width - 32);
  const plot = drawn instanceof SVGSVGElement ? drawn : drawn.querySelector('svg');
  if (!plot) throw new Error('the chart has no drawing');
  const plotHeight = Number(plot.getAttribute('height'));
  const top = chart.legend.length > 0 ? 64 : 44;
  const height = top + plotHeight + 34;
  const make = (name: string, attributes: Record<string, string | number>, text?: string) => {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const svg = make('svg', {
    xmlns: SVG,
    width,
    height,
    viewBox: `0 0 ${width} ${height}`,
    'font-family': FONT,
  });
  svg.append(
    make('title', {}, `${chart.title}. ${chart.description}`),
    make('rect', { width, height, fill: PAPER.surface }),
    make('text', { x: 16, y: 28, 'font-size': 16, 'font-weight': 600, fill: PAPER.text }, chart.title),
  );
  let x = 16;
  chart.legend.forEach((name, place) => {
    svg.append(
      make('line', {
        x1: x,
        x2: x + 28,
        y1: 48,
        y2: 48,
        stroke: PAPER.series[place % PAPER.series.length]!,
        'stroke-width': 2,
        'stroke-dasharray': SERIES_DASHES[place % SERIES_DASHES.length]!,
      }),
      make('text', { x: x + 34, y: 52, 'font-size': 12, fill: PAPER.text }, name),
    );
    x += 34 + 8 * name.length + 24;
  });
  plot.setAttribute('x', '16');
  plot.setAttribute('y', String(top));
  svg.append(plot, make('text', { x: 16, y: height - 12, 'font-size': 10, fill: PAPER.muted }, caption));
  return new XMLSerializer().serializeToString(svg);
}

/** A chart's file as a PNG of twice its size. */
export async function chartPng(svg: string): Promise<Blob> {
  const url = URL.createObjectURL(new Blob([svg], { type: 'image/svg+xml' }));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = document.createElement('canvas');
    canvas.width = image.naturalWidth * 2;
    canvas.height = image.naturalHeight * 2;
    canvas.getContext('2d')!.drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise((resolve, reject) =>
      canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('no PNG was made'))), 'image/png'),
    );
  } finally {
    URL.revokeObjectURL(url);
  }
}
