/**
 * The page's one conductor: it talks to the engine, writes the store and keeps the pixels. Components call its methods
 * and read the store; they never see the engine. One foreground job (load, then sample) at a time; a new one aborts the
 * one before. Neighbour requests are background work: they wait until nothing is sampled and the scrubber has rested.
 */
import { StudioError } from '../../errors';
import type { LinkState, Look, SeverityLink, SeverityLook } from '../../exchange/link';
import type {
  EngineClient,
  LoadedModel,
  LoadProgress,
  NeighbourResult,
  ProviderChoice,
  StepFrame,
} from '../../engine/types';
import { isDiffusion, type BundleManifest, type Catalogue } from '../../models/manifest';
import type { LoopState } from '../../diffusion';
import { changeGrade, sameRequest, unchanged, withSteps, type SampleRequest } from '../../models/request';
import { canonicalRequest, samplingDefaults } from '../../models/variants';
import type { OpenedBundle } from '../../models/bundleFiles';
import type { BundleLibrary } from './library';
import { FrameReel, nearestHeld } from './frames';
import { formatDuration, gradeIndex, providerName, requestText } from './format';
import type { LocationWishes } from './location';
import type { PreferencesStore } from './preferences';
import type { Presenter } from './presenter';
import {
  draftIsNew,
  draftManifest,
  NO_NEIGHBOURS,
  runIsGenerated,
  severityShown,
  type Notice,
  type RunInfo,
  type RunStatus,
  type StudioState,
  type StudioStore,
} from './state';

export interface SessionParts {
  readonly store: StudioStore;
  readonly preferences: PreferencesStore;
  readonly createEngine: () => EngineClient;
  readonly loadCatalogue: () => Promise<Catalogue>;
  readonly loadManifest: (model: string) => Promise<BundleManifest>;
  readonly bundleUrl: (model: string) => string;
  /** Where bundles that the person brings along are kept; left out where nothing can be kept. */
  readonly library?: BundleLibrary;
  /** Called whenever what is shown should appear in the address bar. */
  readonly onShown?: (shown: { model: string; variant: string; provider: ProviderChoice }) => void;
  readonly randomSeed?: () => number;
  readonly neighbourDelayMs?: number;
  readonly maxFrameBytes?: number;
}

/** Fixed, so that two people opening the same page see the same first picture. */
const FIRST_SEED = 2024;
/** Id of the workspace that shows the run of the store. */
const SAMPLE = 'sample';
const NEIGHBOUR_RESULTS_KEPT = 8;
/** Errors after which the worker may hold nothing usable: trying again starts a fresh one. */
const WORKER_IS_SUSPECT = new Set(['worker-crashed', 'device-lost', 'internal', 'output-not-finite']);

