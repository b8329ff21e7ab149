import { beforeEach, describe, expect, test } from 'vitest';
import { MemoryFs } from '../../src/host/memfs.ts';
import type { DirectoryFile } from '../../src/kernel/directory-file.ts';
import { FdTable } from '../../src/kernel/fd-table.ts';
import type { OpenFile } from '../../src/kernel/open-file.ts';
import type { RegularFile } from '../../src/kernel/regular-file.ts';
import { type FsContext, ON_BASE, type OpenHow, Vfs } from '../../src/kernel/vfs.ts';
import { codeOf, put } from '../contracts/host-fs.ts';

let vfs: Vfs;
let memory: MemoryFs;
let me: FsContext;

const READ: OpenHow = { read: true };
const MAKE: OpenHow = { read: true, write: true, create: true, mode: 0o666 };

beforeEach(() => {
  vfs = new Vfs();
  memory = new MemoryFs();
  vfs.mount('/', memory);
  memory.mkdir('/d', 0o755);
  memory.mkdir('/d/e', 0o755);
  put(memory, '/d/f', 'content');
  memory.symlink('d', '/link');
  memory.symlink('/d/f', '/absolute');
  memory.symlink('nowhere', '/dangling');
  memory.symlink('loop', '/loop');
  me = vfs.context();
});

const open = (path: string, how: OpenHow = READ, base?: OpenFile) => vfs.open(me, base, path, how).retain();
const stat = (path: string, follow = true) => vfs.stat(me, undefined, path, { follow });
const text = (file: OpenFile, at = 0) => {
  const into = new Uint8Array(100);
  return new TextDecoder().decode(into.subarray(0, file.read(into, at)));
};
const bytes = (s: string) => new TextEncoder().encode(s);
const list = (path: string) => (open(path, { read: true, directory: true }) as DirectoryFile).list().map((e) => e.name);

describe('paths', () => {
  test.each([
    ['/d/f', 'file'],
    ['/link/f', 'file'],
    ['/absolute', 'file'],
    ['//d///f', 'file'],
    ['/d/./e/../f', 'file'],
    ['/../../d', 'directory'],
    ['/link/', 'directory'],
    ['/link/..', 'directory'],
    ['/', 'directory'],
    ['.', 'directory'],
  ])('%s is a %s', (path, type) => expect(stat(path).type).toBe(type));

  test.each([
    ['', 'ENOENT'],
    ['/no', 'ENOENT'],
    ['/no/', 'ENOENT'],
    ['/no/x', 'ENOENT'],
    ['/d/f/', 'ENOTDIR'],
    ['/d/f/x', 'ENOTDIR'],
    ['/d/f/.', 'ENOTDIR'],
    ['/d/f/..', 'ENOTDIR'],
    ['/absolute/', 'ENOTDIR'],
    ['/dangling', 'ENOENT'],
    ['/loop', 'ELOOP'],
    ['/loop/x', 'ELOOP'],
    [`/${'n'.repeat(256)}`, 'ENAMETOOLONG'],
    [`/${'d/'.repeat(2100)}`, 'ENAMETOOLONG'],
  ])('stat of %s fails %s', (path, code) => expect(codeOf(() => stat(path))).toBe(code));

  test('lstat sees the link, but follows it before a slash', () => {
    expect(stat('/link', false).type).toBe('symlink');
    expect(stat('/link/', false).type).toBe('directory');
    expect(stat('/dangling', false).type).toBe('symlink');
  });

  test('forty links are followed, one more is a loop', () => {
    for (let i = 0; i <= 40; i++) memory.symlink(i === 0 ? '/d/f' : `l${i - 1}`, `/l${i}`);
    expect(stat('/l39').type).toBe('file');
    expect(codeOf(() => stat('/l40'))).toBe('ELOOP');
  });

  test('relative paths start at the working directory or at an open one', () => {
    vfs.chdir(me, undefined, '/d');
    expect(text(open('f'))).toBe('content');
    expect(vfs.cwd(me)).toBe('/d');
    const root = open('/', { read: true });
    expect(text(open('d/f', READ, root))).toBe('content');
    expect(text(open('/d/f', READ, open('/d/e')))).toBe('content');
    expect(codeOf(() => open('x', READ, open('f')))).toBe('ENOTDIR');
  });

  test('nothing leads out of a changed root', () => {
    put(memory, '/secret', '');
    memory.symlink('/secret', '/d/out');
    memory.symlink('../../secret', '/d/up');
    vfs.chroot(me, '/d');
    vfs.chdir(me, undefined, '/');
    for (const path of ['/out', '/up', '../secret', '/../secret']) expect(codeOf(() => stat(path))).toBe('ENOENT');
    expect(stat('/f').type).toBe('file');
    expect(vfs.cwd(me)).toBe('/');
  });
});

