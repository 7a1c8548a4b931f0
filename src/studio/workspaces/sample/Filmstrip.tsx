/** Thumbnails spread evenly over the run, in the view chosen for the picture; places fill up as the frames come. */
import { memo, useMemo } from 'react';
import { PixelCanvas } from '../../components/PixelCanvas';
import { useSession, useStudio } from '../../context';
import { filmstripSlots, nearestHeld } from '../../store/frames';
import { viewerPaint } from './viewing';

const SLOTS = 11;

export function Filmstrip() {
  const session = useSession();
  const run = useStudio((s) => s.run);
  const cursor = useStudio((s) => s.cursor);
  const steps = run?.request.steps ?? SLOTS - 1;
  const slots = filmstripSlots(steps, SLOTS);
  const newest = run?.held.at(-1) ?? -1;
  const current = slots.reduce(
    (best, slot) => (Math.abs(slot - cursor) < Math.abs(best - cursor) ? slot : best),
    0,
  );
  return (
    <ol
      className="filmstrip"
      data-control="filmstrip"
      aria-label="Steps of the trajectory"
      data-testid="filmstrip"
    >
      {slots.map((slot) => {
        const made = run !== null && slot <= newest;
        const index = made ? nearestHeld(run.held, slot) : slot;
        return (
          <li key={slot}>
            <button
              type="button"
              className="film-frame"
              aria-label={`Go to step ${index}`}
              aria-current={made && slot === current ? 'step' : undefined}
              disabled={!made}
              onClick={() => {
                session.pause();
                session.seek(index);
              }}
            >
              {made && <Thumbnail runId={run.id} index={index} />}
            </button>
          </li>
        );
      })}
    </ol>
  );
}

const Thumbnail = memo(function Thumbnail({ runId, index }: { runId: number; index: number }) {
  const session = useSession();
  const view = useStudio((s) => (s.view === 'difference' ? 'epsilon' : s.view));
  const noiseMap = useStudio((s) => s.noiseMap);
  const image = useStudio((s) => s.run?.manifest.image);
  const paint = useMemo(() => {
    const frame = runId > 0 ? session.frame(index) : undefined;
    return frame ? viewerPaint(frame, view, noiseMap, null) : null;
  }, [session, runId, index, view, noiseMap]);
  return <PixelCanvas width={image?.width ?? 1} height={image?.height ?? 1} paint={paint} label="" smooth />;
});
