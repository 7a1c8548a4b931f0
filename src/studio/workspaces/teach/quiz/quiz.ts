/**
 * A round under way: draws the pictures ahead of the person, takes the answers, keeps what was shown until the end. It goes
 * on while another workspace is open.
 */
import { createStore } from 'zustand/vanilla';
import { StudioError, type ErrorInfo } from '../../../../errors';
import type { BundleManifest } from '../../../../models/manifest';
import { paintPicture } from '../../../components/colour';
import type { StudioSession } from '../../../store/session';
import type { Answer } from './results';
import { planRound, type Item, type Question, type QuizSettings, type RealImage } from './round';

/** RGBA bytes of a picture, as a canvas takes them. */
export interface Shown {
  readonly width: number;
  readonly height: number;
  readonly rgba: Uint8ClampedArray;
}

/** Real images of a round and how to get at their pixels. */
export interface Reals {
  readonly images: readonly RealImage[];
  readonly load: (file: string, manifest: BundleManifest) => Promise<Shown>;
}

export interface QuizState {
  readonly phase: 'setup' | 'asking' | 'done';
  readonly settings: QuizSettings | null;
  readonly manifest: BundleManifest | null;
  readonly questions: readonly Question[];
  /** Index of the question shown. */
  readonly at: number;
  /** How many questions have their pictures. */
  readonly ready: number;
  /** One for each question answered. */
  readonly answers: readonly Answer[];
  /** The answer to the question shown stands, and feedback is given. */
  readonly answered: boolean;
  readonly failure: ErrorInfo | null;
}

const EMPTY: QuizState = {
  phase: 'setup',
  settings: null,
  manifest: null,
  questions: [],
  at: 0,
  ready: 0,
  answers: [],
  answered: false,
  failure: null,
};

/** What a round needs of the page. */
export type QuizHost = Pick<StudioSession, 'manifest' | 'withEngine' | 'announce'>;

export class Quiz {
  readonly store = createStore<QuizState>()(() => EMPTY);
  readonly #host: QuizHost;
  readonly #now: () => number;
  #job: AbortController | null = null;
  #pictures: (readonly Shown[])[] = [];
  #reals: Reals | null = null;
  #shownAt = 0;

  constructor(host: QuizHost, now: () => number = () => performance.now()) {
    this.#host = host;
    this.#now = now;
  }

  /** Pictures of a question, in the order of its items; undefined until they are drawn. */
  pictures(question: number): readonly Shown[] | undefined {
    return this.#pictures[question];
  }

  async start(settings: QuizSettings, reals: Reals | null = null): Promise<void> {
    this.#job?.abort();
    this.#reals = reals;
    this.#pictures = [];
    this.store.setState(EMPTY);
    try {
      const manifest = await this.#host.manifest(settings.model);
      const questions = planRound(settings, manifest, reals?.images);
      this.store.setState({ phase: 'asking', settings, manifest, questions });
    } catch (thrown) {
      this.store.setState({ failure: StudioError.from(thrown).toInfo() });
      return;
    }
    await this.#draw();
  }

  /** Draws what is still missing, after a failure. */
  async goOn(): Promise<void> {
    this.store.setState({ failure: null });
    await this.#draw();
  }

  async #draw(): Promise<void> {
    const job = new AbortController();
    this.#job = job;
    const { settings, manifest, questions } = this.store.getState();
    if (!settings || !manifest) return;
    try {
      for (let i = this.#pictures.length; i < questions.length; i++) {
        const pictures: Shown[] = [];
        for (const item of questions[i]!.items)
          pictures.push(await this.#picture(item, manifest, job.signal));
        if (job.signal.aborted) return;
        this.#pictures.push(pictures);
        this.store.setState({ ready: i + 1 });
        if (i === this.store.getState().at) this.#shownAt = this.#now();
      }
    } catch (thrown) {
      if (!job.signal.aborted) this.store.setState({ failure: StudioError.from(thrown).toInfo() });
    }
  }

  async #picture({ source }: Item, manifest: BundleManifest, signal: AbortSignal): Promise<Shown> {
    if (source.kind === 'real') return this.#reals!.load(source.file, manifest);
    const { width, height } = manifest.image;
    let chw: Float32Array | null = null;
    await this.#host.withEngine(
      source.request,
      (engine) =>
        engine.sample(
          source.request,
          (frame) => {
            if (frame.index === frame.steps) chw = frame.x;
          },
          signal,
        ),
      signal,
    );
    const rgba = new Uint8ClampedArray(width * height * 4);
    paintPicture(chw!, rgba);
    return { width, height, rgba };
  }

  /** Takes the answer to the question shown; nothing while its picture is not there or it is answered already. */
  answer(answer: number): void {
    const { phase, settings, manifest, questions, at, ready, answers, answered } = this.store.getState();
    const question = questions[at];
    if (phase !== 'asking' || !settings || !manifest || !question || at >= ready || answered) return;
    const choices = settings.mode === 'grade' ? manifest.grades.length : 2;
    if (answer < 0 || answer >= choices) return;
    const seconds = (this.#now() - this.#shownAt) / 1000;
    this.store.setState({ answers: [...answers, { question, answer, seconds }], answered: true });
    if (settings.feedback === 'each') {
      const right = answer === question.truth;
      const grade = (i: number) => manifest.grades[question.items[i]!.grade]!.short;
      const truth = settings.mode === 'grade' ? grade(0) : `left ${grade(0)}, right ${grade(1)}`;
      this.#host.announce(`${right ? 'Right' : 'Not right'}: ${truth}`);
    } else this.next();
  }

  /** On to the next question once this one is answered; after the last one the results. */
  next(): void {
    const { phase, questions, at, answered } = this.store.getState();
    if (phase !== 'asking' || !answered) return;
    if (at + 1 === questions.length) this.finish();
    else {
      this.store.setState({ at: at + 1, answered: false });
      this.#shownAt = this.#now();
      this.#host.announce(`Question ${at + 2} of ${questions.length}`);
    }
  }

  /** Ends the round early; what was answered counts. */
  finish(): void {
    this.#job?.abort();
    const { answers, phase } = this.store.getState();
    if (phase !== 'asking') return;
    this.store.setState({ phase: answers.length > 0 ? 'done' : 'setup', failure: null });
    this.#host.announce(answers.length > 0 ? 'Round finished' : 'Round left');
  }

  /** Back to the settings; the results are gone. */
  reset(): void {
    this.#job?.abort();
    this.#pictures = [];
    this.store.setState(EMPTY);
  }
}

export const makeQuiz = (session: StudioSession) => new Quiz(session);
