/** The way from the workspace's components to its desk. */
import { useStore } from 'zustand';
import { useSession } from '../../context';
import type { StudioSession } from '../../store/session';
import { SeverityDesk, type DeskState } from './desk';

const makeDesk = (session: StudioSession) => new SeverityDesk(session);

export function useDesk(): SeverityDesk {
  return useSession().kept(makeDesk);
}

/** As `useStudio`: selectors return what is already in the state. */
export function useDeskState<T>(select: (state: DeskState) => T): T {
  return useStore(useDesk().store, select);
}
