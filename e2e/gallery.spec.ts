/**
 * What is kept, what leaves and what comes back, on the phantom: the gallery across reloads and tabs, a full disk, files
 * dropped on the page, links in another profile, batches.
 */
import { readFile } from 'node:fs/promises';
import type { Page } from '@playwright/test';
import { decode, encode } from 'fast-png';
import { unzipSync, strFromU8 } from 'fflate';
import { ALL_FORMATS, BufferSource, EncodedPacketSink, Input } from 'mediabunny';
import { readProvenance } from '../src/exchange/png';
import { parseRequests } from '../src/exchange/requestTable';
import { expect, test } from './fixtures';
import { changeGrade } from '../src/models/request';
import { maxDifference, Studio, type RunState } from './studio';
import { seriousViolations } from './axe';

// Wide: nothing here is waited for by the clock, and everything may take its time on a busy machine.
test.describe.configure({ timeout: 900_000 });

/** For what takes many evaluations. */
const LONG = { timeout: 600_000 };

const tiles = (page: Page) => page.getByTestId('tile');

async function openGallery(page: Page): Promise<void> {
  await page.getByTestId('workspace-gallery').click();
  await expect(page.getByTestId('gallery')).toHaveAttribute('data-status', 'ready');
}

/** Opens the kept picture that was noted. */
async function openNoted(page: Page): Promise<void> {
  await openGallery(page);
  await page.getByTestId('filter-text').fill('lecture');
  await expect(tiles(page)).toHaveCount(1);
  await tiles(page).first().click();
  await expect(page.getByTestId('note')).toHaveValue('for the lecture');
}

async function drop(page: Page, name: string, bytes: Uint8Array, type = 'image/png'): Promise<void> {
  await page.evaluate(
    ([name, type, base64]) => {
      const bytes = Uint8Array.from(atob(base64!), (c) => c.charCodeAt(0));
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([bytes], name!, { type: type! }));
      document.body.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
    },
    [name, type, Buffer.from(bytes).toString('base64')],
  );
}

