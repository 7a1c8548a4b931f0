import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StudioError } from '../errors';
import { decodeLink, encodeLink, looksLikeLink, type LinkState } from './link';
import { anyRequest } from './testing';

const state: LinkState = {
  request: {
    model: 'phantom',
    variant: 'odm',
    severity: 1.5,
    seed: 4294967295,
    sampler: 'ddim',
    steps: 20,
    guidance: 1.5,
    eta: 0.25,
  },
  modelSha256: 'ab'.repeat(32),
  provider: 'WASM, several threads',
  look: { step: 12, view: 'x0', noiseMap: 'norm', differenceMap: 'red', compared: 3, lockedLimit: 0.15 },
};

const anyState: fc.Arbitrary<LinkState> = fc.record({
  request: anyRequest(),
  modelSha256: fc.stringMatching(/^[0-9a-f]{64}$/),
  provider: fc.string({ unit: 'grapheme' }),
  look: fc.record({
    step: fc.nat(1000),
    view: fc.constantFrom('x', 'x0', 'epsilon', 'difference'),
    noiseMap: fc.constantFrom('rgb', 'luminance', 'norm'),
    differenceMap: fc.constantFrom('luminance', 'red', 'green', 'blue', 'norm'),
    compared: fc.option(fc.nat(9)),
    lockedLimit: fc.option(fc.double({ min: 1e-9, max: 1e9, noNaN: true })),
  }),
});

describe('links', () => {
  it('are written like this', () => {
    const changedFrom = [
      { severity: 0, step: 4 },
      { severity: 2.5, step: 9 },
    ];
    expect(encodeLink({ ...state, request: { ...state.request, changedFrom } })).toBe(
      `v=3&model=phantom&variant=odm&severity=1.5&seed=4294967295&sampler=ddim&steps=20&guidance=1.5&eta=0.25&changed=0%404+2.5%409&sha256=${'ab'.repeat(32)}&provider=WASM%2C+several+threads&step=12&view=x0&noise=norm&difference=red&compared=3&limit=0.15`,
    );
  });

  it('bring any state back', () => {
    fc.assert(
      fc.property(anyState, (any) => {
        expect(decodeLink(encodeLink(any))).toEqual(any);
      }),
    );
  });

  it('leave what others keep beside them alone', () => {
    expect(decodeLink(`${encodeLink(state)}&hide=seed&utm=1`)).toEqual(state);
  });

  it('of the first version still open', () => {
    const old = `v=1&model=phantom&variant=odm&severity=1.5&seed=4294967295&sampler=ddim&steps=20&guidance=1.5&eta=0.25&sha256=${'ab'.repeat(32)}`;
    expect(decodeLink(old)).toEqual({
      ...state,
      provider: '',
      look: {
        step: 20,
        view: 'x',
        noiseMap: 'rgb',
        differenceMap: 'luminance',
        compared: null,
        lockedLimit: null,
      },
    });
  });

  it('of the second version still open', () => {
    expect(decodeLink(encodeLink(state).replace('v=3', 'v=2'))).toEqual(state);
  });

  it('that are broken or newer say so', () => {
    const fault = (text: string) => {
      try {
        decodeLink(text);
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(StudioError);
        expect(thrown).toMatchObject({ code: 'link-invalid' });
        return (thrown as StudioError).message;
      }
      throw new Error(`accepted: ${text}`);
    };
    const good = encodeLink(state);
    expect(fault(good.replace('seed=4294967295', 'seed=4294967296'))).toContain('seed');
    expect(fault(good.replace('steps=20', 'steps='))).toContain('steps');
    expect(fault(good.replace('sampler=ddim', 'sampler=euler'))).toContain('sampler');
    expect(fault(good.slice(0, 120))).not.toBe('');
    for (const changed of ['', '0', '0@', '@4', '0@4@5', '0@20', '0@0', '0@4 1@4', '0@4 0@6', '1.5@4', 'x@4'])
      expect(fault(`${good}&${new URLSearchParams({ changed })}`), changed).toContain('changed');
    expect(fault(good.replace('v=3', 'v=4'))).toContain('newer');
    expect(fault(good.replace('v=3', 'v=x'))).toContain('version');
    expect(fault('')).toContain('version');
  });

  it('are recognised', () => {
    expect(looksLikeLink(encodeLink(state))).toBe(true);
    expect(looksLikeLink('seeds=1..4')).toBe(false);
  });

  it('never crash the page, whatever is in them', () => {
    fc.assert(
      fc.property(fc.webQueryParameters(), (text) => {
        try {
          decodeLink(text);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(StudioError);
        }
      }),
    );
  });
});