describe('open', () => {
  test.each<[string, OpenHow, string]>([
    ['/no', READ, 'ENOENT'],
    ['/d', { write: true }, 'EISDIR'],
    ['/d', { ...MAKE }, 'EISDIR'],
    ['/new/', MAKE, 'EISDIR'],
    ['/d/f', { ...MAKE, exclusive: true }, 'EEXIST'],
    ['/dangling', { ...MAKE, exclusive: true }, 'EEXIST'],
    ['/link', { read: true, nofollow: true }, 'ELOOP'],
    ['/link', { read: true, nofollow: true, directory: true }, 'ENOTDIR'],
    ['/d/f', { read: true, directory: true }, 'ENOTDIR'],
    ['/d/f/', READ, 'ENOTDIR'],
  ])('%s with %o fails %s', (path, how, code) => expect(codeOf(() => open(path, how))).toBe(code));

  test('creates through a dangling link', () => {
    open('/dangling', MAKE).write(bytes('x'));
    expect(stat('/nowhere').type).toBe('file');
  });

  test('takes the umask off, and owners from the context', () => {
    me.umask = 0o027;
    me.uid = 0;
    me.gid = 44;
    open('/new', MAKE);
    expect(stat('/new')).toMatchObject({ mode: 0o640, uid: 0, gid: 44 });
    vfs.mkdir(me, undefined, '/newdir', 0o7777);
    expect(stat('/newdir').mode).toBe(0o1750);
  });

  test('a file opened for reading does not write, and the other way round', () => {
    expect(codeOf(() => open('/d/f').write(bytes('x')))).toBe('EBADF');
    expect(codeOf(() => open('/d/f', { write: true }).read(new Uint8Array(1)))).toBe('EBADF');
  });

  test('positions advance, seek moves them, append ignores them', () => {
    const file = open('/d/f', { read: true, write: true, append: true });
    const two = new Uint8Array(2);
    file.read(two);
    expect(file.position).toBe(2);
    file.write(bytes('++'));
    expect(file.position).toBe(9);
    expect(file.seek(-3, 'end')).toBe(6);
    expect(file.seek(1, 'current')).toBe(7);
    expect(codeOf(() => file.seek(-8, 'current'))).toBe('EINVAL');
    expect(file.seek(3, 'data')).toBe(3);
    expect(file.seek(3, 'hole')).toBe(9);
    expect(codeOf(() => file.seek(9, 'data'))).toBe('ENXIO');
    expect(text(file)).toBe('content++');
  });

  test('a name only (O_PATH) leads on but has no bytes', () => {
    const name = open('/d', { path: true });
    expect(stat('/d').ino).toBe(vfs.stat(me, name, '', ON_BASE).ino);
    expect(text(open('f', READ, name))).toBe('content');
    expect(codeOf(() => name.read(new Uint8Array(1)))).toBe('EBADF');
    const link = open('/link', { path: true, nofollow: true });
    expect(vfs.readlink(me, link, '')).toBe('d');
  });

  test('a file without a name gets one by link', () => {
    const file = open('/d', { read: true, write: true, tmpfile: true, mode: 0o600 }) as RegularFile;
    file.write(bytes('secret'));
    expect(list('/d')).toEqual(['.', '..', 'e', 'f']);
    expect(file.stat().nlink).toBe(0);
    vfs.link(me, file, '', undefined, '/d/named', ON_BASE);
    expect(text(open('/d/named'))).toBe('secret');
    file.write(bytes('!'));
    expect(text(open('/d/named'))).toBe('secret!');
  });
});

