/** The page as an installed app: without a network after one visit, what it keeps, and a new release that asks first. */
import { createReadStream, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { expectAccessible } from './axe';
import { expect, test } from './fixtures';
import { maxDifference } from './studio';

test.use({ serviceWorkers: 'allow' });

test('one visit is enough to draw without a network; models are kept and deleted', async ({
  studio,
  page,
  context,
  provoke,
}) => {
  await studio.open({ model: 'phantom' });
  const first = await studio.finished();
  const before = await studio.pixels();

  await test.step('what is kept: the model that has drawn, and the one asked for', async () => {
    await page.getByTestId('storage').click();
    await expect(page.getByTestId('offline-state')).toHaveAttribute('data-state', 'ready');
    await expect(page.getByTestId('delete-phantom-odm')).toBeVisible();
    await page.getByTestId('keep-phantom-dm').click();
    await expect(page.getByTestId('delete-phantom-dm')).toBeVisible();
    await expectAccessible(page, 'storage');
    await page.setViewportSize({ width: 390, height: 844 });
    await expectAccessible(page, 'storage on a phone');
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.keyboard.press('Escape');
  });

  await context.setOffline(true);
  provoke(/ERR_INTERNET_DISCONNECTED/);

  await test.step('the same picture without a network', async () => {
    await page.reload();
    const again = await studio.finished();
    expect(again.request).toEqual(first.request);
    expect(maxDifference((await studio.pixels()).x, before.x)).toBe(0);
    await studio.draws(() => page.getByTestId('variant-dm').click());
  });

  await test.step('a model that was not kept says so', async () => {
    await page.getByTestId('model').selectOption('colon-hyperkvasir');
    await expect(studio.error).toHaveAttribute('data-code', 'download-failed');
  });

  await test.step('what is deleted is gone after the next reload', async () => {
    await page.getByTestId('storage').click();
    await page.getByTestId('delete-phantom-dm').click();
    await expect(page.getByTestId('keep-phantom-dm')).toBeVisible();
    await page.goto('/?model=phantom&variant=dm');
    await expect(studio.error).toHaveAttribute('data-code', 'download-failed');
    await context.setOffline(false);
    await page.getByTestId('try-again').click();
    expect((await studio.finished()).request.variant).toBe('dm');
  });
});

test('a new release asks before it reloads', async ({ browser }) => {
  const dist = path.resolve('dist');
  let release = 1;
  const types: Record<string, string> = {
    '.html': 'text/html',
    '.js': 'text/javascript',
    '.mjs': 'text/javascript',
    '.css': 'text/css',
    '.svg': 'image/svg+xml',
    '.json': 'application/json',
    '.wasm': 'application/wasm',
  };
  const server = createServer((request, response) => {
    const pathname = decodeURIComponent(new URL(request.url!, 'http://host').pathname);
    const file = path.join(dist, pathname === '/' ? 'index.html' : pathname);
    if (!file.startsWith(dist) || !statSync(file, { throwIfNoEntry: false })?.isFile()) {
      response.writeHead(404).end();
      return;
    }
    response.setHeader('Content-Type', types[path.extname(file)] ?? 'application/octet-stream');
    response.setHeader('Cache-Control', 'no-cache');
    if (pathname === '/sw.js') {
      void readFile(file, 'utf8').then((text) => response.end(`${text}\n// release ${release}\n`));
    } else createReadStream(file).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const context = await browser.newContext({ serviceWorkers: 'allow' });
  try {
    const page = await context.newPage();
    await page.goto(`http://localhost:${(server.address() as AddressInfo).port}/?model=phantom`);
    const notice = page.getByTestId('update-notice');
    await page.evaluate(() => navigator.serviceWorker.ready);
    await page.getByTestId('storage').click();
    await expect(page.getByTestId('offline-state')).toHaveAttribute('data-state', 'ready');
    await page.keyboard.press('Escape');
    await expect(notice).toBeHidden();
    await page.evaluate(() => Object.assign(window, { before: true }));

    release = 2;
    await page.evaluate(async () => (await navigator.serviceWorker.ready).update());
    await expect(notice).toContainText('new release');
    await expectAccessible(page, 'the update notice');
    expect(await page.evaluate(() => 'before' in window)).toBe(true);
    await Promise.all([page.waitForEvent('load'), page.getByTestId('update-now').click()]);
    expect(await page.evaluate(() => 'before' in window)).toBe(false);
    await expect(notice).toBeHidden();
  } finally {
    await context.close();
    server.close();
  }
});
