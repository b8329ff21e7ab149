/** What happens to names and files of this VFS, told to whoever watches them (inotify): by name, so a hard link elsewhere is another file; changes by the host are not seen. */
import type { HostFs } from '../host/host.ts';
import type { Place } from './mounts.ts';

export type FileEventKind =
  | 'access'
  | 'modify'
  | 'attrib'
  | 'close-write'
  | 'close-nowrite'
  | 'open'
  | 'moved-from'
  | 'moved-to'
  | 'create'
  | 'delete'
  | 'delete-self'
  | 'move-self';

export interface FileEvent {
  kind: FileEventKind;
  directory: boolean;
  /** The name inside the watched directory; '' for what is watched itself. */
  name: string;
  /** Joins the two halves of a rename; 0: none. */
  cookie: number;
}

export interface Watcher {
  readonly place: Place;
  readonly ino: number;
  tell(event: FileEvent): void;
}

export class FileEvents {
  readonly #watchers = new Set<Watcher>();
  #cookie = 0;

  /** Is anybody interested at all? Asked before everything else, since mostly nobody is. */
  get watched(): boolean {
    return this.#watchers.size > 0;
  }

  add(watcher: Watcher): void {
    this.#watchers.add(watcher);
    watcher.place.onLetGo = () => this.#goneIfUnused(watcher.place);
  }

  remove(watcher: Watcher): void {
    this.#watchers.delete(watcher);
    if (this.#on(watcher.place) === 0) watcher.place.onLetGo = undefined;
  }

  /** Something was done to a file through an open description or a name: its directory's watchers hear of it, then its own. */
  file(
    place: { mount: { fs: HostFs }; path: string; deleted?: boolean },
    kind: FileEventKind,
    directory = false,
  ): void {
    if (!this.watched) return;
    const { fs } = place.mount;
    // A removed file that is still open goes on under its old name.
    this.entry(fs, place.path, kind, directory);
    for (const watcher of [...this.#watchers]) {
      const { place: own } = watcher;
      const same = own === place || (!own.deleted && !place.deleted && own.mount.fs === fs && own.path === place.path);
      if (same) watcher.tell({ kind, directory, name: '', cookie: 0 });
    }
  }

  /** A name in a directory came, went or was used: the directory's watchers hear of it. */
  entry(fs: HostFs, path: string, kind: FileEventKind, directory: boolean, cookie = 0): void {
    if (!this.watched || path === '/') return;
    const slash = path.lastIndexOf('/');
    const parent = path.slice(0, slash) || '/';
    const name = path.slice(slash + 1);
    for (const watcher of [...this.#watchers]) {
      const { place } = watcher;
      if (!place.deleted && place.mount.fs === fs && place.path === parent) {
        watcher.tell({ kind, directory, name, cookie });
      }
    }
  }

  /** The number of a file's names changes. */
  links(fs: HostFs, ino: number): void {
    for (const watcher of [...this.#watchers]) {
      if (watcher.place.mount.fs === fs && watcher.ino === ino) {
        watcher.tell({ kind: 'attrib', directory: false, name: '', cookie: 0 });
      }
    }
  }

  /** A name was taken away; `watching`, the places of it that are watched, know it already. */
  removed(fs: HostFs, path: string, file: { directory: boolean; ino: number }, watching: readonly Place[]): void {
    if (!this.watched) return;
    const { directory, ino } = file;
    if (directory) for (const place of watching) this.#goneIfUnused(place);
    else this.links(fs, ino);
    this.entry(fs, path, 'delete', directory);
    if (!directory) for (const place of watching) this.#goneIfUnused(place);
  }

  /** `replaced`: places that held the target's former file. */
  renamed(fs: HostFs, from: string, to: string, directory: boolean, replaced: readonly Place[]): void {
    if (!this.watched) return;
    const cookie = ++this.#cookie;
    this.entry(fs, from, 'moved-from', directory, cookie);
    this.entry(fs, to, 'moved-to', directory, cookie);
    for (const watcher of [...this.#watchers]) {
      const { place } = watcher;
      if (!place.deleted && place.mount.fs === fs && place.path === to) {
        watcher.tell({ kind: 'move-self', directory, name: '', cookie: 0 });
      }
    }
    for (const place of replaced) {
      this.#self(place, 'attrib');
      this.#goneIfUnused(place);
    }
  }

  /** The places of a name that somebody watches. */
  watchedPlaces(fs: HostFs, path: string): Place[] {
    const places = new Set<Place>();
    for (const { place } of this.#watchers) {
      if (!place.deleted && place.mount.fs === fs && place.path === path) places.add(place);
    }
    return [...places];
  }

  #on(place: Place): number {
    let count = 0;
    for (const watcher of this.#watchers) if (watcher.place === place) count++;
    return count;
  }

  #self(place: Place, kind: FileEventKind): void {
    for (const watcher of [...this.#watchers]) {
      if (watcher.place === place) watcher.tell({ kind, directory: false, name: '', cookie: 0 });
    }
  }

  /** A removed file ends when nobody but its watchers holds it. */
  #goneIfUnused(place: Place): void {
    if (place.deleted && place.users === this.#on(place)) this.#self(place, 'delete-self');
  }
}
