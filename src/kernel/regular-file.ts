/** An open regular file: position, append and sparse seeks over a HostFile; also what memory mappings read. Names are the VFS's business. */
import { fail } from '../base/failures.ts';
import type { HostFile, Stat } from '../host/host.ts';
import type { MappedFile } from '../memory/address-space.ts';
import { afterFileWrite, beforeFileAccess } from '../memory/shared-objects.ts';
import { OpenFile } from './open-file.ts';
import type { OpenHow } from './vfs.ts';

/** seal: no further seals; shrink, grow: the size; write: the bytes; future-write: but for mappings made before; exec: the execute bits. */
export type Seal = 'seal' | 'shrink' | 'grow' | 'write' | 'future-write' | 'exec';

/** A HostFile used by several descriptions: closed with the last. */
class SharedHandle {
  readonly host: HostFile;
  readonly mayRead: boolean;
  readonly mayWrite: boolean;
  users = 0;
  /** What may no longer be done to the bytes, for ever (memfd); undefined: it cannot be sealed. */
  seals: Set<Seal> | undefined;

  constructor(host: HostFile, mayRead: boolean, mayWrite: boolean) {
    this.host = host;
    this.mayRead = mayRead;
    this.mayWrite = mayWrite;
  }
}

const PAGE = 4096;
const ZEROES = new Uint8Array(64 * 1024);

export class RegularFile extends OpenFile implements MappedFile {
  readonly kind = 'file';
  #handle: SharedHandle;
  /** Opens the same name again with other rights; undefined when the name is gone or means another file. */
  readonly #byName: (file: RegularFile, how: OpenHow) => OpenFile | undefined;

  constructor(
    host: HostFile | SharedHandle,
    how: OpenHow,
    byName: (file: RegularFile, how: OpenHow) => OpenFile | undefined,
  ) {
    super();
    this.readable = how.read ?? false;
    this.writable = how.write ?? false;
    this.append = how.append ?? false;
    this.nonblocking = how.nonblock ?? false;
    this.#handle = host instanceof SharedHandle ? host : new SharedHandle(host, this.readable, this.writable);
    this.#handle.users++;
    this.#byName = byName;
  }

  get host(): HostFile {
    return this.#handle.host;
  }

  /** Of an unnamed file of memory; add to it to seal. */
  get seals(): Set<Seal> | undefined {
    return this.#handle.seals;
  }
  set seals(seals: Set<Seal> | undefined) {
    this.#handle.seals = seals;
  }

  /** May its bytes still be changed? */
  get sealed(): boolean {
    const { seals } = this.#handle;
    return seals !== undefined && (seals.has('write') || seals.has('future-write'));
  }

