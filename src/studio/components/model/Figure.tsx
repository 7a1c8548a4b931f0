/** One figure: a chart with intervals, drawn in the theme's colours, and the same numbers as a table. */
import * as Plot from '@observablehq/plot';
import { useCallback, useEffect, useId, useRef } from 'react';
import { formatMeasure } from '../../store/format';
import { Drawing, SERIES_COLOURS, SERIES_DASHES } from '../Drawing';
import { Disclosure, TableScroll } from '../widgets';
import type { Figure, FigurePoint } from './figures';

const SYMBOLS = ['circle', 'square', 'triangle', 'diamond', 'times', 'plus'] as const;

export function FigureChart({ figure }: { figure: Figure }) {
  const title = useId();
  const plot = useCallback((width: number) => draw(figure, width), [figure]);
  return (
    <figure className="model-figure" aria-labelledby={title} data-testid={`figure-${figure.id}`}>
      <figcaption>
        <h3 id={title}>{figure.title}</h3>
        <p>{figure.explanation}</p>
      </figcaption>
      {figure.series.length > 1 && (
        <ul className="figure-legend">
          {figure.series.map((name, i) => (
            <li key={name}>
              <Mark place={i} kind={figure.kind} />
              {name}
            </li>
          ))}
        </ul>
      )}
      {/* What it shows is said by the figure’s words and its table. */}
      <Drawing draw={plot} className="figure-chart" />
      <Disclosure title="The numbers" testId={`figure-${figure.id}-table`}>
        <FigureTable figure={figure} />
      </Disclosure>
    </figure>
  );
}

function Mark({ place, kind }: { place: number; kind: Figure['kind'] }) {
  const colour = SERIES_COLOURS[place % SERIES_COLOURS.length]!;
  const drawn = useRef<SVGSVGElement>(null);
  useEffect(() => {
    const symbol = Plot.dot([0], {
      x: () => 15,
      y: () => 7,
      symbol: SYMBOLS[place % SYMBOLS.length]!,
      fill: colour,
      r: 4,
    }).plot({
      width: 30,
      height: 14,
      margin: 0,
      x: { axis: null, domain: [0, 30] },
      y: { axis: null, domain: [14, 0] },
    });
    const mark = symbol.querySelector('g[aria-label=dot]');
    if (mark) drawn.current?.querySelector('g')?.replaceChildren(mark);
  }, [place, colour]);
  return (
    <svg ref={drawn} width={30} height={14} aria-hidden="true">
      {kind === 'curves' && (
        <line
          x1={0}
          x2={30}
          y1={7}
          y2={7}
          stroke={colour}
          strokeWidth={2}
          strokeDasharray={SERIES_DASHES[place % SERIES_DASHES.length]}
        />
      )}
      <g />
    </svg>
  );
}

