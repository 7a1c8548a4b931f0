/**
 * The gallery on this machine: every picture that was drawn here, in IndexedDB.
 *
 * 1. A picture's id says what it is (request, weights, provider, step), so the same picture drawn again, in this tab or
 *    another, is the same entry; nothing is ever kept twice.
 * 2. What a person wrote (note, star) is never overwritten by drawing again.
 * 3. Deleting marks; what was marked is swept away later, so that it can be taken back, in any tab.
 * 4. Every write is one transaction: when the disk is full, what was there before is there after.
 * 5. Tabs tell each other of changes; a tab of a newer release may upgrade the schema, and an older one then lets go.
 */
import { openDB, type DBSchema, type IDBPDatabase, type IDBPTransaction } from 'idb';
import { StudioError } from '../errors';
import { changesText, type SampleRequest } from '../models/request';
import type { DatasetPlan } from '../exchange/dataset';

export const GALLERY_NAME = 'ordinal-studio-gallery';
export const GALLERY_VERSION = 3;

export type KeptStatus = 'finished' | 'cancelled' | 'interrupted';

/** What is known of a kept picture without its pixels. */
export interface Entry {
  readonly id: string;
  /** When it was last drawn, milliseconds since 1970. */
  readonly madeAt: number;
  /** How often it was drawn. */
  readonly times: number;
  readonly request: SampleRequest;
  readonly modelSha256: string;
  readonly modelTitle: string;
  /** The grade in words, or the severity where it is between or beyond grades. */
  readonly gradeText: string;
  readonly provider: string;
  readonly status: KeptStatus;
  /** The step that the picture shows; the last one unless it was stopped before. */
  readonly frame: { readonly index: number; readonly steps: number };
  readonly note: string;
  readonly star: boolean;
  /** Of the picture and of its trajectory. */
  readonly bytes: number;
  readonly hasTrajectory: boolean;
  /** Ids of the batches that it belongs to. */
  readonly batches: readonly string[];
  /** When it was deleted, or null; deleted entries can be taken back until they are swept away. */
  readonly deletedAt: number | null;
}

/** One kept step: enough to show it again. The noise estimate follows from x and x0 where there is noise. */
export interface KeptFrame {
  readonly index: number;
  readonly steps: number;
  readonly t: number;
  readonly alpha: number;
  readonly sigma: number;
  readonly ms: number;
  readonly x: Float32Array;
  readonly x0: Float32Array;
}

/** A batch: its plan, and whether it is to go on. Which of its pictures are there, the entries say. */
export interface Batch {
  readonly id: string;
  readonly createdAt: number;
  readonly plan: DatasetPlan;
  readonly paused: boolean;
}

export type NewEntry = Omit<
  Entry,
  'id' | 'times' | 'note' | 'star' | 'bytes' | 'hasTrajectory' | 'batches' | 'deletedAt'
> & { readonly batch?: string };

interface Schema extends DBSchema {
  entries: { key: string; value: Entry; indexes: { batches: string } };
  /** PNG files with their record, at the model's own size, without the strip (it is put on when they leave). */
  pictures: { key: string; value: Blob };
  trajectories: { key: string; value: KeptFrame[] };
  batches: { key: string; value: Batch };
}
type Stores = ('entries' | 'pictures' | 'trajectories' | 'batches')[];
type Upgrade = IDBPTransaction<Schema, Stores, 'versionchange'>;

/** From each version to the next; a fresh database goes through all of them. */
const UPGRADES: readonly ((db: IDBPDatabase<Schema>, tx: Upgrade) => Promise<void>)[] = [
  // To 1: pictures and what is known of them.
  async (db) => {
    db.createObjectStore('entries', { keyPath: 'id' });
    db.createObjectStore('pictures');
  },
  // To 2: batches, trajectories, deleting that can be taken back.
  async (db, tx) => {
    const entries = tx.objectStore('entries');
    db.createObjectStore('trajectories');
    db.createObjectStore('batches', { keyPath: 'id' });
    for (let cursor = await entries.openCursor(); cursor; cursor = await cursor.continue()) {
      const old = cursor.value;
      await cursor.update({
        ...old,
        times: 1,
        gradeText: `Severity ${old.request.severity}`,
        hasTrajectory: false,
        batches: [],
        deletedAt: null,
      });
    }
    entries.createIndex('batches', 'batches', { multiEntry: true });
  },
  // To 3: a request may say that the grade was changed on the way, which no older release would draw. Nothing to do.
  async () => undefined,
];

