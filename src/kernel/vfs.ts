/** The virtual file system: mounts, path resolution and every operation on names; bytes and metadata belong to the host back ends, descriptors to FdTable. SKELETON: signatures are the contract, bodies follow. */
import { bug } from '../base/failures.ts';
import type { FileType, HostFs, Stat } from '../host/host.ts';
import type { OpenFile } from './open-file.ts';

/** What open is asked for, symbolic. Neither read nor write with `path`: only a name to hang other calls on (O_PATH). */
export interface OpenHow {
  read?: boolean;
  write?: boolean;
  create?: boolean;
  exclusive?: boolean;
  truncate?: boolean;
  append?: boolean;
  directory?: boolean;
  /** Fail ELOOP when the last component is a link. */
  nofollow?: boolean;
  path?: boolean;
  tmpfile?: boolean;
  nonblock?: boolean;
  /** Do not make a terminal the controlling one. */
  noctty?: boolean;
  sync?: boolean;
  /** Permission bits of a file to create, before the umask. */
  mode?: number;
}

/** How a path is followed. */
export interface LookUp {
  /** Follow a link in the last component; each operation has the default of the call it is named after. */
  follow?: boolean;
  /** An empty path means the base file itself (AT_EMPTY_PATH, and the f… calls: fchmod is `chmod(context, file, '', mode, ON_BASE)`). */
  empty?: boolean;
}

/** Act on the base file itself. */
export const ON_BASE: LookUp = { empty: true };

/** A time to set: nanoseconds since the epoch, the present, or unchanged. */
export type NewTime = bigint | 'now' | undefined;

/** The file-system side of a process: where it stands, what it takes for '/', its umask, and as whom it creates files. */
export class FsContext {
  umask = 0o022;
  /** As whom files are created and permissions checked (fsuid, fsgid); 0 may do anything. */
  uid = 0;
  gid = 0;
  groups: readonly number[] = [];
  /** A copy for fork; CLONE_FS shares the object instead. */
  clone(): FsContext { return bug('skeleton'); }
}

export interface MountOptions {
  /** Path inside the back end that appears at the mount point; default '/'. */
  source?: string;
  readOnly?: boolean;
  /** First and third column of /proc/mounts. */
  device?: string;
  type?: string;
}

/** `base`: the open directory a relative path starts from (dirfd), undefined for the current directory. Paths are the guest's, as strings. All fail with symbolic errors. */
export class Vfs {
  mount(_at: string, _fs: HostFs, _options?: MountOptions): void { bug('skeleton'); }
  /** A context at '/', with '/' as its root. */
  context(_cwd = '/'): FsContext { return bug('skeleton'); }

  open(_context: FsContext, _base: OpenFile | undefined, _path: string, _how: OpenHow): OpenFile { return bug('skeleton'); }
  stat(_context: FsContext, _base: OpenFile | undefined, _path: string, _look?: LookUp): Stat { return bug('skeleton'); }
  /** EACCES, EROFS or ENOENT unless the wanted access is there. */
  access(_context: FsContext, _base: OpenFile | undefined, _path: string, _want: { read?: boolean; write?: boolean; execute?: boolean }, _look?: LookUp): void { bug('skeleton'); }
  readlink(_context: FsContext, _base: OpenFile | undefined, _path: string): string { return bug('skeleton'); }
  mkdir(_context: FsContext, _base: OpenFile | undefined, _path: string, _mode: number): void { bug('skeleton'); }
  rmdir(_context: FsContext, _base: OpenFile | undefined, _path: string): void { bug('skeleton'); }
  unlink(_context: FsContext, _base: OpenFile | undefined, _path: string): void { bug('skeleton'); }
  rename(_context: FsContext, _fromBase: OpenFile | undefined, _from: string, _toBase: OpenFile | undefined, _to: string, _how?: { noReplace?: boolean; exchange?: boolean }): void { bug('skeleton'); }
  /** A hard link; `look.follow` as linkat's AT_SYMLINK_FOLLOW, default no. */
  link(_context: FsContext, _fromBase: OpenFile | undefined, _from: string, _toBase: OpenFile | undefined, _to: string, _look?: LookUp): void { bug('skeleton'); }
  symlink(_context: FsContext, _target: string, _base: OpenFile | undefined, _path: string): void { bug('skeleton'); }
  mknod(_context: FsContext, _base: OpenFile | undefined, _path: string, _type: FileType, _mode: number, _rdev?: number): void { bug('skeleton'); }
  chmod(_context: FsContext, _base: OpenFile | undefined, _path: string, _mode: number, _look?: LookUp): void { bug('skeleton'); }
  /** -1: leave alone. */
  chown(_context: FsContext, _base: OpenFile | undefined, _path: string, _uid: number, _gid: number, _look?: LookUp): void { bug('skeleton'); }
  utimes(_context: FsContext, _base: OpenFile | undefined, _path: string, _atime: NewTime, _mtime: NewTime, _look?: LookUp): void { bug('skeleton'); }
  truncate(_context: FsContext, _base: OpenFile | undefined, _path: string, _size: number): void { bug('skeleton'); }
  statfs(_context: FsContext, _base: OpenFile | undefined, _path: string, _look?: LookUp): FsStat { return bug('skeleton'); }
  chdir(_context: FsContext, _base: OpenFile | undefined, _path: string, _look?: LookUp): void { bug('skeleton'); }
  chroot(_context: FsContext, _path: string): void { bug('skeleton'); }
  /** The current directory as getcwd gives it; ENOENT when it was removed. */
  cwd(_context: FsContext): string { return bug('skeleton'); }
  /** The path of an open file as /proc/self/fd shows it: '/a/b', '/a/b (deleted)', 'pipe:[12]'. */
  pathOf(_context: FsContext, _file: OpenFile): string { return bug('skeleton'); }
}

export interface FsStat {
  type: number;
  blockSize: number;
  blocks: number;
  free: number;
  files: number;
  filesFree: number;
  readOnly: boolean;
}
