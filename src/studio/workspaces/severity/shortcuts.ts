/** The keys of the Severity workspace. Its pictures are moved by the slider's own keys; these do the same from anywhere. */
import type { Shortcut } from '../../keyboard/shortcuts';
import { severityRange } from '../../store/format';
import type { StudioSession } from '../../store/session';
import { draftManifest } from '../../store/state';

function moveSeverity(session: StudioSession, by: number): void {
  const state = session.store.getState();
  const manifest = draftManifest(state);
  if (!state.draft || !manifest) return;
  const [low, high] = severityRange(manifest.grades);
  const severity = Math.round((state.draft.severity + by) * 100) / 100;
  void session.setUp({ severity: Math.max(low, Math.min(high, severity)) });
}

export const SEVERITY_SHORTCUTS: readonly Shortcut[] = [
  {
    id: 'severity-lower',
    keys: ['ArrowLeft'],
    what: 'A twentieth of a grade milder',
    widgetsKeep: true,
    run: (session) => moveSeverity(session, -0.05),
  },
  {
    id: 'severity-higher',
    keys: ['ArrowRight'],
    what: 'A twentieth of a grade more severe',
    widgetsKeep: true,
    run: (session) => moveSeverity(session, 0.05),
  },
  {
    id: 'severity-half-lower',
    keys: ['['],
    what: 'Half a grade milder',
    widgetsKeep: false,
    run: (session) => moveSeverity(session, -0.5),
  },
  {
    id: 'severity-half-higher',
    keys: [']'],
    what: 'Half a grade more severe',
    widgetsKeep: false,
    run: (session) => moveSeverity(session, 0.5),
  },
  {
    id: 'severity-grade',
    keys: [...'0123456789'],
    what: 'Go to the grade with this number',
    widgetsKeep: false,
    run: (session, key) => {
      const grade = draftManifest(session.store.getState())?.grades.find((g) => String(g.value) === key);
      if (grade) void session.setUp({ severity: grade.value });
    },
  },
  {
    id: 'severity-seed',
    keys: ['n'],
    what: 'Another seed',
    widgetsKeep: false,
    run: (session) => session.setUpRandomSeed(),
  },
];
