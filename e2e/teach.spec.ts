/** Teaching: a lesson by keyboard, a round of the quiz with real images mixed in, the presenter's link, axe in all of them. */
import { mkdtemp, mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Page } from '@playwright/test';
import { encode } from 'fast-png';
import { CONTROLS } from '../src/studio/store/controls';
import { expectAccessible } from './axe';
import { expect, test } from './fixtures';
import { maxDifference } from './studio';

async function openTeach(page: Page): Promise<void> {
  await page.goto('/?model=phantom#teach');
  await expect(page.getByTestId('quiz-start')).toBeEnabled();
}

test('a lesson from the first step to the last, by keyboard', async ({ studio, page }) => {
  await openTeach(page);
  await expectAccessible(page, 'Teach');
  await page.setViewportSize({ width: 390, height: 844 });
  await expectAccessible(page, 'Teach on a phone');
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.getByTestId('lesson-model').selectOption('phantom');
  await page.getByTestId('start-how-noise-becomes-a-retina').focus();
  await page.keyboard.press('Enter');
  const coach = page.getByTestId('coach');
  const done = page.getByTestId('coach-task');
  await expect(coach).toContainText('step 1 of 8');
  const { request } = await studio.finished();
  expect(request).toMatchObject({ model: 'phantom', severity: 2, seed: 2024 });

  await test.step('every part of the page that a lesson can name is there', async () => {
    for (const { id, workspaces } of CONTROLS) {
      if (workspaces.some((workspace) => workspace === 'sample'))
        await expect(page.locator(`[data-control="${id}"]`), id).toHaveCount(1);
    }
  });

  await test.step('the scene is set, Space plays, the page sees it', async () => {
    await studio.showsStep(0);
    await expect(done).toHaveAttribute('data-done', 'false');
    await page.locator('body').press('Space');
    await expect(done).toHaveAttribute('data-done', 'true');
    await expectAccessible(page, 'lesson');
  });

  await test.step('the marked control is reached with a key and used', async () => {
    await page.keyboard.press('PageDown');
    await expect(coach).toContainText('step 2 of 8');
    await page.getByTestId('coach-show').press('Enter');
    await expect(page.locator('[data-control="transport"] :focus')).toBeVisible();
    for (let i = 0; i < Math.ceil(request.steps * 0.4); i++) await studio.scrubber.press('ArrowRight');
    await expect(done).toHaveAttribute('data-done', 'true');
    // The scrubber keeps Page Down for itself.
    await studio.scrubber.blur();
    await page.keyboard.press('PageDown');
    await expect(coach).toContainText('step 3 of 8');
    await page.getByTestId('coach-show').press('Enter');
    await page.keyboard.press('ArrowRight');
    await expect(done).toHaveAttribute('data-done', 'true');
  });

  await test.step('on to the end; a step can be skipped, and one gone back', async () => {
    for (const step of [4, 5, 6, 7]) {
      await page.keyboard.press('PageDown');
      await expect(coach).toContainText(`step ${step} of 8`);
    }
    await page.keyboard.press('PageUp');
    await expect(coach).toContainText('step 6 of 8');
    await page.getByTestId('notation-open').press('Enter');
    await expect(page.getByTestId('notation')).toHaveAttribute('data-step', String(request.steps / 2));
    await expectAccessible(page, 'formulas');
    await page.keyboard.press('PageDown');
    await page.getByTestId('seed-next').press('Enter');
    await expect(done).toHaveAttribute('data-done', 'true');
    await page.keyboard.press('PageDown');
    await page.keyboard.press('PageDown');
    await expect(coach).toBeHidden();
  });
});

