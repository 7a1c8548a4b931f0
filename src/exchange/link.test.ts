import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StudioError } from '../errors';
import {
  AXES,
  decodeLink,
  decodeSeverityLink,
  encodeLink,
  encodeSeverityLink,
  looksLikeLink,
  type Axis,
  type LinkState,
  type SeverityLink,
} from './link';
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

const severity: SeverityLink = {
  request: state.request,
  modelSha256: state.modelSha256,
  severity: {
    tab: 'compare',
    beside: true,
    rows: { name: 'seed', from: 7, to: 7, count: 6 },
    columns: null,
    compared: [state.request, { ...state.request, severity: 0, variant: 'dm' }],
    mode: 'difference',
    shown: 'x0',
    place: 0.5,
  },
};

const finite = fc.double({ noNaN: true, noDefaultInfinity: true }).map((v) => (v === 0 ? 0 : v));
const anyAxis: fc.Arbitrary<Axis | null> = fc.option(
  fc.record({
    name: fc.constantFrom(...AXES),
    from: finite,
    to: finite,
    count: fc.integer({ min: 1, max: 100 }),
  }),
);
const anySeverity: fc.Arbitrary<SeverityLink> = fc.record({
  request: anyRequest(),
  modelSha256: fc.stringMatching(/^[0-9a-f]{64}$/),
  severity: fc.record({
    tab: fc.constantFrom('slider', 'grid', 'compare'),
    beside: fc.boolean(),
    rows: anyAxis,
    columns: anyAxis,
    compared: fc.array(anyRequest(), { maxLength: 4 }),
    mode: fc.constantFrom('side', 'difference', 'blink'),
    shown: fc.constantFrom('x0', 'x'),
    place: fc.double({ min: 0, max: 1, noNaN: true }).map((v) => (v === 0 ? 0 : v)),
  }),
});

/** What a broken link's error says. */
function fault(text: string, decode: (text: string) => unknown = decodeLink): string {
  try {
    decode(text);
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(StudioError);
    expect(thrown).toMatchObject({ code: 'link-invalid' });
    return (thrown as StudioError).message;
  }
  throw new Error(`accepted: ${text}`);
}

describe('links of the Severity workspace', () => {
  const good = encodeSeverityLink(severity);

  it('are written like this', () => {
    expect(good).toBe(
      `v=3&model=phantom&variant=odm&severity=1.5&seed=4294967295&sampler=ddim&steps=20&guidance=1.5&eta=0.25&sha256=${'ab'.repeat(32)}&tab=compare&beside=1&rows=seed%3A7%3A7%3A6&pictures=%3Bvariant%3Adm%2Cseverity%3A0&mode=difference&shown=x0&place=0.5`,
    );
  });

  it('bring any state back', () => {
    fc.assert(
      fc.property(anySeverity, (any) => {
        expect(decodeSeverityLink(encodeSeverityLink(any))).toEqual(any);
      }),
    );
  });

  it('that are broken say what is', () => {
    const broken = (from: string, to: string) => fault(good.replace(from, to), decodeSeverityLink);
    expect(broken('rows=seed%3A7', 'rows=size%3A7')).toContain('rows');
    expect(broken('%3A6', '%3A6%3A6')).not.toBe('');
    expect(broken('severity%3A0', 'severity%3Ax')).toContain('pictures');
    expect(broken('severity%3A0', 'eye%3A0')).toContain('pictures');
    expect(broken('variant%3Adm', 'variant%3A%25')).toContain('pictures');
    expect(broken('beside=1', 'beside=yes')).toContain('beside');
    expect(broken('place=0.5', 'place=2')).toContain('place');
    expect(fault(encodeLink(state), decodeSeverityLink)).not.toBe('');
  });
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
        try {
          decodeSeverityLink(text);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(StudioError);
        }
      }),
    );
  });
});
