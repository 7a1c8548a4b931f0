/** Whether the grades' noise estimates lie in order, in words first, with every triple one disclosure away. */
import { Icon } from '../../components/Icon';
import { Disclosure, TableScroll } from '../../components/widgets';
import { useStudio } from '../../context';
import { formatMeasure, formatSigned, orderVerdict } from '../../store/format';

const ICON = { ordered: 'check', mostly: 'info', broken: 'warning' } as const;

export function OrderVerdict() {
  const triples = useStudio((s) => s.neighbours.triples);
  const grades = useStudio((s) => s.run?.manifest.grades);
  const verdict = orderVerdict(triples);
  if (!verdict || !grades) {
    return (
      <p className="verdict verdict-none">Two grades are always in order; three are needed for a verdict.</p>
    );
  }
  const slack = (v: number) => (Number.isFinite(v) ? formatMeasure(v) : '∞');
  return (
    <div className={`verdict verdict-${verdict.kind}`} data-testid="verdict" data-verdict={verdict.kind}>
      <p className="verdict-line">
        <Icon name={ICON[verdict.kind]} />
        <strong>{verdict.headline}</strong>
      </p>
      <dl className="verdict-numbers">
        <div>
          <dt>Mean slack</dt>
          <dd>{slack(verdict.meanSlack)}</dd>
        </div>
        <div>
          <dt>Straightness</dt>
          <dd>{formatMeasure(verdict.meanStraightness)}</dd>
        </div>
        <div>
          <dt>Cosine</dt>
          <dd>{formatSigned(verdict.meanCosine, 2)}</dd>
        </div>
        <div>
          <dt>In order</dt>
          <dd>
            {verdict.triples - verdict.violations} of {verdict.triples}
          </dd>
        </div>
      </dl>
      <Disclosure title="Every triple of grades" testId="triples-open">
        <p className="verdict-text">{verdict.explanation}</p>
        <TableScroll label="Every triple of grades">
          <table className="distance-table" data-testid="triples">
            <caption>
              Lower, middle and higher grade; slack 0, straightness 1 and cosine 1 are a straight line
            </caption>
            <thead>
              <tr>
                <th scope="col">Grades</th>
                <th scope="col">Slack</th>
                <th scope="col">Straight</th>
                <th scope="col">Cosine</th>
                <th scope="col">Order</th>
              </tr>
            </thead>
            <tbody>
              {triples.map((t) => (
                <tr key={`${t.p}-${t.q}-${t.r}`}>
                  <th scope="row">{[t.p, t.q, t.r].map((i) => grades[i]?.value).join(' – ')}</th>
                  <td>{slack(t.slack)}</td>
                  <td>{formatMeasure(t.straightness)}</td>
                  <td>{formatSigned(t.cosine, 2)}</td>
                  <td>{t.ordered ? 'yes' : 'no'}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </TableScroll>
      </Disclosure>
    </div>
  );
}