test('the other two lessons to their ends: grades from one noise, then between and beyond them', async ({
  studio,
  page,
}) => {
  await openTeach(page);
  const coach = page.getByTestId('coach');
  const task = page.getByTestId('coach-task');
  const start = async (id: string, seed: number) => {
    await page.getByTestId('workspace-teach').click();
    await page.getByTestId('lesson-model').selectOption('phantom');
    await page.getByTestId(`start-${id}`).click();
    const drawn = async () => {
      const run = await studio.run();
      return run?.status === 'finished' ? run.request.seed : run?.status;
    };
    await expect.poll(drawn).toBe(seed);
  };
  /** Does a step's task, if it has one the page can see, and goes on. */
  const does = async (step: string, work?: () => Promise<void>) => {
    await expect(coach).toContainText(step);
    if (work) {
      await work();
      await expect(task, step).toHaveAttribute('data-done', 'true');
    }
    await page.getByTestId('coach-next').click();
  };
  /** The scene of a step is set when its scrubber stands where it says. */
  const scene = (share: number) => async () => {
    const { steps } = (await studio.run())!.request;
    await studio.showsStep(Math.round(share * steps));
  };
  const scrub = (share: number) => async () =>
    studio.scrubTo(Math.round(share * (await studio.run())!.request.steps));

  await start('what-a-grade-changes', 7);
  await does('step 1 of 8', scene(0.5));
  await does('step 2 of 8', async () => {
    await expect(task).toHaveAttribute('data-done', 'false');
    await page.getByTestId('neighbour-4').getByRole('button').click();
  });
  await does('step 3 of 8', () => page.getByTestId('view-difference').click());
  await does('step 4 of 8', async () => {
    await scene(0.3)();
    await expect(task).toHaveAttribute('data-done', 'false');
    await scrub(0.8)();
  });
  await does('step 5 of 8', scrub(0.5));
  await does('step 6 of 8', async () => {
    const { request } = await studio.draws(() => page.getByTestId('variant-dm').click());
    expect(request.variant).toBe('dm');
  });
  await does('step 7 of 8', async () => {
    await scene(1)();
    await studio.draws(() => studio.chooseGrade(4));
  });
  await does('step 8 of 8');
  await expect(coach).toBeHidden();

  await start('between-and-beyond-grades', 11);
  await does('step 1 of 6', async () => {
    await scene(1)();
    const { request } = await studio.draws(() => studio.chooseGrade(1));
    expect(request).toMatchObject({ variant: 'odm', seed: 11 });
  });
  const slider = page.getByTestId('severity-range');
  await does('step 2 of 6', async () => {
    await expect(slider).toBeVisible();
    await test.step('the way to the control opens its tab', async () => {
      await page.getByTestId('severity-tab-grid').click();
      await expect(slider).toBeHidden();
      await page.getByTestId('coach-show').click();
      await expect(slider).toBeFocused();
    });
    await page.keyboard.press('ArrowRight');
  });
  await does('step 3 of 6', () => slider.press('PageUp'));
  await does('step 4 of 6', () => slider.press('End'));
  await expect(page.getByTestId('followed-odm')).toContainText('extrapolated');
  await does('step 5 of 6');
  await does('step 6 of 6');
  await expect(coach).toBeHidden();
});

test('a lesson of one’s own; one that is none says where', async ({ studio: _, page }) => {
  await openTeach(page);
  const input = page.locator('input[type=file]:not([webkitdirectory])');
  const file = (text: string) => ({
    name: 'mine.json',
    mimeType: 'application/json',
    buffer: Buffer.from(text),
  });
  await input.setInputFiles(file('{ "formatVersion": 1, "id": "Mine" }'));
  await expect(page.getByTestId('lesson-problem')).toContainText('mine.json');
  const lesson = { formatVersion: 1, id: 'mine', title: 'My lesson', summary: 'Short.', minutes: 1 };
  const steps = [{ title: 'Only one', text: ['Look at {highest}.'] }];
  await input.setInputFiles(file(JSON.stringify({ ...lesson, start: { grade: 'highest', seed: 3 }, steps })));
  await expect(page.getByTestId('lesson-problem')).toBeHidden();
  await page.getByTestId('start-mine').click();
  await expect(page.getByTestId('coach')).toContainText('Look at 4.');
});

/** A folder of one image a grade, each of one colour. */
async function imageFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'studio-quiz-'));
  await mkdir(path.join(folder, 'images'));
  const rows = ['file,grade'];
  for (const grade of [0, 1, 2, 3, 4]) {
    const data = new Uint8Array(40 * 40 * 3).fill(50 * grade);
    await writeFile(
      path.join(folder, 'images', `${grade}.png`),
      encode({ width: 40, height: 40, data, channels: 3 }),
    );
    rows.push(`images/${grade}.png,${grade}`);
  }
  await writeFile(path.join(folder, 'labels.csv'), `${rows.join('\n')}\n`);
  return folder;
}