export class StudioSession {
  readonly store: StudioStore;
  readonly preferences: PreferencesStore;
  readonly #parts: SessionParts;
  readonly #neighbourDelayMs: number;
  #engine: EngineClient | null = null;
  /** What was set up when the Sample workspace was left, and what the other workspaces then began with. */
  #draftLeft: { readonly here: SampleRequest; readonly elsewhere: SampleRequest } | null = null;
  readonly #kept = new Map<(session: StudioSession) => object, object>();
  /** The foreground job; a job that is no longer this one must not write to the store. */
  #job: AbortController | null = null;
  #reel: FrameReel;
  #runs = 0;
  #neighbourJob: AbortController | null = null;
  #neighbourTimer: ReturnType<typeof setTimeout> | undefined;
  #neighbourResults = new Map<string, NeighbourResult>();
  #playTimer: ReturnType<typeof setInterval> | undefined;
  /** Settings of the diffusion variant left last, for the way back from a generator, which has none. */
  #sampling: Pick<SampleRequest, 'sampler' | 'steps' | 'guidance' | 'eta'> | null = null;
  readonly #unsubscribe: () => void;

  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.store = parts.store;
    this.preferences = parts.preferences;
    this.#neighbourDelayMs = parts.neighbourDelayMs ?? 160;
    this.#reel = new FrameReel(parts.maxFrameBytes);
    const offStore = this.store.subscribe((now, before) => this.#followNeighbours(now, before));
    const offPreferences = parts.preferences.subscribe((now, before) => {
      if (now.speed !== before.speed && this.store.getState().playing) this.#startTimer();
    });
    this.#unsubscribe = () => {
      offStore();
      offPreferences();
    };
  }

  // ---- opening, models ---------------------------------------------------------------------------------------------

  /**
   * Reads the catalogue, then loads a model and draws the first picture: a link's, or the same for everyone; or leaves the
   * drawing to the workspace, which draws its own.
   */
  async open(
    wishes: LocationWishes,
    draw = true,
    link: LinkState | SeverityLink | null = null,
  ): Promise<void> {
    const job = this.#begin();
    this.#set({ provider: wishes.provider, activity: { kind: 'loading', phase: { phase: 'catalogue' } } });
    let model: string;
    try {
      const { bundles } = await this.#parts.loadCatalogue();
      const first = bundles[0];
      if (first === undefined) throw new StudioError(noModels);
      if (job.signal.aborted) return;
      this.#set({ bundles });
      const wished = link?.request.model ?? wishes.model;
      model = wished !== null && bundles.includes(wished) ? wished : first;
      const manifest = await this.#manifest(model);
      if (job.signal.aborted) return;
      if (link && (model !== link.request.model || !manifest.variants[link.request.variant])) {
        this.notify(problemOf(foreign('link', link.request)));
        link = null;
      }
      this.#set({
        draft: link ? canonicalRequest(manifest, link.request) : firstDraft(manifest, wishes.variant),
      });
      if (link) this.#set('look' in link ? lookOf(link.look, manifest) : { severity: link.severity });
      this.#readOtherManifests(bundles, model);
    } catch (thrown) {
      this.#fail(job, thrown, () => this.open(wishes, draw, link));
      return;
    }
    if (!draw) {
      this.#set({ activity: { kind: 'idle' } });
      this.#setUpShown();
      if (link) this.#sayWeights(link);
      return;
    }
    const sample = link && 'look' in link ? link : null;
    await this.#loadAndSample(job, sample?.look.step);
    if (sample) this.#sayOrigin(sample);
  }

  async chooseModel(model: string): Promise<void> {
    const { draft } = this.store.getState();
    if (!draft || draft.model === model) return;
    const job = this.#begin();
    this.#set({ activity: { kind: 'loading', phase: { phase: 'manifest' } } });
    try {
      const manifest = await this.#manifest(model);
      if (job.signal.aborted) return;
      this.#sampling = null;
      this.#set({ draft: { ...firstDraft(manifest, draft.variant), seed: draft.seed }, compared: null });
    } catch (thrown) {
      this.#fail(job, thrown, () => this.chooseModel(model));
      return;
    }
    await this.#loadAndSample(job);
  }

  /** Every other setting stays, so that the two variants' pictures can be compared. */
  async chooseVariant(variant: string): Promise<void> {
    const state = this.store.getState();
    const { draft } = state;
    const manifest = draftManifest(state);
    if (!draft || !manifest || draft.variant === variant) return;
    this.#set({ draft: this.#ofVariant(draft, manifest, variant) });
    await this.draw();
  }

  /** Index into the manifest's grades. The seed stays; the picture has this grade from noise to the end. */
  async chooseGrade(index: number): Promise<void> {
    const state = this.store.getState();
    const grade = draftManifest(state)?.grades[index];
    if (!state.draft || !grade || (state.draft.severity === grade.value && !state.draft.changedFrom)) return;
    this.#set({ draft: { ...unchanged(state.draft), severity: grade.value }, compared: null });
    await this.draw();
  }

  /**
   * Goes on from a step of the run on the page with another severity: what was drawn before the step stays. Where the
   * step, or the one before, is not held, or another provider or other weights are in use by now, the same run is drawn
   * from its noise.
   */
  async continueWith(severity: number, step: number): Promise<void> {
    const { run } = this.store.getState();
    if (!run || step >= run.request.steps) return;
    const job = this.#begin();
    this.#set({ draft: changeGrade(run.request, step, severity), compared: null });
    await this.#loadAndSample(job, Infinity, { run, frames: this.#reel.upTo(step) });
  }

  async chooseProvider(provider: ProviderChoice): Promise<void> {
    if (this.store.getState().provider === provider) return;
    this.#set({ provider, model: null });
    await this.draw();
  }

  // ---- workspaces --------------------------------------------------------------------------------------------------

  openWorkspace(workspace: string): void {
    const { workspace: before, draft } = this.store.getState();
    if (workspace === before) return;
    if (before === SAMPLE && draft) {
      // A grade changed on the way is a matter of one run's steps; elsewhere the settings are those of whole pictures.
      this.#draftLeft = { here: draft, elsewhere: draft.changedFrom ? unchanged(draft) : draft };
      this.#set({ draft: this.#draftLeft.elsewhere });
    }
    this.#set({ workspace });
    if (workspace !== SAMPLE || !draft) return;
    // What was set up elsewhere meanwhile is shown; settings that waited for Generate go on waiting.
    if (this.#draftLeft?.elsewhere !== draft) void this.draw();
    else this.#set({ draft: this.#draftLeft.here });
  }

  /**
   * Changes what is set up without drawing it, for workspaces that draw by themselves. Another model brings its own
   * grades and defaults; seed and variant stay where they can.
   */
  async setUp(change: Partial<SampleRequest>): Promise<void> {
    const { draft } = this.store.getState();
    if (!draft) return;
    if (change.model === undefined || change.model === draft.model) {
      const manifest = draftManifest(this.store.getState());
      const { variant } = change;
      const start = manifest && variant !== undefined ? this.#ofVariant(draft, manifest, variant) : draft;
      this.#set({ draft: { ...start, ...change } });
      if (variant !== undefined) this.#setUpShown();
      return;
    }
    const job = this.#begin();
    this.#set({ activity: { kind: 'loading', phase: { phase: 'manifest' } } });
    try {
      const manifest = await this.#manifest(change.model);
      if (job.signal.aborted) return;
      this.#set({
        draft: { ...firstDraft(manifest, draft.variant), seed: draft.seed, ...change },
        compared: null,
        activity: { kind: 'idle' },
      });
      this.#setUpShown();
    } catch (thrown) {
      this.#fail(job, thrown, () => this.setUp(change));
    }
  }

  /** The draft with another variant; a generator's has no sampler settings, and those of before come back after it. */
  #ofVariant(draft: SampleRequest, manifest: BundleManifest, variant: string): SampleRequest {
    if (isDiffusion(manifest.variants[draft.variant]!)) {
      const { sampler, steps, guidance, eta } = draft;
      this.#sampling = { sampler, steps, guidance, eta };
    }
    const sampling = this.#sampling ?? samplingDefaults(manifest, variant);
    return canonicalRequest(manifest, { ...draft, ...sampling, variant });
  }

  setUpRandomSeed(): void {
    if (!this.store.getState().seedLocked) void this.setUp({ seed: this.randomSeed() });
  }

  /**
   * Opens a request in the Sample workspace with its whole state, drawing it unless it is the picture already there. The
   * scrubber goes to `step` (the finished picture when left out) and stays there while later steps arrive.
   */
  async openInSample(
    request: SampleRequest,
    step = request.steps,
    look: Partial<StudioState> = { compared: null },
  ): Promise<void> {
    this.#set({ workspace: SAMPLE });
    const { run, manifests } = this.store.getState();
    const known = manifests[request.model];
    if (known) request = canonicalRequest(known, request);
    if (run?.status === 'finished' && sameRequest(run.request, request)) {
      this.#begin();
      this.#set({ draft: request, ...look, activity: { kind: 'idle' } });
      this.seek(step);
      return;
    }
    const job = this.#begin();
    this.#set({ activity: { kind: 'loading', phase: { phase: 'manifest' } } });
    let manifest: BundleManifest;
    try {
      manifest = await this.#manifest(request.model);
    } catch (thrown) {
      this.#fail(job, thrown, () => this.openInSample(request, step, look));
      return;
    }
    if (job.signal.aborted) return;
    const draft = canonicalRequest(manifest, request);
    this.#set({ draft, ...look });
    await this.#loadAndSample(job, Math.min(step, draft.steps));
  }

  /**
   * Opens what a file or a link says was made, drawing it again, and says so where it may differ.
   * @throws StudioError `file-invalid` or `link-invalid` when this studio has not got the model.
   */
  async openMade(made: Made, from: 'file' | 'link'): Promise<void> {
    const { request, step } = made;
    const manifest = await this.#madeWith(request, from);
    await this.openInSample(request, step, made.look ? lookOf(made.look, manifest) : undefined);
    this.#sayOrigin(made);
  }

  /**
   * Opens what a link says of the Severity workspace.
   * @throws StudioError `link-invalid` when this studio has not got the model.
   */
  async openSeverity(link: SeverityLink): Promise<void> {
    const manifest = await this.#madeWith(link.request, 'link');
    this.openWorkspace('severity');
    this.#set({ draft: canonicalRequest(manifest, link.request), compared: null, severity: link.severity });
    this.#setUpShown();
    this.#sayWeights(link);
  }

  /**
   * Shows frames that were kept, without drawing them again; then makes their model ready for the neighbours. Gives whether
   * they are still what is shown.
   */
  async showKept(
    kept: Pick<RunInfo, 'request' | 'provider' | 'status'>,
    frames: readonly StepFrame[],
  ): Promise<boolean> {
    this.#set({ workspace: SAMPLE });
    const job = this.#begin();
    const last = frames.at(-1);
    try {
      const manifest = await this.#manifest(kept.request.model);
      if (job.signal.aborted || !last) return false;
      const reel = new FrameReel(this.#parts.maxFrameBytes);
      for (const frame of frames) reel.push(frame);
      this.#reel = reel;
      this.#neighbourResults.clear();
      this.#set({
        draft: kept.request,
        compared: null,
        run: { ...kept, id: ++this.#runs, manifest, held: reel.indices(), totalMs: null, nfe: null },
        cursor: last.index,
        neighbours: NO_NEIGHBOURS,
      });
      await this.#load(job);
      if (this.#job !== job) return false;
      this.#job = null;
      this.#set({ activity: { kind: 'idle' } });
      return true;
    } catch (thrown) {
      this.#fail(job, thrown, () => this.draw());
      return false;
    }
  }

  /** Everything on the Sample page as a link's content, or null while there is no finished picture. */
  link(): LinkState | null {
    const { run, cursor, view, noiseMap, differenceMap, compared, lockedLimit } = this.store.getState();
    const modelSha256 = run?.manifest.variants[run.request.variant]?.sha256;
    if (run?.status !== 'finished' || modelSha256 === undefined) return null;
    return {
      request: run.request,
      modelSha256,
      provider: providerName(run.provider),
      look: { step: cursor, view, noiseMap, differenceMap, compared, lockedLimit },
    };
  }

  /** What the Severity workspace is set to, and its request, as a link's content; null before it was open. */
  severityLink(): SeverityLink | null {
    const { draft, manifests, severity } = this.store.getState();
    const modelSha256 = draft && manifests[draft.model]?.variants[draft.variant]?.sha256;
    return draft && severity && modelSha256 ? { request: draft, modelSha256, severity } : null;
  }

  /** The Severity workspace says what it is set to. */
  showSeverity(severity: SeverityLook): void {
    this.#set({ severity });
  }

  notify(notice: Notice | null): void {
    this.#set({ notice });
  }

  /**
   * Work of a workspace with the engine, beside what the Sample workspace draws: makes the model ready (a matter of
   * nothing when it is), then runs `work`. All of it goes through the engine's one queue. Rejects with `StudioError`,
   * `cancelled` when the signal was aborted.
   */
  async withEngine<T>(
    wanted: { readonly model: string; readonly variant: string },
    work: (engine: EngineClient, loaded: LoadedModel) => Promise<T>,
    signal: AbortSignal,
    onProgress: (progress: LoadProgress) => void = () => undefined,
  ): Promise<T> {
    const engine = (this.#engine ??= this.#parts.createEngine());
    const { provider } = this.store.getState();
    try {
      const bundleUrl = this.#parts.bundleUrl(wanted.model);
      const loaded = await engine.load({ bundleUrl, variant: wanted.variant, provider }, onProgress, signal);
      const { draft, model } = this.store.getState();
      if (!model && draft?.model === wanted.model && draft.variant === wanted.variant)
        this.#set({ model: loaded });
      return await work(engine, loaded);
    } catch (thrown) {
      const error = StudioError.from(thrown);
      // The next try, of whichever workspace, then starts a new worker.
      if (error.code === 'worker-crashed' && this.#engine === engine) this.#dropEngine();
      throw error;
    }
  }

  /** Enters the presenter's view, which is one of the Sample workspace, or leaves it with null. */
  present(presenter: Presenter | null): void {
    if (presenter) this.openWorkspace('sample');
    this.#set({ presenter });
  }

  /** What a bundle says of itself. @throws StudioError when it can't be read. */
  manifest(model: string): Promise<BundleManifest> {
    return this.#manifest(model);
  }

  /** URL of a bundle's folder, ending in `/`. */
  bundleUrl(model: string): string {
    return this.#parts.bundleUrl(model);
  }

  /**
   * Takes in a bundle that the person brought along: kept, listed among the models, and checked by opening every variant.
   * When it can't be opened it is forgotten again; whatever is open stays as it is.
   * @param unreferenced the variant whose parity reference is still to be computed, and its weights.
   * @returns the id that it has here.
   * @throws StudioError as `BundleLibrary.keep`, or why the engine can't run it.
   */
  async importBundle(
    opened: OpenedBundle,
    unreferenced: { readonly variant: string; readonly weights: Uint8Array } | null,
    signal: AbortSignal,
    onProgress: (progress: LoadProgress) => void = () => undefined,
  ): Promise<string> {
    const { library } = this.#parts;
    if (!library) throw new StudioError(nothingKept);
    const id = library.freeId(opened.manifest.id, this.store.getState().bundles);
    let manifest = { ...opened.manifest, id };
    if (unreferenced) {
      const { variant, weights } = unreferenced;
      const engine = (this.#engine ??= this.#parts.createEngine());
      const reference = await engine.reference(manifest, variant, weights, signal);
      manifest = { ...manifest, parity: { ...manifest.parity, [variant]: reference } };
    }
    await library.keep({ manifest, files: opened.files });
    try {
      for (const variant of Object.keys(manifest.variants)) {
        await this.withEngine({ model: id, variant }, async () => undefined, signal, onProgress);
      }
    } catch (thrown) {
      await library.remove(id);
      throw thrown;
    }
    const { bundles, manifests } = this.store.getState();
    this.#set({ bundles: [...bundles, id], manifests: { ...manifests, [id]: manifest } });
    this.announce(`Model added: ${manifest.title}`);
    return id;
  }

  /** Whether the person brought this model along. */
  isImported(model: string): boolean {
    return this.#parts.library?.has(model) ?? false;
  }

  /** Forgets a bundle that was brought along; the model on the page goes back to the first of the list if it was this. */
  async removeBundle(id: string): Promise<void> {
    await this.#parts.library?.remove(id);
    const bundles = this.store.getState().bundles.filter((other) => other !== id);
    this.#set({ bundles });
    if (this.store.getState().draft?.model === id && bundles[0] !== undefined)
      await this.chooseModel(bundles[0]);
  }

  /** Says a milestone through the page's one status region. */
  announce(announcement: string): void {
    this.#set({ announcement });
  }

  /** What a workspace keeps while another one is open: made at first, the same ever after. */
  kept<T extends object>(make: (session: StudioSession) => T): T {
    let value = this.#kept.get(make);
    if (!value) this.#kept.set(make, (value = make(this)));
    return value as T;
  }

  // ---- the settings of the next run --------------------------------------------------------------------------------

  /** Changes settings without drawing: the Generate button applies them. */
  edit(change: Partial<Pick<SampleRequest, 'seed' | 'steps' | 'sampler' | 'guidance' | 'eta'>>): void {
    const { draft } = this.store.getState();
    if (draft) this.#set({ draft: withSteps({ ...draft, ...change }, change.steps ?? draft.steps) });
  }

  async rollSeed(): Promise<void> {
    if (this.store.getState().seedLocked) return;
    this.edit({ seed: this.randomSeed() });
    await this.draw();
  }

  async stepSeed(by: 1 | -1): Promise<void> {
    const { draft, seedLocked } = this.store.getState();
    if (!draft || seedLocked) return;
    this.edit({ seed: (draft.seed + by) >>> 0 });
    await this.draw();
  }

  toggleSeedLock(): void {
    const seedLocked = !this.store.getState().seedLocked;
    this.#set({ seedLocked, announcement: seedLocked ? 'Seed locked' : 'Seed unlocked' });
  }

  // ---- drawing -----------------------------------------------------------------------------------------------------

  /** What the Generate button does: draws the draft, with a new seed if that very picture is already there. */
  async generate(): Promise<void> {
    const state = this.store.getState();
    if (!state.draft) return;
    if (!state.seedLocked && state.run?.status === 'finished' && !draftIsNew(state)) {
      this.edit({ seed: this.randomSeed() });
    }
    await this.draw();
  }

  /** Draws the draft as it is, loading its model first if the worker holds another. */
  async draw(): Promise<void> {
    if (!this.store.getState().draft) return;
    await this.#loadAndSample(this.#begin());
  }

  /** Stops loading or drawing; frames already made stay. */
  cancel(): void {
    this.#job?.abort();
  }

  async tryAgain(): Promise<void> {
    const { failure } = this.store.getState();
    if (!failure) return;
    if (WORKER_IS_SUSPECT.has(failure.code)) this.#dropEngine();
    await this.#again();
  }

  /** The way out when the person forced a provider that this machine has not got. */
  async useAnyProvider(): Promise<void> {
    this.#dropEngine();
    this.#set({ provider: 'auto' });
    await this.tryAgain();
  }

  dismissFailure(): void {
    this.#set({ failure: null });
  }

  // ---- looking -----------------------------------------------------------------------------------------------------

  seek(index: number): void {
    const { run } = this.store.getState();
    if (run) this.#set({ cursor: nearestHeld(run.held, index) });
  }

  /** Moves by held frames. */
  stepBy(by: number): void {
    const { run, cursor } = this.store.getState();
    if (!run) return;
    const place = Math.max(0, Math.min(run.held.length - 1, run.held.indexOf(cursor) + by));
    this.#set({ cursor: run.held[place] ?? cursor, playing: false });
    this.#stopTimer();
  }

  togglePlay(): void {
    const { run, playing, cursor } = this.store.getState();
    if (playing || !run || run.held.length < 2) {
      this.pause();
      return;
    }
    this.#set({ playing: true, cursor: cursor === run.held.at(-1) ? run.held[0]! : cursor });
    this.#startTimer();
  }

  pause(): void {
    this.#stopTimer();
    if (this.store.getState().playing) this.#set({ playing: false });
  }

  look(
    change: Partial<
      Pick<StudioState, 'view' | 'noiseMap' | 'differenceMap' | 'compared' | 'probe' | 'lockedLimit'>
    >,
  ): void {
    this.#set(change);
  }

  /** Compares with the next lower (-1) or higher (+1) grade; past the chosen grade itself means comparing no more. */
  compareNext(direction: 1 | -1): void {
    const state = this.store.getState();
    const { run, compared } = state;
    if (!run || runIsGenerated(state)) return;
    const { grades } = run.manifest;
    const chosen = gradeIndex(grades, severityShown(state) ?? 0);
    const next = Math.max(0, Math.min(grades.length - 1, (compared ?? chosen) + direction));
    this.#set({ compared: next === chosen ? null : next });
  }

  // ---- pixels ------------------------------------------------------------------------------------------------------

  /** The frame of a step of the run on the page. */
  frame(index: number): StepFrame | undefined {
    return this.#reel.get(index);
  }

  lastFrame(): StepFrame | undefined {
    return this.#reel.last();
  }

  neighbourPixels(key: string | null): NeighbourResult | undefined {
    return key === null ? undefined : this.#neighbourResults.get(key);
  }

  dispose(): void {
    this.#unsubscribe();
    this.#stopTimer();
    clearTimeout(this.#neighbourTimer);
    this.#job?.abort();
    this.#dropEngine();
  }

  // ---- inside ------------------------------------------------------------------------------------------------------

  /** Does over what failed last. */
  #again: () => Promise<void> = () => this.draw();

  #set(change: Partial<StudioState>): void {
    this.store.setState(change);
  }

  /** A seed of nobody's choosing. */
  randomSeed(): number {
    return this.#parts.randomSeed?.() ?? crypto.getRandomValues(new Uint32Array(1))[0]!;
  }

  #begin(): AbortController {
    this.#job?.abort();
    this.#abortNeighbours();
    this.pause();
    const job = new AbortController();
    this.#job = job;
    const { run } = this.store.getState();
    this.#set({ failure: null, run: run?.status === 'running' ? { ...run, status: 'cancelled' } : run });
    return job;
  }

  #dropEngine(): void {
    this.#abortNeighbours();
    this.#engine?.dispose();
    this.#engine = null;
    this.#set({ model: null });
  }

  #fail(job: AbortController, thrown: unknown, again: () => Promise<void>): void {
    // A newer job has taken over: what became of this one is of no interest any more.
    if (this.#job !== job) return;
    this.#job = null;
    this.#again = again;
    const error = StudioError.from(thrown);
    const { run } = this.store.getState();
    const drawing = run?.status === 'running';
    const cancelled = error.code === 'cancelled';
    this.#set({
      activity: { kind: 'idle' },
      // A picture on the page speaks for itself; with nothing drawn at all the way onwards has to be offered.
      failure: cancelled && run ? null : error.toInfo(),
      run: drawing ? { ...run, status: cancelled ? 'cancelled' : 'interrupted' } : run,
      announcement: cancelled ? `Cancelled${drawing ? `; ${run.held.length} frames kept` : ''}` : '',
    });
    if (WORKER_IS_SUSPECT.has(error.code)) this.#set({ model: null });
  }

  async #manifest(model: string): Promise<BundleManifest> {
    const known = this.store.getState().manifests[model];
    if (known) return known;
    const manifest = await this.#parts.loadManifest(model);
    this.#set({ manifests: { ...this.store.getState().manifests, [model]: manifest } });
    return manifest;
  }

  /** Only for the titles in the model menu; one that can't be read now says why when it is chosen. */
  #readOtherManifests(bundles: readonly string[], except: string): void {
    for (const id of bundles) if (id !== except) void this.#manifest(id).catch(() => undefined);
  }

  /** Another model is set up than the one that is ready: the address says so, and the ready one is no longer shown as such. */
  #setUpShown(): void {
    const { draft, model, provider } = this.store.getState();
    if (!draft) return;
    if (model && (model.manifest.id !== draft.model || model.variant !== draft.variant))
      this.#set({ model: null });
    this.#parts.onShown?.({ model: draft.model, variant: draft.variant, provider });
  }

  /** `stopAt` is the step at which the view stops following the newest one. */
  async #loadAndSample(job: AbortController, stopAt = Infinity, begun: Begun | null = null): Promise<void> {
    try {
      await this.#load(job);
      if (!job.signal.aborted) await this.#sample(job, stopAt, begun);
    } catch (thrown) {
      this.#fail(job, thrown, () => this.draw());
    }
  }

  async #load(job: AbortController): Promise<void> {
    const { draft, provider, model } = this.store.getState();
    if (!draft || (model?.manifest.id === draft.model && model.variant === draft.variant)) return;
    this.#set({ model: null, activity: { kind: 'loading', phase: { phase: 'manifest' } } });
    this.#engine ??= this.#parts.createEngine();
    this.#parts.onShown?.({ model: draft.model, variant: draft.variant, provider });
    const loaded = await this.#engine.load(
      { bundleUrl: this.#parts.bundleUrl(draft.model), variant: draft.variant, provider },
      (phase) => {
        if (this.#job === job) this.#set({ activity: { kind: 'loading', phase } });
      },
      job.signal,
    );
    if (this.#job !== job) return;
    this.#set({
      model: loaded,
      manifests: { ...this.store.getState().manifests, [draft.model]: loaded.manifest },
      announcement: `Model ready: ${loaded.manifest.title}, on ${providerName(loaded.provider)}`,
    });
  }

  async #sample(job: AbortController, stopAt: number, begun: Begun | null): Promise<void> {
    const { draft: request, model } = this.store.getState();
    if (!request || !model || !this.#engine) return;
    const { steps } = request;
    this.#set({ activity: { kind: 'sampling', done: 0, steps, msPerStep: null } });
    const reel = new FrameReel(this.#parts.maxFrameBytes);
    const from = begun && stateOf(begun, model);
    if (from) for (const frame of begun.frames.slice(0, -1)) reel.push(frame);
    let spent = 0;
    let drawn = 0;
    const summary = await this.#engine.sample(
      request,
      (frame) => {
        if (this.#job !== job) return;
        reel.push(frame);
        spent += frame.ms;
        drawn++;
        const done = Math.min(frame.index + 1, steps);
        const held = reel.indices();
        const before = this.store.getState();
        const running = this.#reel === reel ? before.run : null;
        const activity = { kind: 'sampling', done, steps, msPerStep: spent / drawn } as const;
        if (!running) {
          // The picture before stays on the page until the first frame of the new one is here.
          this.#reel = reel;
          this.#neighbourResults.clear();
          const run: RunInfo = {
            id: ++this.#runs,
            request,
            manifest: model.manifest,
            provider: model.provider,
            status: 'running',
            held,
            totalMs: null,
            nfe: null,
          };
          this.#set({ activity, run, cursor: frame.index, neighbours: NO_NEIGHBOURS });
          return;
        }
        // Someone who has scrubbed back stays where they look; otherwise the view follows the newest frame.
        const following = before.cursor === running.held.at(-1) && before.cursor < stopAt;
        this.#set({
          activity,
          run: { ...running, held },
          cursor: following ? frame.index : nearestHeld(held, before.cursor),
        });
      },
      job.signal,
      from ?? undefined,
    );
    if (this.#job !== job) return;
    this.#job = null;
    const { run } = this.store.getState();
    if (!run) return;
    this.#finishRun(run, 'finished', summary.totalMs, summary.nfe);
    this.#set({
      activity: { kind: 'idle' },
      announcement: `Picture finished: ${requestText(run.manifest.grades, request)}, seed ${request.seed}, in ${formatDuration(summary.totalMs)}`,
    });
  }

  /** The manifest of what a file or a link was made with. @throws StudioError when this studio has not got the model. */
  async #madeWith(request: SampleRequest, from: 'file' | 'link'): Promise<BundleManifest> {
    const { bundles } = this.store.getState();
    if (bundles.length > 0 && !bundles.includes(request.model)) throw foreign(from, request);
    const manifest = await this.#manifest(request.model);
    if (!manifest.variants[request.variant]) throw foreign(from, request);
    return manifest;
  }

  /** Says so when the weights, or the times of guidance, are others than the ones here; answers whether they are. */
  #sayWeights({
    request,
    modelSha256,
    guidedAt,
  }: Pick<Made, 'request' | 'modelSha256' | 'guidedAt'>): boolean {
    const manifest = this.store.getState().manifests[request.model];
    const sameWeights = manifest?.variants[request.variant]?.sha256 === modelSha256;
    // Links and records of unguided pictures say nothing of the times of guidance.
    const sameTimes =
      guidedAt === undefined ||
      JSON.stringify(guidedAt) === JSON.stringify(manifest?.diffusion.guidanceRange ?? null);
    if (sameWeights && sameTimes) return false;
    this.notify({
      kind: 'info',
      message: sameWeights
        ? 'It was guided at other noise levels than this model is guided at here.'
        : 'It was made with other weights of this model than the ones here.',
      remedy: 'The settings are the same; the picture differs.',
    });
    return true;
  }

  /** Says where the picture on the page may differ from the one that a file or a link came from. */
  #sayOrigin(made: Made | LinkState): void {
    const { run } = this.store.getState();
    if (run?.status !== 'finished' || !sameRequest(run.request, made.request)) return;
    const here = providerName(run.provider);
    const kind = (provider: string) => provider.split(',')[0];
    if (this.#sayWeights(made)) return;
    if (made.provider !== '' && kind(made.provider) !== kind(here)) {
      this.notify({
        kind: 'info',
        message: `It was made on ${kind(made.provider)}; here it was drawn on ${kind(here)}.`,
        remedy: 'The picture may differ slightly.',
      });
    }
  }

  #finishRun(run: RunInfo, status: RunStatus, totalMs: number, nfe: number): void {
    this.#set({ run: { ...run, status, totalMs, nfe } });
  }

  // Playing is a matter of looking, not of work: it walks over the frames held and loops or stops at the end.
  #startTimer(): void {
    this.#stopTimer();
    this.#playTimer = setInterval(() => {
      const { run, cursor } = this.store.getState();
      if (!run) return this.pause();
      const next = run.held[run.held.indexOf(cursor) + 1];
      if (next !== undefined) return this.#set({ cursor: next });
      if (run.status === 'running') return;
      if (this.preferences.getState().loop) this.#set({ cursor: run.held[0]! });
      else this.pause();
    }, 1000 / this.preferences.getState().speed);
  }

  #stopTimer(): void {
    clearInterval(this.#playTimer);
    this.#playTimer = undefined;
  }

  // ---- neighbours --------------------------------------------------------------------------------------------------

  #abortNeighbours(): void {
    clearTimeout(this.#neighbourTimer);
    this.#neighbourJob?.abort();
    this.#neighbourJob = null;
  }

  #followNeighbours(now: StudioState, before: StudioState): void {
    if (
      now.cursor === before.cursor &&
      now.run?.id === before.run?.id &&
      now.run?.status === before.run?.status &&
      now.activity.kind === before.activity.kind &&
      now.model === before.model
    ) {
      return;
    }
    this.#abortNeighbours();
    const { run, model } = now;
    if (!run) return;
    const frame = this.#reel.noisyAtOrBefore(now.cursor);
    if (!frame) return;
    const key = `${run.id}:${frame.index}`;
    const known = this.#neighbourResults.get(key);
    if (known) {
      this.#showNeighbours(key, frame, known);
      return;
    }
    const usable =
      now.activity.kind === 'idle' &&
      model?.manifest.id === run.request.model &&
      model.variant === run.request.variant;
    if (!usable) {
      if (now.neighbours.status !== 'waiting')
        this.#set({ neighbours: { ...now.neighbours, status: 'waiting' } });
      return;
    }
    this.#set({ neighbours: { ...now.neighbours, status: 'running', error: null } });
    this.#neighbourTimer = setTimeout(
      () => void this.#askNeighbours(key, frame, run),
      this.#neighbourDelayMs,
    );
  }

  /** Asks again for the step at the scrubber after a failure. */
  retryNeighbours(): void {
    const { run, cursor } = this.store.getState();
    const frame = run && this.#reel.noisyAtOrBefore(cursor);
    if (!frame) return;
    this.#abortNeighbours();
    this.#set({ neighbours: { ...this.store.getState().neighbours, status: 'running', error: null } });
    void this.#askNeighbours(`${run.id}:${frame.index}`, frame, run);
  }

  async #askNeighbours(key: string, frame: StepFrame, run: RunInfo): Promise<void> {
    const job = new AbortController();
    this.#neighbourJob = job;
    try {
      if (!this.#engine) return;
      const { model, variant } = run.request;
      // A copy: the request's buffer may be transferred to the worker, and the frame must stay.
      const request = { model, variant, x: frame.x.slice(), t: frame.t };
      const result = await this.#engine.neighbours(request, job.signal);
      if (this.#neighbourJob !== job) return;
      this.#showNeighbours(key, frame, result);
    } catch (thrown) {
      if (this.#neighbourJob !== job) return;
      const error = StudioError.from(thrown);
      if (error.code === 'cancelled') return;
      this.#set({
        neighbours: { ...this.store.getState().neighbours, status: 'failed', error: error.toInfo() },
      });
      if (WORKER_IS_SUSPECT.has(error.code)) {
        this.#again = () => this.draw();
        this.#set({ model: null, failure: error.toInfo() });
      }
    }
  }

  #showNeighbours(key: string, frame: StepFrame, result: NeighbourResult): void {
    // Moves it to the young end, so that what is shown is never the next to be dropped.
    this.#neighbourResults.delete(key);
    this.#neighbourResults.set(key, result);
    const oldest = this.#neighbourResults.keys().next().value;
    if (this.#neighbourResults.size > NEIGHBOUR_RESULTS_KEPT && oldest !== undefined) {
      this.#neighbourResults.delete(oldest);
    }
    this.#set({
      neighbours: {
        status: 'ready',
        key,
        frameIndex: frame.index,
        sigma: result.sigma,
        distances: Array.from(result.distances),
        triples: result.triples,
        ms: result.ms,
        error: null,
      },
    });
  }
}

