/**
 * Runs an ordinality measurement: one trajectory after the other in the worker's background, paused and resumed at will,
 * kept as it goes. It lives on while another workspace is open.
 */
import { createStore } from 'zustand/vanilla';
import { StudioError, type ErrorInfo } from '../../../errors';
import { isDiffusion, type BundleManifest } from '../../../models/manifest';
import {
  ordinalityRequestSchema,
  plannedTrajectories,
  sampleRequestOf,
  type OrdinalityRequest,
  type Trajectory,
  type TrajectoryName,
} from '../../../models/ordinality';
import type { PlaceKey } from '../../../models/ordinalityAnalysis';
import type { SamplerName } from '../../../models/request';
import { formatSeeds, parseSeeds } from '../../../models/seeds';
import { samplingDefaults } from '../../../models/variants';
import { providerName } from '../../store/format';
import type { StudioSession } from '../../store/session';
import { contentKey, type Keeper } from './keep';

/** What the next run will be, as the person is writing it. */
export interface Setup {
  readonly model: string;
  readonly variants: readonly string[];
  /** As written: `0..15`, `1, 5, 9`. */
  readonly seeds: string;
  /** A grade's value, or every grade. */
  readonly drawn: number | 'every';
  readonly sampler: SamplerName;
  readonly steps: number;
  readonly guidance: number;
  readonly eta: number;
}

/** What of the run is looked at. */
export interface Look {
  /** Sampler step of the matrix and the map. */
  readonly step: number;
  /** The mean of all triples, each neighbouring triple by itself, or one triple by its index. */
  readonly triples: 'all' | 'neighbours' | number;
  /** The one seed that the matrix and the map show, or null for the mean over all. */
  readonly seed: number | null;
  readonly sort: { readonly by: PlaceKey; readonly falling: boolean };
}
export type RunnerStatus = 'none' | 'running' | 'paused' | 'finished' | 'failed';

export interface RunnerState {
  readonly setup: Setup | null;
  readonly status: RunnerStatus;
  /** Why the setup can't be run, or what stopped the run. */
  readonly problem: ErrorInfo | null;
  readonly request: OrdinalityRequest | null;
  readonly manifest: BundleManifest | null;
  /** Finished trajectories in the plan's order; while running, renewed now and then rather than with each. */
  readonly trajectories: readonly Trajectory[];
  readonly done: number;
  readonly planned: number;
  readonly current: { readonly name: TrajectoryName; readonly step: number } | null;
  /** Of the trajectories made since the run was last started; null before the first. */
  readonly msPerTrajectory: number | null;
  readonly computedBy: string;
  readonly look: Look;
  /** Whether a reload would find the results again. */
  readonly kept: boolean;
}

const DEFAULT_SEEDS = '0..7';
/** Charts are drawn anew no more often than this while trajectories come in. */
const RENEW_MS = 1000;

const FIRST_LOOK: Look = { step: 0, triples: 'all', seed: null, sort: { by: 'slack', falling: true } };

const NO_RUN = {
  status: 'none',
  problem: null,
  request: null,
  manifest: null,
  trajectories: [],
  done: 0,
  planned: 0,
  current: null,
  msPerTrajectory: null,
} as const satisfies Partial<RunnerState>;

export class OrdinalityRunner {
  readonly store = createStore<RunnerState>()(() => ({
    ...NO_RUN,
    setup: null,
    computedBy: '',
    look: FIRST_LOOK,
    kept: true,
  }));
  readonly #session: StudioSession;
  readonly #keeper: Keeper;
  readonly #renewMs: number;
  #job: AbortController | null = null;
  /** By content, so that another request finds what it shares with this one. */
  #known = new Map<string, Trajectory>();
  #renewed = 0;
  /** Settles when what was kept has been looked for. */
  readonly restored: Promise<void>;

  constructor(session: StudioSession, keeper: Keeper, renewMs = RENEW_MS) {
    this.#session = session;
    this.#keeper = keeper;
    this.#renewMs = renewMs;
    this.restored = this.#restore();
  }

  look(change: Partial<Look>): void {
    this.store.setState({ look: { ...this.store.getState().look, ...change } });
  }

  edit(change: Partial<Setup>): void {
    const { setup } = this.store.getState();
    if (setup) this.store.setState({ setup: { ...setup, ...change } });
  }

  /** Sets up a model with its own defaults; the seeds stay. */
  chooseModel(manifest: BundleManifest): void {
    const { setup } = this.store.getState();
    if (setup?.model === manifest.id) return;
    this.store.setState({ setup: firstSetup(manifest, setup?.seeds ?? DEFAULT_SEEDS), problem: null });
  }

