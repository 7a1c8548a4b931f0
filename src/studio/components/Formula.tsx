/** A formula, drawn by the browser's own MathML. */
import { createElement, type ReactNode } from 'react';
import type { MathNode } from './math';

function draw(node: MathNode, key?: number): ReactNode {
  const { tag, text, children = [], attributes = {} } = node;
  return createElement(tag, { ...attributes, key }, text, ...children.map((child, i) => draw(child, i)));
}

export function Formula({ node, inline = false }: { node: MathNode; inline?: boolean }) {
  return createElement('math', { display: inline ? 'inline' : 'block' }, draw(node));
}
