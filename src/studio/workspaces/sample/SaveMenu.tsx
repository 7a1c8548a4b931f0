/** What can be taken away: the picture with where it comes from, its link, its settings, a film, its exact numbers. */
import { useState } from 'react';
import { Button as AriaButton, Dialog, DialogTrigger, Popover } from 'react-aria-components';
import { StudioError } from '../../../errors';
import { FilmDialog } from '../../components/FilmDialog';
import { Icon } from '../../components/Icon';
import { Button, Switch } from '../../components/widgets';
import { usePreference, useSession, useStudio } from '../../context';
import { copyPng, copyText, currentLink, currentPicture, settingsWithLink } from '../../exports/files';
import { problemOf } from '../../store/session';
import { runIsGenerated } from '../../store/state';
import { saveNumbers, savePicture } from './save';

export function SaveMenu() {
  const session = useSession();
  const [strip, setStrip] = usePreference('strip');
  const run = useStudio((s) => s.run);
  const generated = useStudio(runIsGenerated);
  const nothing = run === null;
  const unfinished = run !== null && run.status !== 'finished';
  const [open, setOpen] = useState(false);
  const [filming, setFilming] = useState(false);
  const [said, setSaid] = useState('');

  const copy = (work: () => Promise<void>, what: string) => () => {
    work().then(
      () => {
        setSaid(`${what} copied.`);
        session.announce(`${what} copied`);
      },
      (thrown: unknown) => {
        setOpen(false);
        session.notify(problemOf(StudioError.from(thrown)));
      },
    );
  };
  const copyPicture = async () => {
    const picture = currentPicture(session);
    if (picture) await copyPng(picture.png);
  };
  const copySettings = async () => {
    const picture = currentPicture(session);
    if (picture) await copyText(settingsWithLink(picture.provenance, currentLink(session)));
  };
  const copyLink = async () => {
    const link = currentLink(session);
    if (link !== null) await copyText(link);
  };
  return (
    <>
      <DialogTrigger
        isOpen={open}
        onOpenChange={(now) => {
          setOpen(now);
          setSaid('');
        }}
      >
        <AriaButton className="button button-plain" isDisabled={nothing} data-testid="save">
          <Icon name="save" />
          Save
        </AriaButton>
        <Popover className="popover" placement="bottom end">
          <Dialog className="popover-dialog save-menu" aria-label="Save">
            <Button kind="primary" onPress={() => savePicture(session)} testId="save-png">
              Picture (PNG)
            </Button>
            <p className="field-hint">
              {unfinished ? 'The last estimate of the finished picture' : 'The finished picture'}, with the
              settings written inside the file. Drop it on this page to get them back.
            </p>
            <Switch
              label="Strip “Synthetic – not a patient”"
              value={strip}
              onChange={setStrip}
              testId="strip"
            />
            <hr />
            <Button isDisabled={unfinished} onPress={copy(copyLink, 'Link')} testId="copy-link">
              Copy link
            </Button>
            <div className="save-pair">
              <Button onPress={copy(copyPicture, 'Picture')} testId="copy-picture">
                Copy picture
              </Button>
              <Button onPress={copy(copySettings, 'Settings')} testId="copy-settings">
                Copy settings
              </Button>
            </div>
            <p className="field-hint" aria-live="polite" data-testid="copied">
              {said || 'A link opens exactly this page, on any machine.'}
            </p>
            <hr />
            <Button
              isDisabled={unfinished}
              onPress={() => {
                setOpen(false);
                setFilming(true);
              }}
              testId="save-film"
            >
              Film …
            </Button>
            <Button onPress={() => saveNumbers(session)} testId="save-npy">
              Numbers (NPY)
            </Button>
            <p className="field-hint">The exact float32 values, 3 × height × width</p>
          </Dialog>
        </Popover>
      </DialogTrigger>
      <FilmDialog
        open={filming}
        onOpenChange={setFilming}
        filmed={run && { ...run, run: generated ? null : run }}
      />
    </>
  );
}