test('every run is kept, found again, deleted and taken back, in two tabs at once', async ({
  studio,
  page,
  context,
}) => {
  await studio.open({ model: 'phantom', ep: 'wasm' });
  const first = await studio.finished();
  await studio.draws(() => studio.chooseGrade(4));
  await studio.stopsLongRun();

  await openGallery(page);
  await expect(tiles(page)).toHaveCount(3);
  await expect(tiles(page).first()).toHaveAccessibleName(/stopped early/);

  await test.step('after a reload too; the picture that the address draws again is the same entry', async () => {
    await page.reload();
    await expect(tiles(page)).toHaveCount(3);
  });

  await test.step('its settings are seen without touching the current ones', async () => {
    await page.getByTestId('filter-grade').selectOption({ index: 1 });
    await expect(tiles(page)).toHaveCount(1);
    const before = await page.evaluate(() => window.odmStudio?.store.getState().draft);
    await tiles(page).first().click();
    await expect(page.getByTestId('details-facts')).toContainText(String(first.request.seed));
    expect(await page.evaluate(() => window.odmStudio?.store.getState().draft)).toEqual(before);
  });

  await test.step('a note and a star find it again', async () => {
    await page.getByTestId('note').fill('for the lecture');
    await page.getByTestId('star').click();
    await expect(page.getByTestId('star')).toHaveAttribute('aria-pressed', 'true');
    await page.getByTestId('filter-clear').click();
    await expect(tiles(page)).toHaveCount(3);
    await page.getByTestId('filter-text').fill('LECTURE');
    await expect(tiles(page)).toHaveCount(1);
    await page.getByTestId('filter-clear').click();
    await page.getByTestId('filter-starred').click();
    await expect(tiles(page)).toHaveCount(1);
    await page.getByTestId('filter-clear').click();
  });

  const other = await context.newPage();
  await test.step('another tab sees them, draws, and deletes; this one follows', async () => {
    const there = new Studio(other);
    await there.open({ model: 'phantom', ep: 'wasm' });
    await there.finished();
    await there.setNumber('seed', 77);
    await there.draws(() => other.getByTestId('generate').click());
    await expect(tiles(page)).toHaveCount(4);
    await openGallery(other);
    await expect(tiles(other)).toHaveCount(4);
    await other.getByTestId('choose-all').click();
    await other.getByTestId('delete-chosen').click();
    await expect(tiles(other)).toHaveCount(0);
    await expect(tiles(page)).toHaveCount(0);
    await other.getByTestId('undo-delete').click();
    await expect(tiles(page)).toHaveCount(4);
    await other.close();
  });

  await test.step('with the keyboard: arrows move, X chooses, Enter looks', async () => {
    await tiles(page).first().focus();
    await page.keyboard.press('ArrowRight');
    await expect(tiles(page).nth(1)).toBeFocused();
    await page.keyboard.press('x');
    await expect(page.getByTestId('gallery-count')).toHaveText('1 of 4 chosen');
    await page.keyboard.press('End');
    await expect(tiles(page).nth(3)).toBeFocused();
    await page.keyboard.press('Enter');
    await expect(page.getByTestId('details')).toBeVisible();
    await page.getByTestId('choose-none').click();
  });

  await test.step('the starred one is drawn again with its settings, remixed, and at another grade', async () => {
    await openNoted(page);
    await page.getByTestId('use-settings').click();
    await studio.finishedAs(first.request);
    await expect(page.getByTestId('picture')).toBeVisible();
    await openNoted(page);
    const remix = await studio.draws(() => page.getByTestId('remix').click());
    expect({ ...remix.request, seed: 0 }).toEqual({ ...first.request, seed: 0 });
    expect(remix.request.seed).not.toBe(first.request.seed);
  });

  const step = 12;
  const changed = changeGrade(first.request, step, 0);
  let drawnAgain: Float32Array;
  await test.step('gone on from a step of it with another grade, whose first steps are drawn again', async () => {
    await openNoted(page);
    await page.getByTestId('continue-step').fill(String(step));
    await page.getByTestId('other-grade').selectOption('0');
    await studio.finishedAs(changed);
    expect(changed.changedFrom).toEqual([{ severity: first.request.severity, step }]);
    drawnAgain = (await studio.pixels()).x;
    await expect(page.getByTestId('changed-grade')).toContainText(`up to step ${step}`);
    await openGallery(page);
    await expect(tiles(page).filter({ hasText: `changed at step ${step}` })).toHaveCount(1);
  });

  await test.step('and from a kept step: the same picture, by the evaluations of the rest alone', async () => {
    await page.getByTestId('keep-trajectories').click();
    await page.getByTestId('workspace-sample').click();
    await studio.chooseGrade(first.request.severity);
    await studio.finishedAs(first.request);
    await openNoted(page);
    await expect(page.getByTestId('details-facts')).toContainText('with every step');
    await page.getByTestId('continue-step').fill(String(step));
    await page.getByTestId('other-grade').selectOption('0');
    await studio.finishedAs(changed);
    const evaluated = await page.evaluate(() => window.odmStudio!.store.getState().run!.nfe);
    expect(evaluated).toBe(first.request.steps - step);
    expect(maxDifference((await studio.pixels()).x, drawnAgain)).toBe(0);
  });

  await test.step('in Sample from the scrubber; the link of it opens in a fresh tab', async () => {
    await studio.scrubTo(15);
    await page.getByTestId('continue-with').selectOption('4');
    const twice = changeGrade(changed, 15, 4);
    await studio.finishedAs(twice);
    const picture = await studio.pixels();
    await expect.poll(() => page.url()).toContain(`${new URLSearchParams({ changed: '2@12 0@15' })}`);
    const fresh = new Studio(await context.newPage());
    await fresh.page.goto(page.url());
    await fresh.finishedAs(twice);
    expect(maxDifference((await fresh.pixels()).x, picture.x)).toBe(0);
    await fresh.page.close();
  });
});

