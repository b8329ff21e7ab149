/** Which back end serves which part of the guest's tree, and the names that are in use (open files, working directories) so that they survive renames; walking paths is path-walk.ts. */
import type { HostFile, HostFs, HostOpen } from '../host/host.ts';
import { FileEvents } from './file-events.ts';
import type { OpenFile } from './open-file.ts';
import type { OpenHow } from './vfs.ts';

/** What a back end inside the kernel (devices, /proc) offers beyond the host contract. */
export interface KernelFs extends HostFs {
  /** Opens what is more than bytes at a position: a device, a terminal. undefined: an ordinary file of this back end. */
  openFile?(path: string, how: OpenHow): OpenFile | undefined;
  /** Where a magic link (/proc/self/fd/3, /proc/self/cwd) leads, whatever its text says. undefined: an ordinary link. */
  magic?(path: string): Place | OpenFile | undefined;
  open(path: string, how: HostOpen): HostFile;
}

export interface MountOptions {
  /** Path inside the back end that appears at the mount point; default '/'. */
  source?: string;
  readOnly?: boolean;
  /** First and third column of /proc/mounts. */
  device?: string;
  type?: string;
}

export class Mount {
  readonly id: number;
  /** Guest path of the mount point; '' for the root, so that `at + path` is always a path. */
  readonly at: string;
  readonly fs: KernelFs;
  /** Path inside the back end shown at `at`; '' for all of it. */
  readonly source: string;
  readonly readOnly: boolean;
  readonly device: string;
  readonly type: string;

  constructor(id: number, at: string, fs: HostFs, options: MountOptions) {
    this.id = id;
    this.at = at === '/' ? '' : at;
    this.fs = fs;
    this.source = options.source === undefined || options.source === '/' ? '' : options.source;
    this.readOnly = (options.readOnly ?? false) || fs.readOnly;
    this.device = options.device ?? fs.name;
    this.type = options.type ?? fs.name;
  }

  /** Guest path → path in the back end. */
  inside(guest: string): string {
    const path = this.source + guest.slice(this.at.length);
    return path === '' || path === '/' ? this.source || '/' : path;
  }

  /** Path in the back end → guest path. */
  outside(path: string): string {
    const rest = path.slice(this.source.length);
    return (rest === '/' ? this.at : this.at + rest) || '/';
  }

  get point(): string {
    return this.at || '/';
  }
}

export class MountTable {
  /** Longest mount point first, later mounts before earlier ones at the same place. */
  #byLength: Mount[] = [];
  #nextId = 1;

  add(at: string, fs: HostFs, options: MountOptions): Mount {
    const mount = new Mount(this.#nextId++, at, fs, options);
    this.#byLength = [mount, ...this.#byLength].sort((a, b) => b.at.length - a.at.length);
    return mount;
  }

  remove(mount: Mount): void {
    this.#byLength = this.#byLength.filter((m) => m !== mount);
  }

  /** The mount that serves a guest path free of links. */
  find(guest: string): Mount | undefined {
    for (const mount of this.#byLength) {
      const at = mount.at;
      if (guest.startsWith(at) && (guest.length === at.length || guest.charCodeAt(at.length) === 47 || at === '')) {
        return mount;
      }
    }
    return undefined;
  }

  isMountPoint(guest: string): boolean {
    return this.#byLength.some((m) => m.point === guest);
  }

  /** Some mount point lies below this directory. */
  hasBelow(guest: string): boolean {
    const prefix = guest === '/' ? '/' : `${guest}/`;
    return this.#byLength.some((m) => m.at.startsWith(prefix));
  }

  /** Names directly below a directory that lead to mount points: they show in listings even where the tree lacks them. */
  namesBelow(guest: string): string[] {
    const prefix = guest === '/' ? '/' : `${guest}/`;
    const names = new Set<string>();
    for (const { at } of this.#byLength) {
      if (at.startsWith(prefix)) names.add(at.slice(prefix.length).split('/')[0]!);
    }
    return [...names];
  }

  /** In the order they were mounted. */
  all(): readonly Mount[] {
    return [...this.#byLength].sort((a, b) => a.id - b.id);
  }
}

/** A name somebody holds: it follows renames made through this VFS and remembers that it was removed. */
export class Place {
  mount: Mount;
  /** Path in the back end. */
  path: string;
  deleted = false;
  users = 0;
  readonly events: FileEvents;
  /** Somebody has let go of it. */
  onLetGo: (() => void) | undefined;

  constructor(mount: Mount, path: string, events: FileEvents) {
    this.mount = mount;
    this.path = path;
    this.events = events;
  }

  get guest(): string {
    return this.mount.outside(this.path);
  }
}

/** All places in use, by back end and path. */
export class Places {
  readonly events = new FileEvents();
  readonly #byFs = new Map<HostFs, Map<string, Place[]>>();

  hold(mount: Mount, path: string): Place {
    let byPath = this.#byFs.get(mount.fs);
    if (byPath === undefined) {
      byPath = new Map();
      this.#byFs.set(mount.fs, byPath);
    }
    const at = byPath.get(path) ?? [];
    let place = at.find((p) => p.mount === mount);
    if (place === undefined) {
      place = new Place(mount, path, this.events);
      at.push(place);
      byPath.set(path, at);
    }
    place.users++;
    return place;
  }

  again(place: Place): Place {
    place.users++;
    return place;
  }

  letGo(place: Place): void {
    place.users--;
    place.onLetGo?.();
    if (place.users > 0 || place.deleted) return;
    const byPath = this.#byFs.get(place.mount.fs);
    const at = byPath?.get(place.path);
    if (byPath === undefined || at === undefined) return;
    if (at.length > 1) at.splice(at.indexOf(place), 1);
    else byPath.delete(place.path);
  }

  removed(fs: HostFs, path: string): void {
    const byPath = this.#byFs.get(fs);
    const at = byPath?.get(path);
    if (at === undefined) return;
    for (const place of at) place.deleted = true;
    byPath!.delete(path);
  }

  /** The name `from`, and all below it when it is a directory, is now `to`; whatever was called `to` before is gone. */
  renamed(fs: HostFs, from: string, to: string, isDirectory: boolean): void {
    this.removed(fs, to);
    this.#move(fs, from, to, isDirectory);
  }

  exchanged(fs: HostFs, a: string, b: string): void {
    const parking = `${a}\0`;
    this.#move(fs, a, parking, true);
    this.#move(fs, b, a, true);
    this.#move(fs, parking, b, true);
  }

  #move(fs: HostFs, from: string, to: string, deep: boolean): void {
    const byPath = this.#byFs.get(fs);
    if (byPath === undefined) return;
    const moving = deep
      ? [...byPath.keys()].filter((p) => p === from || p.startsWith(`${from}/`))
      : byPath.has(from)
        ? [from]
        : [];
    for (const old of moving) {
      const at = byPath.get(old)!;
      const path = to + old.slice(from.length);
      for (const place of at) place.path = path;
      byPath.delete(old);
      byPath.set(path, at);
    }
  }
}
