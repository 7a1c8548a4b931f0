/**
 * Formulas as small trees of MathML, built by functions, so that what a formula says can be tested as text and drawn by
 * the browser itself.
 */

export interface MathNode {
  readonly tag:
    'mi' | 'mn' | 'mo' | 'mtext' | 'mrow' | 'msub' | 'msubsup' | 'mfrac' | 'msqrt' | 'mover' | 'msup';
  readonly text?: string;
  readonly children?: readonly MathNode[];
  readonly attributes?: Readonly<Record<string, string>>;
}

/** A name: one letter is set in italics by the browser, more are upright. */
export const name = (text: string): MathNode => ({ tag: 'mi', text });
export const number = (text: string): MathNode => ({ tag: 'mn', text });
export const operator = (text: string): MathNode => ({ tag: 'mo', text });
export const words = (text: string): MathNode => ({ tag: 'mtext', text });
export const row = (...children: MathNode[]): MathNode => ({ tag: 'mrow', children });
export const sub = (base: MathNode, index: MathNode): MathNode => ({ tag: 'msub', children: [base, index] });
export const power = (base: MathNode, exponent: MathNode): MathNode => ({
  tag: 'msup',
  children: [base, exponent],
});
export const fraction = (over: MathNode, under: MathNode): MathNode => ({
  tag: 'mfrac',
  children: [over, under],
});
export const root = (...children: MathNode[]): MathNode => ({ tag: 'msqrt', children: [row(...children)] });
export const hat = (base: MathNode): MathNode => ({
  tag: 'mover',
  children: [base, { tag: 'mo', text: '^', attributes: { stretchy: 'false' } }],
  attributes: { accent: 'true' },
});
/** One of a pair of brackets of a function, which do not grow with what stands between them. */
export const bracket = (text: '(' | ')'): MathNode => ({
  tag: 'mo',
  text,
  attributes: { stretchy: 'false' },
});
export const group = (...children: MathNode[]): MathNode => row(operator('('), ...children, operator(')'));

/** Four significant figures, true minus, no exponents where people would not write one. */
export function mathNumber(value: number): string {
  if (!Number.isFinite(value)) return value < 0 ? '−∞' : value > 0 ? '∞' : '–';
  if (value === 0) return '0';
  const size = Math.abs(value);
  const digits = Math.max(0, Math.min(6, 3 - Math.floor(Math.log10(size))));
  const text =
    size < 1e-4 ? size.toExponential(1).replace('e-', ' · 10^−') : Number(size.toFixed(digits)).toString();
  return value < 0 ? `−${text}` : text;
}

export interface Term {
  readonly factor: number;
  readonly of: MathNode;
}

/** `0.8 x + 0.2 y − 0.1 z`: terms without weight are left out; nothing at all is 0. */
export function sum(terms: readonly Term[]): MathNode {
  const shown = terms.filter(({ factor }) => factor !== 0);
  if (shown.length === 0) return number('0');
  return row(
    ...shown.flatMap(({ factor, of }, i) => {
      const sign = factor < 0 ? [operator('−')] : i > 0 ? [operator('+')] : [];
      const size = Math.abs(factor);
      return size === 1 ? [...sign, of] : [...sign, number(mathNumber(size)), of];
    }),
  );
}

/** The formula as one line of text, for tests and for copying. */
export function mathText(node: MathNode): string {
  const parts = (node.children ?? []).map(mathText);
  switch (node.tag) {
    case 'mi':
    case 'mn':
    case 'mtext':
      return node.text ?? '';
    case 'mo':
      return node.text === '(' || node.text === ')' || node.text === ',' ? node.text : ` ${node.text} `;
    case 'msub':
      return parts.join('_');
    case 'msup':
      return parts.join('^');
    case 'msubsup':
      return `${parts[0]}_${parts[1]}^${parts[2]}`;
    case 'mfrac':
      return `(${parts[0]})/(${parts[1]})`;
    case 'msqrt':
      return `√(${parts.join('')})`;
    case 'mover':
      return `${parts[0]}̂`;
    case 'mrow':
      // A number and what it multiplies need a space where nothing else stands between them.
      return parts.reduce(
        (line, part) =>
          line + (/[\p{L}\p{N}\p{M})]$/u.test(line) && /^[\p{L}\p{N}]/u.test(part) ? ' ' : '') + part,
        '',
      );
  }
}