test('a full disk is said, and nothing kept before is lost', async ({ studio, page, context }) => {
  const cdp = await context.newCDPSession(page);
  const origin = new URL(test.info().project.use.baseURL!).origin;
  // Before anything is stored: what a browser allots to a database in advance is then never more than this.
  const quotaSize = 12_000_000;
  await cdp.send('Storage.overrideQuotaForOrigin', { origin, quotaSize });
  await studio.open({ model: 'phantom', ep: 'wasm' });
  await studio.finished();
  await openGallery(page);
  await expect(tiles(page)).toHaveCount(1);
  await page.getByTestId('keep-trajectories').click();
  await page.getByTestId('workspace-sample').click();

  // Runs of some megabytes each, as many as it takes: when the browser sees that the disk is full is its own affair.
  await studio.setNumber('steps', 100);
  const notice = page.getByTestId('notice');
  const kept: number[] = [];
  let run: RunState;
  for (let seed = 1; ; seed++) {
    run = await studio.draws(async () => {
      await studio.setNumber('seed', seed);
      await page.getByTestId('generate').click();
    });
    const there = await keptOrRefused(page, seed);
    if (!there) break;
    kept.push(seed);
    expect(kept.length * 2_000_000, 'more is kept than there is room for').toBeLessThan(3 * quotaSize);
  }
  expect(kept.length).toBeGreaterThan(0);
  await expect(notice).toContainText('no space left');
  // The picture itself is on the page and can be saved.
  await page.getByTestId('save').click();
  const { bytes } = await studio.saves(() => page.getByTestId('save-png').click());
  expect(readProvenance(bytes).request).toEqual(run.request);
  await page.keyboard.press('Escape');
  await openGallery(page);
  await expect(tiles(page)).toHaveCount(1 + kept.length);

  await test.step('with room again, it is kept again', async () => {
    await cdp.send('Storage.overrideQuotaForOrigin', { origin });
    await page.getByTestId('workspace-sample').click();
    await studio.draws(() => page.getByTestId('generate').click());
    await openGallery(page);
    await expect(tiles(page)).toHaveCount(2 + kept.length);
  });
});

/** Waits until the run of a seed is in the gallery, or the page says why it is not; gives which. */
async function keptOrRefused(page: Page, seed: number): Promise<boolean> {
  const there = await page.waitForFunction(
    async (wanted) => {
      if (document.querySelector('[data-testid="notice"]')?.textContent?.includes('no space left'))
        return 'no';
      const db = await new Promise<IDBDatabase>((resolve, reject) => {
        const opening = indexedDB.open('ordinal-studio-gallery');
        opening.onsuccess = () => resolve(opening.result);
        opening.onerror = () => reject(opening.error!);
      });
      const entries = await new Promise<{ request: { seed: number } }[]>((resolve, reject) => {
        const reading = db.transaction('entries').objectStore('entries').getAll();
        reading.onsuccess = () => resolve(reading.result as { request: { seed: number } }[]);
        reading.onerror = () => reject(reading.error!);
      });
      db.close();
      return entries.some((entry) => entry.request.seed === wanted) ? 'yes' : false;
    },
    seed,
    { timeout: 0 },
  );
  return (await there.jsonValue()) === 'yes';
}

