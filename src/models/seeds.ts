/** A set of seeds as people write it: `7`, `0..63`, `0..9, 42, 100..103`. */
import { StudioError } from '../errors';

/** Seeds are unsigned 32-bit numbers. */
export const MAX_SEED = 0xffffffff;
/** Beyond this a list is a mistake rather than a wish. */
export const MAX_SEEDS = 10_000;

function invalid(what: string): StudioError {
  return new StudioError({
    code: 'request-invalid',
    message: `These seeds can't be read: ${what}.`,
    remedy: 'Write whole numbers from 0 to 4294967295, separated by commas, and ranges as 0..63.',
  });
}

function seed(text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (!(value <= MAX_SEED)) throw invalid(text === '' ? 'a number is missing' : `“${text}” is not a seed`);
  return value;
}

/**
 * The seeds of a text, in its order, each once. Both ends of a range belong to it; `-` stands for `..` too.
 * @throws StudioError `request-invalid`.
 */
export function parseSeeds(text: string): number[] {
  const seeds = new Set<number>();
  for (const part of text.split(/[\s,;]+/).filter(Boolean)) {
    const range = /^(\d+)(?:\.\.|-|–|…)(\d+)$/.exec(part);
    const low = seed(range ? range[1]! : part);
    const high = range ? seed(range[2]!) : low;
    if (high < low) throw invalid(`the range ${part} runs backwards`);
    if (seeds.size + high - low >= MAX_SEEDS) throw invalid(`there are more than ${MAX_SEEDS}`);
    for (let value = low; value <= high; value++) seeds.add(value);
  }
  if (seeds.size === 0) throw invalid('there are none');
  return [...seeds];
}

/** The shortest text that `parseSeeds` reads as these seeds, runs of three or more as ranges. */
export function formatSeeds(seeds: readonly number[]): string {
  const parts: string[] = [];
  for (let i = 0; i < seeds.length;) {
    let j = i;
    while (seeds[j + 1] === seeds[j]! + 1) j++;
    if (j - i >= 2) parts.push(`${seeds[i]}..${seeds[j]}`);
    else parts.push(...seeds.slice(i, j + 1).map(String));
    i = j + 1;
  }
  return parts.join(', ');
}
