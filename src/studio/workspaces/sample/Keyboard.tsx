/** Listens for the table of shortcuts, and shows it. */
import { useHotkeys } from 'react-hotkeys-hook';
import { DialogBox } from '../../components/widgets';
import { useSession } from '../../context';
import { belongsToFocus, SHORTCUTS } from './shortcuts';

const BY_KEY = new Map(SHORTCUTS.flatMap((s) => s.keys.map((key) => [key, s] as const)));

interface KeyboardProps {
  listOpen: boolean;
  onListOpenChange: (open: boolean) => void;
}

export function Keyboard({ listOpen, onListOpenChange }: KeyboardProps) {
  const session = useSession();
  useHotkeys(
    // Every key, looked up in the table by what is printed on the person's own keyboard: the library would match the
    // place on an American one, or, by `useKey`, no space bar.
    '*',
    (event) => {
      if (event.key === '?') {
        onListOpenChange(true);
        return;
      }
      const shortcut = BY_KEY.get(event.key);
      if (!shortcut) return;
      event.preventDefault();
      shortcut.run(session, event.key);
    },
    {
      // Which fields keep which keys is decided below, key by key.
      enableOnFormTags: true,
      ignoreEventWhen: (event) => {
        if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return true;
        const target = event.target instanceof Element ? event.target : null;
        return belongsToFocus(target, BY_KEY.get(event.key) ?? { widgetsKeep: false });
      },
    },
  );
  return (
    <DialogBox
      title="Keyboard shortcuts"
      open={listOpen}
      onOpenChange={onListOpenChange}
      testId="shortcuts-dialog"
    >
      <dl className="shortcut-list">
        {SHORTCUTS.map((s) => (
          <div key={s.id}>
            <dt>
              <kbd>{s.print}</kbd>
            </dt>
            <dd>{s.what}</dd>
          </div>
        ))}
        <div>
          <dt>
            <kbd>?</kbd>
          </dt>
          <dd>Show this list</dd>
        </div>
      </dl>
      <p className="field-hint">
        Keys are off while a text field has the focus. In the scrubber Page Up and Page Down move ten steps,
        Home and End go to the ends. With the focus on the maps, arrow keys move the pixel whose values are
        read out.
      </p>
    </DialogBox>
  );
}
