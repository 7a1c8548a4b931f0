import { expect, it } from 'vitest';
import { readLocation, readWorkspace, writeLocation } from './location';

it('reads what is asked for, and takes the defaults for what is not', () => {
  expect(readLocation('?ep=wasm&model=phantom&variant=dm')).toEqual({
    provider: 'wasm',
    model: 'phantom',
    variant: 'dm',
  });
  expect(readLocation('')).toEqual({ provider: 'auto', model: null, variant: null });
  expect(readLocation('?ep=cuda')).toMatchObject({ provider: 'auto' });
});

it('writes what is shown, leaves other parameters alone and does not name the default provider', () => {
  const shown = { provider: 'webgpu', model: 'phantom', variant: 'odm' } as const;
  expect(writeLocation('?x=1', shown)).toBe('?x=1&model=phantom&variant=odm&ep=webgpu');
  expect(writeLocation('?ep=wasm', { ...shown, provider: 'auto' })).toBe('?model=phantom&variant=odm');
  expect(readLocation(writeLocation('', shown))).toEqual(shown);
});

it('reads the workspace from the part after #', () => {
  expect(['', '#', '#severity', '#/severity', '#severity?seeds=1', '#?x'].map(readWorkspace)).toEqual([
    'sample',
    'sample',
    'severity',
    'severity',
    'severity',
    'sample',
  ]);
});
