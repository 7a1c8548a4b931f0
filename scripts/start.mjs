/**
 * `npm start`: installs the Node packages when they are missing, builds the page when its sources have changed, and
 * serves it on this machine only.
 *   --port N      another port than 4180
 *   --no-open     don't open a browser window
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { checkNode, installNodePackages } from './lib/install.mjs';
import { Failure, ROOT, bold, command, mustRun, say } from './lib/terminal.mjs';

/** What the built page is made of. */
const SOURCES = ['index.html', 'package-lock.json', 'vite.config.ts', 'public', 'src', 'models'];
const STAMP = path.join(ROOT, 'node_modules', '.cache', 'studio', 'build');

/** Name, size and time of every source file, as one digest. */
async function sourceDigest() {
  const hash = createHash('sha256');
  /** @param {string} file */
  const visit = async (file) => {
    const info = await stat(file).catch(() => undefined);
    if (info?.isDirectory()) {
      for (const name of (await readdir(file)).sort()) await visit(path.join(file, name));
    } else if (info) {
      hash.update(`${path.relative(ROOT, file)} ${info.size} ${info.mtimeMs}\n`);
    }
  };
  for (const source of SOURCES) await visit(path.join(ROOT, source));
  return hash.digest('hex');
}

async function buildWhenStale() {
  const digest = await sourceDigest();
  const before = await readFile(STAMP, 'utf8').catch(() => '');
  if (before === digest && existsSync(path.join(ROOT, 'dist', 'index.html'))) return;
  say('Building the page …');
  await mustRun(process.execPath, [path.join(ROOT, 'node_modules', 'vite', 'bin', 'vite.js'), 'build']);
  await mkdir(path.dirname(STAMP), { recursive: true });
  await writeFile(STAMP, digest);
}

/** A screen to open a window on. */
function hasDesktop() {
  if (process.env['CI'] || process.env['SSH_CONNECTION']) return false;
  return process.platform !== 'linux' || Boolean(process.env['DISPLAY'] || process.env['WAYLAND_DISPLAY']);
}

await command(async () => {
  const { values } = parseArgs({ options: { port: { type: 'string' }, 'no-open': { type: 'boolean' } } });
  const port = Number(values.port ?? 4180);
  if (!Number.isInteger(port) || port < 1 || port > 65535)
    throw new Failure(`--port ${values.port} is not a port.`);
  checkNode();
  await installNodePackages();
  await buildWhenStale();
  const { preview } = await import('vite');
  const server = await preview({
    root: ROOT,
    logLevel: 'warn',
    // A port that is taken is passed over for the next one, unless it was asked for by name.
    preview: { port, strictPort: values.port !== undefined, open: !values['no-open'] && hasDesktop() },
  });
  say(
    `\nThe studio is at ${bold(server.resolvedUrls?.local[0] ?? `http://localhost:${port}/`)}   (Ctrl+C ends it)`,
  );
});