/** The run that another goes on from, and its frames up to the one that both share. */
interface Begun {
  readonly run: RunInfo;
  readonly frames: readonly StepFrame[];
}

/** Where to go on; null when what is ready by now is not what drew the frames, or one of the two needed is not held. */
function stateOf({ run, frames }: Begun, model: LoadedModel): LoopState | null {
  const sha256 = (manifest: BundleManifest) => manifest.variants[run.request.variant]?.sha256;
  if (model.provider !== run.provider || sha256(model.manifest) !== sha256(run.manifest)) return null;
  const [before, at] = frames.slice(-2);
  if (!before || !at || before.index + 1 !== at.index) return null;
  return { index: at.index, x: at.x, previous: before.x0 };
}

const nothingKept = {
  code: 'storage-failed',
  message: 'This browser keeps nothing for this page, so a bundle can’t be brought along.',
  remedy: 'Open the studio over https or on localhost, and not in a private window.',
} as const;

/** What a file or a link says of a picture. */
export interface Made {
  readonly request: SampleRequest;
  readonly modelSha256: string;
  /** The times at which it was guided, null for all of them; undefined where that is not known or it was not guided. */
  readonly guidedAt?: readonly [number, number] | null;
  /** As `providerName` says it; empty when it is not known. */
  readonly provider: string;
  readonly step: number;
  readonly look?: Look;
}