test('files and links bring back what the page showed, and say what is wrong with them', async ({
  studio,
  page,
  browser,
  baseURL,
}) => {
  await studio.open({ model: 'phantom', ep: 'wasm' });
  await studio.finished();
  await studio.setNumber('seed', 4242);
  const run = await studio.draws(() => page.getByTestId('generate').click());
  const picture = await studio.pixels();
  await studio.scrubTo(2);
  await page.getByTestId('view-x0').click();
  await page.getByTestId('save').click();
  const { bytes } = await studio.saves(() => page.getByTestId('save-png').click());
  await page.keyboard.press('Escape');
  await expect.poll(() => page.url()).toContain('view=x0');
  await expect.poll(() => page.url()).toContain('step=2');
  const link = page.url();
  const notice = page.getByTestId('notice');

  await test.step('a saved picture dropped on the page', async () => {
    await studio.draws(() => studio.chooseGrade(0));
    const again = await studio.draws(() => drop(page, 'picture.png', bytes));
    expect(again.request).toEqual(run.request);
    expect(maxDifference((await studio.pixels()).x, picture.x)).toBeLessThan(1e-4);
  });

  await test.step('not ours, ours but broken, and made by another model are told apart', async () => {
    const plain = encode({ width: 2, height: 2, data: new Uint8Array(12), channels: 3 });
    await drop(page, 'other.png', plain);
    await expect(notice).toContainText('was not saved by this studio');
    await drop(page, 'cut.png', bytes.slice(0, bytes.length - 40));
    await expect(notice).toContainText('damaged');
    await drop(page, 'text.txt', Buffer.from('hello'), 'text/plain');
    await expect(notice).toContainText('not a readable PNG');
    const foreign = encode({
      ...decode(bytes),
      text: {
        Software: 'Ordinal Diffusion Studio',
        'ordinal-diffusion-studio': JSON.stringify({
          ...readProvenance(bytes),
          request: { ...run.request, model: 'somebody-elses' },
        }),
      },
    });
    await drop(page, 'foreign.png', foreign);
    await expect(notice).toContainText('another model, somebody-elses');
    await page.getByTestId('notice-close').click();
    expect((await studio.run())?.request).toEqual(run.request);
  });

  await test.step('the link in another profile: the same picture, looked at in the same way', async () => {
    const context = await browser.newContext({ baseURL: baseURL! });
    const fresh = new Studio(await context.newPage());
    await fresh.page.goto(link);
    const theirs = await fresh.finished();
    expect(theirs.request).toEqual(run.request);
    expect(maxDifference((await fresh.pixels()).x, picture.x)).toBe(0);
    await fresh.showsStep(2);
    await expect(fresh.page.getByTestId('view-x0')).toHaveAttribute('data-selected', 'true');
    await expect(fresh.page.getByTestId('notice')).toBeHidden();

    // A link of the first version, put into the open page's address.
    const old = new URLSearchParams(new URL(link).hash.split('?')[1]);
    const request = Object.fromEntries(
      ['model', 'variant', 'severity', 'sampler', 'steps', 'guidance', 'eta', 'sha256'].map((key) => [
        key,
        old.get(key)!,
      ]),
    );
    const hash = new URLSearchParams({ v: '1', ...request, seed: '5' }).toString();
    const opened = await fresh.draws(() =>
      fresh.page.evaluate((h) => void (location.hash = `sample?${h}`), hash),
    );
    expect(opened.request).toEqual({ ...run.request, seed: 5 });
    await context.close();
  });

  await test.step('a broken link, and one to other weights', async () => {
    const context = await browser.newContext({ baseURL: baseURL! });
    const fresh = new Studio(await context.newPage());
    await fresh.page.goto(link.replace(/seed=\d+/, 'seed=x'));
    await expect(fresh.page.getByTestId('notice')).toContainText('This link is damaged: its seed');
    const standard = await fresh.finished();
    expect(standard.request.seed).toBe(2024);
    await fresh.page.goto('about:blank');
    await fresh.page.goto(link.replace(/sha256=[0-9a-f]+/, `sha256=${'0'.repeat(64)}`));
    await fresh.finished();
    await expect(fresh.page.getByTestId('notice')).toContainText('other weights');
    await context.close();
  });
});

