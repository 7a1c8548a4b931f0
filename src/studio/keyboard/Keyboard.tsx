/** Listens for the shortcuts of the workspace that is open, shows it, and lets the person choose other keys. */
import { useState, type KeyboardEvent } from 'react';
import { useHotkeys } from 'react-hotkeys-hook';
import { Button, DialogBox } from '../components/widgets';
import { usePreference, useSession } from '../context';
import {
  belongsToFocus,
  keysOf,
  LIST_KEY,
  normalKey,
  printKey,
  refusal,
  shortcutFor,
  type Shortcut,
} from './shortcuts';

interface KeyboardProps {
  /** Name of the workspace that is open. */
  title: string;
  table: readonly Shortcut[];
  listOpen: boolean;
  onListOpenChange: (open: boolean) => void;
}

export function Keyboard({ title, table, listOpen, onListOpenChange }: KeyboardProps) {
  const session = useSession();
  const [own] = usePreference('keys');
  useHotkeys(
    // Every key, looked up in the table by what is printed on the person's own keyboard: the library would match the
    // place on an American one, or, by `useKey`, no space bar.
    '*',
    (event) => {
      if (event.key === LIST_KEY) {
        onListOpenChange(true);
        return;
      }
      const shortcut = shortcutFor(event.key, table, own);
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
        return belongsToFocus(target, shortcutFor(event.key, table, own) ?? { widgetsKeep: false });
      },
    },
  );
  return (
    <DialogBox
      title={`Keyboard shortcuts: ${title}`}
      open={listOpen}
      onOpenChange={onListOpenChange}
      testId="shortcuts-dialog"
    >
      <ShortcutList table={table} />
      <p className="field-hint">
        Keys are off while a text field has the focus. In the scrubber Page Up and Page Down move ten steps,
        Home and End go to the ends. With the focus on the maps, arrow keys move the pixel whose values are
        read out.
      </p>
    </DialogBox>
  );
}

function ShortcutList({ table }: { table: readonly Shortcut[] }) {
  const [own, setOwn] = usePreference('keys');
  /** The shortcut that waits for its new key. */
  const [waiting, setWaiting] = useState<Shortcut | null>(null);
  const [message, setMessage] = useState('');

  const take = (e: KeyboardEvent) => {
    if (!waiting || e.key === 'Tab') return;
    // Neither the dialog nor the button that has the focus may act on it.
    e.preventDefault();
    e.stopPropagation();
    if (['Shift', 'Control', 'Alt', 'Meta', 'AltGraph'].includes(e.key)) return;
    const why = refusal(e.key, waiting, table, own);
    if (why) {
      setMessage(`${why} Press another key.`);
      return;
    }
    setOwn({ ...own, [waiting.id]: normalKey(e.key) });
    setMessage(`${printKey(e.key)}: ${waiting.what}.`);
    setWaiting(null);
  };

  return (
    <div onKeyDownCapture={take}>
      <dl className="shortcut-list">
        {table.map((s) => {
          const keys = keysOf(s, own);
          return (
            <div key={s.id}>
              <dt>
                <kbd>{keys.length === 1 ? printKey(keys[0]!) : `${keys[0]} … ${keys.at(-1)}`}</kbd>
              </dt>
              <dd>
                {s.what}
                {keys.length === 1 && (
                  <Button
                    kind="quiet"
                    aria-label={
                      waiting === s ? `Press a key … for: ${s.what}` : `Change the key for: ${s.what}`
                    }
                    onPress={() => {
                      setWaiting(s);
                      setMessage(`Press the new key for “${s.what}”.`);
                    }}
                    testId={`change-key-${s.id}`}
                  >
                    {waiting === s ? 'Press a key …' : 'Change'}
                  </Button>
                )}
              </dd>
            </div>
          );
        })}
        <div>
          <dt>
            <kbd>{LIST_KEY}</kbd>
          </dt>
          <dd>Show this list</dd>
        </div>
      </dl>
      <div className="shortcut-foot">
        <p aria-live="polite">{message}</p>
        {Object.keys(own).length > 0 && (
          <Button
            onPress={() => {
              setOwn({});
              setWaiting(null);
              setMessage('The usual keys are back.');
            }}
            testId="reset-keys"
          >
            Use the usual keys
          </Button>
        )}
      </div>
    </div>
  );
}
