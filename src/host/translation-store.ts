/** Translations of earlier runs on disk: a file for each program in a directory that is nobody else's. Damaged files and places that cannot be written count as none. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { crc32 } from '../base/crc32.ts';
import type { TranslationStore } from '../engine/engine.ts';
import { BUILD } from './build.ts';
import { zlib } from './builtins.ts';
import { machineCode } from './machine-code.ts';

/** First bytes of a file: HPT1, what it is and in which form. */
const MAGIC = 0x3154_5048;

/** Files are kept as long as all of them take no more than this; those not used for longest go first. */
const CAPACITY = 512 * 2 ** 20;

/** What the guest calls `path` in the directory `cwd`; `root`: the host directory that is its /, if one is. */
export interface Program {
  readonly root?: string | undefined;
  readonly cwd: string;
  readonly path: string;
}

/** A part of a file: where it is, and its CRC-32. */
interface Entry {
  readonly offset: number;
  readonly length: number;
  readonly sum: number;
}

/**
 * The file in `directory` for a program, as this version of ours and of V8 leaves it there; undefined when running from source, which may
 * change. A directory that others may write to is not used, for what lies there is run.
 *
 * Layout, u32 little-endian: magic, CRC-32 of the rest of the head, length of identity, count of parts, then offset, length and
 * CRC-32 of each; identity. The parts follow.
 */
export function translationStore(directory: string, program: Program, build = BUILD): TranslationStore | undefined {
  if (build === undefined) return undefined;
  const root = program.root === undefined ? '' : path.resolve(program.root);
  const inGuest = path.posix.resolve(program.cwd, program.path);
  const whole = Buffer.from([build, process.versions.v8, process.arch, root, inGuest].join('\0'));
  const name = path.posix.basename(inGuest).replace(/[^\w.+-]/g, '_');
  const file = path.join(directory, `${name.slice(0, 64)}-${checksum(whole).toString(16)}`);
  let found: { fd: number; parts: Entry[] } | undefined;
  let looked = false;
  return {
    machineCode: machineCode(),
    read(part) {
      if (!looked) found = openFile(directory, file, whole);
      looked = true;
      const entry = found?.parts[part];
      const bytes = entry && readAt(found!.fd, entry.offset, entry.length);
      return bytes && checksum(bytes) === entry!.sum ? bytes : undefined;
    },
    write(parts) {
      try {
        if (!isStoreDirectory(directory)) return;
        // At once as a whole: others may start meanwhile.
        const fresh = `${file}.${process.pid}`;
        try {
          writeFile(fresh, whole, parts);
          fs.renameSync(fresh, file);
        } finally {
          fs.rmSync(fresh, { force: true });
        }
        makeRoom(directory);
      } catch {
        // Not writable, or full: the next run starts from what there was.
      }
    },
    close() {
      if (found) fs.closeSync(found.fd);
      found = undefined;
    },
  };
}

/** Where translations lie unless another place is named: $XDG_CACHE_HOME/hospes, or .cache/hospes in the home directory. */
export function storeDirectory(): string | undefined {
  const { XDG_CACHE_HOME: cache, HOME: home } = process.env;
  if (cache && path.isAbsolute(cache)) return path.join(cache, 'hospes');
  return home && path.isAbsolute(home) ? path.join(home, '.cache', 'hospes') : undefined;
}

/** To load node:zlib takes 3 ms, in which as many bytes have been summed up without. */
const LITTLE = 64 * 1024;

/** CRC-32. */
const checksum = (bytes: Uint8Array): number => (bytes.length < LITTLE ? crc32(bytes) : zlib().crc32(bytes));

const FIXED = 4;
const PER_PART = 3;

