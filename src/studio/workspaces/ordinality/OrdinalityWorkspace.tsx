/** Whether the grades lie in order, measured over many seeds along whole trajectories: settings, progress, charts, worst places. */
import { triplesOf } from '../../../models/ordinalityAnalysis';
import { Charts } from './Charts';
import { ExportMenu } from './ExportMenu';
import './ordinality.css';
import { Progress } from './Progress';
import { SetupPanel } from './SetupPanel';
import { useShownRun } from './shown';
import { WorstPlaces } from './WorstPlaces';

export function OrdinalityWorkspace() {
  const shown = useShownRun();
  const triples = shown ? triplesOf(shown.run.manifest.grades.length).length : 0;
  return (
    <main className="settings-beside">
      <SetupPanel />
      <div className="settings-beside-shown">
        <Progress exportMenu={shown && <ExportMenu shown={shown} />} />
        {shown ? (
          <>
            <Charts shown={shown} />
            {triples > 0 && <WorstPlaces shown={shown} />}
          </>
        ) : (
          <Explanation />
        )}
      </div>
    </main>
  );
}

function Explanation() {
  return (
    <section className="panel ordinality-explanation" aria-labelledby="ordinality-what">
      <h2 id="ordinality-what">What is measured</h2>
      <p>
        A picture is drawn from each seed. At every step, the model is asked what noise it sees for{' '}
        <em>each</em> grade in the very same noisy picture. If the model has learnt an order, these estimates
        lie on a line from the lowest grade to the highest.
      </p>
      <dl>
        <dt>Slack</dt>
        <dd>
          how much longer the way over a middle grade is than the direct one; 0 on a straight, ordered line
        </dd>
        <dt>Straightness</dt>
        <dd>the direct way divided by that over the middle grade; 1 on such a line</dd>
        <dt>Order violations</dt>
        <dd>how often the two outer grades of three are not the farthest apart</dd>
        <dt>Cosine</dt>
        <dd>of the angle at the middle grade; 1 straight on, 0 a right angle, −1 back again</dd>
        <dt>Lowest–highest distance</dt>
        <dd>how far the grades are apart at all; near 0 the model draws all grades alike</dd>
      </dl>
      <p>
        Everything is computed on this machine and kept in this browser: closing the page loses nothing that
        was finished. The same measurement runs without a browser: <code>npm run qa</code>.
      </p>
    </section>
  );
}
