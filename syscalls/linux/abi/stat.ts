/** File metadata in Linux's layouts: struct stat, struct statx, device numbers, file types. */
import type { FileType, Stat } from '../../../src/host/host.ts';
import type { FsStat } from '../../../src/kernel/vfs.ts';
import { S } from './flags.ts';
import type { stat, statfs, statx, Timespec } from './structs.ts';

type Value<L> = L extends { read(view: DataView, at: number): infer T } ? T : never;

export const FILE_TYPES: Readonly<Record<FileType, number>> = {
  file: S.S_IFREG,
  directory: S.S_IFDIR,
  symlink: S.S_IFLNK,
  character: S.S_IFCHR,
  block: S.S_IFBLK,
  fifo: S.S_IFIFO,
  socket: S.S_IFSOCK,
};

/** d_type of directory entries: the file type's four bits. */
export const direntType = (type: FileType): number => FILE_TYPES[type] >> 12;

/** The type bits of mknod's mode; no bits mean a regular file. */
export function fileTypeOf(mode: number): FileType | undefined {
  const bits = mode & S.S_IFMT;
  if (bits === 0) return 'file';
  return (Object.keys(FILE_TYPES) as FileType[]).find((type) => FILE_TYPES[type] === bits);
}

export function toTimespec(nanoseconds: bigint): Timespec {
  const tv_sec = Number(nanoseconds / 1_000_000_000n);
  const rest = Number(nanoseconds % 1_000_000_000n);
  return rest < 0 ? { tv_sec: tv_sec - 1, tv_nsec: rest + 1_000_000_000 } : { tv_sec, tv_nsec: rest };
}

/** Device numbers are split as the kernel's new encoding has them. */
export const major = (dev: number): number => Math.floor(dev / 256) & 0xfff;
export const minor = (dev: number): number => (dev & 0xff) | (Math.floor(dev / 0x1000) & 0xfff00);

export function toStat(from: Stat): Value<typeof stat> {
  return {
    st_dev: from.dev,
    st_ino: from.ino,
    st_nlink: from.nlink,
    st_mode: FILE_TYPES[from.type] | from.mode,
    st_uid: from.uid,
    st_gid: from.gid,
    st_rdev: from.rdev,
    st_size: from.size,
    st_blksize: from.blksize,
    st_blocks: from.blocks,
    st_atim: toTimespec(from.atime),
    st_mtim: toTimespec(from.mtime),
    st_ctim: toTimespec(from.ctime),
  };
}

export function toStatx(from: Stat, mask: number): Value<typeof statx> {
  return {
    stx_mask: mask,
    stx_blksize: from.blksize,
    stx_attributes: 0,
    stx_nlink: from.nlink,
    stx_uid: from.uid,
    stx_gid: from.gid,
    stx_mode: FILE_TYPES[from.type] | from.mode,
    stx_ino: from.ino,
    stx_size: from.size,
    stx_blocks: from.blocks,
    stx_attributes_mask: 0,
    stx_atime: toTimespec(from.atime),
    stx_btime: toTimespec(from.birthtime),
    stx_ctime: toTimespec(from.ctime),
    stx_mtime: toTimespec(from.mtime),
    stx_rdev_major: major(from.rdev),
    stx_rdev_minor: minor(from.rdev),
    stx_dev_major: major(from.dev),
    stx_dev_minor: minor(from.dev),
    stx_mnt_id: 0,
    stx_dio_mem_align: 0,
    stx_dio_offset_align: 0,
  };
}

const ST_RDONLY = 1;
const ST_VALID = 0x20;
const ST_RELATIME = 0x1000;

export function toStatfs(from: FsStat): Value<typeof statfs> {
  return {
    f_type: from.type,
    f_bsize: from.blockSize,
    f_blocks: from.blocks,
    f_bfree: from.free,
    f_bavail: from.free,
    f_files: from.files,
    f_ffree: from.filesFree,
    f_fsid: [0, 0],
    f_namelen: 255,
    f_frsize: from.blockSize,
    f_flags: ST_VALID | ST_RELATIME | (from.readOnly ? ST_RDONLY : 0),
  };
}
