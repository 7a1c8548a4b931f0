/** The formulas of the step at the scrubber, in symbols and with its own numbers. */
import { useMemo } from 'react';
import { Formula } from '../../components/Formula';
import { Disclosure, TableScroll } from '../../components/widgets';
import { useStudio } from '../../context';
import { stepNotation, tableOf } from './notation';

export function Notation() {
  return (
    <div data-control="notation">
      <Disclosure title="Formulas of this step" testId="notation-open">
        <NotationOfStep />
      </Disclosure>
    </div>
  );
}

function NotationOfStep() {
  const request = useStudio((s) => s.run?.request);
  const manifest = useStudio((s) => s.run?.manifest);
  const cursor = useStudio((s) => s.cursor);
  const table = useMemo(() => (request && manifest ? tableOf(request, manifest) : []), [request, manifest]);
  const notation = request && manifest ? stepNotation(request, manifest, table, cursor) : null;
  if (!request) return <p className="field-hint">When a picture is drawn, its formulas appear here.</p>;
  if (!notation) {
    return (
      <p className="field-hint" data-testid="notation">
        This is the finished picture: nothing is computed any more. Step back to see what was.
      </p>
    );
  }
  return (
    <div className="notation" data-testid="notation" data-step={cursor}>
      <dl className="notation-quantities">
        {notation.quantities.map(({ symbol, value, meaning }) => (
          <div key={meaning}>
            <dt>
              <Formula node={symbol} inline />
              <span className="notation-meaning">{meaning}</span>
            </dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <ol className="notation-formulas">
        {notation.formulas.map(({ title, symbols, numbers, meaning }) => (
          <li key={title}>
            <h3>{title}</h3>
            <p className="notation-meaning">{meaning}</p>
            <TableScroll label={title}>
              <Formula node={symbols} />
              <Formula node={numbers} />
            </TableScroll>
          </li>
        ))}
      </ol>
      <p className="notation-meaning">
        x̂₀ is the picture under “Predicted x̂₀”, ε̂ the one under “Noise ε̂”, x<sub>t</sub> the one under “Noisy
        x<sub>t</sub>”; x<sub>s</sub> is the next step’s noisy picture.
      </p>
    </div>
  );
}