test('a round by keyboard, real images among the drawn ones', async ({ studio, page }) => {
  await openTeach(page);
  await page.getByTestId('quiz-count').fill('5');
  await page.getByTestId('quiz-count').press('Enter');
  await page.locator('input[webkitdirectory]').setInputFiles(await imageFolder());
  await expect(page.getByTestId('quiz-reals')).toContainText('5 real images');
  await page.getByTestId('quiz-start').press('Enter');
  const quiz = page.getByTestId('quiz');
  for (let i = 0; i < 5; i++) {
    await expect(quiz).toHaveAttribute('data-at', String(i));
    await expect(quiz).toHaveAttribute('data-ready', 'true');
    if (i === 0) await expectAccessible(page, 'question');
    await page.keyboard.press('2');
    await expect(page.getByTestId('quiz-said')).toContainText(/Right\.|Not right\./);
    // The button to go on has the focus.
    await page.keyboard.press('Enter');
  }

  // Five questions of five grades: each was asked once, and one of them was 2.
  await expect(page.getByTestId('quiz-headline')).toContainText('1 of 5 right');
  await expect(page.getByTestId('quiz-recall-2')).toContainText('1 of 1');
  await expect(page.getByTestId('quiz-recall-4')).toContainText('0 of 1');
  // Always the same answer agrees with the truth as chance does.
  await expect(page.getByTestId('quiz-kappa')).toHaveText('0.0000');
  await expect(page.getByTestId('quiz-confusion').getByRole('row')).toHaveCount(6);
  await expectAccessible(page, 'results');

  const results = page.getByTestId('quiz-results');
  const real = await results.locator('.review-real').count();
  expect(real).toBeGreaterThan(0);
  expect(real).toBeLessThan(5);
  await page.getByTestId('quiz-subset-real').click();
  await expect(page.getByTestId('quiz-headline')).toContainText(`of ${real} right`);

  const { name, bytes } = await studio.saves(() => page.getByTestId('quiz-csv').click());
  expect(name).toBe('quiz_phantom_grade_round-1.csv');
  const lines = new TextDecoder().decode(bytes).trim().split('\r\n');
  expect(lines).toHaveLength(6);
  expect(lines.filter((line) => line.includes(',real,images/'))).toHaveLength(real);

  await test.step('two at a time', async () => {
    await page.getByTestId('quiz-done').click();
    await page.getByTestId('quiz-mode-pair').click();
    await page.getByTestId('quiz-feedback-end').click();
    await page.getByTestId('quiz-start').click();
    for (let i = 0; i < 5; i++) {
      await expect(quiz).toHaveAttribute('data-at', String(i));
      await expect(quiz).toHaveAttribute('data-ready', 'true');
      await page.locator('body').press('ArrowLeft');
    }
    await expect(page.getByTestId('quiz-headline')).toContainText('of 5 right');
  });
});

test('a presenter’s link opens the same picture in a fresh browser, without what was hidden', async ({
  studio,
  page,
  browser,
}) => {
  await studio.open({ model: 'phantom' });
  await studio.finished();
  const { request } = await studio.draws(() => studio.chooseGrade(3));
  await studio.scrubTo(4);
  const { x } = await studio.pixels(4);
  await page.getByTestId('workspace-teach').click();
  await page.getByTestId('present-grade').click();
  const link = await page.getByTestId('presenter-link').inputValue();

  const context = await browser.newContext({ serviceWorkers: 'block' });
  try {
    const other = await context.newPage();
    await other.goto(link);
    await expect(other.getByTestId('presenter')).toBeVisible();
    await expect
      .poll(() => other.evaluate(() => window.odmStudio?.store.getState().run?.status))
      .toBe('finished');
    const shown = await other.evaluate(() => {
      const { run, cursor } = window.odmStudio!.store.getState();
      return { request: run!.request, cursor, x: Array.from(window.odmStudio!.frame(4)!.x) };
    });
    expect(shown.request).toEqual(request);
    expect(shown.cursor).toBe(4);
    expect(maxDifference(Float32Array.from(shown.x), x)).toBeLessThan(1e-4);

    await expect(other.getByTestId('synthetic-badge')).toBeVisible();
    for (const shownControl of ['scrubber', 'filmstrip', 'grade']) {
      await expect(other.getByTestId(shownControl), shownControl).toBeVisible();
    }
    for (const hidden of ['model', 'seed', 'generate', 'view', 'save', 'neighbours', 'workspace-teach']) {
      await expect(other.getByTestId(hidden), hidden).toBeHidden();
    }
    await expectAccessible(other, 'presenter');

    // What is hidden still has its keys; so does the rest.
    await other.keyboard.press('ArrowRight');
    await expect.poll(() => other.evaluate(() => window.odmStudio?.store.getState().cursor)).toBe(5);
    await other.keyboard.press('4');
    await expect
      .poll(() => other.evaluate(() => window.odmStudio?.store.getState().run?.request.severity))
      .toBe(4);

    await other.getByTestId('leave-presenter').press('Enter');
    await expect(other.getByTestId('neighbours')).toBeVisible();
    expect(new URL(other.url()).searchParams.has('present')).toBe(false);
  } finally {
    await context.close();
  }
});
