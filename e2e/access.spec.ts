/** For everybody: axe in both themes and sizes, no sideways scrolling on a telephone, and the whole job by keyboard. */
import { seriousViolations } from './axe';
import { expect, test } from './fixtures';
import type { Studio } from './studio';

const SIZES = {
  desktop: { width: 1280, height: 800 },
  phone: { width: 390, height: 844 },
} as const;

async function openWithEverythingShown(studio: Studio): Promise<void> {
  await studio.open({ model: 'phantom' });
  const { request } = await studio.finished();
  const middle = Math.round(request.steps / 2);
  await studio.scrubTo(middle);
  await studio.neighboursOf(middle);
}

for (const [size, viewport] of Object.entries(SIZES)) {
  for (const colorScheme of ['light', 'dark'] as const) {
    test(`axe finds nothing serious: ${size}, ${colorScheme}`, async ({ studio, page }, info) => {
      await page.setViewportSize(viewport);
      await page.emulateMedia({ colorScheme });
      await openWithEverythingShown(studio);
      await page.screenshot({
        path: info.outputPath(`${size}-${colorScheme}.png`),
        fullPage: size === 'phone',
      });
      expect(await seriousViolations(page)).toEqual([]);

      for (const disclosure of ['advanced', 'distances-open', 'triples-open']) {
        await page.getByTestId(disclosure).click();
      }
      await page.getByTestId('neighbour-4').getByRole('button').click();
      await page.getByTestId('view-difference').click();
      expect(await seriousViolations(page)).toEqual([]);

      for (const [opener, dialog] of [
        ['shortcuts', 'shortcuts-dialog'],
        ['model-info', 'model-info-dialog'],
      ] as const) {
        await page.getByTestId(opener).click();
        await expect(page.getByTestId(dialog)).toBeVisible();
        expect(await seriousViolations(page), dialog).toEqual([]);
        await page.keyboard.press('Escape');
        await expect(page.getByTestId(dialog)).toBeHidden();
      }
    });
  }
}

test('the error panel too', async ({ studio, page }) => {
  await studio.open({ model: 'phantom', ep: 'webgpu' });
  await expect(studio.error).toBeVisible();
  expect(await seriousViolations(page)).toEqual([]);
});

test('nothing runs out of the screen sideways', async ({ studio, page }) => {
  for (const width of [390, 320, 1280]) {
    await page.setViewportSize({ width, height: 844 });
    if (page.url() === 'about:blank') await openWithEverythingShown(studio);
    const overflow = await page.evaluate(() => {
      const { scrollWidth, clientWidth } = document.documentElement;
      return scrollWidth - clientWidth;
    });
    expect(overflow, `at ${width} pixels`).toBeLessThanOrEqual(0);
  }
});

test('motion that a person does not want is left out', async ({ studio, page }) => {
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await openWithEverythingShown(studio);
  const moving = await page.evaluate(
    () =>
      document
        .getAnimations()
        .filter((animation) => Number(animation.effect?.getComputedTiming().activeDuration ?? 0) > 10).length,
  );
  expect(moving).toBe(0);
});

test('the whole job by keyboard', async ({ studio, page }) => {
  await studio.open({ model: 'phantom' });
  const first = await studio.finished();
  const { steps, seed } = first.request;

  await test.step('digits choose a grade', async () => {
    const run = await studio.draws(() => page.keyboard.press('4'));
    expect(run.request.severity).toBe(4);
  });

  await test.step('arrows step through the trajectory, Space plays', async () => {
    await page.keyboard.press('ArrowLeft');
    await studio.showsStep(steps - 1);
    await page.keyboard.press('ArrowLeft');
    await studio.showsStep(steps - 2);
    await page.keyboard.press('ArrowRight');
    await studio.showsStep(steps - 1);
    await page.keyboard.press('Space');
    await studio.showsStep(steps);
  });

  await test.step('the scrubber is a native range', async () => {
    await studio.scrubber.focus();
    await page.keyboard.press('Home');
    await studio.showsStep(0);
    await page.keyboard.press('PageUp');
    await studio.showsStep(Math.min(10, steps));
    await page.keyboard.press('End');
    await studio.showsStep(steps);
    await expect(studio.scrubber).toHaveAttribute(
      'aria-valuetext',
      `step ${steps} of ${steps}, finished picture`,
    );
    await studio.scrubber.blur();
  });

  await test.step('brackets compare with a neighbour', async () => {
    await page.keyboard.press('[');
    await expect(page.getByTestId('neighbour-3').getByRole('button')).toHaveAttribute('aria-pressed', 'true');
    await page.keyboard.press(']');
    await expect(page.getByTestId('neighbour-3').getByRole('button')).toHaveAttribute(
      'aria-pressed',
      'false',
    );
  });

  await test.step('S locks the seed, G generates', async () => {
    await page.keyboard.press('s');
    await expect(page.getByTestId('seed-lock')).toHaveAttribute('aria-pressed', 'true');
    const same = await studio.draws(() => page.keyboard.press('g'));
    expect(same.request.seed).toBe(seed);
    await page.keyboard.press('s');
    const other = await studio.draws(() => page.keyboard.press('g'));
    expect(other.request.seed).not.toBe(seed);
  });

  await test.step('a text field keeps its keys', async () => {
    const before = await studio.run();
    await page.getByTestId('seed').fill('');
    await page.getByTestId('seed').pressSequentially('21');
    await page.keyboard.press('Enter');
    await expect(page.getByTestId('seed')).toHaveValue('21');
    expect((await studio.run())?.id).toBe(before?.id);
    await page.getByTestId('seed').blur();
  });

  await test.step('Escape cancels, ? lists the keys', async () => {
    await studio.setNumber('steps', 1000);
    await page.getByTestId('steps').blur();
    await page.keyboard.press('g');
    // Looked at often: the phantom is quick, and there must be something left to cancel.
    await expect
      .poll(
        async () => {
          const run = await studio.run();
          return run?.request.steps === 1000 ? run.held.length : 0;
        },
        { intervals: [20] },
      )
      .toBeGreaterThan(2);
    await page.keyboard.press('Escape');
    await expect(studio.activity).toHaveAttribute('data-state', 'cancelled');
    await page.keyboard.press('?');
    await expect(page.getByTestId('shortcuts-dialog')).toContainText('Generate');
    await page.keyboard.press('Escape');
    await expect(page.getByTestId('shortcuts-dialog')).toBeHidden();
  });

  await test.step('every control is reached with Tab, and shows that it is', async () => {
    const wanted = new Set([
      'model',
      'seed',
      'seed-dice',
      'steps',
      'sampler',
      'generate',
      'save',
      'scrubber',
      'play',
    ]);
    await page.locator('body').evaluate((body) => {
      (document.activeElement as HTMLElement | null)?.blur();
      body.scrollTo(0, 0);
    });
    for (let i = 0; i < 80 && wanted.size > 0; i++) {
      await page.keyboard.press('Tab');
      const id = await page.evaluate(
        () => (document.activeElement as HTMLElement | null)?.dataset['testid'] ?? '',
      );
      if (!wanted.delete(id)) continue;
      const outline = await page.evaluate(() => {
        const style = getComputedStyle(document.activeElement!);
        const around = document.activeElement!.parentElement;
        const box = around ? getComputedStyle(around) : style;
        return [style.outlineStyle, style.boxShadow, box.outlineStyle, box.boxShadow];
      });
      expect(
        outline.some((value) => value !== 'none'),
        `${id} shows its focus`,
      ).toBe(true);
    }
    expect([...wanted]).toEqual([]);
  });
});