  /** Starts what is set up; trajectories that are already known are not made again. */
  async start(): Promise<void> {
    const { setup } = this.store.getState();
    const manifest = setup && this.#session.store.getState().manifests[setup.model];
    if (!setup || !manifest) return;
    this.#stop();
    let request: OrdinalityRequest;
    try {
      request = requestOf(setup, manifest);
    } catch (thrown) {
      this.store.setState({ problem: StudioError.from(thrown).toInfo() });
      return;
    }
    this.#show(request, manifest);
    await this.#begin(request, manifest);
    await this.#go();
  }

  pause(): void {
    const { status } = this.store.getState();
    if (status !== 'running') return;
    this.#stop();
    this.#renew();
    this.store.setState({ status: 'paused', current: null });
    void this.#remember(false);
    const { done, planned } = this.store.getState();
    this.#session.announce(`Measurement paused: ${done} of ${planned} trajectories`);
  }

  async resume(): Promise<void> {
    const { status } = this.store.getState();
    if (status === 'paused' || status === 'failed') await this.#go();
  }

  /** Forgets the run and everything it measured. */
  async discard(): Promise<void> {
    this.#stop();
    this.#known.clear();
    this.store.setState(NO_RUN);
    await this.#keeper.clear().catch(() => undefined);
  }

  // ---- inside ------------------------------------------------------------------------------------------------------