describe('names in use', () => {
  test('follow renames, of themselves and of directories above', () => {
    const file = open('/d/f');
    const directory = open('/d/e');
    vfs.chdir(me, undefined, '/d/e');
    vfs.rename(me, undefined, '/d', undefined, '/x');
    expect(vfs.pathOf(me, file)).toBe('/x/f');
    expect(vfs.cwd(me)).toBe('/x/e');
    open('new', MAKE, directory);
    expect(stat('/x/e/new').type).toBe('file');
  });

  test('know that they were removed', () => {
    const file = open('/d/f');
    vfs.unlink(me, undefined, '/d/f');
    expect(vfs.pathOf(me, file)).toBe('/d/f (deleted)');
    expect(text(file)).toBe('content');
    vfs.chdir(me, undefined, '/d/e');
    const directory = open('/d/e') as DirectoryFile;
    vfs.rmdir(me, undefined, '/d/e');
    expect(codeOf(() => vfs.cwd(me))).toBe('ENOENT');
    expect(codeOf(() => open('x', MAKE))).toBe('ENOENT');
    expect(codeOf(() => directory.peek())).toBe('ENOENT');
    expect(directory.stat().nlink).toBe(0);
  });

  test('are replaced by a rename onto them', () => {
    open('/d/g', MAKE).write(bytes('g'));
    const old = open('/d/f');
    vfs.rename(me, undefined, '/d/g', undefined, '/d/f');
    expect(vfs.pathOf(me, old)).toBe('/d/f (deleted)');
    expect(text(old)).toBe('content');
    expect(text(open('/d/f'))).toBe('g');
  });

  test('reopening gives a description of its own, also of a removed file', () => {
    const file = open('/d/f', { read: true, write: true });
    file.read(new Uint8Array(3));
    const again = file.reopen({ read: true }).retain();
    expect(again.position).toBe(0);
    vfs.unlink(me, undefined, '/d/f');
    const ghost = file.reopen({ read: true, write: true }).retain();
    ghost.write(bytes('C'));
    file.drop();
    expect(text(ghost)).toBe('Content');
    expect(text(again)).toBe('Content');
  });
});

describe('listings', () => {
  test('begin with . and .., and stay steady while names come and go', () => {
    for (const name of ['a', 'b', 'c']) open(`/d/e/${name}`, MAKE);
    const directory = open('/d/e') as DirectoryFile;
    const seen: string[] = [];
    for (let entry = directory.peek(); entry !== undefined; entry = directory.peek()) {
      seen.push(entry.name);
      if (entry.type === 'file') vfs.unlink(me, undefined, `/d/e/${entry.name}`);
      directory.advance();
    }
    expect(seen).toEqual(['.', '..', 'a', 'b', 'c']);
    directory.seek(0, 'set');
    expect(directory.peek()?.name).toBe('.');
    expect(list('/d/e')).toEqual(['.', '..']);
    vfs.rmdir(me, undefined, '/d/e');
  });

  test('. and .. carry the right inode numbers', () => {
    const [here, up] = (open('/d/e') as DirectoryFile).list();
    expect(here!.ino).toBe(stat('/d/e').ino);
    expect(up!.ino).toBe(stat('/d').ino);
  });
});

