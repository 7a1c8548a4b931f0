/** Finding pictures again: what a person asks for, and which entries answer to it. */
import type { Entry } from '../../../storage/gallery';

export interface Filter {
  /** Words in the note, the model's title, the grade; or a seed. */
  readonly text: string;
  /** A model's id, or empty for all. */
  readonly model: string;
  /** A grade's text, or empty for all. */
  readonly grade: string;
  /** A day as `dayOf` gives it, or empty for all. */
  readonly day: string;
  readonly starred: boolean;
  /** A batch's id, or empty for all. */
  readonly batch: string;
}

export const NO_FILTER: Filter = { text: '', model: '', grade: '', day: '', starred: false, batch: '' };

/** The local calendar day, `2026-11-26`. */
export function dayOf(time: number): string {
  const date = new Date(time);
  const two = (n: number) => String(n).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

export function matches(entry: Entry, filter: Filter): boolean {
  if (filter.model && entry.request.model !== filter.model) return false;
  if (filter.grade && entry.gradeText !== filter.grade) return false;
  if (filter.day && dayOf(entry.madeAt) !== filter.day) return false;
  if (filter.starred && !entry.star) return false;
  if (filter.batch && !entry.batches.includes(filter.batch)) return false;
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean);
  const text = `${entry.note} ${entry.modelTitle} ${entry.request.model} ${entry.request.variant} ${entry.gradeText}`;
  return words.every((word) => text.toLowerCase().includes(word) || word === String(entry.request.seed));
}

export interface Option {
  readonly value: string;
  readonly label: string;
  readonly count: number;
}

/** The values that the entries have, in the order in which they first come, each with how many have it. */
export function optionsOf(
  entries: readonly Entry[],
  read: (entry: Entry) => readonly [value: string, label: string],
): Option[] {
  const found = new Map<string, Option>();
  for (const entry of entries) {
    const [value, label] = read(entry);
    found.set(value, { value, label, count: (found.get(value)?.count ?? 0) + 1 });
  }
  return [...found.values()];
}
