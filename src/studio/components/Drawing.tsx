/** A drawing that follows the width of its place, and how its series are told apart, with and without colour. */
import { useEffect, useRef, useState, type HTMLAttributes } from 'react';

/** In the theme's colours, by a series' place. */
export const SERIES_COLOURS = [
  'var(--accent)',
  'var(--warn)',
  'var(--good)',
  'var(--bad)',
  'var(--text-2)',
  'var(--text)',
];
export const SERIES_DASHES = ['none', '7 4', '2 3', '9 3 2 3', '4 4', '1 5'];

/** Below this a drawing is scrolled rather than squeezed. */
const LEAST_WIDTH = 280;

interface DrawingProps extends HTMLAttributes<HTMLDivElement> {
  /** Makes the drawing for a width in pixels; a new function means a new drawing. What it shows is said elsewhere. */
  draw: (width: number) => SVGElement | HTMLElement;
}

export function Drawing({ draw, ...place }: DrawingProps) {
  const ref = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry!.contentRect.width)));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    // There is a moment without any width while the page is laid out.
    if (width === 0) return;
    const drawing = draw(Math.max(LEAST_WIDTH, width));
    drawing.setAttribute('aria-hidden', 'true');
    ref.current?.replaceChildren(drawing);
  }, [draw, width]);
  return <div ref={ref} {...place} />;
}
