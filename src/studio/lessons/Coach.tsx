/**
 * The lesson under way, docked to the bottom of whichever workspace it leads through: what to see, what to do, and a way
 * to the control that it marks. It covers nothing for good: the page below can be scrolled clear of it.
 */
import { useEffect, useRef } from 'react';
import { useStore } from 'zustand';
import { Icon } from '../components/Icon';
import { Button, IconButton } from '../components/widgets';
import { useSession, useStudio } from '../context';
import { draftManifest } from '../store/state';
import { withNames } from './goals';
import { makeLessonPlayer } from './player';

const FOCUSABLE = 'button, input, select, a[href], [tabindex="0"]';

function controlElement(id: string): HTMLElement | null {
  return document.querySelector<HTMLElement>(`[data-control="${id}"]`);
}

/** The control, or null when it is not there yet; a tab that hides it is opened meanwhile. */
function bring(id: string): HTMLElement | null {
  const element = controlElement(id);
  if (!element) document.querySelector<HTMLElement>(`[data-reveals="${id}"]`)?.click();
  return element;
}

/** Does something with the control as soon as it is there: its workspace may have to be fetched first. Gives a way to give up. */
function whenThere(id: string, work: (element: HTMLElement) => void): () => void {
  const observer = new MutationObserver(() => look());
  const look = () => {
    const element = bring(id);
    if (!element) return;
    observer.disconnect();
    work(element);
  };
  observer.observe(document.body, { childList: true, subtree: true });
  look();
  return () => observer.disconnect();
}

function focusIn(element: HTMLElement): void {
  const target = [...element.querySelectorAll<HTMLElement>(FOCUSABLE)].find(
    (one) => !one.hasAttribute('disabled') && one.tabIndex >= 0 && one.offsetParent !== null,
  );
  target?.focus();
}

export function Coach() {
  const player = useSession().kept(makeLessonPlayer);
  const active = useStore(player.store, (s) => s.lesson !== null);
  return active ? <CoachPanel /> : null;
}

function CoachPanel() {
  const player = useSession().kept(makeLessonPlayer);
  const { lesson, at, done } = useStore(player.store);
  const manifest = useStudio(draftManifest);
  const chosen = useStudio((s) => s.draft?.severity ?? null);
  const workspace = useStudio((s) => s.workspace);
  const step = lesson?.steps[at];
  const control = step?.control;
  const panel = useRef<HTMLElement>(null);

  const seeking = useRef<() => void>(undefined);
  useEffect(() => {
    if (!control) return;
    // After the workspace that a step leads to has been drawn.
    const timer = setTimeout(() => {
      seeking.current = whenThere(control, (element) => element.scrollIntoView({ block: 'nearest' }));
    }, 50);
    return () => {
      clearTimeout(timer);
      seeking.current?.();
    };
  }, [control, at, workspace]);

  // The page keeps as much room below as the panel takes, however long its text is.
  useEffect(() => {
    const element = panel.current;
    if (!element) return;
    const observer = new ResizeObserver(() =>
      document.documentElement.style.setProperty('--coach', `${element.offsetHeight}px`),
    );
    observer.observe(element);
    return () => {
      observer.disconnect();
      document.documentElement.style.removeProperty('--coach');
    };
  }, []);

  if (!lesson || !step) return null;
  const say = (text: string) => withNames(text, manifest, chosen);
  const last = at + 1 === lesson.steps.length;
  return (
    <>
      {control && <MarkStyle control={control} />}
      <section className="coach" aria-label={`Lesson: ${lesson.title}`} ref={panel} data-testid="coach">
        <header className="coach-head">
          <p className="coach-lesson">
            {lesson.title} · step {at + 1} of {lesson.steps.length}
          </p>
          <IconButton
            icon="close"
            label="Close the lesson"
            onPress={() => player.close()}
            testId="coach-close"
          />
        </header>
        <div className="coach-body">
          <div className="coach-text">
            <h2>{say(step.title)}</h2>
            {step.text.map((paragraph) => (
              <p key={paragraph}>{say(paragraph)}</p>
            ))}
          </div>
          <div className="coach-side">
            {step.task !== undefined && (
              <p className="coach-task" data-testid="coach-task" data-done={done[at]}>
                <span className="coach-mark" aria-hidden="true">
                  {done[at] && <Icon name="check" size={16} />}
                </span>
                <span>
                  {say(step.task)}
                  {done[at] && <strong> Done.</strong>}
                </span>
              </p>
            )}
            <div className="coach-actions">
              {control && (
                <Button
                  onPress={() => {
                    seeking.current?.();
                    seeking.current = whenThere(control, focusIn);
                  }}
                  testId="coach-show"
                >
                  Go to the control
                </Button>
              )}
              <span className="spacer" />
              <Button isDisabled={at === 0} onPress={() => player.back()} testId="coach-back">
                Back
              </Button>
              <Button
                kind={step.goal && !done[at] ? 'plain' : 'primary'}
                onPress={() => player.next()}
                testId="coach-next"
              >
                {last ? 'Finish' : step.goal && !done[at] ? 'Skip' : 'Next'}
              </Button>
            </div>
          </div>
        </div>
      </section>
    </>
  );
}

/** Marks the control by more than a colour: a frame and a small flag. */
function MarkStyle({ control }: { control: string }) {
  const place = `[data-control="${control}"]`;
  return (
    <style>{`
      ${place} {
        position: relative;
        border-radius: var(--radius);
        outline: 3px dashed var(--mark);
        outline-offset: 5px;
      }
      ${place}::after {
        position: absolute;
        inset-block-start: -15px;
        inset-inline-end: -4px;
        z-index: 5;
        padding: 0 8px;
        border-radius: 99px;
        background: var(--mark);
        color: var(--on-mark);
        font: 600 0.6875rem/18px var(--font);
        content: 'here';
        pointer-events: none;
      }`}</style>
  );
}
