/** What the evaluation protocol measured about a bundle: charts, confusion tables, the memorisation audit. */
import { useEffect, useMemo, useState } from 'react';
import { StudioError, type ErrorInfo } from '../../../errors';
import type { BundleManifest } from '../../../models/manifest';
import type { Estimate, Metrics, VariantMetrics } from '../../../models/metrics';
import { SAMPLERS } from '../../../models/request';
import { readMetrics } from '../../../models/source';
import { useSession } from '../../context';
import { formatCount, formatMeasure } from '../../store/format';
import { firstDraft } from '../../store/session';
import { Button, TableScroll } from '../widgets';
import { FigureChart } from './Figure';
import { figuresOf } from './figures';

type Found = { metrics: Metrics | null } | { error: ErrorInfo };

interface FiguresProps {
  manifest: BundleManifest;
  /** A picture is to be opened elsewhere: the dialog is in the way. */
  onLeave: () => void;
}

export function Figures({ manifest, onLeave }: FiguresProps) {
  const session = useSession();
  const [found, setFound] = useState<Found | null>(null);
  useEffect(() => {
    const stop = new AbortController();
    readMetrics(session.bundleUrl(manifest.id), manifest, stop.signal).then(
      (metrics) => setFound({ metrics }),
      (thrown: unknown) => {
        if (!stop.signal.aborted) setFound({ error: StudioError.from(thrown).toInfo() });
      },
    );
    return () => stop.abort();
  }, [session, manifest]);
  if (!found) return <p>Reading the figures …</p>;
  if ('error' in found) {
    return (
      <p role="alert">
        {found.error.message} {found.error.remedy}
      </p>
    );
  }
  if (!found.metrics) {
    return (
      <div data-testid="not-evaluated">
        <p className="lead">Not evaluated.</p>
        <p>
          No figures of the evaluation protocol come with these weights: how like real images their pictures
          are, how well their severity can be read and whether training images were memorised has not been
          measured.
        </p>
      </div>
    );
  }
  return <Measured metrics={found.metrics} manifest={manifest} onLeave={onLeave} />;
}

function Measured({ metrics, manifest, onLeave }: FiguresProps & { metrics: Metrics }) {
  const figures = useMemo(() => figuresOf(metrics, manifest), [metrics, manifest]);
  const stale = Object.entries(metrics.byVariant).filter(
    ([key, m]) => manifest.variants[key] && manifest.variants[key].sha256 !== m.sha256,
  );
  return (
    <div data-testid="evaluated">
      <p>
        Protocol {metrics.protocol}, {metrics.date.slice(0, 10)}, on {metrics.data.name}. Every figure comes
        with its 95 % interval and its n. {metrics.data.note}
      </p>
      {stale.map(([key, m]) => (
        <p key={key} role="note">
          <strong>{m.title}</strong> was evaluated with other weights than those shipped here.
        </p>
      ))}
      {figures.map((figure) => (
        <FigureChart key={figure.id} figure={figure} />
      ))}
      <Confusions metrics={metrics} manifest={manifest} />
      <LeftOut metrics={metrics} manifest={manifest} />
      <Memorisation metrics={metrics} manifest={manifest} onLeave={onLeave} />
      {metrics.tried && <Tried tried={metrics.tried} />}
      <p className="field-hint">
        Features: {metrics.features.name}, {metrics.features.dimensions} dimensions. Measured on{' '}
        {metrics.hardware.device}.
      </p>
    </div>
  );
}

function Confusions({ metrics, manifest }: { metrics: Metrics; manifest: BundleManifest }) {
  const all: [string, VariantMetrics['judgement']['grader']][] = [
    ['Real images, held out', metrics.grader.heldOut],
    ...Object.entries(metrics.byVariant).map(([key, m]): [string, VariantMetrics['judgement']['grader']] => [
      manifest.variants[key]?.title ?? m.title,
      m.judgement.grader,
    ]),
  ];
  return (
    <section>
      <h3>Which grade was read for which</h3>
      <p>Rows are the true or asked grade, columns the grade read, as counts.</p>
      <div className="confusions">
        {all.map(([title, { confusion }]) => {
          const most = Math.max(1, ...confusion.flat());
          return (
            <TableScroll key={title} label={`Confusion: ${title}`}>
              <table className="confusion">
                <caption>{title}</caption>
                <thead>
                  <tr>
                    <td />
                    {manifest.grades.map((g) => (
                      <th scope="col" key={g.value}>
                        {g.short}
                      </th>
                    ))}
                  </tr>
                </thead>
                <tbody>
                  {confusion.map((row, i) => (
                    <tr key={manifest.grades[i]?.value ?? i}>
                      <th scope="row">{manifest.grades[i]?.short}</th>
                      {row.map((count, j) => (
                        <td
                          key={manifest.grades[j]?.value ?? j}
                          style={{
                            background: `color-mix(in srgb, var(--accent) ${Math.round((count / most) * 30)}%, transparent)`,
                          }}
                        >
                          {formatCount(count)}
                        </td>
                      ))}
                    </tr>
                  ))}
                </tbody>
              </table>
            </TableScroll>
          );
        })}
      </div>
    </section>
  );
}

/** An estimate with its interval, as the cards have it; KID comes a thousandfold. */
function estimated(e: Estimate | null | undefined, factor = 1, digits = 2): string {
  if (!e) return '–';
  const [value, low, high] = [e.value, ...e.interval].map((v) => (v * factor).toFixed(digits));
  return `${value} (${low} to ${high})`;
}

