/** The host contract: what every file back end offers to the kernel's VFS. Paths are absolute inside the back end ('/a/b'), already free of '.', '..' and of symbolic links in all but the last component; nothing here follows a link. All synchronous. Errors: GuestError with the symbolic errno. */

export type FileType = 'file' | 'directory' | 'symlink' | 'character' | 'block' | 'fifo' | 'socket';

export interface Stat {
  type: FileType;
  /** Permission bits with set-id and sticky, without the type. */
  mode: number;
  ino: number;
  dev: number;
  nlink: number;
  uid: number;
  gid: number;
  rdev: number;
  size: number;
  blksize: number;
  blocks: number;
  /** Nanoseconds since the epoch. */
  atime: bigint;
  mtime: bigint;
  ctime: bigint;
  birthtime: bigint;
}

export interface HostOpen {
  read: boolean;
  write: boolean;
  create?: boolean;
  exclusive?: boolean;
  truncate?: boolean;
  /** Permission bits for creation, umask already applied. */
  mode?: number;
}

export interface DirectoryEntry {
  name: string;
  type: FileType;
  ino: number;
}

/** Extended attributes of a file by name. */
export type Attributes = Map<string, Uint8Array>;

/** An open regular file; stays usable after its name is gone. */
export interface HostFile {
  /** Equal for every open file of the same inode, in all VMs of this Node process. */
  readonly identity: unknown;
  read(into: Uint8Array, position: number): number;
  write(from: Uint8Array, position: number): number;
  size(): number;
  stat(): Stat;
  truncate(size: number): void;
  /** Where data or a hole come next from `position` on (the size: nowhere); undefined: the back end does not know. */
  next?(position: number, what: 'data' | 'hole'): number | undefined;
  /** Room for [from, to), whatever the size; ENOSPC when there is none. */
  allocate?(from: number, to: number): void;
  /** Zeros in [from, to), whose room is given back; false or absent: the back end cannot. */
  punch?(from: number, to: number): boolean;
  chmod(mode: number): void;
  chown(uid: number, gid: number): void;
  utimes(atime: bigint | undefined, mtime: bigint | undefined): void;
  /** As HostFs.attributes. */
  attributes?(change: boolean): Attributes | undefined;
  sync(): void;
  close(): void;
}

export interface HostFs {
  readonly name: string;
  readonly readOnly: boolean;
  /** The back end refuses for itself what permission bits forbid (real files, when the host does not run as root). */
  readonly checksPermissions?: boolean;
  /** As whom the host makes files, set-gid directories included; undefined: the VFS sets owners. */
  readonly createsAs?: { uid: number; gid: number };
  open(path: string, how: HostOpen): HostFile;
  /** ENOENT when absent. */
  lstat(path: string): Stat;
  /** As lstat, but undefined when absent: what is looked for is often not there, and a thrown error costs more than the look. */
  look(path: string): Stat | undefined;
  /** Surely a directory, with no link on the way to it: answers path resolution at once. false: unknown. */
  plain?(path: string): boolean;
  /** Without '.' and '..'. */
  readdir(path: string): DirectoryEntry[];
  readlink(path: string): string;
  mkdir(path: string, mode: number): void;
  rmdir(path: string): void;
  unlink(path: string): void;
  /** Replaces `to` as rename(2) does; the VFS has ruled out '.' and moves into oneself. */
  rename(from: string, to: string): void;
  /** Swap two names at once, where the back end can. */
  exchange?(a: string, b: string): void;
  link(existing: string, path: string): void;
  symlink(target: string, path: string): void;
  /** A fifo, socket name or device node, where the back end can keep one. */
  mknod(path: string, type: FileType, mode: number, rdev: number): void;
  chmod(path: string, mode: number): void;
  chown(path: string, uid: number, gid: number): void;
  /** undefined: leave alone. Acts on a link itself. */
  utimes(path: string, atime: bigint | undefined, mtime: bigint | undefined): void;
  /** Extended attributes to read and, if `change`, to change. undefined: this file has no place for any. */
  attributes?(path: string, change: boolean): Attributes | undefined;
  statfs(): { type: number; blockSize: number; blocks: number; free: number; files: number; filesFree: number };
}

/** Time, entropy and identity of the host, replaceable for repeatable runs. */
export interface HostEnvironment {
  /** Nanoseconds since the epoch. */
  realtime(): bigint;
  monotonic(): bigint;
  random(into: Uint8Array): void;
  hostname(): string;
}
