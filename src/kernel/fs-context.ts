/** The file-system side of a process: where it stands, what it takes for '/', its umask, and as whom it acts on files. */
import type { Place, Places } from './mounts.ts';

export class FsContext {
  umask = 0o022;
  /** As whom files are created and permissions checked (fsuid, fsgid); 0 may do anything. */
  uid = 0;
  gid = 0;
  groups: readonly number[] = [];
  #cwd: Place;
  #root: Place;
  readonly #places: Places;
  #users = 1;

  constructor(places: Places, cwd: Place, root: Place) {
    this.#places = places;
    this.#cwd = places.again(cwd);
    this.#root = places.again(root);
  }

  get cwd(): Place {
    return this.#cwd;
  }

  set cwd(place: Place) {
    this.#places.again(place);
    this.#places.letGo(this.#cwd);
    this.#cwd = place;
  }

  get root(): Place {
    return this.#root;
  }

  set root(place: Place) {
    this.#places.again(place);
    this.#places.letGo(this.#root);
    this.#root = place;
  }

  /** A copy for fork. */
  clone(): FsContext {
    const copy = new FsContext(this.#places, this.#cwd, this.#root);
    copy.umask = this.umask;
    copy.uid = this.uid;
    copy.gid = this.gid;
    copy.groups = this.groups;
    return copy;
  }

  /** CLONE_FS: one more process uses this very object; each ends with `release`. */
  share(): this {
    this.#users++;
    return this;
  }

  release(): void {
    if (--this.#users > 0) return;
    this.#places.letGo(this.#cwd);
    this.#places.letGo(this.#root);
  }
}
