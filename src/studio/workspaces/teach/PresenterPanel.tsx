/** Makes a link that opens the picture of the Sample workspace as it is, with chosen controls left out. */
import { useState } from 'react';
import { Button, Switch } from '../../components/widgets';
import { useSession, useStudio } from '../../context';
import { linkHash } from '../../store/arrivals';
import { CONTROLS, type ControlId } from '../../store/controls';
import { hiddenBut, PRESETS, writePresenter } from '../../store/presenter';

const CHOICES = CONTROLS.filter((c) => c.hidable && c.workspaces.some((w) => w === 'sample'));

export function PresenterPanel() {
  const session = useSession();
  const run = useStudio((s) => s.run);
  const cursor = useStudio((s) => s.cursor);
  const [hidden, setHidden] = useState<readonly ControlId[]>(hiddenBut(PRESETS[0]!.shown));
  const [copied, setCopied] = useState(false);
  const hash = linkHash(session);
  const address = hash && `${location.origin}${location.pathname}${writePresenter('', { hidden })}${hash}`;

  const copy = async () => {
    if (!address) return;
    try {
      await navigator.clipboard.writeText(address);
      setCopied(true);
      session.announce('Link copied');
    } catch {
      // Refused by the browser: the text field below is there to be copied by hand.
      session.announce('The browser did not allow copying; copy the link from the field');
    }
  };

  return (
    <section className="panel teach-presenter" aria-labelledby="presenter-title">
      <div className="panel-head">
        <h2 id="presenter-title">Presenter’s link</h2>
        <p className="panel-hint">
          Opens exactly the picture that is in Sample now, at the same step, in larger type and without the
          frame. Choose what the class shall see. What is hidden still answers to its keys.
        </p>
      </div>
      <div className="teach-row">
        {PRESETS.map((preset) => (
          <Button key={preset.title} onPress={() => setHidden(hiddenBut(preset.shown))}>
            {preset.title}
          </Button>
        ))}
      </div>
      <div className="presenter-controls" role="group" aria-label="Controls that are shown">
        {CHOICES.map(({ id, title }) => (
          <Switch
            key={id}
            label={title}
            value={!hidden.includes(id)}
            onChange={(on) => setHidden(on ? hidden.filter((one) => one !== id) : [...hidden, id])}
            testId={`present-${id}`}
          />
        ))}
      </div>
      {address && run ? (
        <>
          <p className="field-hint">
            {run.manifest.title}, seed {run.request.seed}, step {cursor} of {run.request.steps}.
          </p>
          <textarea
            className="presenter-link"
            readOnly
            rows={3}
            value={address}
            aria-label="The link"
            onFocus={(e) => e.currentTarget.select()}
            data-testid="presenter-link"
          />
          <div className="teach-row">
            <Button kind="primary" onPress={() => void copy()} testId="copy-presenter">
              {copied ? 'Copied' : 'Copy the link'}
            </Button>
            <Button onPress={() => session.present({ hidden })} testId="present-now">
              Present here
            </Button>
          </div>
          <p className="field-hint">Once opened on a machine, it works there without a network too.</p>
        </>
      ) : (
        <p className="panel-empty">Draw a picture in Sample first; the link leads to it.</p>
      )}
    </section>
  );
}
