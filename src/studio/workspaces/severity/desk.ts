/**
 * What the Severity workspace is doing: the picture that follows the slider, the grid, the pinned pictures and those compared.
 * It outlives the workspace's components; while the workspace is not open, nothing is drawn for it.
 */
import { createStore } from 'zustand/vanilla';
import { cancelled, StudioError, type ErrorInfo } from '../../../errors';
import { MOST_COMPARED, type Axis, type SeverityLook } from '../../../exchange/link';
import { encodePicture } from '../../../exchange/png';
import { encodeSheet } from '../../../exchange/sheet';
import { isDiffusion, type BundleManifest } from '../../../models/manifest';
import type { SampleRequest } from '../../../models/request';
import { FrameReel } from '../../store/frames';
import { formatSeverity, severityPlace, severityText, type LoadPhase } from '../../store/format';
import { PictureCache, requestKey, type Picture } from '../../store/pictures';
import { download, fileStem, provenanceOf } from '../../store/saving';
import type { StudioSession } from '../../store/session';
import { draftManifest, type StudioState } from '../../store/state';
import { Filler, NOT_FILLING, type FillState } from './fill';
import { Follower, type FollowerState } from './follow';
import { MOST_ON_AXIS, withinLimits, type GridPlan } from './grid';
import type { RealPicture } from './realPicture';

export type Tab = SeverityLook['tab'];
/** How the pictures side by side are looked at. */
export type Comparing = Pick<SeverityLook, 'mode' | 'shown' | 'place'>;

/** A picture among those compared: drawn here, or a person's own. */
export type Slot =
  | { readonly id: number; readonly kind: 'drawn'; readonly request: SampleRequest }
  | { readonly id: number; readonly kind: 'real'; readonly real: RealPicture };

export interface SlotProgress {
  /** Step indices whose frames are at hand, rising. */
  readonly held: readonly number[];
  readonly status: 'waiting' | 'drawing' | 'ready' | 'failed';
  readonly error: ErrorInfo | null;
}

export interface DeskState {
  readonly tab: Tab;
  /** Variants whose pictures follow the slider, the one that is set up first. */
  readonly followed: readonly string[];
  readonly following: Readonly<Record<string, FollowerState>>;
  readonly beside: boolean;
  /** While a model is made ready for this workspace. */
  readonly loading: LoadPhase | null;
  /** The axes chosen, by the model's id. */
  readonly axes: Readonly<Record<string, { readonly rows?: Axis; readonly columns?: Axis }>>;
  readonly grid: GridPlan | null;
  readonly fill: FillState;
  readonly pins: readonly SampleRequest[];
  readonly slots: readonly Slot[];
  readonly comparing: Comparing;
  readonly progress: Readonly<Record<number, SlotProgress>>;
}

const SLOT_FRAME_BYTES = 48 * 1024 * 1024;

export class SeverityDesk {
  readonly store = createStore<DeskState>()(() => ({
    tab: 'slider',
    followed: [],
    following: {},
    beside: false,
    loading: null,
    axes: {},
    grid: null,
    fill: NOT_FILLING,
    pins: [],
    slots: [],
    comparing: { mode: 'side', shown: 'x0', place: 1 },
    progress: {},
  }));
  readonly pictures = new PictureCache();
  readonly #session: StudioSession;
  readonly #followers = new Map<string, Follower>();
  readonly #filler: Filler;
  readonly #reels = new Map<number, FrameReel>();
  #slotJob: AbortController | null = null;
  #pinJob = new AbortController();
  #ids = 0;
  #open = 0;
  #off: (() => void) | null = null;
  /** What the session was told last of what is set here. */
  #told: SeverityLook | null = null;

