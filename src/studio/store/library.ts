/** The bundles that the person brought along, beside those of the catalogue: which there are and where they are read from. */
import type { OpenedBundle } from '../../models/bundleFiles';
import { importedIds, importedUrl, keepBundle, removeBundle } from '../../models/imported';

export class BundleLibrary {
  readonly #base: string;
  #ids = new Set<string>();
  /** Ids that were used since the page was opened: the engine may still know their old weights. */
  readonly #used = new Set<string>();

  /** @param base the page's own address. */
  constructor(base: string) {
    this.#base = base;
  }

  /** Looks for what was kept on earlier visits. */
  async read(): Promise<readonly string[]> {
    this.#ids = new Set(await importedIds(this.#base));
    return [...this.#ids];
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  url(id: string): string {
    return importedUrl(this.#base, id);
  }

  /** The id itself, or one like it that neither the models nor an earlier bundle have. */
  freeId(id: string, taken: readonly string[]): string {
    const isFree = (one: string) => !taken.includes(one) && !this.#ids.has(one) && !this.#used.has(one);
    if (isFree(id)) return id;
    let count = 2;
    while (!isFree(`${id}-${count}`)) count++;
    return `${id}-${count}`;
  }

  /** @throws StudioError `storage-failed`. */
  async keep(bundle: OpenedBundle): Promise<void> {
    await keepBundle(this.#base, bundle);
    this.#ids.add(bundle.manifest.id);
    this.#used.add(bundle.manifest.id);
  }

  async remove(id: string): Promise<void> {
    this.#ids.delete(id);
    await removeBundle(this.#base, id);
  }
}
