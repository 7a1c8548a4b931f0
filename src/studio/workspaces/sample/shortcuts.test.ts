import { describe, expect, it } from 'vitest';
import { keysOf, normalKey, printKey, refusal, shortcutFor, SHORTCUTS } from './shortcuts';

const byId = (id: string) => SHORTCUTS.find((s) => s.id === id)!;

it('no key does two things', () => {
  const keys = SHORTCUTS.flatMap((s) => s.keys);
  expect(new Set(keys).size).toBe(keys.length);
});

it('only arrows and Space are left to widgets', () => {
  const kept = SHORTCUTS.filter((s) => s.widgetsKeep).flatMap((s) => s.keys);
  expect(kept.sort()).toEqual([' ', 'ArrowLeft', 'ArrowRight']);
});

it('letters count whether shifted or not, and are printed as on the keyboard', () => {
  expect(shortcutFor('G', {})?.id).toBe('generate');
  expect(shortcutFor('7', {})?.id).toBe('grade');
  expect(shortcutFor('x', {})).toBeUndefined();
  expect([' ', 'ArrowLeft', 'g', 'Escape', 'F2'].map(printKey)).toEqual(['Space', '←', 'G', 'Esc', 'F2']);
  expect(normalKey('ArrowLeft')).toBe('ArrowLeft');
});

describe('keys of one’s own', () => {
  it('take the place of the usual ones', () => {
    const own = { generate: 'd' };
    expect(shortcutFor('D', own)?.id).toBe('generate');
    expect(shortcutFor('g', own)).toBeUndefined();
  });

  it('leave the digits alone', () => {
    expect(keysOf(byId('grade'), { grade: 'x' })).toContain('3');
  });

  it('are refused where they are taken or needed', () => {
    expect(refusal('s', byId('generate'), {})).toContain('taken');
    expect(refusal('Tab', byId('generate'), {})).toContain('needed');
    expect(refusal('g', byId('generate'), {})).toBeNull();
    expect(refusal('s', byId('generate'), { 'lock-seed': 'l' })).toBeNull();
  });
});
