/** One chart on the page: the drawing, its legend, the same as a table, and its files. */
import { useEffect, useRef, useState } from 'react';
import { Button as AriaButton, Dialog, DialogTrigger, Popover } from 'react-aria-components';
import { Icon } from '../../components/Icon';
import { Button, Disclosure, TableScroll } from '../../components/widgets';
import { chartPng, chartSvg, DASHES, SCREEN, type Chart, type ChartTable } from './charts';
import { saveFile } from '../../store/saving';

/** Below this a chart is scrolled rather than squeezed (and there is a moment without any width while the page is laid out). */
const MIN_WIDTH = 280;

interface ChartFigureProps {
  chart: Chart;
  /** Said in the chart's files: what it was made from. */
  caption: string;
  stem: string;
  wide?: boolean;
  children?: React.ReactNode;
}

export function ChartFigure({ chart, caption, stem, wide = false, children }: ChartFigureProps) {
  const place = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry!.contentRect.width)));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    if (width === 0) return;
    const drawing = chart.draw(SCREEN, Math.max(MIN_WIDTH, width));
    // Said by the place's own label; the table has the numbers.
    drawing.setAttribute('aria-hidden', 'true');
    place.current?.replaceChildren(drawing);
  }, [chart, width]);
  return (
    <figure className={wide ? 'chart chart-wide' : 'chart'} data-testid={`chart-${chart.id}`}>
      <figcaption className="chart-head">
        <h3>{chart.title}</h3>
        <Legend names={chart.legend} />
        <FileMenu chart={chart} caption={caption} stem={stem} />
      </figcaption>
      {children}
      <div ref={place} className="chart-place" role="img" aria-label={chart.description} />
      <Disclosure title="As a table" testId={`chart-${chart.id}-table`}>
        <DataTable caption={chart.description} table={chart.table} />
      </Disclosure>
    </figure>
  );
}

function Legend({ names }: { names: readonly string[] }) {
  if (names.length === 0) return null;
  return (
    <ul className="chart-legend">
      {names.map((name, i) => (
        <li key={name}>
          <svg width={26} height={10} aria-hidden="true">
            <line
              x1={0}
              x2={26}
              y1={5}
              y2={5}
              stroke={SCREEN.series[i % SCREEN.series.length]}
              strokeWidth={2}
              strokeDasharray={DASHES[i % DASHES.length]}
            />
          </svg>
          {name}
        </li>
      ))}
    </ul>
  );
}

function FileMenu({ chart, caption, stem }: { chart: Chart; caption: string; stem: string }) {
  const name = `${stem}_${chart.id}`;
  return (
    <DialogTrigger>
      <AriaButton
        className="icon-button"
        aria-label={`Save the chart “${chart.title}”`}
        data-testid={`chart-${chart.id}-save`}
      >
        <Icon name="save" />
      </AriaButton>
      <Popover className="popover" placement="bottom end">
        <Dialog className="popover-dialog save-menu" aria-label="Save the chart">
          <Button
            onPress={() => saveFile(chartSvg(chart, caption), 'image/svg+xml', `${name}.svg`)}
            testId={`chart-${chart.id}-svg`}
          >
            Drawing (SVG)
          </Button>
          <Button
            onPress={() =>
              void chartPng(chartSvg(chart, caption)).then((png) => saveFile(png, 'image/png', `${name}.png`))
            }
            testId={`chart-${chart.id}-png`}
          >
            Picture (PNG)
          </Button>
        </Dialog>
      </Popover>
    </DialogTrigger>
  );
}

/** The numbers behind a chart. */
export function DataTable({ caption, table }: { caption: string; table: ChartTable }) {
  return (
    <TableScroll label={caption}>
      <table className="distance-table chart-table">
        <caption>{caption}</caption>
        <thead>
          <tr>
            {table.header.map((name, i) => (
              <th key={i} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row, i) => (
            <tr key={i}>
              {row.map((value, j) => (
                <td key={j}>{value}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </TableScroll>
  );
}
