import { IDBFactory } from 'fake-indexeddb';
import 'fake-indexeddb/auto';
import { openDB } from 'idb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SampleRequest } from '../models/request';
import { entryId, Gallery, GALLERY_NAME, GALLERY_VERSION, type GalleryNews, type NewEntry } from './gallery';

const request: SampleRequest = {
  model: 'phantom',
  variant: 'odm',
  severity: 2,
  seed: 7,
  sampler: 'ddim',
  steps: 8,
  guidance: 1,
  eta: 0,
};
const made: NewEntry = {
  madeAt: 1000,
  request,
  modelSha256: 'ab'.repeat(32),
  modelTitle: 'Phantom',
  gradeText: 'P 2, moderate',
  provider: 'WASM',
  status: 'finished',
  frame: { index: 8, steps: 8 },
};
const png = Uint8Array.of(137, 80, 78, 71, 1, 2, 3);
const frame = {
  index: 0,
  steps: 8,
  t: 1,
  alpha: 0,
  sigma: 1,
  ms: 2,
  x: Float32Array.of(1, 2),
  x0: Float32Array.of(3, 4),
};

const open: Gallery[] = [];
async function gallery(news: GalleryNews[] = []): Promise<Gallery> {
  const one = await Gallery.open((n) => news.push(n));
  open.push(one);
  return one;
}

beforeEach(() => {
  globalThis.indexedDB = new IDBFactory();
});
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

describe('keeping', () => {
  it('gives back the picture, what is known of it, and its trajectory, after a reload too', async () => {
    const first = await gallery();
    const entry = await first.keep(made, png, [frame]);
    expect(entry).toMatchObject({ ...made, times: 1, note: '', star: false, bytes: png.length + 16 });
    first.close();
    const second = await gallery();
    expect(await second.list()).toEqual([entry]);
    expect(new Uint8Array(await (await second.picture(entry.id))!.arrayBuffer())).toEqual(png);
    expect(await second.trajectory(entry.id)).toEqual([frame]);
  });

  it('the same picture is one entry; note, star and trajectory survive its being drawn again', async () => {
    const one = await gallery();
    const { id } = await one.keep(made, png, [frame]);
    await one.change(id, { note: 'for the lecture', star: true });
    const again = await one.keep({ ...made, madeAt: 2000, batch: 'b' }, png);
    expect(again).toMatchObject({
      id,
      times: 2,
      madeAt: 2000,
      note: 'for the lecture',
      star: true,
      hasTrajectory: true,
      batches: ['b'],
    });
    expect(await one.list()).toHaveLength(1);
    await one.keep({ ...made, request: { ...request, seed: 8 } }, png);
    await one.keep({ ...made, provider: 'WebGPU' }, png);
    await one.keep({ ...made, status: 'cancelled', frame: { index: 3, steps: 8 } }, png);
    expect(await one.list()).toHaveLength(4);
  });

  it('lists the newest first', async () => {
    const one = await gallery();
    for (const [seed, madeAt] of [
      [1, 5],
      [2, 9],
      [3, 7],
    ] as const) {
      await one.keep({ ...made, madeAt, request: { ...request, seed } }, png);
    }
    expect((await one.list()).map((e) => e.request.seed)).toEqual([2, 3, 1]);
  });
});

describe('deleting', () => {
  it('can be taken back until it is swept away', async () => {
    const one = await gallery();
    const { id } = await one.keep(made, png, [frame]);
    const other = await one.keep({ ...made, request: { ...request, seed: 8 } }, png);
    await one.delete([id], 5000);
    expect((await one.list()).find((e) => e.id === id)?.deletedAt).toBe(5000);
    expect(await one.sweep(5000)).toBe(0);
    await one.restore([id]);
    expect((await one.list()).every((e) => e.deletedAt === null)).toBe(true);
    await one.delete([id], 5000);
    expect(await one.sweep(5001)).toBe(1);
    expect((await one.list()).map((e) => e.id)).toEqual([other.id]);
    expect(await one.picture(id)).toBeUndefined();
    expect(await one.trajectory(id)).toBeUndefined();
  });

  it('drawing a deleted picture again brings it back', async () => {
    const one = await gallery();
    const { id } = await one.keep(made, png);
    await one.delete([id], 1);
    await one.keep(made, png);
    expect((await one.list())[0]).toMatchObject({ id, deletedAt: null, times: 2 });
  });
});

it('batches are kept with their plans, and find their pictures', async () => {
  const one = await gallery();
  const plan = {
    formatVersion: 1,
    model: 'phantom',
    variant: 'odm',
    modelSha256: 'ab'.repeat(32),
    grades: [1],
    count: 2,
    seed: 0,
    sampler: 'ddim',
    steps: 8,
    guidance: 1,
    eta: 0,
  } as const;
  const batch = { id: 'b', createdAt: 1, plan: { ...plan, grades: [...plan.grades] }, paused: false };
  await one.saveBatch(batch);
  await one.saveBatch({ ...batch, paused: true });
  await one.keep({ ...made, batch: 'b' }, png);
  await one.keep({ ...made, request: { ...request, seed: 8 } }, png);
  expect(await one.batches()).toEqual([{ ...batch, paused: true }]);
  expect((await one.entriesOf('b')).map((e) => e.request.seed)).toEqual([7]);
  await one.forgetBatch('b');
  expect(await one.batches()).toEqual([]);
  expect(await one.list()).toHaveLength(2);
});

