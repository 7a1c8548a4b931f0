/**
 * What of an ordinality run outlives the page: its request and every finished trajectory, in IndexedDB, so that a reload
 * goes on from what was done. One run is kept; a new one takes over the trajectories that it shares with the last.
 */
import { openDB, type DBSchema, type IDBPDatabase } from 'idb';
import type { BundleManifest } from '../../../models/manifest';
import type { OrdinalityRequest, Trajectory, TrajectoryName } from '../../../models/ordinality';

export interface KeptRun {
  readonly request: OrdinalityRequest;
  /** Whether it was running, rather than paused by the person, when it was last heard of. */
  readonly going: boolean;
  /** What computed it, in words. */
  readonly computedBy: string;
}

/** Where runs are kept. */
export interface Keeper {
  load(): Promise<{ run: KeptRun; trajectories: Map<string, Trajectory> } | null>;
  /** Begins a run, or changes what is said of it; forgets all trajectories but those named. */
  begin(run: KeptRun, keys: readonly string[]): Promise<void>;
  change(run: KeptRun): Promise<void>;
  put(key: string, trajectory: Trajectory): Promise<void>;
  clear(): Promise<void>;
}

/** Names a trajectory by all that determines its numbers, the weights themselves included. */
export function contentKey(run: OrdinalityRequest, manifest: BundleManifest, name: TrajectoryName): string {
  const { sampler, steps, guidance, eta } = run;
  return JSON.stringify([
    manifest.variants[name.variant]?.sha256,
    manifest.grader?.sha256 ?? null,
    name.severity,
    name.seed,
    sampler,
    steps,
    guidance,
    sampler === 'ddim' ? eta : 0,
  ]);
}

interface Schema extends DBSchema {
  run: { key: 'current'; value: KeptRun };
  trajectories: { key: string; value: Trajectory };
}

export function createKeeper(): Keeper {
  let opened: Promise<IDBPDatabase<Schema>> | undefined;
  const database = () =>
    (opened ??= openDB<Schema>('ordinality', 1, {
      upgrade(db) {
        db.createObjectStore('run');
        db.createObjectStore('trajectories');
      },
    }));
  return {
    async load() {
      const db = await database();
      const run = await db.get('run', 'current');
      if (!run) return null;
      const [keys, values] = await Promise.all([db.getAllKeys('trajectories'), db.getAll('trajectories')]);
      return { run, trajectories: new Map(keys.map((key, i) => [key, values[i]!])) };
    },
    async begin(run, keys) {
      const db = await database();
      const kept = new Set(keys);
      const work = db.transaction(['run', 'trajectories'], 'readwrite');
      await work.objectStore('run').put(run, 'current');
      const store = work.objectStore('trajectories');
      for (const key of await store.getAllKeys()) if (!kept.has(key)) await store.delete(key);
      await work.done;
    },
    async change(run) {
      await (await database()).put('run', run, 'current');
    },
    async put(key, trajectory) {
      await (await database()).put('trajectories', trajectory, key);
    },
    async clear() {
      const db = await database();
      await Promise.all([db.clear('run'), db.clear('trajectories')]);
    },
  };
}