test('films whose frames can be counted, a figure for slides, the clipboard', async ({
  studio,
  page,
  context,
}) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await studio.open({ model: 'phantom', ep: 'wasm' });
  const { request, held } = await studio.finished();

  await test.step('the trajectory as a film', async () => {
    await page.getByTestId('save').click();
    await page.getByTestId('save-film').click();
    await page.getByTestId('film-size').selectOption('256');
    const format = page.getByTestId('film-format');
    await expect.poll(() => format.locator('option').count()).toBeGreaterThan(1);
    const video = await studio.saves(() => page.getByTestId('film-make').click());
    expect(video.name).toMatch(/\.(mp4|webm)$/);
    expect(await decodedFrames(page, video.bytes)).toBe(held.length);
  });

  await test.step('the severity scale as a GIF', async () => {
    await page.getByTestId('film-subject-sweep').click();
    await page.getByTestId('film-format').selectOption('gif');
    await page.getByTestId('film-count').fill('5');
    await page.getByTestId('film-count').press('Enter');
    const gif = await studio.saves(() => page.getByTestId('film-make').click());
    expect(gif.name).toMatch(/_sweep\.gif$/);
    await expect(page.getByTestId('film-message')).toContainText('5 frames');
    const frames = await page.evaluate(async (base64) => {
      const data = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
      const decoder = new ImageDecoder({ data, type: 'image/gif' });
      await decoder.tracks.ready;
      await decoder.completed;
      return decoder.tracks.selectedTrack?.frameCount;
    }, Buffer.from(gif.bytes).toString('base64'));
    expect(frames).toBe(5);
    await page.getByTestId('film-make').press('Escape');
    await expect(page.getByTestId('film-dialog')).toBeHidden();
  });

  await test.step('the same from the Severity workspace', async () => {
    await page.getByTestId('workspace-severity').click();
    await page.getByTestId('film-scale').click();
    await page.getByTestId('film-size').selectOption('256');
    await page.getByTestId('film-format').selectOption('gif');
    await page.getByTestId('film-count').fill('3');
    await page.getByTestId('film-count').press('Enter');
    const gif = await studio.saves(() => page.getByTestId('film-make').click());
    expect(gif.name).toBe(`phantom_odm_seed-${request.seed}_sweep.gif`);
    await expect(page.getByTestId('film-message')).toContainText('3 frames');
    await page.getByTestId('film-make').press('Escape');
    await expect(page.getByTestId('film-dialog')).toBeHidden();
    await page.getByTestId('workspace-sample').click();
  });

  await test.step('the neighbour panel as a figure', async () => {
    await studio.neighboursOf(request.steps - 1);
    const figure = await studio.saves(() => page.getByTestId('save-figure').click());
    const png = decode(figure.bytes);
    expect(png.width).toBeGreaterThan(1000);
    expect(png.text['Disclaimer']).toContain('Not a patient');
    expect(() => readProvenance(figure.bytes)).toThrow(/several pictures/);
  });

  await test.step('link, settings and picture on the clipboard; the settings pasted bring the run back', async () => {
    await page.getByTestId('save').click();
    await page.getByTestId('copy-link').click();
    await expect(page.getByTestId('copied')).toHaveText('Link copied.');
    const link = await page.evaluate(() => navigator.clipboard.readText());
    expect(new URL(link).hash).toContain(`seed=${request.seed}`);
    await page.getByTestId('copy-picture').click();
    await expect(page.getByTestId('copied')).toHaveText('Picture copied.');
    expect(await page.evaluate(async () => (await navigator.clipboard.read())[0]?.types)).toContain(
      'image/png',
    );
    await page.getByTestId('copy-settings').click();
    await expect(page.getByTestId('copied')).toHaveText('Settings copied.');
    const settings = await page.evaluate(() => navigator.clipboard.readText());
    expect(settings).toContain(`Seed: ${request.seed}`);
    await page.getByTestId('copy-settings').press('Escape');
    await expect(page.getByTestId('copy-settings')).toBeHidden();
    await studio.draws(() => studio.chooseGrade(0));
    const again = await studio.draws(() => page.keyboard.press('ControlOrMeta+V'));
    expect(again.request).toEqual(request);
  });
});