/** The same picture has the same id everywhere. */
export function entryId(made: Pick<NewEntry, 'request' | 'modelSha256' | 'provider' | 'frame'>): string {
  const { model, variant, severity, seed, sampler, steps, guidance, eta, changedFrom } = made.request;
  return JSON.stringify([
    made.modelSha256.slice(0, 16),
    made.provider,
    ...[model, variant, severity, seed, sampler, steps, guidance, eta],
    made.frame.index,
    // Not there for a picture of one severity, so that the ids of older releases hold.
    ...(changedFrom ? [changesText(changedFrom)] : []),
  ]);
}

export type GalleryNews =
  | { readonly kind: 'changed' }
  /** Another tab needs a newer schema; this one can save no more. */
  | { readonly kind: 'outdated' };

export class Gallery {
  readonly #db: IDBPDatabase<Schema>;
  readonly #channel: BroadcastChannel | null;
  readonly #listener: (news: GalleryNews) => void;

  private constructor(db: IDBPDatabase<Schema>, name: string, listener: (news: GalleryNews) => void) {
    this.#db = db;
    this.#listener = listener;
    this.#channel = typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel(name);
    this.#channel?.addEventListener('message', () => listener({ kind: 'changed' }));
  }

  /**
   * Opens or makes the gallery.
   * @param listener hears of every change, of this tab's and of others'.
   * @throws StudioError `storage-failed`, e.g. in a private window, or when a newer release has been here.
   */
  static async open(listener: (news: GalleryNews) => void, name = GALLERY_NAME): Promise<Gallery> {
    let gallery: Gallery | undefined;
    try {
      const db = await openDB<Schema>(name, GALLERY_VERSION, {
        async upgrade(db, from, _to, tx) {
          for (const step of UPGRADES.slice(from)) await step(db, tx as unknown as Upgrade);
        },
        blocking() {
          gallery?.close();
          listener({ kind: 'outdated' });
        },
      });
      gallery = new Gallery(db, name, listener);
      return gallery;
    } catch (thrown) {
      throw storageError(thrown);
    }
  }

  close(): void {
    this.#channel?.close();
    this.#db.close();
  }

