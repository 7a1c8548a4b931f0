/**
 * The Ordinality workspace on the phantom: a run that is paused, reloaded and resumed, its numbers against the training
 * lab's (training/golden/make_ordinality_golden.py), its files, and the way from the worst place into Sample.
 */
import { readFileSync } from 'node:fs';
import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import type { BundleManifest } from '../src/models/manifest';
import type { OrdinalityRequest, Trajectory } from '../src/models/ordinality';
import { expect, test } from './fixtures';

interface Golden {
  request: OrdinalityRequest;
  weightsSha256: Record<string, string>;
  trajectories: (Omit<Trajectory, 'read'> & { steps: { distances: number[] }[]; read: number[] })[];
}
const golden = JSON.parse(readFileSync('e2e/golden/ordinality/phantom.json', 'utf8')) as Golden;
/** A small grader of the lab's, which read the golden run's pictures. */
const { entry: grader } = (
  JSON.parse(readFileSync('e2e/golden/grader/grader.json', 'utf8')) as {
    graders: Record<string, { entry: NonNullable<BundleManifest['grader']> }>;
  }
).graders['ordinal']!;
/** The grade of the golden run that the page offers; the other severity lies between two grades. */
const GRADE = 1;

async function fill(page: Page, testId: string, value: string): Promise<void> {
  await page.getByTestId(testId).fill(value);
  await page.getByTestId(testId).press('Enter');
}

