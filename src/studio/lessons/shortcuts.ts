/** The keys of a lesson under way, in every workspace: those that a presenter's remote control sends. */
import type { Shortcut } from '../keyboard/shortcuts';
import { makeLessonPlayer } from './player';

export const LESSON_SHORTCUTS: readonly Shortcut[] = [
  {
    id: 'lesson-next',
    keys: ['PageDown'],
    what: 'The lesson’s next step',
    widgetsKeep: false,
    run: (session) => session.kept(makeLessonPlayer).next(),
  },
  {
    id: 'lesson-back',
    keys: ['PageUp'],
    what: 'The lesson’s step before',
    widgetsKeep: false,
    run: (session) => session.kept(makeLessonPlayer).back(),
  },
];
