/** The workspace's runner, and what is shown of its run, for all its parts. */
import { useMemo } from 'react';
import { useStore } from 'zustand';
import type { OrdinalityRun } from '../../../exchange/ordinality';
import { measureRun, type MeasuredRun } from '../../../models/ordinalityAnalysis';
import { formatSeeds } from '../../../models/seeds';
import { STUDIO_VERSION } from '../../../version';
import { useSession } from '../../context';
import type { StudioSession } from '../../store/session';
import { createKeeper } from './keep';
import { OrdinalityRunner, type RunnerState } from './runner';

const makeRunner = (session: StudioSession) => new OrdinalityRunner(session, createKeeper());

export function useRunner(): OrdinalityRunner {
  return useSession().kept(makeRunner);
}

/** Selectors return a primitive or something that is already in the state. */
export function useRun<T>(select: (state: RunnerState) => T): T {
  return useStore(useRunner().store, select);
}

/** What the charts, the list and the files are made from; `measured` is null before the first trajectory. */
export interface ShownRun {
  readonly run: OrdinalityRun;
  readonly measured: MeasuredRun;
  readonly caption: string;
  readonly stem: string;
}

/** Measurements of trajectories are kept from one renewal to the next. */
const measuredBefore = new WeakMap<OrdinalityRunner, MeasuredRun>();

export function useShownRun(): ShownRun | null {
  const runner = useRunner();
  const request = useRun((s) => s.request);
  const manifest = useRun((s) => s.manifest);
  const trajectories = useRun((s) => s.trajectories);
  const computedBy = useRun((s) => s.computedBy);
  return useMemo(() => {
    if (!request || !manifest || trajectories.length === 0) return null;
    const measured = measureRun(trajectories, manifest.grades.length, measuredBefore.get(runner));
    measuredBefore.set(runner, measured);
    const drawn =
      request.severities.length === 1 ? `drawn at ${request.severities[0]}` : 'drawn at every grade';
    return {
      run: { request, manifest, trajectories, computedBy, studio: STUDIO_VERSION },
      measured,
      caption:
        `${manifest.id}, ${drawn}; ${request.sampler}, ${request.steps} steps, guidance ${request.guidance}; ` +
        `seeds ${formatSeeds(request.seeds)}. Synthetic – not for diagnosis.`,
      stem: `${manifest.id}_ordinality`,
    };
  }, [runner, request, manifest, trajectories, computedBy]);
}
