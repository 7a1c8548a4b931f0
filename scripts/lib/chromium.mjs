/**
 * Finds the Chromium that the browser tests drive. Looking only; installing is `scripts/lib/install.mjs`'s work.
 */
import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const FIXED = [
  '/usr/bin',
  '/usr/local/bin',
  '/snap/bin',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** @param {string} file */
function executable(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** The browser that `npx playwright install chromium` put on this machine, if it did. */
async function playwrightsOwn() {
  try {
    const { chromium } = await import('@playwright/test');
    const file = chromium.executablePath();
    return executable(file) ? file : undefined;
  } catch {
    return undefined; // Playwright is not installed yet, or has no build for this system.
  }
}

/**
 * `CHROMIUM_PATH`, then Playwright's own build, then a system Chromium or Chrome.
 * @returns {Promise<string | undefined>} an executable, or undefined when there is none
 */
export async function findChromium() {
  const named = process.env['CHROMIUM_PATH'];
  if (named) return executable(named) ? named : undefined;
  const own = await playwrightsOwn();
  if (own) return own;
  const folders = (process.env['PATH'] ?? '').split(path.delimiter).filter(Boolean);
  const candidates = [
    ...folders.flatMap((folder) => NAMES.map((name) => path.join(folder, name))),
    ...FIXED.flatMap((place) => [place, ...NAMES.map((name) => path.join(place, name))]),
  ];
  return candidates.find(executable);
}
