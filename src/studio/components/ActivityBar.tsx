/** One line for every wait: what is being done, how far it is, and a way to stop it. It keeps its place when idle. */
import { ProgressBar } from 'react-aria-components';
import { useSession, useStudio } from '../context';
import { formatDuration, loadProgressText, sampleProgressText } from '../store/format';
import { Button } from './widgets';

export function ActivityBar() {
  const session = useSession();
  const activity = useStudio((s) => s.activity);
  const run = useStudio((s) => s.run);
  const failed = useStudio((s) => s.failure !== null);
  if (activity.kind === 'idle') {
    const words = {
      running: '',
      finished: `Finished in ${formatDuration(run?.totalMs ?? NaN)}, ${run?.nfe ?? 0} network evaluation${run?.nfe === 1 ? '' : 's'}`,
      cancelled: 'Cancelled; the frames made so far are kept',
      interrupted: 'Interrupted; the frames made so far are kept',
    };
    return (
      <div
        className="activity"
        data-testid="activity"
        data-state={failed ? 'failed' : (run?.status ?? 'idle')}
      >
        <span className="activity-text">{run ? words[run.status] : ''}</span>
      </div>
    );
  }
  const { label, fraction } =
    activity.kind === 'loading'
      ? loadProgressText(activity.phase)
      : sampleProgressText(activity.done, activity.steps, activity.msPerStep);
  return (
    <div className="activity" data-testid="activity" data-state={activity.kind}>
      <ProgressBar
        className="progress"
        aria-label={activity.kind === 'loading' ? 'Loading the model' : 'Drawing the picture'}
        value={fraction * 100}
        valueLabel={label}
      >
        {({ percentage }) => (
          <>
            <span className="activity-text" data-testid="progress-text">
              {label}
            </span>
            <span className="progress-track">
              <span className="progress-fill" style={{ inlineSize: `${percentage}%` }} />
            </span>
          </>
        )}
      </ProgressBar>
      <Button onPress={() => session.cancel()} testId="cancel">
        Cancel
      </Button>
    </div>
  );
}