function writeFile(file: string, identity: Uint8Array, parts: readonly (() => Uint8Array)[]): void {
  const head = Buffer.alloc((FIXED + PER_PART * parts.length) * 4 + identity.length);
  head.writeUInt32LE(MAGIC, 0);
  head.writeUInt32LE(identity.length, 8);
  head.writeUInt32LE(parts.length, 12);
  head.set(identity, head.length - identity.length);
  const fd = fs.openSync(file, 'wx', 0o600);
  try {
    let offset = head.length;
    parts.forEach((part, i) => {
      const bytes = part();
      writeAt(fd, bytes, offset);
      const at = (FIXED + PER_PART * i) * 4;
      head.writeUInt32LE(offset, at);
      head.writeUInt32LE(bytes.length, at + 4);
      head.writeUInt32LE(checksum(bytes), at + 8);
      offset += bytes.length;
    });
    head.writeUInt32LE(checksum(head.subarray(8)), 4);
    writeAt(fd, head, 0);
  } finally {
    fs.closeSync(fd);
  }
}

function writeAt(fd: number, bytes: Uint8Array, offset: number): void {
  for (let done = 0; done < bytes.length; ) done += fs.writeSync(fd, bytes, done, bytes.length - done, offset + done);
}

/** Open the file if it is whole and made under the same circumstances. */
function openFile(directory: string, file: string, identity: Uint8Array): { fd: number; parts: Entry[] } | undefined {
  if (!isOurs(directory)) return undefined;
  let fd: number;
  try {
    fd = fs.openSync(file, 'r');
  } catch {
    return undefined;
  }
  const fixed = readAt(fd, 0, FIXED * 4);
  if (fixed?.readUInt32LE(0) === MAGIC) {
    const [length, count] = [fixed.readUInt32LE(8), fixed.readUInt32LE(12)];
    const size = (FIXED + PER_PART * count) * 4 + length;
    const head = size <= fs.fstatSync(fd).size ? readAt(fd, 0, size) : undefined;
    if (head && checksum(head.subarray(8)) === fixed.readUInt32LE(4) && head.subarray(size - length).equals(identity)) {
      touch(file);
      const parts = Array.from({ length: count }, (_, i) => {
        const at = (FIXED + PER_PART * i) * 4;
        return { offset: head.readUInt32LE(at), length: head.readUInt32LE(at + 4), sum: head.readUInt32LE(at + 8) };
      });
      return { fd, parts };
    }
  }
  fs.closeSync(fd);
  return undefined;
}

function readAt(fd: number, offset: number, length: number): Buffer | undefined {
  const bytes = Buffer.allocUnsafeSlow(length);
  return fs.readSync(fd, bytes, 0, length, offset) === length ? bytes : undefined;
}

/** Make the directory if there is none; answers whether translations can lie there. */
export function isStoreDirectory(directory: string): boolean {
  try {
    fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
    fs.accessSync(directory, fs.constants.W_OK);
    return isOurs(directory);
  } catch {
    return false;
  }
}

/** Is there such a directory, and can only this user write to it? */
function isOurs(directory: string): boolean {
  try {
    const stat = fs.statSync(directory);
    const { uid, mode } = stat;
    if (!stat.isDirectory()) return false;
    return process.getuid === undefined || (uid === process.getuid() && (mode & 0o022) === 0);
  } catch {
    return false;
  }
}

/** It was used just now. */
function touch(file: string): void {
  try {
    const now = Date.now() / 1000;
    fs.utimesSync(file, now, now);
  } catch {
    // Its age then tells nothing.
  }
}

/** Remove what was not used for longest until the rest is within the capacity. */
function makeRoom(directory: string): void {
  const files = fs.readdirSync(directory).map((name) => {
    const file = path.join(directory, name);
    const { size, mtimeMs } = fs.statSync(file);
    return { file, size, mtimeMs };
  });
  let room = CAPACITY;
  for (const { file, size } of files.sort((a, b) => b.mtimeMs - a.mtimeMs)) {
    room -= size;
    if (room < 0) fs.rmSync(file, { force: true });
  }
}
