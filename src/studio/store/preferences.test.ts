import { expect, it } from 'vitest';
import { createPreferences, DEFAULT_PREFERENCES, readPreferences } from './preferences';

function memory(content: Record<string, string> = {}) {
  const items = new Map(Object.entries(content));
  return {
    getItem: (key: string) => items.get(key) ?? null,
    setItem: (key: string, value: string) => void items.set(key, value),
    removeItem: (key: string) => void items.delete(key),
  };
}

it('are kept between visits', () => {
  const storage = memory();
  createPreferences(() => storage).setState({ theme: 'dark', speed: 16 });
  expect(createPreferences(() => storage).getState()).toMatchObject({
    theme: 'dark',
    speed: 16,
    strip: true,
  });
});

it('fall back to the defaults, key by key, where what is stored makes no sense', () => {
  expect(readPreferences({ theme: 'pink', speed: 7, loop: true })).toEqual({
    ...DEFAULT_PREFERENCES,
    loop: true,
  });
  expect(readPreferences(null)).toEqual(DEFAULT_PREFERENCES);
  const broken = memory({ 'ordinal-studio-preferences': '{"state":{"theme":3},"version":0}' });
  expect(createPreferences(() => broken).getState()).toEqual(DEFAULT_PREFERENCES);
});