async function violations(page: Page): Promise<string[]> {
  const found = await new AxeBuilder({ page })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'])
    .analyze();
  // axe finishes in a page of its own, behind which this one would not be laid out anew.
  await page.bringToFront();
  return found.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(' ')).join(', ')}`);
}

test('a run is paused, survives a reload, is resumed, and gives the lab’s numbers', async ({
  studio,
  page,
}, info) => {
  const manifest = JSON.parse(readFileSync('models/phantom/manifest.json', 'utf8')) as BundleManifest;
  await page.route('**/models/phantom/manifest.json', (route) =>
    route.fulfill({ json: { ...manifest, grader } }),
  );
  await page.route(`**/models/phantom/${grader.file}`, (route) =>
    route.fulfill({ path: `e2e/golden/grader/${grader.file}`, contentType: 'application/octet-stream' }),
  );
  await studio.open({ model: 'phantom', ep: 'wasm' });
  await studio.finished();
  await page.getByTestId('workspace-ordinality').click();
  const progress = page.getByTestId('qa-progress');
  await expect(progress).toHaveAttribute('data-status', 'none');
  await page.screenshot({ path: info.outputPath('empty.png') });

  const { request } = golden;
  await page.getByTestId('qa-seeds').fill('3, 4294967295');
  await page.getByTestId('qa-drawn').selectOption(String(GRADE));
  await fill(page, 'qa-steps', String(request.steps));
  await fill(page, 'qa-guidance', String(request.guidance));
  await page.getByTestId('qa-sampler').selectOption(request.sampler);

  // Stopped after the first trajectory at the earliest.
  await page.evaluate(() => {
    const wait = () => {
      const panel = document.querySelector('[data-testid=qa-progress]');
      const done = Number(panel?.getAttribute('data-done'));
      if (done >= 1) document.querySelector<HTMLElement>('[data-testid=qa-pause]')?.click();
      else requestAnimationFrame(wait);
    };
    requestAnimationFrame(wait);
  });
  await page.getByTestId('qa-start').click();
  await expect(progress).toHaveAttribute('data-status', /paused|finished/);
  const before = Number(await progress.getAttribute('data-done'));
  expect(before).toBeGreaterThanOrEqual(1);

  await page.reload();
  await expect(progress).toHaveAttribute('data-status', /paused|finished/);
  expect(Number(await progress.getAttribute('data-done'))).toBe(before);
  await expect(page.getByTestId('qa-seeds')).toHaveValue('3, 4294967295');
  if ((await progress.getAttribute('data-status')) === 'paused') await page.getByTestId('qa-resume').click();
  await expect(progress).toHaveAttribute('data-status', 'finished');

  const save = async (testId: string) => {
    await page.getByTestId('qa-export').click();
    const saved = await studio.saves(() => page.getByTestId(testId).click());
    await page.keyboard.press('Escape');
    return saved;
  };
  const json = await save('qa-export-json');
  const result = JSON.parse(new TextDecoder().decode(json.bytes)) as {
    model: { weights: Record<string, string> };
    request: OrdinalityRequest;
    trajectories: Trajectory[];
  };
  expect(
    result.model.weights,
    'made from other weights; run training/golden/make_ordinality_golden.py again',
  ).toEqual(golden.weightsSha256);
  const expected = golden.trajectories.filter((one) => one.severity === GRADE);
  expect(result.trajectories).toHaveLength(expected.length);
  let worst = 0;
  for (const one of expected) {
    const found = result.trajectories.find((t) => t.variant === one.variant && t.seed === one.seed)!;
    found.read!.forEach((p, k) => expect(Math.abs(p - one.read[k]!), `grade ${k}`).toBeLessThan(1e-3));
    for (const [k, step] of one.steps.entries()) {
      step.distances.forEach((d, i) => {
        const difference = Math.abs(found.steps[k]!.distances[i]! - d);
        worst = difference <= worst ? worst : difference;
      });
    }
  }
  expect(worst).toBeLessThan(1e-4);
  await expect(page.getByTestId('qa-kappa').locator('li')).toContainText([
    /n = 2 pictures/,
    /n = 2 pictures/,
  ]);
  await expect(page.getByTestId('chart-grader')).toBeVisible();

  const csv = await save('qa-export-triples');
  expect(csv.name).toBe('phantom_ordinality_triples.csv');
  const lines = new TextDecoder().decode(csv.bytes).split('\r\n');
  expect(lines).toHaveLength(1 + expected.length * request.steps * 10 + 1);
  expect(lines[0]).toBe('model,variant,severity,seed,step,t,sigma,p,q,r,slack,straightness,cosine,ordered');
  const html = new TextDecoder().decode((await save('qa-export-html')).bytes);
  expect(html).toContain('SHA-256 ' + golden.weightsSha256['odm']);
  expect(html.match(/<svg /g)!.length).toBeGreaterThanOrEqual(7);
  expect(html).not.toMatch(/<script|<link|src=|url\(http|href="http/);
  await page.getByTestId('chart-slack-save').click();
  const png = await studio.saves(() => page.getByTestId('chart-slack-png').click());
  expect([...png.bytes.slice(1, 4)].map((c) => String.fromCharCode(c)).join('')).toBe('PNG');
  const svg = await studio.saves(() => page.getByTestId('chart-slack-svg').click());
  await page.keyboard.press('Escape');
  // Colours of its own, so that it looks the same outside of the page.
  expect(new TextDecoder().decode(svg.bytes)).not.toContain('var(--text)');

  // Everything is there, in both themes and sizes.
  await page.getByTestId('chart-straightness-table').click();
  await page.getByTestId('qa-step-scrubber').focus();
  await page.keyboard.press('ArrowRight');
  await expect(page.getByTestId('qa-step-scrubber')).toHaveValue(String(request.steps / 2 + 1));
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    expect(await violations(page), colorScheme).toEqual([]);
    for (const [size, viewport] of Object.entries({
      desktop: { width: 1280, height: 800 },
      phone: { width: 390, height: 844 },
    })) {
      await page.setViewportSize(viewport);
      await page.screenshot({ path: info.outputPath(`${size}-${colorScheme}.png`), fullPage: true });
      const overflow = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      expect(overflow, `${size}: nothing runs out of the screen sideways`).toBeLessThanOrEqual(0);
    }
    await page.setViewportSize({ width: 1280, height: 800 });
  }
  await page.getByTestId('qa-triples').selectOption('neighbours');
  await page.screenshot({ path: info.outputPath('neighbours.png'), fullPage: true });

  // Every measured place is in the list, in the order of any column, a page at a time.
  const places = expected.length * request.steps * 10;
  const table = page.getByTestId('qa-worst').locator('tbody tr');
  await expect(page.getByTestId('qa-page')).toHaveText(`1 to 25 of ${places.toLocaleString('en-GB')}`);
  await page.getByTestId('qa-sort-seed').click();
  await expect(table.first().locator('td').nth(5)).toHaveText('3');
  await page.getByTestId('qa-page-last').click();
  await expect(table.last().locator('td').nth(5)).toHaveText('4294967295');
  await expect(page.getByTestId('qa-page-next')).toBeDisabled();
  await page.getByTestId('qa-sort-slack').click();
  await expect(page.getByTestId('qa-page')).toContainText('1 to 25');

  // The worst place opens in Sample at its very step.
  const row = page.getByTestId('qa-worst').locator('tbody tr').first();
  const cells = await row.locator('td').allInnerTexts();
  await page.getByTestId('qa-open-0').click();
  const run = await studio.finished();
  expect(run.request).toMatchObject({ seed: Number(cells[5]), severity: GRADE, guidance: request.guidance });
  await studio.neighboursOf(Number(cells[7]));
});

test('seeds that cannot be read are said to be so, and nothing starts', async ({ studio: _, page }) => {
  await page.goto('/?model=phantom&ep=wasm#ordinality');
  await expect(page.getByTestId('qa-seeds')).toHaveValue('0..7');
  await page.getByTestId('qa-seeds').fill('9..3');
  await page.getByTestId('qa-start').click();
  await expect(page.getByTestId('qa-problem')).toContainText('runs backwards');
  await expect(page.getByTestId('qa-progress')).toHaveAttribute('data-status', 'none');
});