  constructor(session: StudioSession) {
    this.#session = session;
    this.#filler = new Filler({
      draw: (requests, onDone, signal) => this.#drawMany(requests, onDone, signal),
      known: (request) => this.pictures.get(request) !== undefined,
      onChange: (fill) => {
        const before = this.store.getState().fill;
        this.#set({ fill });
        if (fill.status === 'done' && before.status === 'filling') {
          session.announce(`Grid finished: ${fill.total} pictures`);
        }
      },
    });
  }

  /** Begins to follow what is set up; the answer ends it. */
  enter(): () => void {
    if (this.#open++ === 0) {
      this.#off = this.#session.store.subscribe((now, before) => {
        this.#take(now);
        if (now.draft?.model !== before.draft?.model) this.#tell();
        if (now.draft === before.draft && now.manifests === before.manifests) return;
        // A change of the severity alone is most likely one of many: a slider drawn, a key held down.
        const moving = now.draft && before.draft && sameButSeverity(now.draft, before.draft);
        this.#follow(now, !moving);
      });
      const now = this.#session.store.getState();
      this.#take(now);
      this.#tell();
      this.#follow(now, true);
    }
    return () => {
      if (--this.#open > 0) return;
      this.#off?.();
      this.#off = null;
      for (const follower of this.#followers.values()) follower.stop();
      this.#filler.cancel();
      this.#slotJob?.abort();
      this.#slotJob = null;
      this.#pinJob.abort();
      this.#pinJob = new AbortController();
    };
  }

  // ---- the link ----------------------------------------------------------------------------------------------------

  /** Sets here what a link brought; it waits for the model. */
  #take(state: StudioState): void {
    const { severity: look, bundles } = state;
    const manifest = draftManifest(state);
    if (!look || look === this.#told || !manifest) return;
    this.#told = look;
    const { tab, beside, mode, shown, place } = look;
    const axes = {
      ...(look.rows && { rows: withinLimits(look.rows, MOST_ON_AXIS.rows, manifest) }),
      ...(look.columns && { columns: withinLimits(look.columns, MOST_ON_AXIS.columns, manifest) }),
    };
    this.store.setState({
      beside,
      comparing: { mode, shown, place },
      axes: { ...this.store.getState().axes, [manifest.id]: axes },
    });
    const known = look.compared.filter(({ model }) => bundles.includes(model));
    if (known.length < look.compared.length) {
      this.#session.notify({
        kind: 'info',
        message: 'The link compares pictures of a model that this studio has not got.',
        remedy: 'They are left out.',
      });
    }
    // What stands there already stays, and so do a person's own pictures, which no link holds.
    const wanted = new Set(known.map(requestKey));
    for (const slot of this.store.getState().slots) {
      if (slot.kind === 'drawn' && !wanted.has(requestKey(slot.request))) this.removeSlot(slot.id);
    }
    for (const request of known) this.compare(request);
    this.openTab(tab);
  }

  /** Tells the session what is set here, for the address. */
  #tell(): void {
    const model = this.#session.store.getState().draft?.model;
    if (this.#open === 0 || model === undefined) return;
    const { tab, beside, axes, slots, comparing } = this.store.getState();
    const look: SeverityLook = {
      tab,
      beside,
      rows: axes[model]?.rows ?? null,
      columns: axes[model]?.columns ?? null,
      compared: slots.flatMap((slot) => (slot.kind === 'drawn' ? [slot.request] : [])),
      ...comparing,
    };
    if (this.#told && JSON.stringify(look) === JSON.stringify(this.#told)) return;
    this.#told = look;
    this.#session.showSeverity(look);
  }

  // ---- the slider --------------------------------------------------------------------------------------------------

  /** The hand has let go: no need to wait whether it moves on. */
  letGo(): void {
    this.#follow(this.#session.store.getState(), true);
  }

  setBeside(beside: boolean): void {
    this.#set({ beside });
    this.#follow(this.#session.store.getState(), true);
  }

  openTab(tab: Tab): void {
    this.#set({ tab });
    this.#follow(this.#session.store.getState(), true);
    if (tab === 'compare') this.#drawSlots();
  }

  /** Asks again after a failure. */
  retry(): void {
    this.#follow(this.#session.store.getState(), true);
  }

  #follow(state: StudioState, resting: boolean): void {
    const { draft } = state;
    const manifest = draftManifest(state);
    if (!draft || !manifest) return;
    const { beside, tab } = this.store.getState();
    const other = counterpart(manifest, draft.variant);
    const followed = beside && other !== null ? [draft.variant, other] : [draft.variant];
    this.#set({ followed });
    for (const [variant, follower] of this.#followers) {
      if (tab !== 'slider' || !followed.includes(variant)) follower.stop();
    }
    if (tab !== 'slider') return;
    for (const variant of followed) {
      let follower = this.#followers.get(variant);
      if (!follower) {
        follower = new Follower({
          draw: (request, signal) => this.#draw(request, signal),
          known: (request) => this.pictures.get(request),
          onChange: (now) => this.#set({ following: { ...this.store.getState().following, [variant]: now } }),
        });
        this.#followers.set(variant, follower);
      }
      follower.follow({ ...draft, variant }, resting);
    }
  }

  async #draw(request: SampleRequest, signal: AbortSignal): Promise<Picture> {
    return this.#work(request, signal, async (engine) => {
      let chw: Float32Array | undefined;
      const { provider } = await engine.sample(request, (frame) => (chw = frame.x0), signal);
      if (!chw) throw cancelled();
      const picture = { request, chw, provider };
      this.pictures.add(picture);
      return picture;
    });
  }

  async #work<T>(
    request: SampleRequest,
    signal: AbortSignal,
    work: Parameters<typeof StudioSession.prototype.withEngine<T>>[1],
  ): Promise<T> {
    try {
      return await this.#session.withEngine(
        request,
        (engine, loaded) => {
          this.#set({ loading: null });
          return work(engine, loaded);
        },
        signal,
        (loading) => this.#set({ loading }),
      );
    } finally {
      this.#set({ loading: null });
    }
  }

  // ---- the grid ----------------------------------------------------------------------------------------------------

  setAxes(model: string, change: { rows?: Axis; columns?: Axis }): void {
    const { axes } = this.store.getState();
    this.#set({ axes: { ...axes, [model]: { ...axes[model], ...change } } });
  }

  /** Fills a grid, or goes on with it; what was drawn before is not drawn again. */
  fillGrid(plan: GridPlan): Promise<void> {
    this.#set({ grid: plan });
    return this.#filler.fill(plan.cells);
  }

  cancelGrid(): void {
    this.#filler.cancel();
  }

  /** Cells in sight, by their place in the plan. */
  showCells(visible: readonly number[]): void {
    this.#filler.show(visible);
  }

  async #drawMany(
    requests: readonly SampleRequest[],
    onDone: (place: number) => void,
    signal: AbortSignal,
  ): Promise<void> {
    // Each variant is a model of its own to make ready.
    for (const variant of new Set(requests.map((r) => r.variant))) {
      const places = [...requests.keys()].filter((i) => requests[i]!.variant === variant);
      const some = places.map((i) => requests[i]!);
      await this.#work(some[0]!, signal, (engine) =>
        engine.pictures(
          some,
          ({ index, picture, provider }) => {
            this.pictures.add({ request: some[index]!, chw: picture, provider });
            onDone(places[index]!);
          },
          signal,
        ),
      );
    }
  }

  // ---- pins and files ----------------------------------------------------------------------------------------------

  isPinned(request: SampleRequest): boolean {
    return this.store.getState().pins.some((pin) => requestKey(pin) === requestKey(request));
  }

  togglePin(request: SampleRequest): void {
    const { pins } = this.store.getState();
    const pinned = this.isPinned(request);
    const without = pins.filter((pin) => requestKey(pin) !== requestKey(request));
    this.#set({ pins: pinned ? without : [...pins, request] });
    this.#session.announce(pinned ? 'No longer pinned' : 'Pinned');
    if (!pinned && !this.pictures.get(request)) void this.#drawPin(request);
  }

  /** A picture that was pinned while only its preview was there. */
  async #drawPin(request: SampleRequest): Promise<void> {
    try {
      await this.#drawMany([request], () => undefined, this.#pinJob.signal);
      this.#set({ pins: [...this.store.getState().pins] });
    } catch (thrown) {
      const { code, message } = StudioError.from(thrown);
      if (code !== 'cancelled') this.#session.announce(`The pinned picture could not be drawn. ${message}`);
    }
  }

  save(request: SampleRequest): void {
    const picture = this.pictures.get(request);
    const manifest = this.manifestOf(request);
    if (!picture || !manifest) return;
    const bytes = encodePicture({
      chw: picture.chw,
      width: manifest.image.width,
      height: manifest.image.height,
      strip: this.#session.preferences.getState().strip,
      provenance: provenanceOf(request, manifest, picture.provider),
    });
    download(bytes, 'image/png', `${fileStem(request)}.png`);
  }

  /** One sheet of all these pictures that are at hand, `columns` beside each other; answers how many there are. */
  saveSheet(requests: readonly SampleRequest[], columns: number): number {
    const cells = requests.flatMap((request) => {
      const picture = this.pictures.get(request);
      const manifest = this.manifestOf(request);
      return picture && manifest ? [{ request, picture, manifest }] : [];
    });
    const first = cells[0];
    if (!first) return 0;
    const { image } = first.manifest;
    // Pictures of another size than the first do not fit on its sheet.
    const fitting = cells.filter(
      ({ manifest: { image: i } }) => i.width === image.width && i.height === image.height,
    );
    const titles = [...new Set(fitting.map(({ manifest }) => manifest.title))];
    const bytes = encodeSheet({
      title: titles.join(', '),
      columns: Math.min(columns, fitting.length),
      cells: fitting.map(({ request, picture, manifest }) => ({
        chw: picture.chw,
        width: image.width,
        height: image.height,
        label: sheetLabel(request, manifest),
        provenance: provenanceOf(request, manifest, picture.provider),
      })),
    });
    download(bytes, 'image/png', `${first.request.model}_sheet_${fitting.length}.png`);
    this.#session.announce(`Contact sheet saved: ${fitting.length} pictures`);
    return fitting.length;
  }

  manifestOf({ model }: SampleRequest): BundleManifest | undefined {
    return this.#session.store.getState().manifests[model];
  }

  // ---- side by side ------------------------------------------------------------------------------------------------

  /** Puts a picture beside the others; answers whether there was room. */
  compare(request: SampleRequest): boolean {
    const { slots } = this.store.getState();
    if (slots.some((s) => s.kind === 'drawn' && requestKey(s.request) === requestKey(request))) return true;
    return this.#addSlot({ id: ++this.#ids, kind: 'drawn', request });
  }

  toggleCompared(request: SampleRequest): void {
    const key = requestKey(request);
    const there = this.store
      .getState()
      .slots.find((s) => s.kind === 'drawn' && requestKey(s.request) === key);
    if (there) this.removeSlot(there.id);
    else if (this.compare(request)) this.#session.announce('Put beside the others');
  }

  compareReal(real: RealPicture): boolean {
    return this.#addSlot({ id: ++this.#ids, kind: 'real', real });
  }

  compareInstead(requests: readonly SampleRequest[]): void {
    for (const { id } of this.store.getState().slots) this.removeSlot(id);
    for (const request of requests) this.compare(request);
  }

  removeSlot(id: number): void {
    const { slots, progress } = this.store.getState();
    const rest = Object.fromEntries(Object.entries(progress).filter(([key]) => Number(key) !== id));
    this.#reels.delete(id);
    this.#set({ slots: slots.filter((s) => s.id !== id), progress: rest });
    if (progress[id]?.status === 'drawing') {
      this.#slotJob?.abort();
      this.#slotJob = null;
      this.#drawSlots();
    }
  }

  setComparing(change: Partial<Comparing>): void {
    this.#set({ comparing: { ...this.store.getState().comparing, ...change } });
  }

  reel(id: number): FrameReel | undefined {
    return this.#reels.get(id);
  }

  redrawSlot(id: number): void {
    this.#setProgress(id, { held: [], status: 'waiting', error: null });
    this.#drawSlots();
  }

  #addSlot(slot: Slot): boolean {
    const { slots } = this.store.getState();
    if (slots.length >= MOST_COMPARED) {
      this.#session.announce(`There is room for ${MOST_COMPARED} pictures; take one away first`);
      return false;
    }
    this.#set({ slots: [...slots, slot] });
    if (slot.kind === 'drawn') this.#setProgress(slot.id, { held: [], status: 'waiting', error: null });
    if (this.store.getState().tab === 'compare') this.#drawSlots();
    return true;
  }

  #setProgress(id: number, change: Partial<SlotProgress>): void {
    const { progress } = this.store.getState();
    const before = progress[id] ?? { held: [], status: 'waiting', error: null };
    this.#set({ progress: { ...progress, [id]: { ...before, ...change } } });
  }

  /** Draws the slots that wait, one after the other, with all their steps. */
  #drawSlots(): void {
    if (this.#slotJob || this.#open === 0) return;
    const { slots, progress } = this.store.getState();
    const next = slots.find(
      (s) => s.kind === 'drawn' && !['ready', 'failed'].includes(progress[s.id]?.status ?? ''),
    );
    if (next?.kind !== 'drawn') return;
    const job = new AbortController();
    this.#slotJob = job;
    const { id, request } = next;
    const reel = new FrameReel(SLOT_FRAME_BYTES);
    this.#reels.set(id, reel);
    this.#setProgress(id, { held: [], status: 'drawing', error: null });
    void this.#work(request, job.signal, (engine) =>
      engine.sample(
        request,
        (frame) => {
          if (this.#slotJob !== job) return;
          reel.push(frame);
          this.#setProgress(id, { held: reel.indices() });
        },
        job.signal,
      ),
    )
      .then(
        ({ provider }) => {
          if (this.#slotJob !== job) return;
          this.pictures.add({ request, chw: reel.last()!.x0, provider });
          this.#setProgress(id, { status: 'ready' });
        },
        (thrown: unknown) => {
          if (this.#slotJob === job) {
            this.#setProgress(id, { status: 'failed', error: StudioError.from(thrown).toInfo() });
          }
        },
      )
      .then(() => {
        if (this.#slotJob !== job) return;
        this.#slotJob = null;
        this.#drawSlots();
      });
  }

  #set(change: Partial<DeskState>): void {
    this.store.setState(change);
    this.#tell();
  }
}