describe('changes', () => {
  test.each<[string, () => void, string]>([
    ['mkdir of what is there', () => vfs.mkdir(me, undefined, '/d', 0o755), 'EEXIST'],
    ['mkdir of a dangling link', () => vfs.mkdir(me, undefined, '/dangling', 0o755), 'EEXIST'],
    ['mkdir /', () => vfs.mkdir(me, undefined, '/', 0o755), 'EEXIST'],
    ['rmdir .', () => vfs.rmdir(me, undefined, '/d/e/.'), 'EINVAL'],
    ['rmdir ..', () => vfs.rmdir(me, undefined, '/d/e/..'), 'ENOTEMPTY'],
    ['rmdir of a full directory', () => vfs.rmdir(me, undefined, '/d'), 'ENOTEMPTY'],
    ['rmdir of a file', () => vfs.rmdir(me, undefined, '/d/f'), 'ENOTDIR'],
    ['rmdir /', () => vfs.rmdir(me, undefined, '/'), 'EBUSY'],
    ['unlink of a directory', () => vfs.unlink(me, undefined, '/d'), 'EISDIR'],
    ['unlink with a slash', () => vfs.unlink(me, undefined, '/d/f/'), 'ENOTDIR'],
    ['rename into oneself', () => vfs.rename(me, undefined, '/d', undefined, '/d/e/x'), 'EINVAL'],
    ['rename onto one’s parent', () => vfs.rename(me, undefined, '/d/e', undefined, '/d'), 'ENOTEMPTY'],
    ['rename of .', () => vfs.rename(me, undefined, '/d/.', undefined, '/x'), 'EBUSY'],
    ['rename of a file to a slash', () => vfs.rename(me, undefined, '/d/f', undefined, '/x/'), 'ENOTDIR'],
    [
      'rename without replacing',
      () => vfs.rename(me, undefined, '/d/f', undefined, '/link', { noReplace: true }),
      'EEXIST',
    ],
    ['link to a directory', () => vfs.link(me, undefined, '/d', undefined, '/x'), 'EPERM'],
    ['link with a slash', () => vfs.link(me, undefined, '/d/f', undefined, '/x/'), 'ENOENT'],
    ['empty symbolic link', () => vfs.symlink(me, '', undefined, '/x'), 'ENOENT'],
    ['truncate of a directory', () => vfs.truncate(me, undefined, '/d', 0), 'EISDIR'],
    ['readlink of a file', () => vfs.readlink(me, undefined, '/d/f'), 'EINVAL'],
    ['chmod of a link itself', () => vfs.chmod(me, undefined, '/link', 0, { follow: false }), 'EOPNOTSUPP'],
  ])('%s fails %s', (_title, action, code) => expect(codeOf(action)).toBe(code));

  test('mkdir and rmdir take a trailing slash', () => {
    vfs.mkdir(me, undefined, '/n/', 0o755);
    vfs.rmdir(me, undefined, '/n/');
    expect(codeOf(() => stat('/n'))).toBe('ENOENT');
  });

  test('rename of two names of one file does nothing', () => {
    vfs.link(me, undefined, '/d/f', undefined, '/g');
    vfs.rename(me, undefined, '/d/f', undefined, '/g');
    expect(stat('/d/f').nlink).toBe(2);
  });

  test('exchange swaps, with what is open inside', () => {
    const file = open('/d/f');
    vfs.mkdir(me, undefined, '/other', 0o755);
    vfs.rename(me, undefined, '/d', undefined, '/other', { exchange: true });
    expect(vfs.pathOf(me, file)).toBe('/other/f');
    expect(list('/d')).toEqual(['.', '..']);
  });

  test('chown takes set-id bits off a program', () => {
    vfs.chmod(me, undefined, '/d/f', 0o6755);
    vfs.chown(me, undefined, '/d/f', 5, -1);
    expect(stat('/d/f')).toMatchObject({ mode: 0o755, uid: 5 });
  });

  test('the f… calls act on the open file, also after its name is gone', () => {
    const file = open('/d/f', { read: true, write: true });
    vfs.unlink(me, undefined, '/d/f');
    vfs.chmod(me, file, '', 0o600, ON_BASE);
    vfs.utimes(me, file, '', 5n, 6n, ON_BASE);
    expect(file.stat()).toMatchObject({ mode: 0o600, atime: 5n, mtime: 6n });
  });
});

