/** The keyboard, as data: one table for the listener and for the list that `?` shows. */
import type { StudioSession } from '../../store/session';
import { draftManifest } from '../../store/state';

export interface Shortcut {
  readonly id: string;
  /** `KeyboardEvent.key` values. */
  readonly keys: readonly string[];
  /** How the key is printed. */
  readonly print: string;
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
    print: 'Space',
    what: 'Play or pause the trajectory',
    widgetsKeep: true,
    run: (session) => session.togglePlay(),
  },
  {
    id: 'step-back',
    keys: ['ArrowLeft'],
    print: '←',
    what: 'One step back, towards noise',
    widgetsKeep: true,
    run: (session) => session.stepBy(-1),
  },
  {
    id: 'step-forward',
    keys: ['ArrowRight'],
    print: '→',
    what: 'One step forward, towards the picture',
    widgetsKeep: true,
    run: (session) => session.stepBy(1),
  },
  {
    id: 'grade',
    keys: DIGITS,
    print: '0 … 9',
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
    print: '[',
    what: 'Compare with the next lower grade',
    widgetsKeep: false,
    run: (session) => session.compareNext(-1),
  },
  {
    id: 'neighbour-higher',
    keys: [']'],
    print: ']',
    what: 'Compare with the next higher grade',
    widgetsKeep: false,
    run: (session) => session.compareNext(1),
  },
  {
    id: 'generate',
    keys: ['g', 'G'],
    print: 'G',
    what: 'Generate',
    widgetsKeep: false,
    run: (session) => void session.generate(),
  },
  {
    id: 'lock-seed',
    keys: ['s', 'S'],
    print: 'S',
    what: 'Lock or unlock the seed',
    widgetsKeep: false,
    run: (session) => session.toggleSeedLock(),
  },
  {
    id: 'cancel',
    keys: ['Escape'],
    print: 'Esc',
    what: 'Cancel loading or drawing; the frames made are kept',
    widgetsKeep: false,
    run: (session) => session.cancel(),
  },
];

const TEXT_FIELDS = 'input:not([type=range], [type=radio], [type=checkbox], [type=button]), textarea, select';
const WIDGETS = 'input, button, summary, a[href], [role=slider], [role=radio], [role=option]';

/** Whether a key belongs to what has the focus rather than to the page. `target` null is the page itself. */
export function belongsToFocus(target: Element | null, shortcut: Pick<Shortcut, 'widgetsKeep'>): boolean {
  if (!target) return false;
  if (target.closest('[role=dialog]')) return true;
  if (target.matches(TEXT_FIELDS) || target.closest('[contenteditable=true]')) return true;
  return shortcut.widgetsKeep && target.matches(WIDGETS);
}