function foreign(from: 'file' | 'link', { model, variant }: SampleRequest): StudioError {
  return new StudioError({
    code: from === 'file' ? 'file-invalid' : 'link-invalid',
    message: `This ${from === 'file' ? 'picture was made by' : 'link is for'} another model, ${model} (${variant}), which this studio has not got.`,
    remedy: 'Open it in a studio that has the model.',
  });
}

export function problemOf({ message, remedy }: StudioError): Notice {
  return { kind: 'problem', message, remedy };
}

/** A link's way of looking; a grade that the model has not got is not compared. */
function lookOf(look: Look, { grades }: BundleManifest): Partial<StudioState> {
  const { noiseMap, differenceMap, lockedLimit } = look;
  const compared = look.compared !== null && look.compared < grades.length ? look.compared : null;
  const view = compared === null && look.view === 'difference' ? 'x' : look.view;
  return { view, noiseMap, differenceMap, lockedLimit, compared };
}

const noModels = {
  code: 'catalogue-invalid',
  message: 'The list of models is empty.',
  remedy: 'Put at least one bundle into models/catalogue.json and reload the page.',
} as const;

/** A request at the middle grade with the variant's own defaults; `odm` unless another is asked for and there. */
export function firstDraft(manifest: BundleManifest, wished: string | null): SampleRequest {
  const keys = Object.keys(manifest.variants);
  const variant = [wished, 'odm', ...keys].find((key) => key !== null && keys.includes(key)) ?? keys[0]!;
  const middle = manifest.grades[Math.floor(manifest.grades.length / 2)]!;
  const sampling = samplingDefaults(manifest, variant);
  const request = { model: manifest.id, variant, severity: middle.value, seed: FIRST_SEED, ...sampling };
  return canonicalRequest(manifest, request);
}