  /** Linux writes page by page, and refuses the page that would make the file grow. */
  #writeWholePages(from: Uint8Array, position: number, at: number | undefined): number {
    const whole = this.size() - (this.size() % PAGE) - position;
    return whole > 0 ? this.write(from.subarray(0, whole), at) : fail('EPERM');
  }

  #mayBecome(size: number): void {
    const { seals } = this.#handle;
    if (seals === undefined || seals.size === 0) return;
    const now = this.size();
    if ((size > now && seals.has('grow')) || (size < now && seals.has('shrink'))) fail('EPERM');
  }

  get mapKey(): unknown {
    return this.#handle.host.identity;
  }

  override read(into: Uint8Array, at?: number): number {
    if (!this.readable) fail('EBADF');
    if (at !== undefined && at < 0) fail('EINVAL');
    const host = this.#handle.host;
    beforeFileAccess(host.identity);
    const n = host.read(into, at ?? this.position);
    if (at === undefined) this.position += n;
    if (n > 0) this.place?.events.file(this.place, 'access');
    return n;
  }

  override write(from: Uint8Array, at?: number): number {
    if (!this.writable) fail('EBADF');
    if (at !== undefined && at < 0) fail('EINVAL');
    const host = this.#handle.host;
    beforeFileAccess(host.identity);
    // Linux appends even with an explicit position.
    const position = this.append ? host.size() : (at ?? this.position);
    if (position + from.length > Number.MAX_SAFE_INTEGER) fail('EFBIG');
    if (this.sealed) fail('EPERM');
    if (this.#handle.seals?.has('grow') && position + from.length > this.size()) {
      return this.#writeWholePages(from, position, at);
    }
    const n = from.length === 0 ? 0 : host.write(from, position);
    afterFileWrite(host.identity, position, position + n);
    if (at === undefined) this.position = position + n;
    if (n > 0) this.place?.events.file(this.place, 'modify');
    return n;
  }

  override readonly seekable = true;
  override seek(offset: number, whence: 'set' | 'current' | 'end' | 'data' | 'hole'): number {
    let target = offset;
    if (whence === 'current') target += this.position;
    else if (whence !== 'set') {
      const size = this.size();
      if (whence === 'end') target += size;
      else {
        if (offset < 0 || offset >= size) fail('ENXIO');
        const { host } = this.#handle;
        beforeFileAccess(host.identity);
        // Where holes are unknown, all is data, then one hole at the end, which lseek(2) allows.
        target = host.next?.(offset, whence) ?? (whence === 'data' ? offset : size);
        if (whence === 'data' && target >= size) fail('ENXIO');
      }
    }
    if (target < 0 || !Number.isSafeInteger(target)) fail('EINVAL');
    this.position = target;
    return target;
  }

  override stat(): Stat {
    return this.#handle.host.stat();
  }

  override truncate(size: number): void {
    if (!this.writable || size < 0) fail('EINVAL');
    this.#mayBecome(size);
    const host = this.#handle.host;
    beforeFileAccess(host.identity);
    const old = host.size();
    host.truncate(size);
    afterFileWrite(host.identity, Math.min(old, size), Math.max(old, size));
    this.place?.events.file(this.place, 'modify');
  }

  /** Make sure [offset, offset + length) exists (fallocate), or reads as zeroes ('zero'), or does so without growing the file ('punch'). */
  allocate(mode: 'grow' | 'keep-size' | 'zero' | 'punch', offset: number, length: number): void {
    if (!this.writable) fail('EBADF');
    if (offset < 0 || length <= 0) fail('EINVAL');
    const size = this.size();
    const end = offset + length;
    if (!Number.isSafeInteger(end)) fail('EFBIG');
    if (mode === 'zero' || mode === 'punch') {
      if (this.sealed) fail('EPERM');
      const host = this.#handle.host;
      beforeFileAccess(host.identity);
      const stop = Math.min(end, size);
      if (offset < stop && !host.punch?.(offset, stop)) {
        for (let at = offset; at < stop; at += ZEROES.length) {
          host.write(ZEROES.subarray(0, Math.min(ZEROES.length, stop - at)), at);
        }
      }
      afterFileWrite(host.identity, offset, stop);
    }
    if (mode === 'punch') return;
    if (end > size && mode !== 'keep-size') this.#mayBecome(end);
    this.#handle.host.allocate?.(offset, end);
    if (end > size && mode !== 'keep-size') this.truncate(end);
  }

  override sync(): void {
    beforeFileAccess(this.mapKey);
    this.#handle.host.sync();
  }

  override reopen(how: OpenHow): OpenFile {
    const again = this.#byName(this, how);
    if (again !== undefined) return again;
    const handle = this.#handle;
    if ((how.read && !handle.mayRead) || (how.write && !handle.mayWrite)) fail('EACCES');
    const file = new RegularFile(handle, how, this.#byName);
    if (how.truncate) file.truncate(0);
    return file;
  }

  /** Give the nameless file a name: its bytes have been written to `host`, which takes over. */
  adopt(host: HostFile): void {
    const old = this.#handle;
    this.#handle = new SharedHandle(host, true, true);
    this.#handle.users = 1;
    if (--old.users === 0) old.host.close();
  }

  readAt(into: Uint8Array, position: number): number {
    return this.#handle.host.read(into, position);
  }

  writeAt(from: Uint8Array, position: number): number {
    return this.#handle.host.write(from, position);
  }

  size(): number {
    return this.#handle.host.size();
  }

  protected override release(): void {
    if (--this.#handle.users === 0) this.#handle.host.close();
  }
}
