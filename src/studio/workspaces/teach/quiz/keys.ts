/** Which key answers which grade: its own number where all grades are single digits, else its place in the list. */
import type { Grade } from '../../../store/format';

export function answerKey(grades: readonly Grade[], index: number): string {
  const own = grades.map((grade) => String(grade.value));
  return own.every((text) => /^\d$/.test(text)) ? own[index]! : String((index + 1) % 10);
}

/** Index of the grade that a key answers, or -1. */
export function gradeForKey(grades: readonly Grade[], key: string): number {
  return grades.findIndex((_, i) => answerKey(grades, i) === key);
}