/** Frames that the browser's own decoder makes of a film. */
async function decodedFrames(page: Page, bytes: Uint8Array): Promise<number> {
  const input = new Input({ source: new BufferSource(bytes.slice().buffer), formats: ALL_FORMATS });
  const track = await input.getPrimaryVideoTrack();
  if (!track) throw new Error('no video in the file');
  const config = (await track.getDecoderConfig())!;
  const packets: { key: boolean; timestamp: number; data: string }[] = [];
  for await (const packet of new EncodedPacketSink(track).packets()) {
    packets.push({
      key: packet.type === 'key',
      timestamp: Math.round(packet.timestamp * 1e6),
      data: Buffer.from(packet.data).toString('base64'),
    });
  }
  const { codec, codedWidth, codedHeight, description } = config;
  return page.evaluate(
    async ({ config, description, packets }) => {
      const raw = (base64: string) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
      let frames = 0;
      let failed: unknown = null;
      const decoder = new VideoDecoder({
        output: (frame) => {
          frames++;
          frame.close();
        },
        error: (thrown) => (failed = thrown),
      });
      decoder.configure({ ...config, ...(description === null ? {} : { description: raw(description) }) });
      for (const { key, timestamp, data } of packets) {
        decoder.decode(new EncodedVideoChunk({ type: key ? 'key' : 'delta', timestamp, data: raw(data) }));
      }
      await decoder.flush();
      if (failed) throw failed;
      return frames;
    },
    {
      config: { codec, codedWidth: codedWidth!, codedHeight: codedHeight! },
      description: description ? Buffer.from(description as Uint8Array).toString('base64') : null,
      packets,
    },
  );
}