describe('two tabs', () => {
  it('keep side by side, and hear of each other', async () => {
    const news: GalleryNews[] = [];
    const left = await gallery(news);
    const right = await gallery();
    await Promise.all([
      left.keep(made, png),
      right.keep(made, png),
      left.keep({ ...made, request: { ...request, seed: 8 } }, png),
      right.keep({ ...made, request: { ...request, seed: 9 } }, png),
    ]);
    expect(await left.list()).toEqual(await right.list());
    expect((await left.list()).map((e) => [e.request.seed, e.times]).sort()).toEqual([
      [7, 2],
      [8, 1],
      [9, 1],
    ]);
    await expect.poll(() => news.length).toBe(4);
  });

  it('an older one lets go when a newer release upgrades', async () => {
    const news: GalleryNews[] = [];
    const old = await gallery(news);
    await old.keep(made, png);
    const newer = await openDB(GALLERY_NAME, GALLERY_VERSION + 1);
    expect(await newer.count('entries')).toBe(1);
    newer.close();
    expect(news.at(-1)).toEqual({ kind: 'outdated' });
    await expect(old.keep(made, png)).rejects.toMatchObject({ code: 'storage-failed' });
    await expect(gallery()).rejects.toMatchObject({ code: 'storage-failed', message: /newer release/ });
  });
});

describe('a full disk', () => {
  it('is said so, and nothing kept before is lost', async () => {
    const one = await gallery();
    const { id } = await one.keep(made, png);
    const put = IDBObjectStore.prototype.put;
    IDBObjectStore.prototype.put = function (this: IDBObjectStore, ...args: [unknown, IDBValidKey?]) {
      if (this.name === 'pictures') {
        throw new DOMException('full', 'QuotaExceededError');
      }
      return put.apply(this, args);
    };
    try {
      const refused = one.keep({ ...made, request: { ...request, seed: 8 } }, png);
      await expect(refused).rejects.toMatchObject({ code: 'storage-full' });
    } finally {
      IDBObjectStore.prototype.put = put;
    }
    expect((await one.list()).map((e) => e.id)).toEqual([id]);
    await one.keep({ ...made, request: { ...request, seed: 8 } }, png);
    expect(await one.list()).toHaveLength(2);
  });
});

it('a gallery of version 2 is opened as it is', async () => {
  const entry = {
    ...made,
    ...{ id: entryId(made), times: 3, note: 'n', star: true, bytes: 4, hasTrajectory: false },
    ...{ batches: ['b'], deletedAt: null },
  };
  const old = await openDB(GALLERY_NAME, 2, {
    upgrade(db) {
      const entries = db.createObjectStore('entries', { keyPath: 'id' });
      entries.createIndex('batches', 'batches', { multiEntry: true });
      for (const store of ['pictures', 'trajectories']) db.createObjectStore(store);
      db.createObjectStore('batches', { keyPath: 'id' });
    },
  });
  await old.put('entries', entry);
  old.close();
  const now = await gallery();
  expect(await now.list()).toEqual([entry]);
  expect(await now.entriesOf('b')).toEqual([entry]);
  // A picture whose grade was changed on the way is another one.
  await now.keep({ ...made, request: { ...request, changedFrom: [{ severity: 0, step: 1 }] } }, png);
  expect(await now.list()).toHaveLength(2);
});

describe('a gallery of version 1', () => {
  it('is brought up to date with everything in it', async () => {
    const old = await openDB(GALLERY_NAME, 1, {
      upgrade(db) {
        db.createObjectStore('entries', { keyPath: 'id' });
        db.createObjectStore('pictures');
      },
    });
    const ids: string[] = [];
    for (const seed of [1, 2]) {
      const known: Partial<NewEntry> & Omit<NewEntry, 'gradeText'> = {
        ...made,
        request: { ...request, seed },
      };
      delete (known as { gradeText?: string }).gradeText;
      const id = entryId(known);
      ids.push(id);
      await old.put('entries', { ...known, id, note: `note ${seed}`, star: seed === 2, bytes: png.length });
      await old.put('pictures', new Blob([png]), id);
    }
    old.close();
    const now = await gallery();
    const entries = await now.list();
    expect(entries).toHaveLength(2);
    for (const [i, seed] of [1, 2].entries()) {
      expect(entries.find((e) => e.id === ids[i])).toEqual({
        ...made,
        id: ids[i],
        request: { ...request, seed },
        gradeText: 'Severity 2',
        times: 1,
        note: `note ${seed}`,
        star: seed === 2,
        bytes: png.length,
        hasTrajectory: false,
        batches: [],
        deletedAt: null,
      });
      expect((await now.picture(ids[i]!))?.size).toBe(png.length);
    }
    await now.keep({ ...made, batch: 'b' }, png);
    expect(await now.entriesOf('b')).toHaveLength(1);
  });
});
