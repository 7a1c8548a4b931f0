/** What went wrong, what to do about it, and the button that does it. Frames on the page are not touched by it. */
import { useSession, useStudio } from '../context';
import { Icon } from './Icon';
import { Button, IconButton } from './widgets';

export function ErrorPanel() {
  const session = useSession();
  const failure = useStudio((s) => s.failure);
  // Before a model is known the address still decides, and there is nothing to compute yet.
  const forced = useStudio((s) => s.provider === 'webgpu' && s.draft !== null);
  if (!failure) return null;
  const cancelled = failure.code === 'cancelled';
  return (
    <section
      className={cancelled ? 'error-panel error-panel-mild' : 'error-panel'}
      role={cancelled ? undefined : 'alert'}
      aria-label={cancelled ? 'Cancelled' : 'Problem'}
      data-testid="error-panel"
      data-code={failure.code}
    >
      <Icon name={cancelled ? 'info' : 'warning'} />
      <div className="error-text">
        <p className="error-message">{failure.message}</p>
        <p>{failure.remedy}</p>
        {failure.detail && (
          <details>
            <summary>Technical detail ({failure.code})</summary>
            <pre>{failure.detail}</pre>
          </details>
        )}
        <div className="error-actions">
          <Button kind="primary" onPress={() => void session.tryAgain()} testId="try-again">
            Try again
          </Button>
          {forced && (
            <Button onPress={() => void session.useAnyProvider()} testId="use-any-provider">
              Use whatever this machine has
            </Button>
          )}
        </div>
      </div>
      <IconButton icon="close" label="Put this message away" onPress={() => session.dismissFailure()} />
    </section>
  );
}
