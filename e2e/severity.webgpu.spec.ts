/** A grid and an ordinality run on real WebGPU (Chromium's software adapter), against the same on WASM. */
import type { Page } from '@playwright/test';
import type { Trajectory } from '../src/models/ordinality';
import { expect, test } from './fixtures';
import type { Studio } from './studio';

async function set(page: Page, testId: string, value: string): Promise<void> {
  await page.getByTestId(testId).fill(value);
  await page.getByTestId(testId).press('Enter');
}

/** RGBA bytes of every cell of a grid of two seeds and two severities. */
async function grid(studio: Studio, page: Page, ep: 'webgpu' | 'wasm'): Promise<number[][]> {
  await page.goto(`/?model=phantom&ep=${ep}#severity`);
  await page.getByTestId('severity-tab-grid').click();
  await studio.setNumber('steps', 3);
  await set(page, 'rows-count', '2');
  await set(page, 'columns-count', '2');
  await page.getByTestId('grid-fill').click();
  await expect(page.getByTestId('grid-progress')).toHaveAttribute('data-status', 'done');
  await expect(page.getByTestId('provider-chip')).toHaveText(ep === 'webgpu' ? 'WebGPU' : 'WASM');
  const cells = page.locator('[data-cell] canvas[data-painted="true"]');
  await expect(cells).toHaveCount(4);
  return cells.evaluateAll((all) =>
    all.map((canvas) => {
      const { width, height } = canvas as HTMLCanvasElement;
      const pen = (canvas as HTMLCanvasElement).getContext('2d')!;
      return Array.from(pen.getImageData(0, 0, width, height).data);
    }),
  );
}

async function measure(studio: Studio, page: Page, ep: 'webgpu' | 'wasm'): Promise<Trajectory[]> {
  await page.goto(`/?model=phantom&ep=${ep}#ordinality`);
  await page.getByTestId('qa-seeds').fill(ep === 'webgpu' ? '5' : '5, 6');
  await page.getByTestId('qa-drawn').selectOption('2');
  await set(page, 'qa-steps', '3');
  await page.getByTestId('qa-start').click();
  await expect(page.getByTestId('qa-progress')).toHaveAttribute('data-status', 'finished');
  await expect(page.getByTestId('provider-chip')).toHaveText(ep === 'webgpu' ? 'WebGPU' : 'WASM');
  await page.getByTestId('qa-export').click();
  const { bytes } = await studio.saves(() => page.getByTestId('qa-export-json').click());
  return (JSON.parse(new TextDecoder().decode(bytes)) as { trajectories: Trajectory[] }).trajectories;
}

function countKept(): Promise<number> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open('ordinality');
    opening.onerror = () => reject(new Error('the database cannot be opened'));
    opening.onsuccess = () => {
      const counting = opening.result.transaction('trajectories').objectStore('trajectories').count();
      counting.onsuccess = () => {
        opening.result.close();
        resolve(counting.result);
      };
    };
  });
}

test('a grid is filled alike', async ({ studio, page }) => {
  test.setTimeout(600_000);
  const gpu = await grid(studio, page, 'webgpu');
  const cpu = await grid(studio, page, 'wasm');
  expect(new Set(gpu.map((cell) => cell.join())).size).toBe(4);
  gpu.forEach((cell, i) => {
    const most = cell.reduce((max, byte, k) => Math.max(max, Math.abs(byte - cpu[i]![k]!)), 0);
    expect(most, `cell ${i}`).toBeLessThanOrEqual(1);
  });
});

test('an ordinality run measures alike', async ({ studio, page }) => {
  test.setTimeout(600_000);
  const gpu = await measure(studio, page, 'webgpu');
  expect(gpu.map(({ variant, seed }) => `${variant}/${seed}`).sort()).toEqual(['dm/5', 'odm/5']);
  // What was measured is found again by its content, whatever computed it.
  await page.keyboard.press('Escape');
  await page.getByTestId('qa-discard').click();
  await expect.poll(() => page.evaluate(countKept)).toBe(0);
  const cpu = await measure(studio, page, 'wasm');
  expect(cpu).toHaveLength(4);
  let worst = 0;
  for (const one of gpu) {
    const other = cpu.find(({ variant, seed }) => variant === one.variant && seed === one.seed)!;
    expect(one.steps).toHaveLength(3);
    one.steps.forEach(({ distances }, k) =>
      distances.forEach((d, i) => (worst = Math.max(worst, Math.abs(d - other.steps[k]!.distances[i]!)))),
    );
  }
  expect(worst).toBeLessThan(1e-3);
  expect(worst, 'two providers never agree to the last bit').toBeGreaterThan(0);
});