describe('mounts', () => {
  let other: MemoryFs;
  beforeEach(() => {
    other = new MemoryFs();
    other.mkdir('/sub', 0o755);
    put(other, '/sub/x', 'other');
    put(other, '/file', 'single');
    vfs.mount('/d/e', other, { source: '/sub' });
    vfs.mount('/deep/er/mnt', other, { readOnly: true });
    vfs.mount('/etc', other, { source: '/file' });
  });

  test('the longest mount point serves a path', () => expect(text(open('/link/e/x'))).toBe('other'));
  test('.. leads out of a mount', () => expect(stat('/d/e/../f').type).toBe('file'));
  test('a single file can be mounted', () => expect(text(open('/etc'))).toBe('single'));
  test('way points that the tree lacks appear as directories', () => {
    expect(stat('/deep/er').type).toBe('directory');
    expect(list('/')).toContain('deep');
    expect(list('/deep')).toEqual(['.', '..', 'er']);
    vfs.chdir(me, undefined, '/deep/er/mnt/sub');
    expect(vfs.cwd(me)).toBe('/deep/er/mnt/sub');
  });
  test('nothing moves or links across', () => {
    expect(codeOf(() => vfs.rename(me, undefined, '/d/f', undefined, '/d/e/f'))).toBe('EXDEV');
    expect(codeOf(() => vfs.link(me, undefined, '/d/f', undefined, '/d/e/f'))).toBe('EXDEV');
  });
  test('a mount point is busy', () => {
    expect(codeOf(() => vfs.rmdir(me, undefined, '/d/e'))).toBe('EBUSY');
    expect(codeOf(() => vfs.rename(me, undefined, '/d', undefined, '/x'))).toBe('EBUSY');
  });
  test('a read-only mount refuses changes but not looking', () => {
    expect(text(open('/deep/er/mnt/file'))).toBe('single');
    const path = '/deep/er/mnt/file';
    expect(codeOf(() => open(path, { write: true }))).toBe('EROFS');
    expect(codeOf(() => open('/deep/er/mnt/new', MAKE))).toBe('EROFS');
    expect(codeOf(() => vfs.unlink(me, undefined, path))).toBe('EROFS');
    expect(codeOf(() => vfs.chmod(me, undefined, path, 0))).toBe('EROFS');
    expect(codeOf(() => vfs.access(me, undefined, path, { write: true }))).toBe('EROFS');
    expect(open(path, { ...MAKE, write: false }).kind).toBe('file');
  });
});

describe('permissions of others than root', () => {
  beforeEach(() => {
    memory.chmod('/', 0o777);
    vfs.chmod(me, undefined, '/d/f', 0o640);
    vfs.chown(me, undefined, '/d/f', 0, 50);
    me.uid = 1000;
    me.gid = 100;
  });
  test('bits of owner, group and others', () => {
    expect(codeOf(() => open('/d/f'))).toBe('EACCES');
    me.groups = [50];
    expect(text(open('/d/f'))).toBe('content');
    expect(codeOf(() => open('/d/f', { write: true }))).toBe('EACCES');
  });
  test('directories must be searchable, and writable for changes', () => {
    expect(codeOf(() => open('/d/new', MAKE))).toBe('EACCES');
    memory.chmod('/d', 0o700);
    expect(codeOf(() => stat('/d/f'))).toBe('EACCES');
  });
  test('only the owner changes modes', () => {
    expect(codeOf(() => vfs.chmod(me, undefined, '/d/f', 0))).toBe('EPERM');
    open('/mine', MAKE);
    expect(stat('/mine')).toMatchObject({ uid: 1000, gid: 100 });
    vfs.chmod(me, undefined, '/mine', 0o600);
    expect(codeOf(() => vfs.chown(me, undefined, '/mine', 0, -1))).toBe('EPERM');
  });
  test('a sticky directory protects what belongs to others', () => {
    memory.mkdir('/tmp', 0o1777);
    put(memory, '/tmp/roots', '');
    expect(codeOf(() => vfs.unlink(me, undefined, '/tmp/roots'))).toBe('EPERM');
    open('/tmp/mine', MAKE);
    vfs.unlink(me, undefined, '/tmp/mine');
  });
});

describe('descriptors', () => {
  test('the lowest free number is taken, up to the limit', () => {
    const files = new FdTable(3);
    const file = open('/d/f');
    expect([files.add(file), files.add(file), files.add(file)]).toEqual([0, 1, 2]);
    expect(codeOf(() => files.add(file))).toBe('EMFILE');
    files.close(1);
    expect(files.dup(2)).toBe(1);
    expect(codeOf(() => files.close(7))).toBe('EBADF');
    expect(codeOf(() => files.dup(0, false, 3))).toBe('EINVAL');
  });
  test('a file is released with its last descriptor', () => {
    let released = 0;
    const file = vfs.open(me, undefined, '/d/f', READ);
    (file as unknown as { release(): void }).release = () => released++;
    const files = new FdTable();
    files.add(file);
    const child = files.clone();
    files.dupTo(0, 5);
    files.release();
    expect(released).toBe(0);
    child.close(0);
    expect(released).toBe(1);
  });
  test('execve closes what is marked', () => {
    const files = new FdTable();
    const file = open('/d/f');
    files.add(file, true);
    files.add(file);
    files.dupTo(0, 4);
    files.exec();
    expect([...files.entries()].map(([fd]) => fd)).toEqual([1, 4]);
  });
});