  #stop(): void {
    this.#job?.abort();
    this.#job = null;
  }

  async #restore(): Promise<void> {
    let found;
    try {
      found = await this.#keeper.load();
    } catch {
      this.store.setState({ kept: false });
    }
    const manifest = await this.#manifestOf(found?.run.request.model);
    if (!manifest || this.store.getState().status !== 'none') return;
    if (!found || !ordinalityRequestSchema.safeParse(found.run.request).success) {
      this.chooseModel(manifest);
      return;
    }
    const { request, computedBy, going } = found.run;
    if (manifest.id !== request.model) {
      this.chooseModel(manifest);
      return;
    }
    this.#known = found.trajectories;
    this.store.setState({ setup: setupOf(request), computedBy });
    this.#show(request, manifest);
    const { done, planned } = this.store.getState();
    // Of other weights nothing is found again: nothing to show, then, only the settings.
    if (done === 0) this.store.setState({ status: 'none', request: null, manifest: null, planned: 0 });
    else if (done < planned) {
      this.store.setState({ status: 'paused' });
      if (going) await this.#go();
    }
  }

  /** The manifest of a model once it is read, or that of the page's own model. */
  #manifestOf(model: string | undefined): Promise<BundleManifest | null> {
    const { store } = this.#session;
    const find = () => {
      const { manifests, draft, bundles } = store.getState();
      if (model !== undefined && (bundles.length === 0 || bundles.includes(model))) {
        return manifests[model] ?? null;
      }
      return draft ? (manifests[draft.model] ?? null) : null;
    };
    const now = find();
    if (now) return Promise.resolve(now);
    return new Promise((resolve) => {
      const stop = store.subscribe(() => {
        const manifest = find();
        if (!manifest) return;
        stop();
        resolve(manifest);
      });
    });
  }

  #show(request: OrdinalityRequest, manifest: BundleManifest): void {
    const planned = plannedTrajectories(request).length;
    // The middle, where grades usually part ways.
    const look = { ...FIRST_LOOK, step: Math.floor(request.steps / 2) };
    const fresh = { problem: null, current: null, msPerTrajectory: null, look };
    this.store.setState({ request, manifest, planned, ...fresh });
    this.#renew();
    const { done } = this.store.getState();
    if (done === planned) this.store.setState({ status: 'finished' });
  }

  /** Brings the finished trajectories, in the plan's order, before the charts. */
  #renew(): void {
    const { request, manifest } = this.store.getState();
    if (!request || !manifest) return;
    const trajectories = plannedTrajectories(request).flatMap((name) => {
      const one = this.#known.get(contentKey(request, manifest, name));
      // The same numbers may belong to a variant of another name.
      if (!one) return [];
      return [one.variant === name.variant ? one : { ...one, variant: name.variant }];
    });
    this.#renewed = Date.now();
    this.store.setState({ trajectories, done: trajectories.length });
  }

  async #begin(request: OrdinalityRequest, manifest: BundleManifest): Promise<void> {
    const keys = plannedTrajectories(request).map((name) => contentKey(request, manifest, name));
    const planned = new Set(keys);
    for (const key of this.#known.keys()) if (!planned.has(key)) this.#known.delete(key);
    try {
      await this.#keeper.begin({ request, going: true, computedBy: '' }, keys);
    } catch {
      this.store.setState({ kept: false });
    }
  }

  async #remember(going: boolean): Promise<void> {
    const { request, computedBy } = this.store.getState();
    if (!request) return;
    await this.#keeper
      .change({ request, going, computedBy })
      .catch(() => this.store.setState({ kept: false }));
  }

  async #go(): Promise<void> {
    const { request, manifest } = this.store.getState();
    if (!request || !manifest) return;
    const job = new AbortController();
    this.#job = job;
    this.store.setState({ status: 'running', problem: null, msPerTrajectory: null });
    await this.#remember(true);
    const start = performance.now();
    let made = 0;
    try {
      for (const name of plannedTrajectories(request)) {
        const key = contentKey(request, manifest, name);
        if (this.#known.has(key)) continue;
        if (job.signal.aborted) return;
        this.store.setState({ current: { name, step: 0 } });
        const one = await this.#measure(request, name, job);
        // Another run may have begun meanwhile; what was measured is good all the same.
        this.#known.set(key, one);
        await this.#keeper.put(key, one).catch(() => this.store.setState({ kept: false }));
        if (this.#job !== job) return;
        made++;
        const { done } = this.store.getState();
        this.store.setState({ done: done + 1, msPerTrajectory: (performance.now() - start) / made });
        if (Date.now() - this.#renewed >= this.#renewMs) this.#renew();
      }
    } catch (thrown) {
      if (this.#job !== job) return;
      this.#job = null;
      this.#renew();
      const error = StudioError.from(thrown);
      this.store.setState({ status: 'failed', problem: error.toInfo(), current: null });
      await this.#remember(false);
      return;
    }
    this.#job = null;
    this.#renew();
    this.store.setState({ status: 'finished', current: null });
    await this.#remember(false);
    this.#session.announce(`Measurement finished: ${this.store.getState().done} trajectories`);
  }

  #measure(request: OrdinalityRequest, name: TrajectoryName, job: AbortController): Promise<Trajectory> {
    const { model } = request;
    return this.#session.withEngine(
      { model, variant: name.variant },
      async (engine, loaded) => {
        const { steps, read, provider } = await engine.measure(
          sampleRequestOf(request, name),
          (step) => {
            if (this.#job === job) this.store.setState({ current: { name, step } });
          },
          job.signal,
        );
        const computedBy = providerName(provider) + (loaded.providerDetail && `, ${loaded.providerDetail}`);
        if (this.store.getState().computedBy !== computedBy) this.store.setState({ computedBy });
        return { ...name, steps, read };
      },
      job.signal,
    );
  }
}

/** The variants that have steps to measure at. */
export function measurable({ variants }: BundleManifest): string[] {
  return Object.keys(variants).filter((key) => isDiffusion(variants[key]!));
}

function firstSetup(manifest: BundleManifest, seeds: string): Setup {
  const keys = measurable(manifest);
  const pair = keys.filter((key) => key === 'odm' || key === 'dm');
  const variants = pair.length > 0 ? pair : keys.slice(0, 2);
  const { sampler, steps } = samplingDefaults(manifest, variants[0]!);
  return { model: manifest.id, variants, seeds, drawn: 'every', sampler, steps, guidance: 1, eta: 0 };
}

function setupOf({
  model,
  variants,
  seeds,
  severities,
  sampler,
  steps,
  guidance,
  eta,
}: OrdinalityRequest): Setup {
  const drawn = severities.length === 1 ? severities[0]! : 'every';
  return { model, variants, seeds: formatSeeds(seeds), drawn, sampler, steps, guidance, eta };
}

/** @throws StudioError `request-invalid`. */
function requestOf(setup: Setup, manifest: BundleManifest): OrdinalityRequest {
  if (setup.variants.length === 0) {
    throw new StudioError({
      code: 'request-invalid',
      message: 'No variant is chosen.',
      remedy: 'Choose at least one variant to measure.',
    });
  }
  return {
    model: setup.model,
    variants: [...setup.variants],
    severities: setup.drawn === 'every' ? manifest.grades.map((g) => g.value) : [setup.drawn],
    seeds: parseSeeds(setup.seeds),
    sampler: setup.sampler,
    steps: setup.steps,
    guidance: setup.guidance,
    eta: setup.eta,
  };
}
