/** How the VFS turns paths into names of back ends, who may do what with them, and which of them are in use; the operations themselves are vfs.ts's. */
import { fail, GuestError } from '../base/failures.ts';
import type { DirectoryEntry, Stat } from '../host/host.ts';
import { DirectoryFile, PathFile } from './directory-file.ts';
import type { FsContext } from './fs-context.ts';
import { type Mount, MountTable, type Place, Places } from './mounts.ts';
import type { OpenFile } from './open-file.ts';
import { type Found, PathWalk, type Walker } from './path-walk.ts';
import { permits, type Want } from './permissions.ts';
import { RegularFile } from './regular-file.ts';

/** How a path is followed. */
export interface LookUp {
  /** Follow a link in the last component; 'never': not even before a trailing slash. Each operation has the default of the call it is named after. */
  follow?: boolean | 'never';
  /** An empty path means the base file itself (AT_EMPTY_PATH, and the f… calls: fchmod is `chmod(context, file, '', mode, ON_BASE)`). */
  empty?: boolean;
}

/** Act on the base file itself. */
export const ON_BASE: LookUp = { empty: true };

type Base = OpenFile | undefined;

export class Names {
  readonly mounts = new MountTable();
  readonly places = new Places();
  readonly #walk = new PathWalk(this.mounts);

  // Names in use

  /** What an open file's name leads to now; ENOENT when nothing. */
  statOf(place: Place): Stat {
    return this.#walk.lstat(place.mount, place.guest, place.path) ?? fail('ENOENT');
  }

  named<T extends OpenFile>(found: Pick<Found, 'mount' | 'path' | 'guest'>, file: T): T {
    // A device may hand out one and the same open file (the terminal): its first name stays.
    if (file.place === undefined) {
      const place = this.hold(found.mount, found.path);
      file.place = place;
      file.path = found.guest;
      const directory = file.kind === 'directory';
      if (file.kind !== 'path') this.places.events.file(place, 'open', directory);
      file.releaseListeners.add(() => {
        const wrote = file.writable && !directory;
        if (file.kind !== 'path') this.places.events.file(place, wrote ? 'close-write' : 'close-nowrite', directory);
        this.places.letGo(place);
      });
    }
    return file;
  }

  hold(mount: Mount, path: string): Place {
    return this.places.hold(mount, path);
  }

  list(place: Place): DirectoryEntry[] {
    const { mount, guest } = place;
    const self = this.#walk.lstat(mount, guest, place.path) ?? fail('ENOENT');
    const up = guest === '/' ? '/' : guest.slice(0, Math.max(1, guest.lastIndexOf('/')));
    const upMount = this.mounts.find(up)!;
    const parent = guest === '/' ? self : (this.#walk.lstat(upMount, up, upMount.inside(up)) ?? self);
    const entries: DirectoryEntry[] = [
      { name: '.', type: 'directory', ino: self.ino },
      { name: '..', type: 'directory', ino: parent.ino },
    ];
    const mounted = this.mounts.namesBelow(guest);
    let own: DirectoryEntry[] = [];
    try {
      own = mount.fs.readdir(place.path);
    } catch (error) {
      // Only a way to a mount point, absent in the tree below.
      if (!(error instanceof GuestError) || error.code !== 'ENOENT' || mounted.length === 0) throw error;
    }
    if (mounted.length === 0) return entries.concat(own);
    for (const entry of own) if (!mounted.includes(entry.name)) entries.push(entry);
    for (const name of mounted) {
      const at = guest === '/' ? `/${name}` : `${guest}/${name}`;
      const below = this.mounts.find(at)!;
      const stat = this.#walk.lstat(below, at, below.inside(at));
      if (stat !== undefined) entries.push({ name, type: stat.type, ino: stat.ino });
    }
    return entries;
  }

  // Looking up

  find(context: FsContext, base: Base, path: string, look: LookUp): Found {
    if (path === '' && look.empty) return this.#foundBase(context, base);
    let start = '/';
    if (path.charCodeAt(0) !== 47) {
      if (base !== undefined && !isDirectory(base)) fail(path === '' ? 'ENOENT' : 'ENOTDIR');
      const place = base === undefined ? context.cwd : base.place!;
      if (place.deleted) fail('ENOENT');
      start = place.guest;
    }
    return this.#walk.walk(this.#walker(context), start, path, look.follow ?? true);
  }

  #walker(context: FsContext): Walker {
    const maySearch =
      context.uid === 0
        ? undefined
        : (stat: Stat, mount: Mount): void => {
            if (!mount.fs.checksPermissions && !permits(context, stat, { execute: true })) fail('EACCES');
          };
    return { rootPath: context.root.guest, maySearch };
  }