function FigureTable({ figure }: { figure: Figure }) {
  return (
    <TableScroll label={figure.title}>
      <table className="info-table">
        <caption className="visually-hidden">{figure.title}</caption>
        <thead>
          <tr>
            <th scope="col">{figure.xLabel}</th>
            <th scope="col">Series</th>
            <th scope="col" className="number">
              {figure.yLabel}
            </th>
            <th scope="col" className="number">
              95 % interval
            </th>
            <th scope="col" className="number">
              n
            </th>
          </tr>
        </thead>
        <tbody>
          {figure.points.map((p) => (
            <tr key={`${p.series} ${p.x}`}>
              <th scope="row">{p.x}</th>
              <td>{p.series}</td>
              <td className="number">{formatMeasure(p.value)}</td>
              <td className="number">
                {formatMeasure(p.low)} to {formatMeasure(p.high)}
              </td>
              <td className="number">{p.n}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </TableScroll>
  );
}

const FONT = { fontFamily: 'inherit', fontSize: '12px' };
const MARGINS = { left: 64, right: 20, bottom: 40 };
/** Of a letter of the font above, on average, in pixels. */
const LETTER = 6.5;
const TURN = 55;

/** Names that would run into each other under a narrow chart are turned, and the chart makes room for them. */
function nameAxis(names: readonly (string | number)[], width: number) {
  const longest = Math.max(...names.map((name) => String(name).length)) * LETTER;
  const room = (width - MARGINS.left - MARGINS.right) / names.length;
  if (longest <= room) return { tickRotate: 0, marginBottom: MARGINS.bottom };
  return {
    tickRotate: -TURN,
    marginBottom: MARGINS.bottom + Math.round(longest * Math.sin((TURN * Math.PI) / 180)),
  };
}

function draw(figure: Figure, width: number): SVGElement | HTMLElement {
  const { points, series, kind } = figure;
  const place = (p: FigurePoint) => series.indexOf(p.series);
  const colour = (p: FigurePoint) => SERIES_COLOURS[place(p) % SERIES_COLOURS.length]!;
  const common = {
    width,
    height: Math.max(200, Math.min(280, Math.round(width * 0.5))),
    marginLeft: MARGINS.left,
    marginRight: MARGINS.right,
    marginBottom: MARGINS.bottom,
    style: { background: 'transparent', color: 'var(--text)', overflow: 'visible', ...FONT },
    y: {
      label: figure.yLabel,
      labelAnchor: 'center',
      labelArrow: 'none',
      grid: true,
      nice: true,
      ticks: 5,
    } as const,
  };
  const ideal =
    figure.ideal === undefined
      ? []
      : [Plot.ruleY([figure.ideal], { stroke: 'var(--text-2)', strokeDasharray: '2 3' })];
  if (kind === 'points') {
    // Beside each other within a name: a band for each name, a place in it for each series.
    const names = [...new Set(points.map((p) => p.x))];
    const { tickRotate, marginBottom } = nameAxis(names, width);
    return Plot.plot({
      ...common,
      marginBottom,
      height: common.height + marginBottom - MARGINS.bottom,
      fx: { label: figure.xLabel, domain: names, padding: 0.1, tickRotate },
      x: { axis: null, domain: series, padding: 0.6 },
      marks: [
        ...ideal,
        Plot.ruleX(points, { fx: 'x', x: 'series', y1: 'low', y2: 'high', stroke: colour, strokeWidth: 2 }),
        ...series.map((name, i) =>
          Plot.dot(
            points.filter((p) => p.series === name),
            {
              fx: 'x',
              x: 'series',
              y: 'value',
              fill: SERIES_COLOURS[i % SERIES_COLOURS.length]!,
              symbol: SYMBOLS[i % SYMBOLS.length]!,
              r: 5,
            },
          ),
        ),
      ],
    });
  }
  const xs = points.map((p) => Number(p.x));
  const ends: [number, number] = [Math.min(...xs), Math.max(...xs)];
  return Plot.plot({
    ...common,
    x: {
      label: figure.xLabel,
      labelAnchor: 'center',
      labelArrow: 'none',
      type: figure.xScale ?? 'linear',
      ticks: Math.min(8, width / 70),
    },
    marks: [
      ...ideal,
      figure.diagonal
        ? Plot.line(
            ends.map((v) => [v, v]),
            { stroke: 'var(--text-2)', strokeDasharray: '2 3' },
          )
        : null,
      ...series.flatMap((name, i) => {
        const own = points.filter((p) => p.series === name).sort((a, b) => Number(a.x) - Number(b.x));
        const stroke = SERIES_COLOURS[i % SERIES_COLOURS.length]!;
        return [
          Plot.areaY(own, { x: 'x', y1: 'low', y2: 'high', fill: stroke, fillOpacity: 0.16 }),
          Plot.line(own, {
            x: 'x',
            y: 'value',
            stroke,
            strokeWidth: 2,
            strokeDasharray: SERIES_DASHES[i % SERIES_DASHES.length]!,
          }),
          Plot.dot(own, { x: 'x', y: 'value', fill: stroke, symbol: SYMBOLS[i % SYMBOLS.length]!, r: 3.5 }),
        ];
      }),
    ],
  });
}
