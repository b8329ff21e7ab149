/** What open files without a name have in common: an inode number, times, and a name such as 'pipe:[12]'. */
import type { FileType, Stat } from '../host/host.ts';
import { OpenFile } from './open-file.ts';

let inodes = 0;

/** Inode numbers of nameless objects, unique in this host process. */
export function nextInode(): number {
  return ++inodes;
}

export abstract class AnonymousFile extends OpenFile {
  readonly inode: number;
  protected readonly time: bigint;

  constructor(now: bigint, inode = nextInode()) {
    super();
    this.inode = inode;
    this.time = now;
  }

  /** As stat shows it. */
  protected get nodeType(): FileType {
    return 'file';
  }

  override stat(): Stat {
    // A named pipe is the node its name leads to.
    if (this.place !== undefined && !this.place.deleted) return this.place.mount.fs.lstat(this.place.path);
    return {
      type: this.nodeType,
      mode: 0o600,
      ino: this.inode,
      dev: this.nodeType === 'fifo' ? 14 : this.nodeType === 'socket' ? 9 : 15,
      nlink: 1,
      uid: 0,
      gid: 0,
      rdev: 0,
      size: 0,
      blksize: 4096,
      blocks: 0,
      atime: this.time,
      mtime: this.time,
      ctime: this.time,
      birthtime: this.time,
    };
  }
}
