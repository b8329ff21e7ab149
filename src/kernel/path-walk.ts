/** Path resolution: from a guest path to the back end and path that serve it, following links inside the guest's root and never beyond; what is done with the result is vfs.ts. */

import { fail } from '../base/failures.ts';
import { bytesOf } from '../base/text.ts';
import type { Stat } from '../host/host.ts';
import { type Mount, type MountTable, Place } from './mounts.ts';
import type { OpenFile } from './open-file.ts';

/** As Linux: following more links than this is a loop. */
const MAX_LINKS = 40;
const NAME_MAX = 255;
const PATH_MAX = 4096;

/** The outcome of a walk. */
export interface Found {
  mount: Mount;
  /** Path in the back end. */
  path: string;
  /** Guest path, free of links. */
  guest: string;
  /** undefined: nothing there (yet); its directory exists. */
  stat: Stat | undefined;
  /** The path ended in '/'. */
  slash: boolean;
  /** Last component as written: a name, '.', '..', or '' for the root itself. */
  last: string;
  /** A magic link led to this open file. */
  file: OpenFile | undefined;
  /** A magic link led to a name that was removed. */
  deleted: boolean;
}

/** Whose eyes the walk uses. */
export interface Walker {
  /** Guest path of the root, '/' unless chrooted. */
  readonly rootPath: string;
  /** Fails EACCES when this directory may not be searched; undefined: everything may. */
  readonly maySearch: ((stat: Stat, mount: Mount) => void) | undefined;
}

export class PathWalk {
  readonly #mounts: MountTable;

  constructor(mounts: MountTable) {
    this.#mounts = mounts;
  }

  /** `start`: guest path of the directory a relative path starts from. `follow`: a link in the last component is followed; false: only before a trailing slash; 'never': not even there, and what is found need not be a directory. */
  walk(walker: Walker, start: string, path: string, follow: boolean | 'never'): Found {
    if (path === '') fail('ENOENT');
    if (path.length * 3 >= PATH_MAX && bytesOf(path).length >= PATH_MAX) fail('ENAMETOOLONG');
    return this.#plain(walker, start, path, follow) ?? this.#stepwise(walker, start, path, follow);
  }

  /** What is at a guest path free of links; undefined when nothing is. */
  lstat(mount: Mount, guest: string, path: string): Stat | undefined {
    return mount.fs.look(path) ?? (this.#mounts.hasBelow(guest) ? syntheticDirectory(mount) : undefined);
  }

  /** The common case in three host calls at most: the back end confirms at once that the directory part holds no link. */
  #plain(walker: Walker, start: string, path: string, follow: boolean | 'never'): Found | undefined {
    if (walker.maySearch !== undefined || !isSimple(path)) return undefined;
    const guest =
      path.charCodeAt(0) === 47
        ? walker.rootPath === '/'
          ? path
          : walker.rootPath + path
        : start === '/'
          ? `/${path}`
          : `${start}/${path}`;
    const cut = guest.lastIndexOf('/');
    const directory = cut === 0 ? '/' : guest.slice(0, cut);
    const parent = this.#mounts.find(directory) ?? fail('ENOENT');
    const inside = parent.inside(directory);
    if (inside !== '/' && inside !== parent.source && parent.fs.plain?.(inside) !== true) return undefined;
    const mount = this.#mounts.find(guest)!;
    const name = guest.slice(cut + 1);
    checkName(name);
    const target = mount.inside(guest);
    const stat = this.lstat(mount, guest, target);
    if (stat !== undefined && stat.type === 'symlink' && follow === true) return undefined;
    return { mount, path: target, guest, stat, slash: false, last: name, file: undefined, deleted: false };
  }

