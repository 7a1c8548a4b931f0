/** The pinned pictures: kept while one looks for others, and saved together as one labelled sheet. */
import { useMemo } from 'react';
import { PixelCanvas } from '../../components/PixelCanvas';
import { paintPicture } from '../../components/colour';
import { Button } from '../../components/widgets';
import { useSession } from '../../context';
import type { SampleRequest } from '../../../models/request';
import { requestKey } from '../../store/pictures';
import { pictureText } from './desk';
import { PictureActions } from './PictureActions';
import { useDesk, useDeskState } from './useDesk';

const SHEET_COLUMNS = 4;

export function Tray() {
  const desk = useDesk();
  const pins = useDeskState((s) => s.pins);
  if (pins.length === 0) return null;
  return (
    <section className="panel tray" aria-label="Pinned pictures" data-testid="tray">
      <div className="panel-head">
        <h2>Pinned</h2>
        <Button icon="save" onPress={() => desk.saveSheet(pins, SHEET_COLUMNS)} testId="pins-sheet">
          Contact sheet of the pinned
        </Button>
      </div>
      <ul className="tray-list">
        {pins.map((request) => (
          <Pin key={requestKey(request)} request={request} />
        ))}
      </ul>
    </section>
  );
}

function Pin({ request }: { request: SampleRequest }) {
  const session = useSession();
  const desk = useDesk();
  const manifest = desk.manifestOf(request);
  // A picture that was pinned as a preview is finished a moment later.
  useDeskState((s) => s.following);
  const picture = desk.pictures.get(request);
  const chw = picture?.chw;
  const paint = useMemo(() => (chw ? (rgba: Uint8ClampedArray) => paintPicture(chw, rgba) : null), [chw]);
  if (!manifest) return null;
  const text = pictureText(request, manifest);
  const { width, height } = manifest.image;
  return (
    <li className="pin">
      <button
        type="button"
        className="pin-picture"
        aria-label={`Go back to ${text}`}
        onClick={() => {
          void session.setUp(request);
          desk.openTab('slider');
        }}
      >
        <PixelCanvas width={width} height={height} paint={paint} label="" smooth />
      </button>
      <span className="pin-text">{text}</span>
      <PictureActions request={request} of={text} ready={picture !== undefined} testId="pin" />
    </li>
  );
}
