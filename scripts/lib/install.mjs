/**
 * Makes a bare clone ready: Node packages, a Chromium for the browser tests, the training lab's virtual environment.
 * Each part looks first and does nothing when it finds what it needs, so a second run takes no time.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { findChromium } from './chromium.mjs';
import { Failure, ROOT, capture, mustRun, run, say } from './terminal.mjs';

const NODE_MINIMUM = [20, 19];
const PYTHON_MINIMUM = [3, 10];
/** Installed before the lab, so that nothing the lab depends on picks another build of it. */
const TORCH = 'torch==2.13.0';

const VENV = path.join(ROOT, 'training', '.venv');
const VENV_BIN = path.join(VENV, process.platform === 'win32' ? 'Scripts' : 'bin');

/** The lab's Python, whether or not it exists yet. */
export const LAB_PYTHON = path.join(VENV_BIN, process.platform === 'win32' ? 'python.exe' : 'python');

/** @param {number[]} have @param {number[]} need */
const atLeast = (have, need) => {
  for (let i = 0; i < need.length; i++) {
    const difference = (have[i] ?? 0) - (need[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
};

export function checkNode() {
  const have = process.versions.node.split('.').map(Number);
  if (atLeast(have, NODE_MINIMUM)) return;
  throw new Failure(
    `This project needs Node.js ${NODE_MINIMUM.join('.')} or newer; this is ${process.versions.node}.\n` +
      'Install a current long-term release (from nodejs.org, or with nvm or fnm) and run the command again.',
  );
}

/**
 * Whether node_modules holds exactly what package-lock.json names. npm keeps its own account of what it installed in
 * node_modules/.package-lock.json; an optional package (a binary for another system) may be absent.
 */
async function nodeModulesAreFresh() {
  /** @typedef {Record<string, { version?: string, optional?: boolean, devOptional?: boolean }>} Packages */
  /** @param {string} file @returns {Promise<Packages>} */
  const packages = async (file) => JSON.parse(await readFile(file, 'utf8')).packages;
  try {
    const wanted = await packages(path.join(ROOT, 'package-lock.json'));
    const present = await packages(path.join(ROOT, 'node_modules', '.package-lock.json'));
    return (
      Object.entries(wanted).every(([where, one]) => {
        if (where === '') return true;
        const got = present[where];
        return got ? got.version === one.version : Boolean(one.optional || one.devOptional);
      }) && Object.keys(present).every((where) => where in wanted)
    );
  } catch {
    return false;
  }
}

export async function installNodePackages() {
  if (await nodeModulesAreFresh()) return;
  say('Installing the Node packages (npm ci) …');
  await mustRun('npm', ['ci', '--no-audit', '--no-fund'], {
    // onnxruntime-node would fetch GPU libraries from its own site while installing; nothing here uses them.
    env: { ONNXRUNTIME_NODE_INSTALL_CUDA: 'skip' },
    remedy: 'Check that the npm registry can be reached, then run the command again.',
  });
}

/** Finds a Chromium or installs one. @returns {Promise<string>} its executable */
export async function installChromium() {
  const found = await findChromium();
  if (found) return found;
  if (process.env['CHROMIUM_PATH']) {
    throw new Failure(
      `CHROMIUM_PATH names ${process.env['CHROMIUM_PATH']}, which is not an executable file.`,
    );
  }
  const root = process.getuid?.() === 0;
  if (root && existsSync('/etc/debian_version') && capture('apt-get', ['--version'])) {
    say('Installing Chromium for the browser tests (apt-get) …');
    const env = { DEBIAN_FRONTEND: 'noninteractive' };
    await run('apt-get', ['update', '-qq'], { env });
    await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium'], { env });
  }
  const installed = await findChromium();
  if (installed) return installed;
  say('Installing Chromium for the browser tests (playwright install) …');
  await run('npx', ['playwright', 'install', 'chromium']);
  const own = await findChromium();
  if (own) return own;
  throw new Failure(
    'The browser tests need Chromium, and it could not be installed here.\n' +
      "Install Chromium or Google Chrome with your system's package manager, or set CHROMIUM_PATH to its executable.",
  );
}

/**
 * exiftool, with which one unit test reads saved pictures as other programs do; without it that test is left out, and
 * everything else is tested all the same.
 */
export async function installExiftool() {
  if (capture('exiftool', ['-ver'])) return;
  const debian = existsSync('/etc/debian_version') && capture('apt-get', ['--version']);
  if (process.getuid?.() === 0 && debian) {
    const env = { DEBIAN_FRONTEND: 'noninteractive' };
    const install = ['install', '-y', '-qq', '--no-install-recommends', 'libimage-exiftool-perl'];
    if ((await run('apt-get', install, { env })) !== 0) {
      await run('apt-get', ['update', '-qq'], { env });
      await run('apt-get', install, { env });
    }
  }
  if (!capture('exiftool', ['-ver']))
    say('exiftool is not here: the test that reads pictures with it is left out.');
}

/** A Python that is new enough, as the command to start it. */
function findPython() {
  const named = process.env['PYTHON'];
  const candidates = named
    ? [named]
    : ['python3', 'python3.13', 'python3.12', 'python3.11', 'python3.10', 'python'];
  const seen = [];
  for (const candidate of candidates) {
    const version = capture(candidate, ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])']);
    if (!version) continue;
    if (atLeast(version.split('.').map(Number), PYTHON_MINIMUM)) return { command: candidate, version };
    seen.push(`${candidate} is ${version}`);
  }
  throw new Failure(
    `The training lab needs Python ${PYTHON_MINIMUM.join('.')} or newer` +
      (seen.length ? `; ${seen.join(', ')}.` : ', and none was found.') +
      '\nInstall it, or set PYTHON to its executable.',
  );
}

/**
 * The lab's virtual environment, made anew when the lab's pyproject.toml or the Python changed. `TORCH_INDEX_URL` names
 * another package index for PyTorch alone (its CPU-only builds, say, which are a tenth of the size).
 */
export async function installLab() {
  const { command, version } = findPython();
  const stampFile = path.join(VENV, '.stamp');
  const stamp = createHash('sha256')
    .update(await readFile(path.join(ROOT, 'training', 'pyproject.toml')))
    .update(`${TORCH} python ${version}`)
    .digest('hex');
  const before = await readFile(stampFile, 'utf8').catch(() => '');
  if (before === stamp && existsSync(LAB_PYTHON)) return;

  say(`Making the training lab's environment (Python ${version}; PyTorch is large, this takes minutes) …`);
  await rm(VENV, { recursive: true, force: true });
  await mustRun(command, ['-m', 'venv', VENV], {
    remedy: "Python's venv module is missing or broken; on Debian and Ubuntu it is the package python3-venv.",
  });
  const pip = ['-m', 'pip', 'install', '--disable-pip-version-check', '--quiet'];
  const index = process.env['TORCH_INDEX_URL'];
  const remedy = 'Check that the Python package index can be reached, then run the command again.';
  await mustRun(LAB_PYTHON, [...pip, TORCH, ...(index ? ['--index-url', index] : [])], { remedy });
  await mustRun(LAB_PYTHON, [...pip, '-e', `${path.join(ROOT, 'training')}[dev]`], { remedy });
  await mkdir(VENV, { recursive: true });
  await writeFile(stampFile, stamp);
}
