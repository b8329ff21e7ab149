/** The contract of every file back end, as tests: run on each implementation, with what one cannot do named together with the reason. */
import { describe, expect, test } from 'vitest';
import { GuestError } from '../../src/base/failures.ts';
import type { HostFile, HostFs } from '../../src/host/host.ts';

export interface ContractOptions {
  /** Test name → why this back end cannot. */
  except?: Record<string, string>;
}

/** `make` gives a fresh, empty, writable back end. */
export function hostContract(name: string, make: () => HostFs, options: ContractOptions = {}): void {
  describe(`${name} keeps the host contract`, () => {
    const unused = new Set(Object.keys(options.except ?? {}));
    for (const [title, body] of Object.entries(CASES)) {
      const reason = options.except?.[title];
      unused.delete(title);
      if (reason !== undefined) test.skip(`${title} (${reason})`, () => {});
      else test(title, () => body(make()));
    }
    test('exceptions name real tests', () => expect([...unused]).toEqual([]));
  });
}

const utf8 = (text: string) => new TextEncoder().encode(text);
const NEW = { read: true, write: true, create: true, exclusive: true, mode: 0o644 };
const READ = { read: true, write: false };
const BOTH = { read: true, write: true };

export function put(fs: HostFs, path: string, content: string, mode = 0o644): void {
  const file = fs.open(path, { read: false, write: true, create: true, truncate: true, mode });
  file.write(utf8(content), 0);
  file.close();
}

export function get(fs: HostFs, path: string): string {
  const file = fs.open(path, READ);
  const content = contentOf(file);
  file.close();
  return content;
}

function contentOf(file: HostFile): string {
  const bytes = new Uint8Array(1 << 16);
  return new TextDecoder().decode(bytes.subarray(0, file.read(bytes, 0)));
}

export function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof GuestError) return error.code;
    throw error;
  }
  return 'no error';
}

const names = (fs: HostFs, path: string) =>
  fs
    .readdir(path)
    .map((entry) => entry.name)
    .sort();

