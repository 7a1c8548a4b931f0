/**
 * What stands around a workspace in the presenter's view: next to nothing. The badge stays: nobody in a lecture hall may
 * take a picture for a patient.
 */
import { useEffect } from 'react';
import { useSession } from '../context';
import { presenterLayout, type Presenter } from '../store/presenter';
import { IconButton } from './widgets';

export function PresenterFrame({ presenter, onShowKeys }: { presenter: Presenter; onShowKeys: () => void }) {
  const session = useSession();
  const { settings, neighbours } = presenterLayout(presenter);
  useEffect(() => {
    const root = document.documentElement;
    root.dataset.presenter = '';
    return () => void delete root.dataset.presenter;
  }, []);
  const columns = [settings && '300px', 'minmax(0, 1fr)', neighbours && '440px'].filter(Boolean).join(' ');
  const hidden = presenter.hidden.map((id) => `[data-control="${id}"]`);
  return (
    <>
      <style>{`
        ${[...hidden, ...(settings ? [] : ['.sample > .controls'])].join(',') || '.none'} { display: none !important; }
        @media (min-width: 1181px) { .sample { grid-template-columns: ${columns}; } }
      `}</style>
      <header className="presenter-top" data-testid="presenter">
        <h1 className="visually-hidden">Ordinal Diffusion Studio</h1>
        <p className="badge" data-testid="synthetic-badge">
          <strong>Synthetic</strong> – not a patient, not for diagnosis
        </p>
        <div className="presenter-actions">
          <IconButton
            icon="keyboard"
            label="Keyboard shortcuts"
            hotkey="?"
            onPress={onShowKeys}
            testId="shortcuts"
          />
          <IconButton
            icon="close"
            label="Leave the presenter’s view"
            onPress={() => session.present(null)}
            testId="leave-presenter"
          />
        </div>
      </header>
    </>
  );
}
