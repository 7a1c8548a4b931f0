/**
 * The page's side of the gallery: keeps every run when it ends, knows what is kept, takes deleting back, and draws
 * batches in the background. One for the whole page, whichever workspace is open.
 */
import { createStore } from 'zustand/vanilla';
import { rms, toEpsilon } from '../../diffusion';
import { cancelled, StudioError, type ErrorInfo } from '../../errors';
import type { StepFrame } from '../../engine/types';
import { pictureFile, planSize, shardRequests, type DatasetPlan } from '../../exchange/dataset';
import { encodePicture } from '../../exchange/png';
import { describePicture } from '../../exchange/provenance';
import type { BundleManifest } from '../../models/manifest';
import type { SampleRequest } from '../../models/request';
import type { Batch, Entry, Gallery, GalleryNews, KeptFrame, KeptStatus } from '../../storage/gallery';
import { VERSIONS } from '../../version';
import { gradeText, providerName } from './format';
import type { StudioSession } from './session';
import type { RunInfo } from './state';

export interface Space {
  /** Bytes that this origin uses and may use, the models included; null where the browser does not say. */
  readonly used: number | null;
  readonly quota: number | null;
  /** Whether the browser promised not to clear it away when space is short. */
  readonly persisted: boolean;
}

/** The batch that is being drawn in this tab. */
export interface BatchWork {
  readonly id: string;
  readonly done: number;
  readonly total: number;
  readonly msLeft: number | null;
  /** e.g. "Preparing the model". */
  readonly phase: 'preparing' | 'drawing';
}

export interface GalleryState {
  readonly status: 'opening' | 'ready' | 'unavailable';
  /** The newest first; without what is deleted. */
  readonly entries: readonly Entry[];
  readonly batches: readonly Batch[];
  /** What was deleted last and can be taken back. */
  readonly undo: readonly string[];
  readonly problem: ErrorInfo | null;
  readonly space: Space;
  readonly work: BatchWork | null;
}

export interface GalleryParts {
  readonly open: (listener: (news: GalleryNews) => void) => Promise<Gallery>;
  /** Absent on plain http. */
  readonly storage?: StorageManager | undefined;
  readonly locks?: LockManager | undefined;
  readonly now?: () => number;
}

/** What was deleted can be taken back for this long, in any tab. */
const SWEEP_AFTER_MS = 10 * 60_000;
/** How often the list is read again while pictures keep coming. */
const REFRESH_MS = 400;
/** Pictures asked of the engine at once. */
const CHUNK = 8;

export class GalleryDesk {
  readonly store = createStore<GalleryState>()(() => ({
    status: 'opening',
    entries: [],
    batches: [],
    undo: [],
    problem: null,
    space: { used: null, quota: null, persisted: false },
    work: null,
  }));
  readonly #session: StudioSession;
  readonly #parts: GalleryParts;
  readonly #now: () => number;
  readonly #gallery: Promise<Gallery | null>;
  readonly #off: () => void;
  #refreshTimer: ReturnType<typeof setTimeout> | undefined;
  #askedToPersist = false;
  #work: { id: string; controller: AbortController } | null = null;

