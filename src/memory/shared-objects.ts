/** Pages seen by several mappings (MAP_SHARED): files by their key, anonymous memory by identity; and the coherence of mapped files with read and write calls. */
import { GuestError } from '../base/failures.ts';
import type { MappedFile } from './address-space.ts';
import { PAGE_SIZE } from './runtime-area.ts';

/** A space that maps a shared object. While only one mapping of the object exists (`sole`) its pages live directly in that space. */
export interface SharedUser {
  /** Move this space's direct pages of the object into the object: it is about to be seen from elsewhere. */
  surrender(object: SharedObject): void;
  /** Write pages held directly back to the file; false when it refused some. */
  writeBack(object: SharedObject): boolean;
  /** The file changed in [from, to): forget what was loaded of it. */
  reload(object: SharedObject, from: number, to: number): void;
  /** Someone wrote the object's page at `position`: drop code that was made from it. */
  sharedPageWritten(object: SharedObject, position: number): void;
}

export class SharedObject {
  /** The mapped file, by an opening of it that may be written where there is one. */
  file: MappedFile | undefined;
  /** Pages by position in the object; only for objects that are not `sole`. */
  readonly pages = new Map<number, Uint8Array>();
  readonly dirty = new Set<number>();
  readonly users = new Set<SharedUser>();
  /** Only one mapping ever existed, so its space may hold the pages directly. */
  sole = true;
  /** Some user made code from one of the pages. */
  hasCode = false;
  #references = 0;

  constructor(file: MappedFile | undefined) {
    this.file = file;
    file?.retain?.();
  }

  /** Mapped through another opening of the same file: one for writing takes the place of one for reading alone. */
  adopt(file: MappedFile): void {
    const refuses = (one: MappedFile & { readonly writable?: boolean }) => one.writable === false;
    if (!this.file || !refuses(this.file) || refuses(file)) return;
    file.retain?.();
    this.file.drop?.();
    this.file = file;
  }

  /** A second mapping appears: from now on every access goes through `pages`. */
  share(): void {
    if (!this.sole) return;
    for (const user of this.users) user.surrender(this);
    this.sole = false;
  }

  retain(): void {
    this.#references++;
  }

  release(): void {
    if (--this.#references > 0) return;
    this.flush();
    if (this.file && objects.get(this.file.mapKey) === this) objects.delete(this.file.mapKey);
    this.file?.drop?.();
  }

  /** The page at `position` (page-aligned), or undefined beyond the end of the file or where it cannot be read. */
  page(position: number): Uint8Array | undefined {
    const held = this.pages.get(position);
    if (held) return held;
    if (this.file && position >= this.file.size()) return undefined;
    const page = new Uint8Array(PAGE_SIZE);
    if (this.file && readPages(this.file, page, position) < 0) return undefined;
    this.pages.set(position, page);
    return page;
  }

  /** The page is about to be written. */
  touch(position: number): void {
    if (this.file) this.dirty.add(position);
    if (this.hasCode) for (const user of this.users) user.sharedPageWritten(this, position);
  }

  /** Write every modified page back to the file, never past its end; false when the file refused some of it. */
  flush(): boolean {
    if (!this.file) return true;
    let complete = true;
    if (this.sole) for (const user of this.users) if (!user.writeBack(this)) complete = false;
    for (const position of this.dirty) {
      if (!writePage(this.file, this.pages.get(position)!, position)) complete = false;
    }
    this.dirty.clear();
    return complete;
  }

  reload(from: number, to: number): void {
    for (const user of this.users) user.reload(this, from, to);
    for (const [position, page] of this.pages) {
      if (position + PAGE_SIZE <= from || position >= to) continue;
      page.fill(0);
      if (position < this.file!.size()) {
        readPages(this.file!, page, position);
      } else {
        this.drop(position);
      }
    }
  }

  /** Forget the page at `position`, whatever was written to it. */
  drop(position: number): void {
    this.pages.delete(position);
    this.dirty.delete(position);
  }
}

/** Write one page back; false when the file refuses (a full disk, a mount taken away): as on Linux only msync tells. */
export function writePage(file: MappedFile, page: Uint8Array, position: number): boolean {
  try {
    const length = Math.min(page.length, file.size() - position);
    if (length > 0) file.writeAt(page.subarray(0, length), position);
    return true;
  } catch (error) {
    if (error instanceof GuestError) return false;
    throw error;
  }
}

/** Fill `into` from the file as far as it goes; returns how much, or -1 when the file cannot be read, which is a bus error. */
export function readPages(file: MappedFile, into: Uint8Array, position: number): number {
  try {
    let done = 0;
    while (done < into.length) {
      const count = file.readAt(done === 0 ? into : into.subarray(done), position + done);
      if (count <= 0) break;
      done += count;
    }
    return done;
  } catch (error) {
    if (error instanceof GuestError) return -1;
    throw error;
  }
}

const objects = new Map<unknown, SharedObject>();

/** The object of a file that is being mapped shared: a new one, or the existing one, which thereby becomes shared. */
export function sharedObjectOf(file: MappedFile): SharedObject {
  const existing = objects.get(file.mapKey);
  if (existing) {
    existing.share();
    existing.adopt(file);
    return existing;
  }
  const object = new SharedObject(file);
  objects.set(file.mapKey, object);
  return object;
}

/** Before file bytes are read or written by a call: modified mapped pages reach the file first. */
export function beforeFileAccess(mapKey: unknown): void {
  if (objects.size !== 0) objects.get(mapKey)?.flush();
}

/** Spaces that map files privately. */
export const privateUsers = new Set<{ reloadPrivate(mapKey: unknown, from: number, to: number): void }>();

/** After file bytes [from, to) were written or cut off by a call: shared mappings see them, and private ones where they only read. */
export function afterFileWrite(mapKey: unknown, from: number, to: number): void {
  if (objects.size !== 0) objects.get(mapKey)?.reload(from, to);
  for (const user of privateUsers) user.reloadPrivate(mapKey, from, to);
}
