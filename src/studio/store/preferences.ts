/** What a person likes, not what they are doing: kept on this machine between visits. */
import { createStore } from 'zustand/vanilla';
import { createJSONStorage, persist, type StateStorage } from 'zustand/middleware';

export type ThemeChoice = 'system' | 'light' | 'dark';

export interface Preferences {
  theme: ThemeChoice;
  /** Smooth upscaling of pictures; off shows the model's own pixels. Maps of numbers are never smoothed. */
  smooth: boolean;
  /** Frames a second when playing. */
  speed: number;
  loop: boolean;
  /** Burn the "synthetic" strip into saved pictures. */
  strip: boolean;
  /** Keep every step of a run in the gallery, not only its picture. */
  keepTrajectories: boolean;
  /** Whether the browser was asked not to clear the gallery away. */
  askedToPersist: boolean;
  /** Keys chosen instead of the usual ones, by the shortcut's id. */
  keys: Readonly<Record<string, string>>;
}

export const SPEEDS = [2, 4, 8, 16, 30] as const;

export const DEFAULT_PREFERENCES: Preferences = {
  theme: 'system',
  smooth: true,
  speed: 8,
  loop: false,
  strip: true,
  keepTrajectories: false,
  askedToPersist: false,
  keys: {},
};

const VERSION = 1;

/** Unknown or broken stored values fall back to the defaults, key by key. */
export function readPreferences(stored: unknown): Preferences {
  const s = (typeof stored === 'object' && stored !== null ? stored : {}) as Partial<
    Record<keyof Preferences, unknown>
  >;
  const bool = (v: unknown, fallback: boolean) => (typeof v === 'boolean' ? v : fallback);
  const d = DEFAULT_PREFERENCES;
  return {
    theme: s.theme === 'light' || s.theme === 'dark' || s.theme === 'system' ? s.theme : d.theme,
    smooth: bool(s.smooth, d.smooth),
    speed: SPEEDS.some((v) => v === s.speed) ? (s.speed as number) : d.speed,
    loop: bool(s.loop, d.loop),
    strip: bool(s.strip, d.strip),
    keepTrajectories: bool(s.keepTrajectories, d.keepTrajectories),
    askedToPersist: bool(s.askedToPersist, d.askedToPersist),
    keys: readKeys(s.keys),
  };
}

function readKeys(stored: unknown): Record<string, string> {
  if (typeof stored !== 'object' || stored === null) return {};
  return Object.fromEntries(
    Object.entries(stored).filter((e): e is [string, string] => typeof e[1] === 'string'),
  );
}

export function createPreferences(storage: () => StateStorage) {
  return createStore<Preferences>()(
    persist(() => DEFAULT_PREFERENCES, {
      name: 'ordinal-studio-preferences',
      version: VERSION,
      storage: createJSONStorage(storage),
      migrate: readPreferences,
      merge: (stored) => readPreferences(stored),
    }),
  );
}

export type PreferencesStore = ReturnType<typeof createPreferences>;