  constructor(session: StudioSession, parts: GalleryParts) {
    this.#session = session;
    this.#parts = parts;
    this.#now = parts.now ?? Date.now;
    this.#gallery = this.#open();
    this.#off = session.store.subscribe(({ run }, { run: before }) => {
      if (!run || run.status === 'running') return;
      // A run that was shown again from the gallery was never under way.
      if (before?.id === run.id && before.status === 'running') void this.#keepRun(run, run.status);
    });
  }

  async #open(): Promise<Gallery | null> {
    try {
      const gallery = await this.#parts.open((news) => {
        if (news.kind === 'changed') this.#refreshSoon();
        else this.#fail(new StudioError(outdated));
      });
      await gallery.sweep(this.#now() - SWEEP_AFTER_MS);
      await this.#refresh(gallery);
      return gallery;
    } catch (thrown) {
      this.#fail(StudioError.from(thrown));
      this.store.setState({ status: 'unavailable' });
      return null;
    }
  }

  dispose(): void {
    this.#off();
    clearTimeout(this.#refreshTimer);
    this.#work?.controller.abort();
    void this.#gallery.then((gallery) => gallery?.close());
  }

  // ---- keeping -----------------------------------------------------------------------------------------------------

  async #keepRun(run: RunInfo, status: KeptStatus): Promise<void> {
    const held = run.held.map((index) => this.#session.frame(index)).filter((frame) => frame !== undefined);
    const last = held.at(-1);
    if (!last) return;
    const wanted = this.#session.preferences.getState().keepTrajectories;
    const trajectory = wanted ? held.map(toKept) : undefined;
    await this.#keep(run, providerName(run.provider), status, last, last.x0, { trajectory });
  }

  async #keep(
    made: { manifest: BundleManifest; request: SampleRequest },
    provider: string,
    status: KeptStatus,
    { index, steps }: { index: number; steps: number },
    chw: Float32Array,
    more: { trajectory?: readonly KeptFrame[] | undefined; batch?: string },
  ): Promise<boolean> {
    const { manifest, request } = made;
    const frame = { index, steps };
    const provenance = describePicture({ ...made, provider, versions: VERSIONS, frame });
    const { width, height } = manifest.image;
    const png = encodePicture({ chw, width, height, provenance, strip: false, scale: 1 });
    const grade = manifest.grades.find((g) => g.value === request.severity);
    const gallery = await this.#gallery;
    if (!gallery) return false;
    try {
      await gallery.keep(
        {
          madeAt: this.#now(),
          request,
          modelSha256: provenance.modelSha256,
          modelTitle: manifest.title,
          gradeText: grade ? gradeText(grade) : `Severity ${request.severity}`,
          provider,
          status,
          frame,
          ...(more.batch === undefined ? {} : { batch: more.batch }),
        },
        png,
        more.trajectory,
      );
    } catch (thrown) {
      this.#fail(StudioError.from(thrown));
      return false;
    }
    void this.#askToPersist();
    return true;
  }

  /** Once, when there is something worth it: the browser may ask the person, or decide by itself. */
  async #askToPersist(): Promise<void> {
    const { preferences } = this.#session;
    if (this.#askedToPersist || preferences.getState().askedToPersist) return;
    this.#askedToPersist = true;
    preferences.setState({ askedToPersist: true });
    await this.#parts.storage?.persist?.().catch(() => false);
    this.#refreshSoon();
  }

  // ---- what is there -----------------------------------------------------------------------------------------------

  #refreshSoon(): void {
    this.#refreshTimer ??= setTimeout(() => {
      this.#refreshTimer = undefined;
      void this.#gallery.then((gallery) => gallery && this.#refresh(gallery)).catch(() => undefined);
    }, REFRESH_MS);
  }

  async #refresh(gallery: Gallery): Promise<void> {
    const { storage } = this.#parts;
    const [all, batches, estimate, persisted] = await Promise.all([
      gallery.list(),
      gallery.batches(),
      storage?.estimate().catch(() => undefined),
      storage?.persisted?.().catch(() => false),
    ]);
    this.store.setState({
      status: 'ready',
      entries: all.filter((entry) => entry.deletedAt === null),
      batches,
      space: { used: estimate?.usage ?? null, quota: estimate?.quota ?? null, persisted: persisted ?? false },
    });
  }

  async picture(id: string): Promise<Blob | undefined> {
    return (await this.#gallery)?.picture(id);
  }

  /** The frames of a kept trajectory as they were drawn. */
  async trajectory(entry: Entry): Promise<StepFrame[]> {
    const frames = (await (await this.#gallery)?.trajectory(entry.id)) ?? [];
    return frames.map((frame, i) => toStep(frame, frames[i - 1]));
  }

  async change(id: string, change: Partial<Pick<Entry, 'note' | 'star'>>): Promise<void> {
    await this.#do((gallery) => gallery.change(id, change));
  }

  /** Deletes so that it can be taken back. */
  async delete(ids: readonly string[]): Promise<void> {
    if (await this.#do((gallery) => gallery.delete(ids, this.#now()))) this.store.setState({ undo: ids });
  }

  async undoDelete(): Promise<void> {
    const { undo } = this.store.getState();
    if (await this.#do((gallery) => gallery.restore(undo))) this.store.setState({ undo: [] });
  }

  /** Lets go of the last deletion; what is deleted then makes room at once. */
  async finishDelete(): Promise<void> {
    this.store.setState({ undo: [] });
    await this.#do((gallery) => gallery.sweep(this.#now() + 1));
  }

  dismissProblem(): void {
    this.store.setState({ problem: null });
  }

  /** A piece of work of the gallery's that failed, in words. */
  #fail(error: StudioError): void {
    this.store.setState({ problem: error.toInfo() });
    this.#session.notify({ kind: 'problem', message: error.message, remedy: error.remedy });
  }

  async #do(work: (gallery: Gallery) => Promise<unknown>): Promise<boolean> {
    const gallery = await this.#gallery;
    if (!gallery) return false;
    try {
      await work(gallery);
      await this.#refresh(gallery);
      return true;
    } catch (thrown) {
      this.#fail(StudioError.from(thrown));
      return false;
    }
  }

  // ---- batches -----------------------------------------------------------------------------------------------------

  /** How many of a batch's pictures are there, as far as this tab knows. */
  doneOf(batch: Batch): number {
    return this.store.getState().entries.filter((entry) => entry.batches.includes(batch.id)).length;
  }

  /** Plans a batch and starts drawing it. Gives its id. */
  async startBatch(plan: DatasetPlan): Promise<void> {
    const batch = { id: crypto.randomUUID(), createdAt: this.#now(), plan, paused: false };
    if (await this.#do((gallery) => gallery.saveBatch(batch))) await this.resumeBatch(batch);
  }

  /** Stops after the pictures under way; what is drawn stays. */
  async pauseBatch(): Promise<void> {
    this.#work?.controller.abort();
  }

  async forgetBatch(batch: Batch): Promise<void> {
    if (this.#work?.id === batch.id) this.#work.controller.abort();
    await this.#do((gallery) => gallery.forgetBatch(batch.id));
  }

  /** Draws what is missing of a batch; only one tab at a time works on one. */
  async resumeBatch(batch: Batch): Promise<void> {
    this.#work?.controller.abort();
    const work = { id: batch.id, controller: new AbortController() };
    this.#work = work;
    const run = async (lock: unknown) => {
      if (!lock) throw new StudioError(busyElsewhere);
      await this.#do((gallery) => gallery.saveBatch({ ...batch, paused: false }));
      await this.#drawBatch(batch, work.controller.signal);
    };
    try {
      const { locks } = this.#parts;
      await (locks
        ? locks.request(`ordinal-studio-batch-${batch.id}`, { ifAvailable: true }, run)
        : run(true));
      this.#session.announce(`All ${planSize(batch.plan)} pictures are drawn`);
    } catch (thrown) {
      const error = StudioError.from(thrown);
      if (error.code !== 'cancelled') this.#fail(error);
      const known = this.store.getState().batches.some((b) => b.id === batch.id);
      if (error.code !== 'request-invalid' && known) {
        await this.#do((gallery) => gallery.saveBatch({ ...batch, paused: true }));
      }
    }
    if (this.#work === work) {
      this.#work = null;
      this.store.setState({ work: null });
    }
  }

  async #drawBatch({ id, plan }: Batch, signal: AbortSignal): Promise<void> {
    const gallery = await this.#gallery;
    if (!gallery) throw new StudioError(outdated);
    const there = new Set(
      (await gallery.entriesOf(id)).filter((e) => e.deletedAt === null).map((e) => pictureFile(e.request)),
    );
    const total = planSize(plan);
    const missing = [...shardRequests(plan)].filter((request) => !there.has(pictureFile(request)));
    let done = total - missing.length;
    const say = (phase: BatchWork['phase'], msLeft: number | null) => {
      if (!signal.aborted) this.store.setState({ work: { id, done, total, msLeft, phase } });
    };
    say('preparing', null);
    const start = this.#now();
    const first = done;
    for (let at = 0; at < missing.length; at += CHUNK) {
      const chunk = missing.slice(at, at + CHUNK);
      const stop = new AbortController();
      const both = AbortSignal.any([signal, stop.signal]);
      const kept: Promise<void>[] = [];
      await this.#session
        .withEngine(
          plan,
          (engine, { manifest }) => {
            if (manifest.variants[plan.variant]?.sha256 !== plan.modelSha256)
              throw new StudioError(otherWeights);
            say('drawing', at === 0 ? null : ((this.#now() - start) / (done - first)) * (total - done));
            return engine.pictures(
              chunk,
              ({ index, picture, provider }) => {
                const request = chunk[index]!;
                const end = { index: request.steps, steps: request.steps };
                const made = { manifest, request };
                kept.push(
                  this.#keep(made, providerName(provider), 'finished', end, picture, { batch: id }).then(
                    (ok) => {
                      if (!ok) return stop.abort();
                      done++;
                      say('drawing', ((this.#now() - start) / (done - first)) * (total - done));
                    },
                  ),
                );
              },
              both,
            );
          },
          both,
        )
        .finally(() => Promise.all(kept));
      if (both.aborted) throw cancelled();
    }
    await this.#refresh(gallery);
  }
}

function toKept({ index, steps, t, alpha, sigma, ms, x, x0 }: StepFrame): KeptFrame {
  return { index, steps, t, alpha, sigma, ms, x, x0 };
}

/** The noise estimate follows from x = alpha x0 + sigma epsilon; the finished picture keeps that of the step before. */
function toStep(frame: KeptFrame, before: KeptFrame | undefined): StepFrame {
  const from = frame.sigma > 0 || !before ? frame : before;
  const epsilon = toEpsilon(from.x0, from.x, from);
  const norms = { x: rms(frame.x), x0: rms(frame.x0), epsilon: rms(epsilon) };
  return { ...frame, epsilon, norms };
}

const outdated = {
  code: 'storage-failed',
  message: 'A newer release of the studio is open in another tab and has taken over the gallery.',
  remedy: 'Reload this page; until then new pictures are not kept.',
} as const;
const busyElsewhere = {
  code: 'request-invalid',
  message: 'Another tab is drawing this batch.',
  remedy: 'Go on in that tab, or close it first.',
} as const;
const otherWeights = {
  code: 'hash-mismatch',
  message: 'The model’s weights have changed since this batch was begun.',
  remedy: 'Pictures of two models would be mixed: begin a new batch.',
} as const;
