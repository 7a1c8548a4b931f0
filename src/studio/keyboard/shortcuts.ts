/**
 * The keyboard, as data: each workspace has one table of shortcuts, for the listener and for the list that `?` shows.
 * Ids are unique in the whole page: by them the person's own keys are kept.
 */
import type { StudioSession } from '../store/session';

export interface Shortcut {
  readonly id: string;
  /** `KeyboardEvent.key` values, letters in lower case. Where there is one, the person may choose another. */
  readonly keys: readonly string[];
  readonly what: string;
  /** Widgets that use the key themselves keep it: arrows in sliders and radio groups, Space on buttons. */
  readonly widgetsKeep: boolean;
  readonly run: (session: StudioSession, key: string) => void;
}

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

/** The shortcut of a table that a key stands for. */
export function shortcutFor(key: string, table: readonly Shortcut[], own: OwnKeys): Shortcut | undefined {
  return table.find((s) => keysOf(s, own).includes(normalKey(key)));
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
export function refusal(
  key: string,
  shortcut: Shortcut,
  table: readonly Shortcut[],
  own: OwnKeys,
): string | null {
  if (RESERVED.has(key)) return `${printKey(key)} is needed for itself.`;
  const other = shortcutFor(key, table, own);
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
