/** The neighbours' difference maps with their one shared limit, made once for everything that shows them. */
import { useMemo } from 'react';
import { sharedLimit } from '../../components/colour';
import { useSession, useStudio } from '../../context';
import { gradeIndex } from '../../store/format';
import { severityShown } from '../../store/state';
import { differenceMaps } from './viewing';

export interface Differences {
  /** One map per grade; the chosen grade's is zero. */
  readonly maps: readonly Float32Array[];
  /** The scale runs from minus this to plus this. */
  readonly limit: number;
  /** Index of the grade that the others are compared with. */
  readonly chosen: number;
}

export function useDifferences(): Differences | null {
  const session = useSession();
  const key = useStudio((s) => s.neighbours.key);
  const map = useStudio((s) => s.differenceMap);
  const locked = useStudio((s) => s.lockedLimit);
  const manifest = useStudio((s) => s.run?.manifest);
  const severity = useStudio(severityShown);
  const found = useMemo(() => {
    const result = session.neighbourPixels(key);
    if (!result || !manifest || severity === null) return null;
    const chosen = gradeIndex(manifest.grades, severity);
    const { width, height } = manifest.image;
    const maps = differenceMaps(result, width * height, chosen, map);
    return { maps, limit: sharedLimit(maps.filter((_, i) => i !== chosen)), chosen };
  }, [session, key, map, manifest, severity]);
  return useMemo(() => found && { ...found, limit: locked ?? found.limit }, [found, locked]);
}
