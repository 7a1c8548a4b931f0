/** The focus in grids of which only the rows in sight exist: its row always does, and the keys take it along. */
import { defaultRangeExtractor, type Range } from '@tanstack/react-virtual';
import { useLayoutEffect, useRef, type RefObject } from 'react';

/** The rows in sight, and this one, however far it is scrolled away. */
export function withRow(row: number): (range: Range) => number[] {
  return (range) => [...new Set([row, ...defaultRangeExtractor(range)])].sort((a, b) => a - b);
}

/**
 * Where the keys go the focus goes. Not by asking where it is: the cell that had it may have left with its row in the very
 * update that makes the next one.
 * @param attribute of the cells, with their places.
 * @param place the cell that Tab reaches.
 * @returns to be told of the next place, before it is set.
 */
export function useFocusAlong(
  container: RefObject<HTMLElement | null>,
  attribute: string,
  place: number,
): (next: number) => void {
  const wanted = useRef(false);
  useLayoutEffect(() => {
    if (!wanted.current) return;
    wanted.current = false;
    container.current
      ?.querySelector<HTMLElement>(`[${attribute}="${place}"]`)
      ?.focus({ preventScroll: true });
  }, [container, attribute, place]);
  return (next) => {
    wanted.current = next !== place;
  };
}
