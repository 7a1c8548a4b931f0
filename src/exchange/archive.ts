/** A ZIP made piece by piece, so that thousands of pictures need not lie in memory twice. PNGs are stored as they are. */
import { Zip, ZipDeflate, ZipPassThrough } from 'fflate';

/** The same bytes for the same content, whenever it is made; ZIP knows no time before 1980. */
const EPOCH = new Date(1980, 0, 1);

export class Archive {
  readonly #parts: Uint8Array<ArrayBuffer>[] = [];
  readonly #zip = new Zip((error, data) => {
    if (error) throw error;
    this.#parts.push(data as Uint8Array<ArrayBuffer>);
  });
  readonly #names = new Set<string>();

  /** Adds a file; texts are compressed. @throws RangeError when a name comes twice. */
  add(name: string, content: Uint8Array | string): void {
    if (this.#names.has(name)) throw new RangeError(`${name} is already in the archive`);
    this.#names.add(name);
    const text = typeof content === 'string';
    const file = text ? new ZipDeflate(name, { level: 6 }) : new ZipPassThrough(name);
    file.mtime = EPOCH;
    this.#zip.add(file);
    file.push(text ? new TextEncoder().encode(content) : content, true);
  }

  /** The whole archive; nothing can be added after. */
  finish(): Uint8Array<ArrayBuffer>[] {
    this.#zip.end();
    return this.#parts;
  }
}