function sameButSeverity(a: SampleRequest, b: SampleRequest): boolean {
  return requestKey({ ...a, severity: 0 }) === requestKey({ ...b, severity: 0 });
}

/**
 * The variant to stand beside another: the standard model beside the ordinal one, and the other way round. A generator
 * shares its noise with no other, so nothing stands beside it.
 */
export function counterpart(manifest: BundleManifest, variant: string): string | null {
  const keys = Object.keys(manifest.variants).filter((key) => isDiffusion(manifest.variants[key]!));
  if (!keys.includes(variant)) return null;
  const wished = variant === 'odm' ? 'dm' : 'odm';
  return keys.includes(wished) ? wished : (keys.find((key) => key !== variant) ?? null);
}

/** `2.5 (between DR 2 and DR 3)` would be cut off under a small picture: what must be told apart, shortly. */
export function sheetLabel(request: SampleRequest, manifest: BundleManifest): string[] {
  const place = severityPlace(manifest.grades, request.severity);
  const severity =
    place.kind === 'grade'
      ? place.grades[0]!.short
      : `${formatSeverity(request.severity)}${place.kind === 'beyond' ? ' extrapolated' : ''}`;
  return [
    `${severity}, ${request.variant}`,
    `seed ${request.seed}`,
    settingsText(request, manifest).replace('guidance', 'guid.'),
  ];
}

/** `20 steps, guidance 1`, or that there are none. */
export function settingsText(request: SampleRequest, manifest: BundleManifest): string {
  const variant = manifest.variants[request.variant];
  if (variant && !isDiffusion(variant)) return 'one evaluation';
  return `${request.steps} steps, guidance ${request.guidance}`;
}

/** One line about a picture, for labels and screen readers. */
export function pictureText(request: SampleRequest, manifest: BundleManifest): string {
  const title = manifest.variants[request.variant]?.title ?? request.variant;
  return `${severityText(manifest.grades, request.severity)}, ${title}, seed ${request.seed}`;
}