function LeftOut({ metrics, manifest }: Omit<FiguresProps, 'onLeave'> & { metrics: Metrics }) {
  const rows = Object.entries(metrics.byVariant).flatMap(([key, m]) =>
    (m.leaveOneOut ?? []).map((row) => ({
      ...row,
      title: manifest.variants[key]?.title ?? m.title,
      shippedSaw: m.imagesSeen,
    })),
  );
  if (rows.length === 0) return null;
  const measured = rows.some((row) => row.severityMeasured);
  return (
    <section data-testid="left-out">
      <h3>A grade that training never saw</h3>
      <p>
        Models like those shipped, trained without one grade and then asked for it. Mind how many images each
        saw: less training alone makes pictures worse
        {rows.some((row) => row.seen) && ', as a grade that they have seen shows'}. 95 % intervals in
        brackets.
      </p>
      <TableScroll label="A grade that training never saw">
        <table className="info-table info-intervals">
          <thead>
            <tr>
              <th scope="col">Model like</th>
              <th scope="col">Grade</th>
              <th scope="col" className="number">
                Images seen (the shipped one)
              </th>
              <th scope="col" className="number">
                KID × 1000
              </th>
              <th scope="col" className="number">
                The shipped one’s
              </th>
              <th scope="col" className="number">
                Severity read
              </th>
              {measured && (
                <th scope="col" className="number">
                  Severity measured
                </th>
              )}
            </tr>
          </thead>
          <tbody>
            {rows
              .flatMap((row) => [
                { ...row, drawn: `, by ${row.method}` },
                ...(row.seen
                  ? [
                      {
                        ...row,
                        ...row.seen,
                        drawn: ', which it has seen',
                        severityRead: null,
                        severityMeasured: null,
                      },
                    ]
                  : []),
              ])
              .map((row) => (
                <tr key={`${row.title} ${row.grade}`}>
                  <th scope="row">{row.title}</th>
                  <td>
                    {manifest.grades.find((g) => g.value === row.grade)?.short ?? row.grade}
                    {row.drawn}
                  </td>
                  <td className="number">
                    {formatCount(row.imagesSeen)} ({formatCount(row.shippedSaw)})
                  </td>
                  <td className="number">{estimated(row.distance.kid, 1000, 1)}</td>
                  <td className="number">{estimated(row.distanceTrainedWith?.kid, 1000, 1)}</td>
                  <td className="number">{estimated(row.severityRead)}</td>
                  {measured && <td className="number">{estimated(row.severityMeasured)}</td>}
                </tr>
              ))}
          </tbody>
        </table>
      </TableScroll>
    </section>
  );
}

function Memorisation({ metrics, manifest, onLeave }: FiguresProps & { metrics: Metrics }) {
  const session = useSession();
  const open = (key: string, m: VariantMetrics, grade: number, seed: number) => {
    onLeave();
    const sampler = SAMPLERS.find((s) => s === m.sampling?.sampler);
    void session.openInSample({
      ...firstDraft(manifest, key),
      variant: key,
      severity: grade,
      seed,
      ...(m.sampling && { steps: m.sampling.steps, guidance: m.sampling.guidance }),
      ...(sampler && { sampler }),
    });
  };
  return (
    <section data-testid="memorisation">
      <h3>Whether training images were memorised</h3>
      {Object.entries(metrics.byVariant).map(([key, m]) => {
        const { memorisation: found } = m;
        const title = manifest.variants[key]?.title ?? m.title;
        return (
          <div key={key}>
            <p>
              <strong>{title}</strong>: of {formatCount(found.n)} pictures,{' '}
              {formatCount(found.features.underThreshold)} by features and{' '}
              {formatCount(found.pixels.underThreshold)} by pixels lie so near to one training image that they
              must be called copies (nearer than {formatMeasure(found.threshold)} times the second nearest).
              Among {formatCount(found.heldOut)} real images that were held out it is{' '}
              {(found.features.heldOutShare.value * 100).toFixed(1)} % by features.
            </p>
            <TableScroll label={`Nearest pairs of ${title}`}>
              <table className="info-table">
                <caption>
                  The pictures nearest to a training image, by features. The real images themselves are not
                  shipped.
                </caption>
                <thead>
                  <tr>
                    <th scope="col">Seed</th>
                    <th scope="col">Grade</th>
                    <th scope="col" className="number">
                      Distance
                    </th>
                    <th scope="col" className="number">
                      Ratio to the second
                    </th>
                    <th scope="col">Picture</th>
                  </tr>
                </thead>
                <tbody>
                  {found.features.closest.map((pair) => (
                    <tr key={`${pair.seed} ${pair.grade}`}>
                      <th scope="row">{pair.seed}</th>
                      <td>{manifest.grades.find((g) => g.value === pair.grade)?.short ?? pair.grade}</td>
                      <td className="number">{formatMeasure(pair.distance)}</td>
                      <td className="number">{formatMeasure(pair.ratio)}</td>
                      <td>
                        {manifest.variants[key] && (
                          <Button kind="quiet" onPress={() => open(key, m, pair.grade, pair.seed)}>
                            Draw it again
                          </Button>
                        )}
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </TableScroll>
          </div>
        );
      })}
    </section>
  );
}

function Tried({ tried }: { tried: NonNullable<Metrics['tried']> }) {
  return (
    <section>
      <h3>Designs that were tried</h3>
      <p>{tried.note}</p>
      <TableScroll label="Designs that were tried">
        <table className="info-table">
          <thead>
            <tr>
              {tried.columns.map((column) => (
                <th scope="col" key={column}>
                  {column}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {tried.rows.map((row, i) => (
              <tr key={i}>
                {row.map((cell, j) => (
                  <td key={j}>{typeof cell === 'number' ? formatMeasure(cell) : (cell ?? '–')}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </TableScroll>
    </section>
  );
}
