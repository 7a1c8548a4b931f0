/**
 * What the page knows, as plain values: one vanilla store, read through selectors. No pixels in here; those are in the
 * `FrameReel` and among the session's neighbour results, and are found by the numbers kept here.
 */
import { createStore } from 'zustand/vanilla';
import type { SeverityLook } from '../../exchange/link';
import type { ErrorInfo } from '../../errors';
import type { LoadedModel, NeighbourTriple, ProviderChoice, ProviderName } from '../../engine/types';
import { isDiffusion, type BundleManifest } from '../../models/manifest';
import { sameRequest, severityAt, type SampleRequest } from '../../models/request';
import type { LoadPhase } from './format';
import type { Presenter } from './presenter';

/** What the viewer shows of a step; `difference` needs a neighbour to be compared. */
export type ViewMode = 'x' | 'x0' | 'epsilon' | 'difference';
/** How a noise estimate is shown. */
export type NoiseMap = 'rgb' | 'luminance' | 'norm';
/** How a signed difference of two noise estimates is shown. */
export type DifferenceMap = 'luminance' | 'red' | 'green' | 'blue' | 'norm';

export type Activity =
  | { readonly kind: 'idle' }
  | { readonly kind: 'loading'; readonly phase: LoadPhase }
  | {
      readonly kind: 'sampling';
      readonly done: number;
      readonly steps: number;
      readonly msPerStep: number | null;
    };

export type RunStatus = 'running' | 'finished' | 'cancelled' | 'interrupted';

/** The run whose frames are on the page. */
export interface RunInfo {
  readonly id: number;
  readonly request: SampleRequest;
  readonly manifest: BundleManifest;
  readonly provider: ProviderName;
  readonly status: RunStatus;
  /** Step indices that are held, rising. */
  readonly held: readonly number[];
  readonly totalMs: number | null;
  readonly nfe: number | null;
}

export interface NeighbourState {
  readonly status: 'none' | 'waiting' | 'running' | 'ready' | 'failed';
  /** Finds the pixels with `session.neighbourPixels`; stays at the last good result while a newer one is made. */
  readonly key: string | null;
  /** The step whose x_t the shown result comes from. */
  readonly frameIndex: number | null;
  readonly sigma: number;
  /** Row-major C*C. */
  readonly distances: readonly number[];
  readonly triples: readonly NeighbourTriple[];
  readonly ms: number;
  readonly error: ErrorInfo | null;
}

/** Something worth saying that is no failure of what is on the page: about a file or a link that came in. */
export interface Notice {
  readonly kind: 'info' | 'problem';
  readonly message: string;
  readonly remedy: string;
}

export interface StudioState {
  /** Id of the workspace that is open, as in the address. */
  readonly workspace: string;
  /** Null outside the presenter's view. */
  readonly presenter: Presenter | null;
  /** Bundle ids in the catalogue's order; empty until it is read. */
  readonly bundles: readonly string[];
  readonly manifests: Readonly<Record<string, BundleManifest>>;
  /** What the next run will be; null until the first manifest is read. */
  readonly draft: SampleRequest | null;
  readonly provider: ProviderChoice;
  readonly seedLocked: boolean;

  readonly activity: Activity;
  /** The model that the worker holds now. */
  readonly model: LoadedModel | null;
  readonly run: RunInfo | null;
  /** What failed last, until it is tried again or put away. */
  readonly failure: ErrorInfo | null;
  readonly notice: Notice | null;
  /** Read out by the page's one status region; milestones only. */
  readonly announcement: string;

  /** Step index shown; always one of `run.held` when there is a run. */
  readonly cursor: number;
  readonly playing: boolean;
  readonly view: ViewMode;
  readonly noiseMap: NoiseMap;
  /** Index of the grade that the viewer compares with, or null for the chosen grade itself. */
  readonly compared: number | null;

  readonly neighbours: NeighbourState;
  readonly differenceMap: DifferenceMap;
  /** The limit in force while the scale is locked; null lets it follow the data. */
  readonly lockedLimit: number | null;
  /** The pixel whose values are read out, in picture coordinates. */
  readonly probe: { readonly x: number; readonly y: number } | null;

  /** What the Severity workspace is set to, as a link holds it; null until it was open. */
  readonly severity: SeverityLook | null;
}

export const NO_NEIGHBOURS: NeighbourState = {
  status: 'none',
  key: null,
  frameIndex: null,
  sigma: 0,
  distances: [],
  triples: [],
  ms: 0,
  error: null,
};

export function createStudioStore(initial: Partial<StudioState> = {}) {
  return createStore<StudioState>()(() => ({
    workspace: 'sample',
    presenter: null,
    bundles: [],
    manifests: {},
    draft: null,
    provider: 'auto',
    seedLocked: false,
    activity: { kind: 'idle' },
    model: null,
    run: null,
    failure: null,
    notice: null,
    announcement: '',
    cursor: 0,
    playing: false,
    view: 'x',
    noiseMap: 'rgb',
    compared: null,
    neighbours: NO_NEIGHBOURS,
    differenceMap: 'luminance',
    lockedLimit: null,
    probe: null,
    severity: null,
    ...initial,
  }));
}

export type StudioStore = ReturnType<typeof createStudioStore>;

/** The manifest of the model being set up (not necessarily the one whose picture is shown). */
export function draftManifest(s: StudioState): BundleManifest | null {
  return s.draft ? (s.manifests[s.draft.model] ?? null) : null;
}

/** Whether the picture on the page comes from a generator: made in one evaluation, with no trajectory behind it. */
export function runIsGenerated({ run }: StudioState): boolean {
  const variant = run?.manifest.variants[run.request.variant];
  return variant !== undefined && !isDiffusion(variant);
}

/** Whether the picture on the page is grey: one channel, which stands for red, green and blue. */
export function runIsGrey({ run }: StudioState): boolean {
  return run?.manifest.image.channels === 1;
}

/** Whether the next picture will come from a generator, which has no sampler to set. */
export function draftIsGenerated(s: StudioState): boolean {
  const variant = s.draft ? draftManifest(s)?.variants[s.draft.variant] : undefined;
  return variant !== undefined && !isDiffusion(variant);
}

/** Whether the draft differs from the run on the page in anything that changes the picture. */
export function draftIsNew(s: StudioState): boolean {
  return !s.run || !s.draft || !sameRequest(s.run.request, s.draft);
}

/** The severity that the step at the scrubber was drawn with; of the finished picture, the one that it ends with. */
export function severityShown({ run, cursor }: StudioState): number | null {
  return run && severityAt(run.request, cursor);
}