  #foundBase(context: FsContext, base: Base): Found {
    const place = base === undefined ? context.cwd : base.place;
    const mount = place?.mount ?? this.mounts.find('/')!;
    const stat = base === undefined ? this.find(context, undefined, '.', {}).stat : base.stat();
    return {
      mount,
      path: place?.path ?? '',
      guest: place?.guest ?? '',
      stat,
      slash: false,
      last: '',
      file: base,
      deleted: place?.deleted ?? false,
    };
  }

  existing(context: FsContext, base: Base, path: string, look: LookUp): Found {
    const found = this.find(context, base, path, look);
    if (found.stat === undefined) fail('ENOENT');
    return found;
  }

  /** A name that is still free, in a directory that may be written. */
  fresh(context: FsContext, base: Base, path: string, directory: boolean): Found {
    const found = this.find(context, base, path, { follow: 'never' });
    if (found.stat !== undefined) fail('EEXIST');
    if (found.slash && !directory) fail('ENOENT');
    this.demandWritableParent(context, found);
    return found;
  }

  /** What a metadata call acts on; undefined: a file without a name (pipe, socket), where Linux accepts the call and nobody sees a difference. */
  mutable(context: FsContext, base: Base, path: string, look: LookUp): Found | undefined {
    const found = this.existing(context, base, path, { ...look, follow: look.follow ?? true });
    // The f… calls refuse a descriptor that is only a name; by a path that leads to it (/proc/self/fd/3) it is as good as any.
    if (found.file instanceof PathFile && look === ON_BASE) fail('EBADF');
    if (found.file !== undefined && found.file.place === undefined) return undefined;
    if (found.deleted && !(found.file instanceof RegularFile)) return undefined;
    this.demandWritable(found);
    return found;
  }

  // Permissions

  demandWritable(found: Found): void {
    if (found.mount.readOnly) fail('EROFS');
  }

  demand(context: FsContext, found: Found, want: Want): void {
    if (context.uid === 0 || found.mount.fs.checksPermissions) return;
    if (!permits(context, found.stat!, want)) fail('EACCES');
  }

  /** `victim`: what would be removed or replaced; a sticky directory protects what belongs to others. */
  demandWritableParent(context: FsContext, found: Found, victim?: Stat): void {
    this.demandWritable(found);
    if (context.uid === 0 || found.mount.fs.checksPermissions) return;
    const cut = Math.max(1, found.guest.lastIndexOf('/'));
    const up = found.guest.slice(0, cut);
    const mount = this.mounts.find(up)!;
    const parent = this.#walk.lstat(mount, up, mount.inside(up));
    if (parent === undefined) return;
    if (!permits(context, parent, { write: true, execute: true })) fail('EACCES');
    const sticky = (parent.mode & 0o1000) !== 0;
    if (sticky && victim !== undefined && victim.uid !== context.uid && parent.uid !== context.uid) fail('EPERM');
  }

  demandOwner(context: FsContext, stat: Stat): void {
    if (context.uid !== 0 && context.uid !== stat.uid) fail('EPERM');
  }

  demandNoMount(found: Found): void {
    if (this.mounts.isMountPoint(found.guest) || this.mounts.hasBelow(found.guest)) fail('EBUSY');
  }

  /** A new file belongs to whom the context acts as, and to the directory's group where that is set-gid. */
  own(context: FsContext, found: Found): void {
    const { fs } = found.mount;
    if (fs.checksPermissions || (fs.createsAs?.uid === context.uid && fs.createsAs.gid === context.gid)) return;
    const slash = found.path.lastIndexOf('/');
    const parent = fs.lstat(found.path.slice(0, Math.max(1, slash)));
    const inherits = (parent.mode & 0o2000) !== 0;
    const gid = inherits ? parent.gid : context.gid;
    const made = fs.lstat(found.path);
    if (made.uid !== context.uid || made.gid !== gid) fs.chown(found.path, context.uid, gid);
    if (inherits && made.type === 'directory') fs.chmod(found.path, made.mode | 0o2000);
  }
}

function isDirectory(file: OpenFile): boolean {
  return (
    file.place !== undefined &&
    (file instanceof DirectoryFile || (file instanceof PathFile && file.type === 'directory'))
  );
}
