/** Going on from the step at the scrubber with another grade: what was drawn before it stays. */
import { severityAt } from '../../../models/request';
import { SelectBox } from '../../components/widgets';
import { useSession, useStudio } from '../../context';
import { gradeText } from '../../store/format';

export function ContinueWith() {
  const session = useSession();
  const run = useStudio((s) => s.run);
  const cursor = useStudio((s) => s.cursor);
  if (!run) return null;
  const { manifest, request } = run;
  // The first step that the new grade changes is the one shown; its own noisy picture stays.
  const there = cursor < request.steps && run.status !== 'running';
  const asked = severityAt(request, cursor);
  return (
    <div className="continue-with" data-control="continue">
      <SelectBox
        label={
          there ? `Go on from step ${cursor} with another grade` : 'Go on from a step with another grade'
        }
        value=""
        disabled={!there}
        choices={[
          { value: '', label: there ? 'Choose a grade …' : 'Step back first' },
          ...manifest.grades
            .filter((g) => g.value !== asked)
            .map((g) => ({ value: String(g.value), label: gradeText(g) })),
        ]}
        onChange={(value) => {
          if (value !== '') void session.continueWith(Number(value), cursor);
        }}
        testId="continue-with"
      />
    </div>
  );
}
