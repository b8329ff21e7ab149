/** An open file of memory: in one piece as memfs keeps it, or in pages once it has holes or is large. */
import { fail } from '../base/failures.ts';
import type { Attributes, HostFile, Stat } from './host.ts';
import type { Link, MemoryFs, Node } from './memfs.ts';
import { SparseBytes } from './sparse-bytes.ts';

const PAGE = 4096;
/** memfs doubles the piece as a file grows, and copies it: from this size on there are pages. */
const LARGE = 64 << 20;

/** The files in pages, among all volumes. */
const inPages = new WeakMap<Node, SparseBytes>();

/** Bytes that a file takes. */
export function occupied(node: Node): number {
  return inPages.get(node)?.occupied ?? node.getSize();
}

/** From now on the file is in pages, where memfs's own calls on it, by which a library user may come, find it as well. */
function spread(node: Node): SparseBytes {
  const pages = new SparseBytes();
  pages.write(node.buf.subarray(0, node.getSize()), 0);
  node.truncate(0);
  inPages.set(node, pages);
  const whole = () => {
    const bytes = Buffer.alloc(pages.size);
    pages.read(bytes, 0);
    return bytes;
  };
  const replace = (bytes: Uint8Array) => {
    pages.truncate(0);
    pages.write(bytes, 0);
    node.touch();
  };
  Object.assign(node, {
    getSize: () => pages.size,
    getBuffer: whole,
    setBuffer: replace,
    setString: (text) => replace(Buffer.from(text)),
    read: (into, offset = 0, length = into.byteLength, position = 0) =>
      pages.read(new Uint8Array(into.buffer, into.byteOffset + offset, length), position),
    write: (from, offset = 0, length = from.length, position = 0) => {
      const part = from.subarray(offset, offset + length);
      pages.write(part, position);
      node.touch();
      return part.length;
    },
    truncate: (size = 0) => {
      pages.truncate(Math.max(0, size));
      node.touch();
    },
  } satisfies Partial<Node>);
  return pages;
}

export class MemoryFile implements HostFile {
  readonly #fs: MemoryFs;
  readonly #link: Link;
  readonly #node: Node;

  constructor(owner: MemoryFs, link: Link, node: Node) {
    this.#fs = owner;
    this.#link = link;
    this.#node = node;
  }

  get identity(): unknown {
    return this.#node;
  }

  read(into: Uint8Array, position: number): number {
    const node = this.#node;
    const pages = inPages.get(node);
    if (pages) return pages.read(into, position);
    const n = Math.min(into.length, node.getSize() - position);
    if (n <= 0) return 0;
    into.set(node.buf.subarray(position, position + n));
    return n;
  }

  write(from: Uint8Array, position: number): number {
    const node = this.#node;
    const end = position + from.length;
    const pages = this.#pages(position, end);
    this.#change(pages ? pages.missing(position, end) : end - node.getSize(), () => {
      if (pages) pages.write(from, position);
      else node.write(Buffer.from(from.buffer, from.byteOffset, from.byteLength), 0, from.length, position);
    });
    return from.length;
  }

  size(): number {
    return this.#node.getSize();
  }

  stat(): Stat {
    return this.#fs.describe(this.#node);
  }

  truncate(size: number): void {
    const node = this.#node;
    const pages = this.#pages(size, size);
    this.#change(pages ? 0 : size - node.getSize(), () => node.truncate(size));
  }

  next(position: number, what: 'data' | 'hole'): number | undefined {
    return inPages.get(this.#node)?.next(position, what);
  }

  allocate(from: number, to: number): void {
    const pages = this.#pages(to, to);
    if (pages) this.#change(pages.missing(from, to), () => pages.reserve(from, to));
  }

  punch(from: number, to: number): boolean {
    const pages = inPages.get(this.#node) ?? spread(this.#node);
    this.#change(0, () => pages.punch(from, to));
    return true;
  }

  /** The pages of the file, if it is in pages or something from `start` to `end` makes it so: a hole of a page, or its size. */
  #pages(start: number, end: number): SparseBytes | undefined {
    const node = this.#node;
    const pages = inPages.get(node);
    if (pages) return pages;
    const firstHole = Math.ceil(node.getSize() / PAGE) * PAGE;
    return start >= firstHole + PAGE || end > LARGE ? spread(node) : undefined;
  }

  /** Do what may take so many bytes more. */
  #change(more: number, act: () => void): void {
    const before = occupied(this.#node);
    this.#fs.reserve(more);
    try {
      act();
    } catch (error) {
      if (error instanceof RangeError) fail('ENOSPC');
      throw error;
    }
    this.#fs.changed(this.#link, this.#node, occupied(this.#node) - before);
  }

  chmod(mode: number): void {
    this.#fs.setMode(this.#link, this.#node, mode);
  }

  chown(uid: number, gid: number): void {
    this.#fs.setOwner(this.#link, this.#node, uid, gid);
  }

  utimes(atime: bigint | undefined, mtime: bigint | undefined): void {
    this.#fs.setTimes(this.#link, this.#node, atime, mtime);
  }

  attributes(change: boolean): Attributes | undefined {
    return this.#fs.attributesOf(this.#node, change);
  }

  sync(): void {}
  close(): void {}
}
