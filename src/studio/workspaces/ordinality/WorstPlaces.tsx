/**
 * Where order breaks: every measured seed, step and triple, the farthest from a straight, ordered line first, or by any
 * other column, a page at a time; each opens in Sample.
 */
import { useDeferredValue, useMemo, useState } from 'react';
import { sampleRequestOf } from '../../../models/ordinality';
import { orderPlaces, type PlaceKey } from '../../../models/ordinalityAnalysis';
import { Button, IconButton, TableScroll } from '../../components/widgets';
import { useSession } from '../../context';
import { formatMeasure, formatSigned } from '../../store/format';
import { useRun, useRunner, type ShownRun } from './shown';

const PAGE = 25;

const COLUMNS: readonly { by: PlaceKey; title: string; worstFalls?: boolean }[] = [
  { by: 'slack', title: 'Slack', worstFalls: true },
  { by: 'straightness', title: 'Straight' },
  { by: 'cosine', title: 'Cosine' },
  { by: 'triple', title: 'Grades' },
  { by: 'variant', title: 'Variant' },
  { by: 'seed', title: 'Seed' },
  { by: 'severity', title: 'Drawn at' },
  { by: 'step', title: 'Step' },
  { by: 'ordered', title: 'Order' },
];

export function WorstPlaces({ shown }: { shown: ShownRun }) {
  const runner = useRunner();
  const session = useSession();
  const sort = useRun((s) => s.look.sort);
  // While a run goes on, its list may come a moment after its charts.
  const { measured } = useDeferredValue(shown);
  const ordered = useMemo(() => orderPlaces(measured, sort.by, sort.falling), [measured, sort]);
  const [page, setPage] = useState(0);
  const last = Math.max(0, Math.ceil(ordered.count / PAGE) - 1);
  const from = Math.min(page, last) * PAGE;
  const places = ordered.slice(from, from + PAGE);
  const { request, manifest } = shown.run;
  const short = manifest.grades.map((g) => g.short);
  return (
    <section className="panel" aria-labelledby="qa-worst">
      <div className="panel-head">
        <h2 id="qa-worst">Farthest from a straight, ordered line</h2>
        <span className="panel-note">
          every triple at every step of {shown.run.trajectories.length} trajectories; open one to see its
          noise maps
        </span>
      </div>
      <TableScroll label="Worst places">
        <table className="distance-table qa-worst" data-testid="qa-worst">
          <thead>
            <tr>
              {COLUMNS.map(({ by, title, worstFalls = false }) => (
                <th
                  key={by}
                  scope="col"
                  aria-sort={sort.by === by ? (sort.falling ? 'descending' : 'ascending') : 'none'}
                >
                  <button
                    type="button"
                    className="qa-sort"
                    onClick={() => {
                      setPage(0);
                      runner.look({ sort: { by, falling: sort.by === by ? !sort.falling : worstFalls } });
                    }}
                    data-testid={`qa-sort-${by}`}
                  >
                    {title}
                    <span aria-hidden="true">{sort.by === by ? (sort.falling ? ' ↓' : ' ↑') : ''}</span>
                  </button>
                </th>
              ))}
              <th scope="col">
                <span className="visually-hidden">Open</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {places.map((place, i) => {
              const { variant, severity, seed, step, triple } = place;
              const grades = [triple.p, triple.q, triple.r].map((k) => short[k]).join(' – ');
              return (
                <tr key={`${variant}/${severity}/${seed}/${step}/${grades}`}>
                  <td>{Number.isFinite(triple.slack) ? formatMeasure(triple.slack) : '∞'}</td>
                  <td>{formatMeasure(triple.straightness)}</td>
                  <td>{formatSigned(triple.cosine, 2)}</td>
                  <td>{grades}</td>
                  <td>{manifest.variants[variant]?.title ?? variant}</td>
                  <td>{seed}</td>
                  <td>{manifest.grades.find((g) => g.value === severity)?.short ?? severity}</td>
                  <td>{step}</td>
                  <td>{triple.ordered ? 'kept' : 'broken'}</td>
                  <td>
                    <Button
                      kind="quiet"
                      aria-label={`Open seed ${seed}, step ${step}, ${grades} in Sample`}
                      onPress={() => void session.openInSample(sampleRequestOf(request, place), step)}
                      testId={`qa-open-${i}`}
                    >
                      Open
                    </Button>
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </TableScroll>
      <Pages from={from} shown={places.length} count={ordered.count} onPage={setPage} />
    </section>
  );
}

interface PagesProps {
  from: number;
  shown: number;
  count: number;
  onPage: (page: number) => void;
}

function Pages({ from, shown, count, onPage }: PagesProps) {
  const page = from / PAGE;
  const last = Math.max(0, Math.ceil(count / PAGE) - 1);
  const number = (n: number) => n.toLocaleString('en-GB');
  return (
    <nav className="qa-pages" aria-label="Pages of the list">
      <IconButton
        icon="first"
        label="First page"
        isDisabled={page === 0}
        onPress={() => onPage(0)}
        testId="qa-page-first"
      />
      <IconButton
        icon="back"
        label="Page before"
        isDisabled={page === 0}
        onPress={() => onPage(page - 1)}
        testId="qa-page-before"
      />
      <output data-testid="qa-page">
        {number(from + 1)} to {number(from + shown)} of {number(count)}
      </output>
      <IconButton
        icon="forward"
        label="Next page"
        isDisabled={page >= last}
        onPress={() => onPage(page + 1)}
        testId="qa-page-next"
      />
      <IconButton
        icon="last"
        label="Last page"
        isDisabled={page >= last}
        onPress={() => onPage(last)}
        testId="qa-page-last"
      />
    </nav>
  );
}
