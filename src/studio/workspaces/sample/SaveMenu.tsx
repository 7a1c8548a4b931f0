/** What can be taken away: the picture with where it comes from, or its exact numbers. */
import { Button as AriaButton, Dialog, DialogTrigger, Popover } from 'react-aria-components';
import { Icon } from '../../components/Icon';
import { Button, Switch } from '../../components/widgets';
import { usePreference, useSession, useStudio } from '../../context';
import { saveNumbers, savePicture } from './save';

export function SaveMenu() {
  const session = useSession();
  const [strip, setStrip] = usePreference('strip');
  const nothing = useStudio((s) => s.run === null);
  const unfinished = useStudio((s) => s.run !== null && s.run.status !== 'finished');
  return (
    <DialogTrigger>
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
            settings written inside the file
          </p>
          <Switch
            label="Strip “Synthetic – not a patient”"
            value={strip}
            onChange={setStrip}
            testId="strip"
          />
          <hr />
          <Button onPress={() => saveNumbers(session)} testId="save-npy">
            Numbers (NPY)
          </Button>
          <p className="field-hint">The exact float32 values, 3 × height × width</p>
        </Dialog>
      </Popover>
    </DialogTrigger>
  );
}
