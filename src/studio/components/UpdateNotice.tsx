/** A newer release waits: asks, and never reloads by itself. */
import { useInstallation } from '../context';
import { Button } from './widgets';

export function UpdateNotice() {
  const [installation, { update }] = useInstallation();
  if (update === 'none') return null;
  return (
    <aside className="notice" aria-label="New release" data-testid="update-notice">
      <p role="status">
        {update === 'waiting'
          ? 'A new release of the studio is ready. Reloading ends what is being drawn; what is saved stays.'
          : 'The studio was updated in another tab. This one still shows the release before.'}
      </p>
      <div className="notice-actions">
        <Button kind="primary" onPress={() => void installation.agree()} testId="update-now">
          Reload now
        </Button>
        <Button onPress={() => installation.later()} testId="update-later">
          Later
        </Button>
      </div>
    </aside>
  );
}
