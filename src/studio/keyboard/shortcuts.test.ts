import { describe, expect, it } from 'vitest';
import { WORKSPACES } from '../workspaces';
import { SAMPLE_SHORTCUTS } from '../workspaces/sample/shortcuts';
import { keysOf, normalKey, printKey, refusal, shortcutFor } from './shortcuts';

const table = SAMPLE_SHORTCUTS;

const byId = (id: string) => table.find((s) => s.id === id)!;

describe.each(WORKSPACES.map((w) => [w.id, w.shortcuts] as const))('%s', (_, shortcuts) => {
  it('no key does two things', () => {
    const keys = shortcuts.flatMap((s) => s.keys);
    expect(new Set(keys).size).toBe(keys.length);
  });
});

it('no two shortcuts have the same id', () => {
  const ids = WORKSPACES.flatMap((w) => w.shortcuts.map((s) => s.id));
  expect(new Set(ids).size).toBe(ids.length);
});

it('only arrows and Space are left to widgets', () => {
  const kept = table.filter((s) => s.widgetsKeep).flatMap((s) => s.keys);
  expect(kept.sort()).toEqual([' ', 'ArrowLeft', 'ArrowRight']);
});

it('letters count whether shifted or not, and are printed as on the keyboard', () => {
  expect(shortcutFor('G', table, {})?.id).toBe('generate');
  expect(shortcutFor('7', table, {})?.id).toBe('grade');
  expect(shortcutFor('x', table, {})).toBeUndefined();
  expect([' ', 'ArrowLeft', 'g', 'Escape', 'F2'].map(printKey)).toEqual(['Space', '←', 'G', 'Esc', 'F2']);
  expect(normalKey('ArrowLeft')).toBe('ArrowLeft');
});

describe('keys of one’s own', () => {
  it('take the place of the usual ones', () => {
    const own = { generate: 'd' };
    expect(shortcutFor('D', table, own)?.id).toBe('generate');
    expect(shortcutFor('g', table, own)).toBeUndefined();
  });

  it('leave the digits alone', () => {
    expect(keysOf(byId('grade'), { grade: 'x' })).toContain('3');
  });

  it('are refused where they are taken or needed', () => {
    expect(refusal('s', byId('generate'), table, {})).toContain('taken');
    expect(refusal('Tab', byId('generate'), table, {})).toContain('needed');
    expect(refusal('g', byId('generate'), table, {})).toBeNull();
    expect(refusal('s', byId('generate'), table, { 'lock-seed': 'l' })).toBeNull();
  });
});
