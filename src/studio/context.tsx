/** The way from components to the session and its store. */
import { createContext, use } from 'react';
import { useStore } from 'zustand';
import type { Installation, InstallationState } from './store/installation';
import type { Preferences } from './store/preferences';
import type { StudioSession } from './store/session';
import type { StudioState } from './store/state';

export const SessionContext = createContext<StudioSession | null>(null);

export function useSession(): StudioSession {
  const session = use(SessionContext);
  if (!session) throw new Error('a SessionContext is missing');
  return session;
}

/** Selectors must return a primitive or something that is already in the state, so that nothing renders in vain. */
export function useStudio<T>(select: (state: StudioState) => T): T {
  return useStore(useSession().store, select);
}

export function usePreference<K extends keyof Preferences>(
  key: K,
): [Preferences[K], (value: Preferences[K]) => void] {
  const { preferences } = useSession();
  const value = useStore(preferences, (p) => p[key]);
  return [value, (next) => preferences.setState({ [key]: next } as Pick<Preferences, K>)];
}

export const InstallationContext = createContext<Installation | null>(null);

export function useInstallation(): [Installation, InstallationState] {
  const installation = use(InstallationContext);
  if (!installation) throw new Error('an InstallationContext is missing');
  return [installation, useStore(installation.store)];
}
