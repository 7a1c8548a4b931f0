/**
 * A lesson under way: sets the scene of each step, watches for its goal, and goes forwards and back. It lives beside the
 * workspaces, because a lesson leads through several of them.
 */
import { createStore } from 'zustand/vanilla';
import { StudioError, type ErrorInfo } from '../../errors';
import { CONTROLS } from '../store/controls';
import type { StudioSession } from '../store/session';
import { draftManifest, type StudioState } from '../store/state';
import { gradeAt, reached, startRequest, type Before } from './goals';
import type { Lesson, LessonStep, Scene } from './schema';

export interface LessonState {
  readonly lesson: Lesson | null;
  /** Index of the step shown. */
  readonly at: number;
  /** Steps whose task has been done. */
  readonly done: readonly boolean[];
  /** Why the lesson could not begin. */
  readonly failure: ErrorInfo | null;
}

/** What a lesson needs of the page. */
export type Stage = Pick<
  StudioSession,
  'store' | 'manifest' | 'announce' | 'openInSample' | 'openWorkspace' | 'look' | 'pause' | 'seek'
>;

export class LessonPlayer {
  readonly store = createStore<LessonState>()(() => ({ lesson: null, at: 0, done: [], failure: null }));
  readonly #session: Stage;
  /** The lesson's first picture is being drawn: what the page shows meanwhile is not yet the lesson's. */
  #opening = false;
  #before: Before = { run: null };
  /** A scene that waits for the picture it is about. */
  #waiting: Scene | null = null;

  constructor(session: Stage) {
    this.#session = session;
    session.store.subscribe((now) => this.#look(now));
  }

  get step(): LessonStep | null {
    const { lesson, at } = this.store.getState();
    return lesson?.steps[at] ?? null;
  }

  /** Draws the lesson's first picture and shows its first step; `model` instead of the lesson's own. */
  async start(lesson: Lesson, model: string | null = null): Promise<void> {
    const { bundles, draft } = this.#session.store.getState();
    const wanted = [model, lesson.start.model, draft?.model, bundles[0]]
      .filter((id) => typeof id === 'string')
      .find((id) => bundles.includes(id));
    try {
      if (wanted === undefined) throw noModel();
      const manifest = await this.#session.manifest(wanted);
      const request = startRequest(lesson, manifest);
      this.store.setState({ lesson, at: 0, done: lesson.steps.map(() => false), failure: null });
      this.#session.announce(
        `Lesson: ${lesson.title}. Step 1 of ${lesson.steps.length}: ${lesson.steps[0]!.title}`,
      );
      this.#opening = true;
      await this.#session.openInSample(request);
      this.#opening = false;
      this.#begin(this.step?.scene);
    } catch (thrown) {
      this.#opening = false;
      this.store.setState({ lesson: null, failure: StudioError.from(thrown).toInfo() });
    }
  }

  next(): void {
    const { lesson, at } = this.store.getState();
    if (!lesson) return;
    if (at + 1 < lesson.steps.length) this.#go(at + 1);
    else this.close();
  }

  back(): void {
    const { at } = this.store.getState();
    if (at > 0) this.#go(at - 1);
  }

  /** Ends the lesson; the page stays as it is. */
  close(): void {
    if (this.store.getState().lesson) this.#session.announce('Lesson closed');
    this.#waiting = null;
    this.store.setState({ lesson: null, at: 0, done: [] });
  }

  #go(at: number): void {
    const { lesson } = this.store.getState();
    const step = lesson!.steps[at]!;
    this.store.setState({ at });
    this.#session.announce(`Step ${at + 1} of ${lesson!.steps.length}: ${step.title}`);
    this.#begin(step.scene);
  }

  #begin(scene: Scene | undefined): void {
    const now = this.#session.store.getState();
    this.#before = { run: now.run };
    const { workspace, ...rest } = scene ?? {};
    this.#waiting = Object.keys(rest).length > 0 ? rest : null;
    // A step leads to where its control is, forwards and back.
    const places: readonly string[] = CONTROLS.find((c) => c.id === this.step?.control)?.workspaces ?? [];
    const elsewhere = places.length > 0 && !places.includes(now.workspace) ? places[0] : undefined;
    const wanted = workspace ?? elsewhere;
    if (wanted !== undefined) this.#session.openWorkspace(wanted);
    this.#look(this.#session.store.getState());
  }

  #look(now: StudioState): void {
    const { lesson, at, done } = this.store.getState();
    if (!lesson || this.#opening) return;
    const { run } = now;
    // Where the scrubber is to stand can only be said of a picture that is there.
    if (this.#waiting && run && run.status !== 'running' && now.activity.kind === 'idle' && sameModel(now)) {
      const scene = this.#waiting;
      this.#waiting = null;
      if (this.#before.run?.status !== 'finished') this.#before = { run };
      this.#set(scene, run.request.steps, run.manifest.grades.length);
      return;
    }
    const { goal } = lesson.steps[at]!;
    if (goal && !done[at] && !this.#waiting && reached(goal, now, this.#before)) {
      this.store.setState({ done: done.map((d, i) => d || i === at) });
      this.#session.announce('Done. Go on when you like.');
    }
  }

  #set({ view, noiseMap, differenceMap, cursor, compared }: Scene, steps: number, grades: number): void {
    this.#session.look({
      ...(view !== undefined && { view }),
      ...(noiseMap !== undefined && { noiseMap }),
      ...(differenceMap !== undefined && { differenceMap }),
      ...(compared !== undefined && { compared: compared === null ? null : gradeAt(compared, grades) }),
    });
    if (cursor !== undefined) {
      this.#session.pause();
      this.#session.seek(Math.round(cursor * steps));
    }
  }
}

/** The picture on the page is of the model that is set up. */
function sameModel(state: StudioState): boolean {
  return state.run !== null && draftManifest(state)?.id === state.run.request.model;
}

function noModel(): StudioError {
  return new StudioError({
    code: 'request-invalid',
    message: 'There is no model to do the lesson with.',
    remedy: 'Wait until the list of models has been read, then start the lesson again.',
  });
}

/** The one player of a session. */
export const makeLessonPlayer = (session: StudioSession) => new LessonPlayer(session);
