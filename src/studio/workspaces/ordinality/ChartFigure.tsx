/** One chart on the page: the drawing, its legend, the same as a table, and its files. */
import { useCallback } from 'react';
import { Button as AriaButton, Dialog, DialogTrigger, Popover } from 'react-aria-components';
import { Drawing, SERIES_DASHES } from '../../components/Drawing';
import { Icon } from '../../components/Icon';
import { Button, Disclosure, TableScroll } from '../../components/widgets';
import { chartPng, chartSvg, SCREEN, type Chart, type ChartTable } from './charts';
import { saveFile } from '../../store/saving';

interface ChartFigureProps {
  chart: Chart;
  /** Said in the chart's files: what it was made from. */
  caption: string;
  stem: string;
  wide?: boolean;
  children?: React.ReactNode;
}

export function ChartFigure({ chart, caption, stem, wide = false, children }: ChartFigureProps) {
  const draw = useCallback((width: number) => chart.draw(SCREEN, width), [chart]);
  return (
    <figure className={wide ? 'chart chart-wide' : 'chart'} data-testid={`chart-${chart.id}`}>
      <figcaption className="chart-head">
        <h3>{chart.title}</h3>
        <Legend names={chart.legend} />
        <FileMenu chart={chart} caption={caption} stem={stem} />
      </figcaption>
      {children}
      <Drawing draw={draw} className="chart-place" role="img" aria-label={chart.description} />
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
              strokeDasharray={SERIES_DASHES[i % SERIES_DASHES.length]}
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
