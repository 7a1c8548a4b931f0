/**
 * The command line's own manners: options that are checked, failures in plain words with what to do, exit statuses.
 * 0: done; 1: something failed; 2: the command was not understood; 130: interrupted.
 */
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { StudioError } from '../src/errors';

export class UsageError extends Error {}

type Options = NonNullable<ParseArgsConfig['options']>;

/** One option: how it is written, what stands for its value in the help, and what it is for. */
export interface Option {
  readonly value?: string;
  readonly help: string;
  readonly default?: string;
}

/** What was given: a text for an option with a value, `true` for a switch. */
export type Given<O extends Record<string, Option>> = {
  readonly [K in keyof O]?: O[K] extends { value: string } ? string : boolean;
} & { readonly help?: boolean };

/** Reads `--name value` options. @throws UsageError for what is unknown or lacks its value. */
export function readOptions<O extends Record<string, Option>>(options: O, argv: readonly string[]): Given<O> {
  const config: Options = { help: { type: 'boolean', short: 'h' } };
  for (const [name, option] of Object.entries(options)) {
    config[name] = { type: option.value === undefined ? 'boolean' : 'string' };
  }
  let values;
  try {
    ({ values } = parseArgs({ args: [...argv], options: config, allowPositionals: false, strict: true }));
  } catch (thrown) {
    throw new UsageError(thrown instanceof Error ? thrown.message : String(thrown));
  }
  const read: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(options)) {
    if (option.default !== undefined) read[name] = option.default;
  }
  return { ...read, ...values } as Given<O>;
}

/** The text of `--help`. */
export function helpText(usage: string, about: string, options: Record<string, Option>): string {
  const left = Object.entries(options).map(([name, { value }]) => `--${name}${value ? ` ${value}` : ''}`);
  const width = Math.max(...left.map((text) => text.length)) + 2;
  const lines = Object.values(options).map(
    (option, i) =>
      `  ${left[i]!.padEnd(width)}${option.help}${option.default === undefined ? '' : ` (${option.default})`}`,
  );
  return `${about}\n\nUsage: ${usage}\n\n${lines.join('\n')}\n`;
}

/** A number within limits. @throws UsageError. */
export function readNumber(
  name: string,
  text: string,
  { min, max, integer = false }: { min: number; max: number; integer?: boolean },
): number {
  const value = text.trim() === '' ? NaN : Number(text);
  if (!(value >= min && value <= max) || (integer && !Number.isInteger(value))) {
    throw new UsageError(
      `--${name} must be a ${integer ? 'whole ' : ''}number from ${min} to ${max}, not ${text}`,
    );
  }
  return value;
}

/** One of the words allowed. @throws UsageError. */
export function readChoice<T extends string>(name: string, text: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === text);
  if (found === undefined)
    throw new UsageError(`--${name} must be one of ${choices.join(', ')}, not ${text}`);
  return found;
}

/**
 * Runs a command: an interruption aborts its signal once (what is written stays, a second one ends at once), a failure
 * is printed without a stack, and the exit status says how it went.
 */
export async function command(main: (argv: string[], signal: AbortSignal) => Promise<void>): Promise<void> {
  const controller = new AbortController();
  const interrupt = () => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort();
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  try {
    await main(process.argv.slice(2), controller.signal);
  } catch (thrown) {
    if (thrown instanceof UsageError) {
      process.stderr.write(`${thrown.message}\nTry --help.\n`);
      process.exitCode = 2;
    } else {
      const error = StudioError.from(thrown);
      const detail = error.detail && process.env['DEBUG'] ? `\n${error.detail}` : '';
      process.stderr.write(`${error.message} ${error.remedy}${detail}\n`);
      process.exitCode = error.code === 'cancelled' ? 130 : 1;
    }
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}
