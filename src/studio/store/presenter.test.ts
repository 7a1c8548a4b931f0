import fc from 'fast-check';
import { expect, it } from 'vitest';
import { CONTROLS, type ControlId } from './controls';
import { hiddenBut, PRESETS, presenterLayout, readPresenter, writePresenter } from './presenter';

const hidable = CONTROLS.filter((c) => c.hidable).map((c) => c.id as ControlId);

it('any choice of controls comes back from its address, and nothing else in it is touched', () => {
  fc.assert(
    fc.property(fc.subarray(hidable), (hidden) => {
      const search = writePresenter('?model=phantom&variant=dm&ep=wasm', { hidden });
      expect(readPresenter(search)).toEqual({ hidden });
      expect(new URLSearchParams(search).get('variant')).toBe('dm');
      expect(writePresenter(search, null)).toBe('?model=phantom&variant=dm&ep=wasm');
    }),
  );
});

it('is only what is asked for', () => {
  expect(readPresenter('?model=phantom')).toBeNull();
  expect(readPresenter('?hide=seed')).toBeNull();
  expect(readPresenter('?present')).toEqual({ hidden: [] });
  expect(readPresenter('?present=1&hide=seed,nonsense,seed,picture')).toEqual({ hidden: ['seed'] });
  expect(writePresenter('', { hidden: [] })).toBe('?present');
  expect(writePresenter('?present&hide=seed', null)).toBe('');
});

it('the panel of settings goes with the last of its controls', () => {
  for (const { shown } of PRESETS)
    expect(readPresenter(writePresenter('', { hidden: hiddenBut(shown) }))).not.toBeNull();
  expect(presenterLayout({ hidden: hiddenBut(['transport']) })).toEqual({
    settings: false,
    neighbours: false,
  });
  expect(presenterLayout({ hidden: hiddenBut(['grade', 'neighbours']) })).toEqual({
    settings: true,
    neighbours: true,
  });
});
