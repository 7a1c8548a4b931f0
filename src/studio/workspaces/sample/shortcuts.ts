/** The keys of the Sample workspace. */
import type { Shortcut } from '../../keyboard/shortcuts';
import { draftManifest } from '../../store/state';

const DIGITS = [...'0123456789'];

export const SAMPLE_SHORTCUTS: readonly Shortcut[] = [
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
