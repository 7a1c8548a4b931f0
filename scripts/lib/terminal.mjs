/**
 * What every command of this folder says and runs: headings, plain sentences, child processes with their output
 * passed through. No dependency: this runs in a bare clone, before anything is installed.
 */
import { spawn, spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's root folder. */
export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');

const colour = process.stdout.isTTY && !process.env['NO_COLOR'];
/** @param {string} code @param {string} text */
const paint = (code, text) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
export const bold = (/** @type {string} */ text) => paint('1', text);
export const green = (/** @type {string} */ text) => paint('32', text);
export const red = (/** @type {string} */ text) => paint('31', text);

/** @param {string} text */
export function heading(text) {
  console.log(`\n${bold(`── ${text} ${'─'.repeat(Math.max(3, 72 - text.length))}`)}`);
}

/** @param {string} text */
export function say(text) {
  console.log(text);
}

/** A failure that a person can act on: printed without a stack. */
export class Failure extends Error {}

/**
 * Runs a command with its output passed through and nothing on its standard input.
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: Record<string, string>, onOutput?: (text: string) => void }} [options] onOutput sees what
 *   is passed through; the command then has no terminal of its own
 * @returns {Promise<number>} the exit status (1 when a signal ended it, 127 when it could not be started)
 */
export function run(command, args, options = {}) {
  const { onOutput } = options;
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: options.cwd ?? ROOT,
      env: { ...process.env, ...options.env },
      stdio: onOutput ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'inherit', 'inherit'],
      // npm and npx are .cmd files on Windows, which only a shell starts.
      shell: process.platform === 'win32' && /^(npm|npx)$/.test(command),
    });
    child.on('error', (error) => {
      console.error(`${command} could not be started: ${error.message}`);
      resolve(127);
    });
    for (const [from, to] of /** @type {const} */ ([
      [child.stdout, process.stdout],
      [child.stderr, process.stderr],
    ])) {
      from?.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
        to.write(text);
        onOutput?.(text);
      });
    }
    child.on('close', (status) => resolve(status ?? 1));
  });
}

/**
 * Runs a command that must succeed.
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: Record<string, string>, remedy?: string }} [options]
 */
export async function mustRun(command, args, options = {}) {
  const status = await run(command, args, options);
  if (status !== 0) {
    const what = `\`${[command, ...args].join(' ')}\` failed (exit status ${status}).`;
    throw new Failure(options.remedy ? `${what}\n${options.remedy}` : what);
  }
}

/**
 * What a command prints, or undefined when it cannot be started or fails.
 * @param {string} command
 * @param {string[]} args
 */
export function capture(command, args) {
  const result = spawnSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return result.status === 0 ? result.stdout.trim() : undefined;
}

/**
 * Runs a command's main function: a `Failure` ends it with a sentence, anything else with a stack.
 * @param {() => Promise<void>} main
 */
export async function command(main) {
  try {
    await main();
  } catch (error) {
    console.error(error instanceof Failure ? red(`\n${error.message}`) : error);
    process.exitCode = 1;
  }
}
