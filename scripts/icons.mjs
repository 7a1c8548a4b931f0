/** `npm run icons`: draws the installed app's icons from public/favicon.svg; needed only after a change of that file. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { chromium } from '@playwright/test';
import { findChromium } from './lib/chromium.mjs';
import { Failure, ROOT, command, say } from './lib/terminal.mjs';

/** A maskable icon is cut to a circle of 80 % of its width: the drawing keeps to the middle, its ground fills the square. */
const ICONS = [
  { name: 'icon-192.png', size: 192, part: 1, ground: 'transparent' },
  { name: 'icon-512.png', size: 512, part: 1, ground: 'transparent' },
  { name: 'icon-maskable-512.png', size: 512, part: 0.7, ground: '#14181c' },
];

await command(async () => {
  const executablePath = await findChromium();
  if (!executablePath) throw new Failure('No Chromium was found: run `npm run setup`, or set CHROMIUM_PATH.');
  const svg = await readFile(path.join(ROOT, 'public', 'favicon.svg'), 'utf8');
  const folder = path.join(ROOT, 'public', 'icons');
  await mkdir(folder, { recursive: true });
  const browser = await chromium.launch({ executablePath });
  try {
    for (const { name, size, part, ground } of ICONS) {
      const page = await browser.newPage({ viewport: { width: size, height: size } });
      await page.setContent(
        `<body style="margin:0;display:grid;place-items:center;height:100vh;background:${ground}">
          <div style="width:${part * 100}%;height:${part * 100}%">${svg}</div>`,
      );
      await writeFile(path.join(folder, name), await page.screenshot({ omitBackground: true }));
      await page.close();
      say(`Wrote public/icons/${name}.`);
    }
  } finally {
    await browser.close();
  }
});
