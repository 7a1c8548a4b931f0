/** The keyboard, as data: one table for the listener and for the list that `?` shows. */
import type { StudioSession } from '../../store/session';
import { draftManifest } from '../../store/state';

export interface Shortcut {
  readonly id: string;
  /** `KeyboardEvent.key` values, letters in lower case. Where there is one, the person may choose another. */
  readonly keys: readonly string[];
  readonly what: string;
  /** Widgets that use the key themselves keep it: arrows in sliders and radio groups, Space on buttons. */
  readonly widgetsKeep: boolean;
  readonly run: (session: StudioSession, key: string) => void;
}

const DIGITS = [...'0123456789'];

export const SHORTCUTS: readonly Shortcut[] = [
  {
    id: 'play',
    keys: [' '],
    what: 'Play or pause the trajectory',
    widgetsKeep: true,
    run: (session) => session.togglePlay(),
  },
  {
    id: 'step-back',
    keys: ['ArrowLeft'],
    what: 'One step back, towards noise',
    widgetsKeep: true,
    run: (session) => session.stepBy(-1),
  },
  {
    id: 'step-forward',
    keys: ['ArrowRight'],
    what: 'One step forward, towards the picture',
    widgetsKeep: true,
    run: (session) => session.stepBy(1),
  },
  {
    id: 'grade',
    keys: DIGITS,
    what: 'Draw the grade with this number',
    widgetsKeep: false,
    run: (session, key) => {
      const grades = draftManifest(session.store.getState())?.grades ?? [];
      void session.chooseGrade(grades.findIndex((g) => String(g.value) === key));
    },
  },
  {
    id: 'neighbour-lower',
    keys: ['['],
    what: 'Compare with the next lower grade',
    widgetsKeep: false,
    run: (session) => session.compareNext(-1),
  },
  {
    id: 'neighbour-higher',
    keys: [']'],
    what: 'Compare with the next higher grade',
    widgetsKeep: false,
    run: (session) => session.compareNext(1),
  },
  {
    id: 'generate',
    keys: ['g'],
    what: 'Generate',
    widgetsKeep: false,
    run: (session) => void session.generate(),
  },
  {
    id: 'lock-seed',
    keys: ['s'],
    what: 'Lock or unlock the seed',
    widgetsKeep: false,
    run: (session) => session.toggleSeedLock(),
  },
  {
    id: 'cancel',
    keys: ['Escape'],
    what: 'Cancel loading or drawing; the frames made are kept',
    widgetsKeep: false,
    run: (session) => session.cancel(),
  },
];

/** Opens the list; not to be changed, so that the way to the list is never lost. */
export const LIST_KEY = '?';

/** Keys that the person has chosen instead, by the shortcut's id. */
export type OwnKeys = Readonly<Record<string, string>>;

export function keysOf(shortcut: Shortcut, own: OwnKeys): readonly string[] {
  const chosen = own[shortcut.id];
  return chosen === undefined || shortcut.keys.length !== 1 ? shortcut.keys : [chosen];
}

/** As in the table: letters whether shifted or not. */
export function normalKey(key: string): string {
  return key.length === 1 ? key.toLowerCase() : key;
}

export function shortcutFor(key: string, own: OwnKeys): Shortcut | undefined {
  return SHORTCUTS.find((s) => keysOf(s, own).includes(normalKey(key)));
}

/** Keys that browsers and widgets cannot do without. */
const RESERVED = new Set([
  'Tab',
  'Enter',
  'Shift',
  'Control',
  'Alt',
  'Meta',
  'AltGraph',
  'CapsLock',
  'Dead',
  LIST_KEY,
]);

/** Why a key can't be taken for a shortcut; null when it can. */
export function refusal(key: string, shortcut: Shortcut, own: OwnKeys): string | null {
  if (RESERVED.has(key)) return `${printKey(key)} is needed for itself.`;
  const other = shortcutFor(key, own);
  return other && other.id !== shortcut.id ? `${printKey(key)} is taken by “${other.what}”.` : null;
}

const PRINTED: Record<string, string> = {
  ' ': 'Space',
  ArrowLeft: '←',
  ArrowRight: '→',
  ArrowUp: '↑',
  ArrowDown: '↓',
  Escape: 'Esc',
};

/** How a key is printed on a keyboard. */
export function printKey(key: string): string {
  return PRINTED[key] ?? (key.length === 1 ? key.toUpperCase() : key);
}

const TEXT_FIELDS = 'input:not([type=range], [type=radio], [type=checkbox], [type=button]), textarea, select';
const WIDGETS = 'input, button, summary, a[href], [role=slider], [role=radio], [role=option]';

/** Whether a key belongs to what has the focus rather than to the page. `target` null is the page itself. */
export function belongsToFocus(target: Element | null, shortcut: Pick<Shortcut, 'widgetsKeep'>): boolean {
  if (!target) return false;
  if (target.closest('[role=dialog]')) return true;
  if (target.matches(TEXT_FIELDS) || target.closest('[contenteditable=true]')) return true;
  return shortcut.widgetsKeep && target.matches(WIDGETS);
}
