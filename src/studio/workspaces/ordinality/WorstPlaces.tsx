/** Where order breaks: the seeds, steps and triples farthest from a straight, ordered line; each opens in Sample. */
import { useMemo } from 'react';
import { sampleRequestOf } from '../../../models/ordinality';
import { worstPlaces, type Place } from '../../../models/ordinalityAnalysis';
import { Button, TableScroll } from '../../components/widgets';
import { useSession } from '../../context';
import { formatMeasure, formatSigned } from '../../store/format';
import { useRun, useRunner, type ShownRun } from './shown';
import type { Look, SortKey } from './runner';

export const WORST_SHOWN = 100;

/** The worst places by a measure, in the order asked for; other columns only reorder the worst by slack. */
export function sortedPlaces(shown: ShownRun, { by, falling }: Look['sort']): Place[] {
  const measure = by === 'straightness' || by === 'cosine' ? by : 'slack';
  const places = worstPlaces(shown.measured, measure, WORST_SHOWN);
  const key = (place: Place): number | string => {
    switch (by) {
      case 'slack':
      case 'straightness':
      case 'cosine':
        return place.triple[by];
      case 'triple':
        return (place.triple.p * 100 + place.triple.q) * 100 + place.triple.r;
      default:
        return place[by];
    }
  };
  const sign = falling ? -1 : 1;
  return places.sort((a, b) => {
    const [x, y] = [key(a), key(b)];
    return x === y ? 0 : x < y ? -sign : sign;
  });
}

const COLUMNS: readonly { by: SortKey; title: string; worstFalls?: boolean }[] = [
  { by: 'slack', title: 'Slack', worstFalls: true },
  { by: 'straightness', title: 'Straight', worstFalls: false },
  { by: 'cosine', title: 'Cosine', worstFalls: false },
  { by: 'triple', title: 'Grades' },
  { by: 'variant', title: 'Variant' },
  { by: 'seed', title: 'Seed' },
  { by: 'severity', title: 'Drawn at' },
  { by: 'step', title: 'Step' },
];

export function WorstPlaces({ shown }: { shown: ShownRun }) {
  const runner = useRunner();
  const session = useSession();
  const sort = useRun((s) => s.look.sort);
  const places = useMemo(() => sortedPlaces(shown, sort), [shown, sort]);
  const { request, manifest } = shown.run;
  const short = manifest.grades.map((g) => g.short);
  return (
    <section className="panel" aria-labelledby="qa-worst">
      <div className="panel-head">
        <h2 id="qa-worst">Farthest from a straight, ordered line</h2>
        <span className="panel-note">
          the {places.length} worst of {shown.run.trajectories.length} trajectories; open one to see its noise
          maps
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
                    onClick={() =>
                      runner.look({ sort: { by, falling: sort.by === by ? !sort.falling : worstFalls } })
                    }
                    data-testid={`qa-sort-${by}`}
                  >
                    {title}
                    <span aria-hidden="true">{sort.by === by ? (sort.falling ? ' ↓' : ' ↑') : ''}</span>
                  </button>
                </th>
              ))}
              <th scope="col">Order</th>
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
    </section>
  );
}
