/** What can be done with any drawn picture of this workspace. */
import { useSession } from '../../context';
import { IconButton } from '../../components/widgets';
import type { SampleRequest } from '../../../models/request';
import { requestKey } from '../../store/pictures';
import { useDesk, useDeskState } from './useDesk';

interface PictureActionsProps {
  request: SampleRequest;
  /** What the buttons are about, for their names: "of …". */
  of: string;
  /** Whether its picture is finished and at hand. */
  ready: boolean;
  testId?: string;
}

export function PictureActions({ request, of, ready, testId = 'picture' }: PictureActionsProps) {
  const session = useSession();
  const desk = useDesk();
  const key = requestKey(request);
  const pinned = useDeskState((s) => s.pins.some((pin) => requestKey(pin) === key));
  const compared = useDeskState((s) =>
    s.slots.some((slot) => slot.kind === 'drawn' && requestKey(slot.request) === key),
  );
  return (
    <div className="picture-actions" role="group" aria-label={`With the picture: ${of}`}>
      <IconButton
        icon="open"
        label={`Open in Sample: ${of}`}
        onPress={() => void session.openInSample(request)}
        testId={`${testId}-open`}
      />
      <IconButton
        icon="pin"
        label={`Pin: ${of}`}
        pressed={pinned}
        onPress={() => desk.togglePin(request)}
        testId={`${testId}-pin`}
      />
      <IconButton
        icon="compare"
        label={`Put side by side: ${of}`}
        pressed={compared}
        onPress={() => desk.toggleCompared(request)}
        testId={`${testId}-compare`}
      />
      <IconButton
        icon="save"
        label={`Save as PNG: ${of}`}
        isDisabled={!ready}
        onPress={() => desk.save(request)}
        testId={`${testId}-save`}
      />
    </div>
  );
}