  #stepwise(walker: Walker, start: string, path: string, follow: boolean | 'never'): Found {
    const slash = path.endsWith('/');
    /** Components still to walk, the next one last. */
    const todo = path.split('/').reverse();
    let current = path.startsWith('/') ? walker.rootPath : start;
    let here: Stat | undefined;
    let links = 0;
    let last = '';
    while (todo.length > 0) {
      const name = todo.pop()!;
      if (name === '') continue;
      if (name === '.' || name === '..') {
        last = name;
        if (walker.maySearch !== undefined) this.#search(walker, current, here);
        if (name === '..' && current !== walker.rootPath && current !== '/') {
          current = current.slice(0, Math.max(1, current.lastIndexOf('/')));
          here = undefined;
        }
        continue;
      }
      checkName(name);
      last = name;
      if (walker.maySearch !== undefined) this.#search(walker, current, here);
      const isLast = todo.every((rest) => rest === '');
      const guest = current === '/' ? `/${name}` : `${current}/${name}`;
      const mount = this.#mounts.find(guest) ?? fail('ENOENT');
      const inside = mount.inside(guest);
      const stat = this.lstat(mount, guest, inside);
      const isLink = stat !== undefined && stat.type === 'symlink';
      if (isLast && !(isLink && (follow === true || (slash && follow !== 'never')))) {
        if (slash && follow !== 'never' && stat !== undefined && stat.type !== 'directory') fail('ENOTDIR');
        return { mount, path: inside, guest, stat, slash, last, file: undefined, deleted: false };
      }
      if (stat === undefined) fail('ENOENT');
      if (isLink) {
        if (++links > MAX_LINKS) fail('ELOOP');
        const magic = mount.fs.magic?.(inside);
        if (magic !== undefined) {
          const found = foundByMagic(magic, slash, last, mount, inside, guest);
          if (isLast) return found;
          if (found.deleted || found.stat?.type === 'file') fail(found.deleted ? 'ENOENT' : 'ENOTDIR');
          if (found.file !== undefined && found.file.place === undefined) fail('ENOTDIR');
          current = found.guest;
          here = undefined;
          continue;
        }
        const target = mount.fs.readlink(inside);
        if (target === '') fail('ENOENT');
        const more = target.split('/');
        for (let i = more.length - 1; i >= 0; i--) todo.push(more[i]!);
        if (target.startsWith('/')) {
          current = walker.rootPath;
          here = undefined;
        }
        continue;
      }
      if (stat.type !== 'directory') fail('ENOTDIR');
      current = guest;
      here = stat;
    }
    const mount = this.#mounts.find(current) ?? fail('ENOENT');
    const inside = mount.inside(current);
    const stat = this.lstat(mount, current, inside) ?? fail('ENOENT');
    if (slash && stat.type !== 'directory') fail('ENOTDIR');
    return { mount, path: inside, guest: current, stat, slash, last, file: undefined, deleted: false };
  }

  #search(walker: Walker, guest: string, known: Stat | undefined): void {
    const mount = this.#mounts.find(guest) ?? fail('ENOENT');
    const stat = known ?? this.lstat(mount, guest, mount.inside(guest)) ?? fail('ENOENT');
    walker.maySearch!(stat, mount);
  }
}

function foundByMagic(
  magic: Place | OpenFile,
  slash: boolean,
  last: string,
  link: Mount,
  linkPath: string,
  linkGuest: string,
): Found {
  if (magic instanceof Place) {
    const stat = magic.deleted ? undefined : magic.mount.fs.lstat(magic.path);
    return {
      mount: magic.mount,
      path: magic.path,
      guest: magic.guest,
      stat,
      slash,
      last,
      file: undefined,
      deleted: magic.deleted,
    };
  }
  const place = magic.place;
  const stat = magic.stat();
  if (slash && stat.type !== 'directory') fail('ENOTDIR');
  return {
    mount: place?.mount ?? link,
    path: place?.path ?? linkPath,
    guest: place?.guest ?? linkGuest,
    stat,
    slash,
    last,
    file: magic,
    deleted: place?.deleted ?? false,
  };
}

/** No '.', '..', doubled or trailing slash: what is written is what is meant. */
function isSimple(path: string): boolean {
  let start = path.charCodeAt(0) === 47 ? 1 : 0;
  for (let i = start; i <= path.length; i++) {
    if (i < path.length && path.charCodeAt(i) !== 47) continue;
    const length = i - start;
    if (length === 0) return false;
    if (length <= 2 && path.charCodeAt(start) === 46 && (length === 1 || path.charCodeAt(start + 1) === 46))
      return false;
    start = i + 1;
  }
  return true;
}

function checkName(name: string): void {
  if (name.length * 3 > NAME_MAX && bytesOf(name).length > NAME_MAX) fail('ENAMETOOLONG');
}

/** Stands for a directory on the way to a mount point that the tree below does not have. */
function syntheticDirectory(mount: Mount): Stat {
  return {
    type: 'directory',
    mode: 0o755,
    ino: 1,
    dev: 0x10000 + mount.id,
    nlink: 2,
    uid: 0,
    gid: 0,
    rdev: 0,
    size: 4096,
    blksize: 4096,
    blocks: 8,
    atime: 0n,
    mtime: 0n,
    ctime: 0n,
    birthtime: 0n,
  };
}
