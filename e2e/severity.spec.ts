/** The Severity workspace and the model's panel, on the phantom: as a person moves, fills, compares and saves. */
import { AxeBuilder } from '@axe-core/playwright';
import type { Locator, Page } from '@playwright/test';
import { encode } from 'fast-png';
import { readFile } from 'node:fs/promises';
import { readProvenance } from '../src/exchange/png';
import { readSheetProvenance } from '../src/exchange/sheet';
import type { BundleManifest } from '../src/models/manifest';
import { exampleMetrics } from '../src/models/testing';
import { expect, test } from './fixtures';

async function expectAccessible(page: Page, where: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    const { violations } = await new AxeBuilder({ page })
      .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'])
      .analyze();
    const serious = violations
      .filter((v) => v.impact === 'serious' || v.impact === 'critical')
      .map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`);
    expect(serious, `${where}, ${colorScheme}`).toEqual([]);
  }
}

/** Two fingers go apart, or together, on an element. */
async function pinch(page: Page, on: Locator, factor: number): Promise<void> {
  await on.scrollIntoViewIfNeeded();
  const box = (await on.boundingBox())!;
  const client = await page.context().newCDPSession(page);
  await client.send('Emulation.setTouchEmulationEnabled', { enabled: true });
  const steps = 8;
  for (let i = 0; i <= steps; i++) {
    const apart = (box.width / 10) * (1 + ((factor - 1) * i) / steps);
    const touchPoints = [-1, 1].map((side, id) => ({
      id,
      x: box.x + box.width / 2 + side * apart,
      y: box.y + box.height / 2,
    }));
    await client.send('Input.dispatchTouchEvent', {
      type: i === 0 ? 'touchStart' : 'touchMove',
      touchPoints,
    });
  }
  await client.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
  await client.send('Emulation.setTouchEmulationEnabled', { enabled: false });
  await client.detach();
}

test('a severity that is moved, a grid, pictures side by side', async ({ studio, page }) => {
  const severity = () => page.evaluate(() => window.odmStudio?.store.getState().draft?.severity);
  const range = page.getByTestId('severity-range');
  const followed = (variant: string) => page.getByTestId(`followed-${variant}`);
  const settled = async (variant = 'odm') => {
    await expect(followed(variant)).toHaveAttribute('data-quality', 'full');
    await expect(followed(variant)).toHaveAttribute('data-working', 'no');
  };

  await test.step('opened by its address, it draws what is set up', async () => {
    await page.goto('/?model=phantom&ep=wasm#severity');
    await settled();
    await expect(page).toHaveTitle(/^Severity/);
    await expect(page.getByTestId('workspace-severity')).toHaveAttribute('aria-current', 'page');
    await expect(page.getByTestId('provider-chip')).toHaveText('WASM');
    expect(await studio.run()).toBeNull();
    await expectAccessible(page, 'slider');
  });

  await test.step('keys, a number and the hand move the same severity', async () => {
    const before = await studio.canvas('followed-picture-odm');
    await range.focus();
    await range.press('ArrowRight');
    expect(await severity()).toBe(2.05);
    await expect(range).toHaveAttribute('aria-valuetext', '2.05, between 2 and 3');
    await range.press('PageUp');
    expect(await severity()).toBe(3);
    await page.getByTestId('severity-number').fill('4.5');
    await page.getByTestId('severity-number').press('Enter');
    await expect(page.getByTestId('severity-words')).toContainText('extrapolated');
    await settled();
    await expect(followed('odm')).toContainText('Extrapolated');

    const box = (await range.boundingBox())!;
    const at = (share: number) => [box.x + 12 + share * (box.width - 24), box.y + box.height / 2] as const;
    await page.mouse.move(...at(5.5 / 6));
    await page.mouse.down();
    for (let i = 0; i <= 20; i++) await page.mouse.move(...at((5.5 - i * 0.2) / 6));
    // The picture goes with the hand, before it lets go.
    await expect(followed('odm')).not.toContainText('Extrapolated');
    await page.mouse.up();
    expect(await severity()).toBeCloseTo(0.5, 1);
    await settled();
    expect(await studio.canvas('followed-picture-odm')).not.toEqual(before);
    await page.getByTestId('severity-mark-2').click();
    await settled();
    expect(await studio.canvas('followed-picture-odm')).toEqual(before);
  });

  await test.step('the standard model beside it, with one switch', async () => {
    await page.getByTestId('beside').click();
    await settled('dm');
    expect(await studio.canvas('followed-picture-dm')).not.toEqual(
      await studio.canvas('followed-picture-odm'),
    );
    const { bytes } = await studio.saves(() => page.getByTestId('followed-dm-save').click());
    expect(readProvenance(bytes).request).toMatchObject({ variant: 'dm', severity: 2, seed: 2024 });
    await page.getByTestId('followed-dm-pin').click();
    await page.getByTestId('followed-odm-pin').click();
    const sheet = await studio.saves(() => page.getByTestId('pins-sheet').click());
    expect(readSheetProvenance(sheet.bytes).pictures.map((p) => p.request.variant)).toEqual(['dm', 'odm']);
  });

  await test.step('two hundred cells: only those in sight exist; and what was made is kept when it is cancelled', async () => {
    await page.getByTestId('severity-tab-grid').click();
    await studio.setNumber('steps', 300);
    const set = async (field: string, value: string) => {
      await page.getByTestId(field).fill(value);
      await page.getByTestId(field).press('Enter');
    };
    await set('rows-count', '40');
    await set('columns-count', '5');
    await expect(page.getByTestId('grid-fill')).toHaveText('Draw 200 pictures');
    await page.getByTestId('grid-fill').click();
    await expect(page.locator('[data-cell="0"]')).toHaveAttribute('data-drawn', 'true');
    await page.getByTestId('grid-cancel').click();
    await expect(page.getByTestId('grid-progress')).toHaveAttribute('data-status', 'cancelled');
    const kept = await page.locator('[data-drawn="true"]').count();
    expect(kept).toBeGreaterThan(0);
    await studio.setNumber('steps', 3);
    await page.getByTestId('grid-fill').click();
    await expect(page.getByTestId('grid-progress')).toHaveAttribute('data-status', 'done');
    expect(await page.locator('[data-cell]').count()).toBeLessThan(100);
    await expectAccessible(page, 'grid');

    const { bytes } = await studio.saves(() => page.getByTestId('grid-sheet').click());
    const { pictures, columns } = readSheetProvenance(bytes);
    expect([pictures.length, columns]).toEqual([200, 5]);
    expect(pictures[199]!.request).toMatchObject({ seed: 2063, severity: 4, steps: 3 });
  });

  await test.step('a cell is reached by keys, put side by side, and opened in Sample with its whole state', async () => {
    await page.locator('[data-cell="0"]').focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('End');
    await expect(page.locator('[data-cell="9"]')).toBeFocused();
    await page.keyboard.press('c');
    for (let i = 0; i < 6; i++) await page.keyboard.press('PageDown');
    await expect(page.locator('[data-cell="159"]')).toBeFocused();
    await page.keyboard.press('c');
    await page.keyboard.press('Enter');
    const run = await studio.finished();
    expect(run.request).toMatchObject({ seed: 2024 + 31, severity: 4, steps: 3, model: 'phantom' });
    await expect(page.getByTestId('workspace-sample')).toHaveAttribute('aria-current', 'page');
    await page.goBack();
    await expect(page.getByTestId('grid')).toBeVisible();
  });

  await test.step('side by side: one zoom, one scrubber, differences, blinking, a real picture that stays here', async () => {
    await page.getByTestId('severity-tab-compare').click();
    const panes = page.getByTestId('pane');
    await expect(panes).toHaveCount(2);
    for (const pane of await panes.all()) await expect(pane).toHaveAttribute('data-status', 'ready');

    await page.getByTestId('zoom-in').click();
    await expect(page.getByTestId('zoom')).toHaveText('125 %');
    const moved = await page.locator('.pane-moved').evaluateAll((all) => all.map((e) => e.style.transform));
    expect(new Set(moved).size).toBe(1);
    expect(moved[0]).toContain('scale(1.25)');
    await pinch(page, panes.last().locator('.pane-picture'), 2);
    await expect(page.getByTestId('zoom')).toHaveText('250 %');
    const pinched = await page.locator('.pane-moved').evaluateAll((all) => all.map((e) => e.style.transform));
    expect(new Set(pinched).size).toBe(1);
    expect(pinched[0]).toContain('scale(2.5)');
    await page.getByTestId('compare-scrubber').press('Home');
    await expect(panes.first()).toContainText('step 0 of 3');
    await expect(panes.last()).toContainText('step 0 of 3');
    await page.getByTestId('compare-scrubber').press('End');

    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    const data = new Uint8Array(60 * 40 * 3).map((_, i) => (i * 7) % 256);
    await page.locator('input[type=file]').setInputFiles({
      name: 'own.png',
      mimeType: 'image/png',
      buffer: Buffer.from(encode({ width: 60, height: 40, data, channels: 3, depth: 8 })),
    });
    await expect(panes).toHaveCount(3);
    await expect(panes.last()).toContainText('REAL – own.png');
    await page.locator('input[type=file]').setInputFiles({
      name: 'words.png',
      mimeType: 'image/png',
      buffer: Buffer.from('no picture'),
    });
    await expect(page.getByRole('alert')).toContainText('words.png is not a picture');
    expect(asked.filter((url) => !url.startsWith('blob:'))).toEqual([]);
    await expectAccessible(page, 'side by side');

    await page.getByTestId('compare-mode-difference').click();
    await expect(page.getByTestId('pane-difference')).toHaveCount(2);
    await expect(page.getByTestId('compare-scale')).toBeVisible();
    await page.getByTestId('compare-mode-blink').click();
    await page.getByTestId('blink-next').click();
    await expect(panes).toHaveCount(1);
    await expect(page.getByTestId('blink-next')).toContainText('of 3');
  });

  await test.step('the address is a link to all of it', async () => {
    await page.getByTestId('compare-mode-side').click();
    await expect.poll(() => page.url()).toContain('mode=side');
    const link = page.url();
    expect(link).toContain('#severity?v=3&model=phantom');
    await page.goto('about:blank');
    await page.goto(link);
    // A person's own picture is part of no link.
    const panes = page.getByTestId('pane');
    await expect(panes).toHaveCount(2);
    for (const pane of await panes.all()) await expect(pane).toHaveAttribute('data-status', 'ready');
    await expect(panes.last()).toContainText('seed 2055');
    await page.getByTestId('severity-tab-grid').click();
    await expect(page.getByTestId('grid-fill')).toHaveText('Draw 200 pictures');
    await page.getByTestId('grid-fill').click();
    await page.getByTestId('severity-tab-compare').click();
  });

  await test.step('nothing runs out of a telephone’s screen', async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    for (const tab of ['slider', 'grid', 'compare']) {
      await page.getByTestId(`severity-tab-${tab}`).click();
      const overflow = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      expect(overflow, tab).toBeLessThanOrEqual(0);
    }
  });
});

test('the model’s panel: figures with intervals and tables, the card, or that nothing was measured', async ({
  studio,
  page,
}) => {
  const text = await readFile('models/phantom/manifest.json', 'utf8');
  const manifest = JSON.parse(text) as BundleManifest;
  let evaluated = false;
  await page.route('**/models/phantom/manifest.json', (route) =>
    route.fulfill({
      json: evaluated ? { ...manifest, evaluation: 'metrics.json' } : { ...manifest, evaluation: undefined },
    }),
  );
  await page.route('**/models/phantom/metrics.json', (route) =>
    route.fulfill({ json: exampleMetrics(manifest) }),
  );

  await test.step('not evaluated', async () => {
    await studio.open({ model: 'phantom', ep: 'wasm' });
    await studio.finished();
    await page.getByTestId('model-info').click();
    await page.getByTestId('model-part-figures').click();
    await expect(page.getByTestId('not-evaluated')).toContainText('Not evaluated');
    await page.getByTestId('model-part-card').click();
    await expect(page.getByTestId('card').getByRole('table').first()).toBeVisible();
    await expectAccessible(page, 'card');
  });

  await test.step('evaluated', async () => {
    evaluated = true;
    await studio.open({ model: 'phantom', ep: 'wasm' });
    await studio.finished();
    await page.getByTestId('model-info').click();
    await page.getByTestId('model-part-figures').click();
    await expect(page.getByTestId('figure-kid').locator('.figure-chart svg')).toBeVisible();
    await page.getByTestId('figure-kid-table').click();
    const table = page.getByTestId('figure-kid').getByRole('table');
    await expect(table.getByRole('columnheader')).toContainText([
      'grade',
      'Series',
      'KID × 1000',
      '95 % interval',
      'n',
    ]);
    await expect(page.getByTestId('memorisation')).toContainText('4711');
    const leftOut = page.getByTestId('left-out').getByRole('row');
    await expect(leftOut).toHaveCount(3);
    await expect(leftOut.nth(1)).toContainText('interpolation');
    await expect(leftOut.nth(1)).toContainText('170');
    await expect(leftOut.last()).toContainText('which it has seen');
    await expect(leftOut.last()).toContainText('130');
    await expectAccessible(page, 'figures');
  });

  await test.step('on a phone the names under a chart do not run into each other', async () => {
    for (const [width, turned] of [
      [1280, false],
      [390, true],
    ] as const) {
      await page.setViewportSize({ width, height: 844 });
      const names = page.getByTestId('figure-qwk').locator('.figure-chart svg text', { hasText: 'Real, ' });
      await expect(names).toHaveCount(2);
      await expect
        .poll(() => names.evaluateAll((all) => all.map((one) => (one as SVGTextElement).getCTM()!.b !== 0)))
        .toEqual([turned, turned]);
    }
    await page.setViewportSize({ width: 1280, height: 800 });
  });

  await test.step('a suspicious picture is drawn again in Sample', async () => {
    const run = await studio.draws(() =>
      page.getByTestId('memorisation').getByRole('button', { name: 'Draw it again' }).first().click(),
    );
    expect(run.request).toMatchObject({ seed: 4711, severity: manifest.grades[0]!.value, variant: 'odm' });
    await expect(page.getByTestId('model-info-dialog')).toBeHidden();
  });
});