const CASES: Record<string, (fs: HostFs) => void> = {
  'a new file reads back what was written'(fs) {
    const file = fs.open('/a', NEW);
    expect(file.write(utf8('hello'), 0)).toBe(5);
    expect(contentOf(file)).toBe('hello');
    expect(file.size()).toBe(5);
    file.close();
    expect(get(fs, '/a')).toBe('hello');
  },
  'reads stop at the end of the file'(fs) {
    put(fs, '/a', 'hello');
    const file = fs.open('/a', READ);
    const into = new Uint8Array(3).fill(0xff);
    expect(file.read(into, 4)).toBe(1);
    expect([...into]).toEqual([0x6f, 0xff, 0xff]);
    expect(file.read(into, 5)).toBe(0);
    expect(file.read(into, 500)).toBe(0);
    file.close();
  },
  'a write beyond the end leaves zeroes between'(fs) {
    const file = fs.open('/a', NEW);
    file.write(utf8('x'), 0);
    file.write(utf8('y'), 4);
    expect(contentOf(file)).toBe('x\0\0\0y');
    file.close();
  },
  'shrinking and growing again reads zeroes'(fs) {
    put(fs, '/a', 'abcdef');
    const file = fs.open('/a', BOTH);
    file.truncate(2);
    expect(contentOf(file)).toBe('ab');
    file.truncate(4);
    expect(contentOf(file)).toBe('ab\0\0');
    file.close();
  },
  'writing after shrinking does not show the old bytes'(fs) {
    put(fs, '/a', 'abcdef');
    const file = fs.open('/a', BOTH);
    file.truncate(1);
    file.write(utf8('z'), 3);
    expect(contentOf(file)).toBe('a\0\0z');
    file.close();
  },
  'open with truncate empties the file'(fs) {
    put(fs, '/a', 'abcdef');
    fs.open('/a', { ...BOTH, truncate: true }).close();
    expect(fs.lstat('/a').size).toBe(0);
  },
  'two opens of a file see each other'(fs) {
    put(fs, '/a', 'abc');
    const reader = fs.open('/a', READ);
    const writer = fs.open('/a', BOTH);
    writer.write(utf8('X'), 1);
    expect(contentOf(reader)).toBe('aXc');
    writer.truncate(1);
    expect(reader.size()).toBe(1);
    expect(reader.identity).toBe(writer.identity);
    reader.close();
    writer.close();
  },
  'different files differ in identity'(fs) {
    put(fs, '/a', '');
    put(fs, '/b', '');
    const a = fs.open('/a', READ);
    const b = fs.open('/b', READ);
    expect(a.identity).not.toBe(b.identity);
    a.close();
    b.close();
  },
  'an open file outlives its name'(fs) {
    put(fs, '/a', 'abc');
    const file = fs.open('/a', BOTH);
    fs.unlink('/a');
    expect(codeOf(() => fs.lstat('/a'))).toBe('ENOENT');
    expect(contentOf(file)).toBe('abc');
    file.write(utf8('Z'), 0);
    expect(contentOf(file)).toBe('Zbc');
    expect(file.stat().nlink).toBe(0);
    file.close();
  },
  'a name taken again is another file'(fs) {
    put(fs, '/a', 'old');
    const file = fs.open('/a', BOTH);
    fs.unlink('/a');
    put(fs, '/a', 'new');
    expect(contentOf(file)).toBe('old');
    file.write(utf8('OLD'), 0);
    expect(get(fs, '/a')).toBe('new');
    expect(file.stat().ino).not.toBe(fs.lstat('/a').ino);
    file.close();
  },
  'exclusive creation refuses what is there'(fs) {
    put(fs, '/a', '');
    expect(codeOf(() => fs.open('/a', NEW))).toBe('EEXIST');
  },
  'what is not there is ENOENT'(fs) {
    expect(codeOf(() => fs.open('/no', READ))).toBe('ENOENT');
    expect(codeOf(() => fs.lstat('/no'))).toBe('ENOENT');
    expect(codeOf(() => fs.unlink('/no'))).toBe('ENOENT');
    expect(codeOf(() => fs.rmdir('/no'))).toBe('ENOENT');
    expect(codeOf(() => fs.readdir('/no'))).toBe('ENOENT');
    expect(codeOf(() => fs.rename('/no', '/x'))).toBe('ENOENT');
    expect(codeOf(() => fs.chmod('/no', 0))).toBe('ENOENT');
    expect(codeOf(() => fs.mkdir('/no/x', 0o755))).toBe('ENOENT');
    expect(codeOf(() => fs.open('/no/x', NEW))).toBe('ENOENT');
  },
  'a file is no directory'(fs) {
    put(fs, '/a', '');
    expect(codeOf(() => fs.lstat('/a/b'))).toBe('ENOTDIR');
    expect(codeOf(() => fs.readdir('/a'))).toBe('ENOTDIR');
    expect(codeOf(() => fs.rmdir('/a'))).toBe('ENOTDIR');
    expect(codeOf(() => fs.mkdir('/a', 0o755))).toBe('EEXIST');
  },
  'a directory is no file'(fs) {
    fs.mkdir('/d', 0o755);
    expect(codeOf(() => fs.unlink('/d'))).toBe('EISDIR');
    expect(codeOf(() => fs.open('/d', BOTH))).toBe('EISDIR');
    expect(codeOf(() => fs.link('/d', '/e'))).toBe('EPERM');
  },
  'modes are kept exactly, whatever the umask of the host'(fs) {
    fs.open('/a', { ...NEW, mode: 0o666 }).close();
    fs.mkdir('/d', 0o1777);
    expect(fs.lstat('/a')).toMatchObject({ type: 'file', mode: 0o666 });
    expect(fs.lstat('/d')).toMatchObject({ type: 'directory', mode: 0o1777 });
    fs.chmod('/a', 0o4711);
    expect(fs.lstat('/a').mode).toBe(0o4711);
    const file = fs.open('/a', BOTH);
    file.chmod(0o600);
    expect(file.stat().mode).toBe(0o600);
    file.close();
  },
  'owners are kept'(fs) {
    put(fs, '/a', '');
    fs.chown('/a', 1234, 5678);
    expect(fs.lstat('/a')).toMatchObject({ uid: 1234, gid: 5678 });
    fs.symlink('a', '/l');
    fs.chown('/l', 7, 8);
    expect(fs.lstat('/l')).toMatchObject({ uid: 7, gid: 8 });
    expect(fs.lstat('/a')).toMatchObject({ uid: 1234, gid: 5678 });
  },
  'times are kept to the nanosecond'(fs) {
    put(fs, '/a', '');
    const atime = 1_234_567_890_123_456_789n;
    const mtime = 987_654_321_987_654_321n;
    fs.utimes('/a', atime, mtime);
    expect(fs.lstat('/a')).toMatchObject({ atime, mtime });
    fs.utimes('/a', undefined, 5n);
    expect(fs.lstat('/a')).toMatchObject({ atime, mtime: 5n });
    const file = fs.open('/a', BOTH);
    file.utimes(7_000_000_001n, undefined);
    expect(file.stat()).toMatchObject({ atime: 7_000_000_001n, mtime: 5n });
    file.close();
  },
  'a write moves the modification time'(fs) {
    put(fs, '/a', '');
    fs.utimes('/a', 1n, 1n);
    put(fs, '/a', 'x');
    expect(fs.lstat('/a').mtime).toBeGreaterThan(1n);
  },
  'a change in a directory moves its modification time'(fs) {
    fs.mkdir('/d', 0o755);
    fs.utimes('/d', 1n, 1n);
    put(fs, '/d/a', '');
    expect(fs.lstat('/d').mtime).toBeGreaterThan(1n);
    fs.utimes('/d', 1n, 1n);
    fs.unlink('/d/a');
    expect(fs.lstat('/d').mtime).toBeGreaterThan(1n);
  },
  'inode numbers are steady and listings agree with lstat'(fs) {
    put(fs, '/a', '');
    fs.mkdir('/d', 0o755);
    fs.symlink('a', '/l');
    for (const { name, type, ino } of fs.readdir('/')) {
      expect(fs.lstat(`/${name}`)).toMatchObject({ type, ino });
    }
    const { ino, dev } = fs.lstat('/a');
    fs.rename('/a', '/d/b');
    expect(fs.lstat('/d/b')).toMatchObject({ ino, dev });
  },
  'listings have every name but . and ..'(fs) {
    expect(names(fs, '/')).toEqual([]);
    put(fs, '/b', '');
    fs.mkdir('/ä', 0o755);
    put(fs, '/ä/x y', '');
    expect(names(fs, '/')).toEqual(['b', 'ä']);
    expect(names(fs, '/ä')).toEqual(['x y']);
  },
  'names that are not UTF-8 stay apart and lead to their files'(fs) {
    const strange = ['a\udcfe', 'a\udcff', '\udcc3', '\udced\udcb2\udc80', '\ufffd'].sort();
    fs.mkdir('/d\udcff', 0o755);
    for (const name of strange) put(fs, `/d\udcff/${name}`, JSON.stringify(name));
    expect(names(fs, '/')).toEqual(['d\udcff']);
    expect(names(fs, '/d\udcff')).toEqual(strange);
    for (const { name, type, ino } of fs.readdir('/d\udcff')) {
      expect(get(fs, `/d\udcff/${name}`)).toBe(JSON.stringify(name));
      expect(fs.lstat(`/d\udcff/${name}`)).toMatchObject({ type, ino });
    }
    fs.rename('/d\udcff', '/e\udcff');
    fs.link('/e\udcff/a\udcfe', '/l\udcfe');
    fs.unlink('/e\udcff/a\udcfe');
    fs.symlink('to\udcc3', '/s\udcff');
    expect(fs.readlink('/s\udcff')).toBe('to\udcc3');
    expect(fs.lstat('/s\udcff').size).toBe(3);
    expect(names(fs, '/')).toEqual(['e\udcff', 'l\udcfe', 's\udcff']);
    expect(fs.look('/e\ufffd')).toBeUndefined();
  },
  'rmdir wants an empty directory'(fs) {
    fs.mkdir('/d', 0o755);
    put(fs, '/d/a', '');
    expect(codeOf(() => fs.rmdir('/d'))).toBe('ENOTEMPTY');
    fs.unlink('/d/a');
    fs.rmdir('/d');
    expect(names(fs, '/')).toEqual([]);
  },
  'directory links count sub-directories'(fs) {
    fs.mkdir('/d', 0o755);
    expect(fs.lstat('/d').nlink).toBe(2);
    fs.mkdir('/d/e', 0o755);
    expect(fs.lstat('/d').nlink).toBe(3);
    fs.rename('/d/e', '/e');
    expect(fs.lstat('/d').nlink).toBe(2);
    fs.rmdir('/e');
    expect(fs.lstat('/d').nlink).toBe(2);
  },
  'symbolic links keep their text and are not followed'(fs) {
    fs.symlink('no/where', '/l');
    expect(fs.readlink('/l')).toBe('no/where');
    expect(fs.lstat('/l')).toMatchObject({ type: 'symlink', mode: 0o777, size: 8 });
    put(fs, '/a', 'abc');
    fs.symlink('a', '/m');
    expect(codeOf(() => fs.open('/m', READ))).toBe('ELOOP');
    expect(codeOf(() => fs.readlink('/a'))).toBe('EINVAL');
    expect(codeOf(() => fs.symlink('x', '/a'))).toBe('EEXIST');
    fs.unlink('/m');
    expect(get(fs, '/a')).toBe('abc');
  },
  'hard links are one file under several names'(fs) {
    put(fs, '/a', 'abc');
    fs.link('/a', '/b');
    expect(fs.lstat('/b')).toMatchObject({ nlink: 2, ino: fs.lstat('/a').ino });
    put(fs, '/b', 'changed');
    expect(get(fs, '/a')).toBe('changed');
    expect(codeOf(() => fs.link('/a', '/b'))).toBe('EEXIST');
    fs.unlink('/a');
    expect(fs.lstat('/b').nlink).toBe(1);
    expect(get(fs, '/b')).toBe('changed');
  },
  'rename replaces a file, which stays open'(fs) {
    put(fs, '/a', 'from');
    put(fs, '/b', 'to');
    const open = fs.open('/b', READ);
    fs.rename('/a', '/b');
    expect(get(fs, '/b')).toBe('from');
    expect(codeOf(() => fs.lstat('/a'))).toBe('ENOENT');
    expect(contentOf(open)).toBe('to');
    open.close();
  },
  'rename moves a directory with all it holds'(fs) {
    fs.mkdir('/d', 0o750);
    fs.mkdir('/d/e', 0o755);
    put(fs, '/d/e/f', 'deep');
    fs.rename('/d', '/x');
    expect(get(fs, '/x/e/f')).toBe('deep');
    expect(fs.lstat('/x').mode).toBe(0o750);
    expect(codeOf(() => fs.lstat('/d'))).toBe('ENOENT');
    fs.mkdir('/d', 0o755);
    expect(names(fs, '/d')).toEqual([]);
  },
  'rename over a directory wants it empty, and of the same kind'(fs) {
    fs.mkdir('/d', 0o755);
    fs.mkdir('/e', 0o755);
    put(fs, '/e/x', '');
    put(fs, '/f', '');
    expect(codeOf(() => fs.rename('/d', '/e'))).toMatch(/ENOTEMPTY|EEXIST/);
    expect(codeOf(() => fs.rename('/d', '/f'))).toBe('ENOTDIR');
    expect(codeOf(() => fs.rename('/f', '/d'))).toBe('EISDIR');
    fs.rename('/e', '/d');
    expect(names(fs, '/d')).toEqual(['x']);
  },
  'fifos and sockets are names with a type'(fs) {
    fs.mknod('/p', 'fifo', 0o644, 0);
    fs.mknod('/s', 'socket', 0o755, 0);
    expect(fs.lstat('/p')).toMatchObject({ type: 'fifo', mode: 0o644 });
    expect(fs.lstat('/s')).toMatchObject({ type: 'socket', mode: 0o755 });
    expect(fs.readdir('/').find((entry) => entry.name === 'p')).toMatchObject({ type: 'fifo' });
    expect(codeOf(() => fs.mknod('/p', 'fifo', 0o644, 0))).toBe('EEXIST');
    fs.rename('/p', '/q');
    expect(fs.lstat('/q').type).toBe('fifo');
    fs.unlink('/q');
    put(fs, '/q', 'file');
    expect(fs.lstat('/q').type).toBe('file');
  },
  'device nodes keep their number'(fs) {
    fs.mknod('/n', 'character', 0o666, 0x103);
    expect(fs.lstat('/n')).toMatchObject({ type: 'character', rdev: 0x103 });
  },
  'plain paths are directories without links on the way'(fs) {
    if (fs.plain === undefined) return;
    fs.mkdir('/d', 0o755);
    fs.mkdir('/d/e', 0o755);
    fs.symlink('d', '/l');
    put(fs, '/f', '');
    expect(fs.plain('/d/e')).toBe(true);
    expect(fs.plain('/l/e')).toBe(false);
    expect(fs.plain('/l')).toBe(false);
    expect(fs.plain('/no')).toBe(false);
    fs.rename('/d', '/x');
    expect(fs.plain('/d/e')).toBe(false);
    expect(fs.plain('/x/e')).toBe(true);
  },
  'an exchange swaps two names'(fs) {
    if (fs.exchange === undefined) return;
    put(fs, '/a', 'file');
    fs.mkdir('/d', 0o755);
    put(fs, '/d/x', 'inside');
    fs.exchange('/a', '/d');
    expect(get(fs, '/d')).toBe('file');
    expect(get(fs, '/a/x')).toBe('inside');
  },
  'large files keep their bytes'(fs) {
    const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7) >> 3);
    const file = fs.open('/big', NEW);
    for (let at = 0; at < bytes.length; at += 65_536) file.write(bytes.subarray(at, at + 65_536), at);
    const back = new Uint8Array(bytes.length);
    for (let at = 0; at < back.length; ) at += file.read(back.subarray(at), at);
    expect(back).toEqual(bytes);
    expect(file.stat()).toMatchObject({ size: 300_000, type: 'file' });
    file.close();
  },
  'statfs tells of room'(fs) {
    const { blockSize, blocks, free } = fs.statfs();
    expect(blockSize).toBeGreaterThan(0);
    expect(free).toBeLessThanOrEqual(blocks);
  },
};
