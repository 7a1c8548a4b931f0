/** How far the measurement is, how long it will take, and how to stop it, go on, or be rid of it. */
import type { ReactNode } from 'react';
import { ProgressBar } from 'react-aria-components';
import { Icon } from '../../components/Icon';
import { Button } from '../../components/widgets';
import { formatDuration } from '../../store/format';
import { useRun, useRunner } from './shown';

const HEADLINES = {
  none: 'Nothing measured yet',
  running: 'Measuring',
  paused: 'Paused',
  finished: 'Finished',
  failed: 'Stopped by a problem',
} as const;

export function Progress({ exportMenu }: { exportMenu: ReactNode }) {
  const runner = useRunner();
  const status = useRun((s) => s.status);
  const done = useRun((s) => s.done);
  const planned = useRun((s) => s.planned);
  const problem = useRun((s) => (s.status === 'failed' ? s.problem : null));
  const kept = useRun((s) => s.kept);
  return (
    <section
      className="panel qa-progress"
      aria-label="Measurement"
      data-testid="qa-progress"
      data-status={status}
      data-done={done}
    >
      <div className="panel-head">
        <h2>{HEADLINES[status]}</h2>
        <div className="qa-actions">
          {status === 'running' && (
            <Button icon="pause" onPress={() => runner.pause()} testId="qa-pause">
              Pause
            </Button>
          )}
          {(status === 'paused' || status === 'failed') && (
            <Button kind="primary" icon="play" onPress={() => void runner.resume()} testId="qa-resume">
              Resume
            </Button>
          )}
          {status !== 'none' && status !== 'running' && (
            <Button onPress={() => void runner.discard()} testId="qa-discard">
              Discard
            </Button>
          )}
          {exportMenu}
        </div>
      </div>
      {status === 'none' ? (
        <p className="panel-note">Choose seeds and press Measure.</p>
      ) : (
        <ProgressBar
          className="progress"
          aria-label="Measurement"
          value={planned > 0 ? (done / planned) * 100 : 0}
          valueLabel={`${done} of ${planned} trajectories`}
        >
          {({ percentage }) => (
            <>
              <ProgressText />
              <span className="progress-track">
                <span className="progress-fill" style={{ inlineSize: `${percentage}%` }} />
              </span>
            </>
          )}
        </ProgressBar>
      )}
      {problem && (
        <p className="qa-problem" role="alert">
          <Icon name="warning" /> {problem.message} {problem.remedy} What was measured is kept.
        </p>
      )}
      {!kept && (
        <p className="panel-hint">
          This browser keeps nothing for this page: a reload would lose the results.
        </p>
      )}
    </section>
  );
}

function ProgressText() {
  const status = useRun((s) => s.status);
  const done = useRun((s) => s.done);
  const planned = useRun((s) => s.planned);
  const current = useRun((s) => s.current);
  const manifest = useRun((s) => s.manifest);
  const steps = useRun((s) => s.request?.steps ?? 0);
  const each = useRun((s) => s.msPerTrajectory);
  const computedBy = useRun((s) => s.computedBy);
  const parts = [`${done} of ${planned} trajectories`];
  if (status === 'running') {
    if (each !== null) parts.push(`about ${formatDuration(each * (planned - done))} left`);
    if (current) {
      const title = manifest?.variants[current.name.variant]?.title ?? current.name.variant;
      const grade =
        manifest?.grades.find((g) => g.value === current.name.severity)?.short ?? current.name.severity;
      parts.push(`now seed ${current.name.seed}, ${grade}, ${title}, step ${current.step} of ${steps}`);
    }
  } else if (computedBy) {
    parts.push(`computed by ${computedBy}`);
  }
  return (
    <span className="activity-text" data-testid="qa-progress-text">
      {parts.join(' · ')}
    </span>
  );
}
