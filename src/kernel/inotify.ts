/** A queue of what happens to watched files (inotify): watches by number, events coalesced and bounded; the record's layout is the personality's, handed in as `encode`. */
import { fail } from '../base/failures.ts';
import { AnonymousFile } from './anonymous-file.ts';
import type { FileEvent, FileEventKind, FileEvents, Watcher } from './file-events.ts';
import type { Place, Places } from './mounts.ts';
import { READABLE } from './open-file.ts';

/** max_queued_events and max_user_watches of a current Linux. */
const QUEUE = 16_384;
const WATCHES = 65_536;

export interface WatchOptions {
  kinds: ReadonlySet<FileEventKind>;
  /** Add to what is watched for already, instead of replacing it. */
  add: boolean;
  /** EEXIST where there is a watch already. */
  fresh: boolean;
  once: boolean;
  /** Of the file, whose other names are not watched. */
  ino: number;
}

export interface QueuedEvent extends Omit<FileEvent, 'kind'> {
  watch: number;
  kind: FileEventKind | 'ignored' | 'overflow';
}

class Watch implements Watcher {
  readonly number: number;
  readonly place: Place;
  readonly ino: number;
  kinds: ReadonlySet<FileEventKind>;
  once: boolean;
  readonly #owner: InotifyFile;

  constructor(number: number, place: Place, options: WatchOptions, owner: InotifyFile) {
    this.number = number;
    this.place = place;
    this.ino = options.ino;
    this.kinds = options.kinds;
    this.once = options.once;
    this.#owner = owner;
  }

  tell(event: FileEvent): void {
    this.#owner.happened(this, event);
  }
}

export class InotifyFile extends AnonymousFile {
  readonly kind = 'inotify';
  override path = 'anon_inode:inotify';
  readonly #events: FileEvents;
  readonly #places: Places;
  readonly #encode: (event: QueuedEvent) => Uint8Array;
  readonly #watches = new Map<number, Watch>();
  #queue: { event: QueuedEvent; record: Uint8Array }[] = [];
  #next = 1;

  constructor(places: Places, encode: (event: QueuedEvent) => Uint8Array, now: bigint) {
    super(now);
    this.#places = places;
    this.#events = places.events;
    this.#encode = encode;
    this.writable = false;
  }

  /** Takes over the caller's hold on `place`. */
  watch(place: Place, options: WatchOptions): number {
    const old = [...this.#watches.values()].find((one) => one.place === place);
    if (old) {
      this.#places.letGo(place);
      if (options.fresh) fail('EEXIST');
      old.kinds = options.add ? new Set([...old.kinds, ...options.kinds]) : options.kinds;
      old.once = options.once;
      return old.number;
    }
    if (this.#watches.size >= WATCHES) {
      this.#places.letGo(place);
      fail('ENOSPC');
    }
    const watch = new Watch(this.#next++, place, options, this);
    this.#watches.set(watch.number, watch);
    this.#events.add(watch);
    return watch.number;
  }

  unwatch(number: number): void {
    this.#end(this.#watches.get(number) ?? fail('EINVAL'));
  }

  happened(watch: Watch, event: FileEvent): void {
    if (watch.kinds.has(event.kind)) {
      this.#push({ ...event, watch: watch.number });
      if (watch.once) this.#end(watch);
    }
    if (event.kind === 'delete-self') this.#end(watch);
  }

  #end(watch: Watch): void {
    if (!this.#watches.delete(watch.number)) return;
    this.#events.remove(watch);
    this.#push({ watch: watch.number, kind: 'ignored', directory: false, name: '', cookie: 0 });
    this.#places.letGo(watch.place);
  }

  #push(event: QueuedEvent): void {
    const last = this.#queue[this.#queue.length - 1]?.event;
    const same =
      last &&
      last.watch === event.watch &&
      last.kind === event.kind &&
      last.name === event.name &&
      last.cookie === event.cookie &&
      last.directory === event.directory;
    if (same || last?.kind === 'overflow') return;
    const queued: QueuedEvent =
      this.#queue.length < QUEUE ? event : { watch: -1, kind: 'overflow', directory: false, name: '', cookie: 0 };
    this.#queue.push({ event: queued, record: this.#encode(queued) });
    this.queue.wake();
  }

  override read(into: Uint8Array): number {
    if (this.#queue.length === 0) fail('EAGAIN');
    let done = 0;
    let count = 0;
    for (const { record } of this.#queue) {
      if (done + record.length > into.length) break;
      into.set(record, done);
      done += record.length;
      count++;
    }
    if (count === 0) fail('EINVAL');
    this.#queue = this.#queue.slice(count);
    return done;
  }

  available(): number {
    return this.#queue.reduce((sum, { record }) => sum + record.length, 0);
  }

  override readiness(): number {
    return this.#queue.length > 0 ? READABLE : 0;
  }

  protected override release(): void {
    for (const watch of this.#watches.values()) {
      this.#events.remove(watch);
      this.#places.letGo(watch.place);
    }
    this.#watches.clear();
  }
}
