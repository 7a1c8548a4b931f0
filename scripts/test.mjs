/**
 * `npm test`: installs what is missing, then runs every check in order and to the end, even when one fails.
 * `npm test -- lint unit` runs only the checks named.
 */
import path from 'node:path';
import {
  LAB_PYTHON,
  checkNode,
  installChromium,
  installExiftool,
  installLab,
  installNodePackages,
} from './lib/install.mjs';
import { Failure, ROOT, bold, command, green, heading, red, run, say } from './lib/terminal.mjs';

/** Of each check's output, enough for Playwright's or Vitest's account of a failure. */
const KEPT_LINES = 61;

/** @typedef {{ status: number, tail: string }} Outcome tail: the end of its output, where it was kept */

/**
 * A service shows the end of a long log first, or only: there the failures are said again below the summary. A person at
 * a terminal gets each program's own output, colours and progress included.
 * @param {string} file @param {string[]} args @param {string} [cwd]
 * @returns {Promise<Outcome>}
 */
const start = async (file, args, cwd = ROOT) => {
  if (!process.env['CI']) return { status: await run(file, args, { cwd }), tail: '' };
  /** @type {string[]} */
  let lines = [''];
  const status = await run(file, args, {
    cwd,
    onOutput: (text) => (lines = (lines.join('\n') + text).split('\n').slice(-KEPT_LINES)),
  });
  return { status, tail: lines.join('\n') };
};

/**
 * A package's own program, started with this Node: no shell, no npx.
 * @param {string} script below node_modules
 * @param {string[]} args
 */
const program =
  (script, ...args) =>
  () =>
    start(process.execPath, [path.join(ROOT, 'node_modules', script), ...args]);

/**
 * A module of the training lab's environment.
 * @param {string[]} args
 */
const lab =
  (...args) =>
  () =>
    start(LAB_PYTHON, ['-m', ...args], path.join(ROOT, 'training'));

/**
 * @typedef {object} Check
 * @property {string} name
 * @property {string} title
 * @property {string[]} needs set-up parts and other checks without which this one cannot run
 * @property {() => Promise<Outcome>} run
 */

/** @type {Check[]} */
const CHECKS = [
  { name: 'lint', title: 'ESLint', needs: ['node'], run: program('eslint/bin/eslint.js', '.') },
  {
    name: 'format',
    title: 'Prettier',
    needs: ['node'],
    run: program('prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.'),
  },
  {
    name: 'types',
    title: 'TypeScript: page, worker, node',
    needs: ['node'],
    run: program('typescript/bin/tsc', '-b'),
  },
  {
    name: 'unit',
    title: 'Unit tests (Vitest)',
    needs: ['node', 'exiftool'],
    run: program('vitest/vitest.mjs', 'run'),
  },
  { name: 'build', title: 'Build', needs: ['node'], run: program('vite/bin/vite.js', 'build') },
  {
    name: 'e2e',
    title: 'The built page in Chromium (Playwright)',
    needs: ['node', 'browser', 'build'],
    run: program('@playwright/test/cli.js', 'test'),
  },
  { name: 'ruff', title: "The lab's style (ruff)", needs: ['lab'], run: lab('ruff', 'check', '.') },
  {
    name: 'ruff-format',
    title: "The lab's format (ruff)",
    needs: ['lab'],
    run: lab('ruff', 'format', '--check', '.'),
  },
  { name: 'mypy', title: "The lab's types (mypy)", needs: ['lab'], run: lab('mypy') },
  { name: 'pytest', title: "The lab's tests (pytest)", needs: ['lab'], run: lab('pytest') },
];

/**
 * Set-up parts, each a check of its own, made only when a chosen check needs it.
 * @type {{ name: string, install: () => Promise<unknown> }[]}
 */
const SETUP = [
  { name: 'node', install: installNodePackages },
  { name: 'exiftool', install: installExiftool },
  { name: 'browser', install: installChromium },
  { name: 'lab', install: installLab },
];

/** @param {number} ms */
const duration = (ms) => {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
};

await command(async () => {
  checkNode();
  const names = process.argv.slice(2);
  const unknown = names.filter((name) => !CHECKS.some((check) => check.name === name));
  if (unknown.length) {
    throw new Failure(
      `No check is called ${unknown.join(', ')}. There are: ${CHECKS.map((c) => c.name).join(', ')}.`,
    );
  }
  const chosen = CHECKS.filter((check) => names.length === 0 || names.includes(check.name));
  const failed = new Set();
  /** @type {string[]} */
  const summary = [];
  /** @type {{ title: string, tail: string }[]} */
  const said = [];

  /**
   * @param {string} name @param {string} title
   * @param {() => Promise<string | undefined>} work gives a reason when it failed
   */
  const step = async (name, title, work) => {
    heading(title);
    const start = Date.now();
    const reason = await work();
    if (reason) {
      failed.add(name);
      console.error(red(reason));
    }
    const mark = reason ? red('FAILED') : green('passed');
    summary.push(`  ${mark}  ${title} (${duration(Date.now() - start)})`);
  };

  for (const { name: part, install } of SETUP) {
    if (!chosen.some((check) => check.needs.includes(part))) continue;
    await step(part, `Set-up: ${part}`, async () => {
      try {
        await install();
        return undefined;
      } catch (error) {
        if (error instanceof Failure) return error.message;
        throw error;
      }
    });
  }
  for (const check of chosen) {
    await step(check.name, check.title, async () => {
      const lacking = check.needs.filter((need) => failed.has(need));
      if (lacking.length) return `Could not run, because this failed before: ${lacking.join(', ')}.`;
      const { status, tail } = await check.run();
      if (status !== 0 && tail) said.push({ title: check.title, tail });
      return status === 0 ? undefined : `${check.title} failed (exit status ${status}).`;
    });
  }

  heading('Summary');
  for (const line of summary) say(line);
  for (const { title, tail } of said) say(`\n${bold(`The end of what “${title}” said:`)}\n${tail}`);
  say(bold(`\n${summary.length - failed.size} passed, ${failed.size} failed`));
  if (failed.size) process.exitCode = 1;
});