test('a batch is drawn, paused, gone on with after a reload, and taken away as a data set', async ({
  studio,
  page,
}, info) => {
  await studio.open({ model: 'phantom', ep: 'wasm' });
  await studio.finished();
  await studio.setNumber('steps', 250);
  await openGallery(page);
  await page.getByTestId('batch-new').click();
  for (const grade of [1, 2, 3]) await page.getByTestId(`batch-grade-${grade}`).click();
  await page.getByTestId('batch-count').fill('12');
  await page.getByTestId('batch-count').press('Enter');
  await page.getByTestId('batch-seed').fill('100');
  await page.getByTestId('batch-seed').press('Enter');
  const batch = page.getByTestId('batch');
  const done = async () =>
    Number(/^(\d+) of 24/.exec(await page.getByTestId('batch-progress').innerText())?.[1]);
  // Paused from within the page after its first pictures: no delay of the test can miss it.
  const paused = page.waitForFunction(
    () => {
      const drawn = document.querySelector('[data-testid="batch-progress"]')?.textContent;
      const pause = document.querySelector<HTMLElement>('[data-testid="batch-pause"]');
      if (!pause || !/^[1-9]\d* of 24/.test(drawn ?? '')) return false;
      pause.click();
      return true;
    },
    undefined,
    { polling: 20, timeout: 0 },
  );
  await Promise.all([paused, page.getByTestId('batch-start').click()]);
  await expect(batch).toHaveAttribute('data-state', 'paused');
  const before = await done();
  expect(before).toBeLessThan(24);

  await page.reload();
  await expect(batch).toHaveAttribute('data-state', 'paused');
  await expect.poll(done).toBeGreaterThanOrEqual(before);
  await page.getByTestId('batch-resume').click();
  await expect(batch).toHaveAttribute('data-state', 'complete', LONG);

  const { bytes } = await studio.saves(() => page.getByTestId('batch-export').click());
  const files = unzipSync(bytes);
  const pictures = Object.keys(files).filter((name) => name.endsWith('.png'));
  expect(pictures).toHaveLength(24);
  expect(pictures).toContain('images/0/100.png');
  expect(pictures).toContain('images/4/111.png');
  const requests = parseRequests(strFromU8(files['labels.csv']!));
  expect(requests).toHaveLength(24);
  expect(readProvenance(files['images/4/105.png']!).request).toEqual(
    requests.find((r) => r.severity === 4 && r.seed === 105),
  );
  const manifest = await readFile('models/phantom/manifest.json', 'utf8').then(
    (text) => JSON.parse(text) as { data: { credit: string } },
  );
  expect(strFromU8(files['README.md']!)).toContain(manifest.data.credit);
  expect(strFromU8(files['card.md']!)).toContain('#');
  expect(JSON.parse(strFromU8(files['manifest.json']!))).toEqual(manifest);

  await test.step('a contact sheet', async () => {
    await page.getByTestId('batch-show').click();
    await page.getByTestId('choose-all').click();
    const sheet = await studio.saves(() => page.getByTestId('contact-sheet').click());
    expect(decode(sheet.bytes).width).toBeGreaterThan(1000);
  });

  await test.step('axe, both themes, both sizes', async () => {
    for (const [size, viewport] of Object.entries({
      desktop: { width: 1280, height: 800 },
      phone: { width: 390, height: 844 },
    })) {
      await page.setViewportSize(viewport);
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        await tiles(page).nth(1).click();
        await expect(page.getByTestId('details')).toBeVisible();
        expect(await seriousViolations(page), `${size}, ${colorScheme}`).toEqual([]);
        await page.screenshot({ path: info.outputPath(`gallery-${size}-${colorScheme}.png`) });
        if (size === 'phone') await page.getByTestId('details-close').press('Escape');
        else await page.getByTestId('details-close').click();
        await expect(page.getByTestId('details')).toBeHidden();
        await page.screenshot({ path: info.outputPath(`gallery-list-${size}-${colorScheme}.png`) });
      }
      const overflow = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      expect(overflow).toBeLessThanOrEqual(0);
    }
  });

  await test.step('five thousand pictures: only those in sight exist, and the last one is reached', async () => {
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.evaluate(async () => {
      const done = <T>(request: IDBRequest<T>) =>
        new Promise<T>((resolve, reject) => {
          request.onsuccess = () => resolve(request.result);
          request.onerror = () => reject(request.error);
        });
      const db = await done(indexedDB.open('ordinal-studio-gallery'));
      const tx = db.transaction(['entries', 'pictures'], 'readwrite');
      const [first] = (await done(tx.objectStore('entries').getAll())) as { id: string; madeAt: number }[];
      const picture: unknown = await done(tx.objectStore('pictures').get(first!.id));
      for (let i = 0; i < 5000; i++) {
        const id = `many-${i}`;
        tx.objectStore('entries').put({ ...first, id, madeAt: first!.madeAt - 1000 - i });
        tx.objectStore('pictures').put(picture, id);
      }
      await new Promise((resolve) => (tx.oncomplete = resolve));
      db.close();
    });
    await page.reload();
    await expect(page.getByTestId('gallery-count')).toHaveText(/^5,0\d\d pictures$/);
    await expect(tiles(page).first()).toBeVisible();
    expect(await tiles(page).count()).toBeLessThan(150);
    await tiles(page).first().focus();
    await page.keyboard.press('End');
    const posinset = () =>
      page.evaluate(() => Number(document.activeElement?.closest('li')?.getAttribute('aria-posinset')));
    await expect.poll(posinset).toBeGreaterThan(5000);
    const size = await page.evaluate(() =>
      document.activeElement?.closest('li')?.getAttribute('aria-setsize'),
    );
    expect(String(await posinset())).toBe(size);
    expect(await tiles(page).count()).toBeLessThan(150);
  });
});