  /**
   * Keeps a picture, and its trajectory if there is one; drawn before, it counts one more time and comes back if it was
   * deleted.
   * @throws StudioError `storage-full` or `storage-failed`; then nothing has changed.
   */
  async keep(made: NewEntry, png: Uint8Array, trajectory?: readonly KeptFrame[]): Promise<Entry> {
    const { batch, ...known } = made;
    const id = entryId(made);
    return this.#write(['entries', 'pictures', 'trajectories'], async (tx) => {
      const entries = tx.objectStore('entries');
      const old = await entries.get(id);
      const frames =
        trajectory ?? (old?.hasTrajectory ? await tx.objectStore('trajectories').get(id) : undefined);
      const batches = new Set(old?.batches);
      if (batch !== undefined) batches.add(batch);
      const entry: Entry = {
        ...known,
        id,
        times: (old?.times ?? 0) + 1,
        note: old?.note ?? '',
        star: old?.star ?? false,
        bytes:
          png.length + (frames ? frames.reduce((sum, f) => sum + f.x.byteLength + f.x0.byteLength, 0) : 0),
        hasTrajectory: frames !== undefined,
        batches: [...batches],
        deletedAt: null,
      };
      await Promise.all([
        tx.objectStore('pictures').put(new Blob([png as Uint8Array<ArrayBuffer>], { type: 'image/png' }), id),
        trajectory && tx.objectStore('trajectories').put([...trajectory], id),
        entries.put(entry),
      ]);
      return entry;
    });
  }

  /** Everything that is there, deleted entries too, the newest first. */
  async list(): Promise<Entry[]> {
    const entries = await this.#read(() => this.#db.getAll('entries'));
    return entries.sort((a, b) => b.madeAt - a.madeAt);
  }

  async entriesOf(batch: string): Promise<Entry[]> {
    return this.#read(() => this.#db.getAllFromIndex('entries', 'batches', batch));
  }

  picture(id: string): Promise<Blob | undefined> {
    return this.#read(() => this.#db.get('pictures', id));
  }

  trajectory(id: string): Promise<KeptFrame[] | undefined> {
    return this.#read(() => this.#db.get('trajectories', id));
  }

  /** Writes what a person says of a picture. @throws StudioError as `keep`. */
  change(id: string, change: Partial<Pick<Entry, 'note' | 'star'>>): Promise<void> {
    return this.#update([id], (entry) => ({ ...entry, ...change }));
  }

  /** Marks as deleted. @throws StudioError as `keep`. */
  delete(ids: readonly string[], now: number): Promise<void> {
    return this.#update(ids, (entry) => ({ ...entry, deletedAt: now }));
  }

  /** Takes back what was deleted and not yet swept away. */
  restore(ids: readonly string[]): Promise<void> {
    return this.#update(ids, (entry) => ({ ...entry, deletedAt: null }));
  }

  /** Sweeps away for good what was deleted before a time. Gives the number of entries. */
  sweep(before: number): Promise<number> {
    return this.#write(['entries', 'pictures', 'trajectories'], async (tx) => {
      let swept = 0;
      const entries = tx.objectStore('entries');
      for (let cursor = await entries.openCursor(); cursor; cursor = await cursor.continue()) {
        const { id, deletedAt } = cursor.value;
        if (deletedAt === null || deletedAt >= before) continue;
        swept++;
        await Promise.all([
          cursor.delete(),
          tx.objectStore('pictures').delete(id),
          tx.objectStore('trajectories').delete(id),
        ]);
      }
      return swept;
    });
  }

  async batches(): Promise<Batch[]> {
    const batches = await this.#read(() => this.#db.getAll('batches'));
    return batches.sort((a, b) => b.createdAt - a.createdAt);
  }

  async saveBatch(batch: Batch): Promise<void> {
    await this.#write(['batches'], (tx) => tx.objectStore('batches').put(batch));
  }

  /** Forgets a batch; its pictures stay. */
  async forgetBatch(id: string): Promise<void> {
    await this.#write(['batches'], (tx) => tx.objectStore('batches').delete(id));
  }

  #update(ids: readonly string[], change: (entry: Entry) => Entry): Promise<void> {
    return this.#write(['entries'], async (tx) => {
      const entries = tx.objectStore('entries');
      for (const id of ids) {
        const entry = await entries.get(id);
        if (entry) await entries.put(change(entry));
      }
    });
  }

  async #read<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (thrown) {
      throw storageError(thrown);
    }
  }

  async #write<T>(
    stores: Stores,
    work: (tx: IDBPTransaction<Schema, Stores, 'readwrite'>) => Promise<T>,
  ): Promise<T> {
    let result: T;
    try {
      const tx = this.#db.transaction(stores, 'readwrite');
      try {
        result = await work(tx);
      } catch (thrown) {
        // Whole or not at all. What ended a transaction is told by the request, or, when the disk was full, by the
        // transaction itself.
        const ended = tx.done.catch((cause: unknown) => cause);
        try {
          tx.abort();
        } catch {
          // It has ended by itself.
        }
        const cause = await ended;
        throw isQuota(cause) ? cause : thrown;
      }
      await tx.done;
    } catch (thrown) {
      throw storageError(thrown);
    }
    this.#channel?.postMessage('changed');
    this.#listener({ kind: 'changed' });
    return result;
  }
}

const isQuota = (thrown: unknown) => thrown instanceof Error && thrown.name === 'QuotaExceededError';

function storageError(thrown: unknown): StudioError {
  const { name, message } = thrown instanceof Error ? thrown : { name: '', message: String(thrown) };
  if (isQuota(thrown)) {
    return new StudioError({
      code: 'storage-full',
      message: 'There is no space left for the gallery on this machine; the newest picture is not in it.',
      remedy:
        'Nothing that was kept before is lost. Export and delete pictures you no longer need, or free disk space.',
      detail: message,
      cause: thrown,
    });
  }
  if (name === 'VersionError') {
    return new StudioError({
      code: 'storage-failed',
      message: 'The gallery on this machine was made by a newer release of the studio.',
      remedy: 'Reload the page to get the newest release; until then new pictures are not kept.',
      detail: message,
      cause: thrown,
    });
  }
  return new StudioError({
    code: 'storage-failed',
    message: 'The gallery on this machine cannot be used.',
    remedy:
      'Pictures can still be drawn and saved as files; a private window, or a browser setting, may forbid keeping them.',
    detail: `${name}: ${message}`,
    cause: thrown,
  });
}
