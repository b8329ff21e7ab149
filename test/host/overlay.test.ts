import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { HostFs } from '../../src/host/host.ts';
import { MemoryFs } from '../../src/host/memfs.ts';
import { NodeFs } from '../../src/host/node.ts';
import { OverlayFs } from '../../src/host/overlay.ts';
import { ReadOnlyFs } from '../../src/host/read-only.ts';
import { codeOf, get, hostContract, put } from '../contracts/host-fs.ts';

const base = fs.mkdtempSync(path.join(os.tmpdir(), 'hospes-overlay-'));
afterAll(() => fs.rmSync(base, { recursive: true, force: true }));
let count = 0;

function emptyHost(): NodeFs {
  const root = path.join(base, String(count++));
  fs.mkdirSync(root);
  return new NodeFs(root);
}

hostContract('overlay over real files', () => new OverlayFs(new ReadOnlyFs(emptyHost()), new MemoryFs()));
hostContract('overlay over memory', () => new OverlayFs(new ReadOnlyFs(new MemoryFs()), new MemoryFs()));

/** A lower tree with a little of everything, and an overlay on it that cannot write to it. */
function laid(): { lower: HostFs; upper: MemoryFs; overlay: OverlayFs; shot: () => string } {
  const lower = new MemoryFs();
  lower.mkdir('/d', 0o755);
  lower.mkdir('/d/e', 0o700);
  put(lower, '/d/a', 'lower a', 0o640);
  put(lower, '/d/e/deep', 'deep');
  lower.symlink('a', '/d/link');
  put(lower, '/top', 'top');
  const upper = new MemoryFs();
  const shot = () => JSON.stringify(lower.volume.toJSON()) + describeTree(lower, '/');
  return { lower, upper, overlay: new OverlayFs(new ReadOnlyFs(lower), upper), shot };
}

function describeTree(tree: HostFs, at: string): string {
  return tree
    .readdir(at)
    .map(({ name }) => {
      const inner = at === '/' ? `/${name}` : `${at}/${name}`;
      const s = tree.lstat(inner);
      const self = `${inner} ${s.type} ${s.mode} ${s.uid} ${s.mtime} ${s.size}\n`;
      return s.type === 'directory' ? self + describeTree(tree, inner) : self;
    })
    .join('');
}

const names = (tree: HostFs, at: string) =>
  tree
    .readdir(at)
    .map((entry) => entry.name)
    .sort();

describe('overlay', () => {
  test('shows the lower tree and leaves it as it was, whatever happens above', () => {
    const { overlay, shot } = laid();
    const before = shot();
    put(overlay, '/d/a', 'upper a');
    overlay.chmod('/top', 0o600);
    overlay.unlink('/d/link');
    overlay.rename('/d/e', '/moved');
    overlay.mkdir('/d/new', 0o755);
    overlay.utimes('/d', 1n, 1n);
    expect(shot()).toBe(before);
    expect(get(overlay, '/d/a')).toBe('upper a');
    expect(names(overlay, '/d')).toEqual(['a', 'new']);
    expect(get(overlay, '/moved/deep')).toBe('deep');
    expect(overlay.lstat('/moved').mode).toBe(0o700);
  });

  test('copy-up keeps inode number, mode, owner and times', () => {
    const { overlay } = laid();
    const before = overlay.lstat('/d/a');
    overlay.chmod('/d/a', 0o604);
    expect(overlay.lstat('/d/a')).toMatchObject({ ino: before.ino, dev: before.dev, mode: 0o604, mtime: before.mtime });
    put(overlay, '/d/a', 'more');
    expect(overlay.lstat('/d/a').ino).toBe(before.ino);
    overlay.rename('/d/a', '/b');
    expect(overlay.lstat('/b').ino).toBe(before.ino);
  });

  test('copy-up does not change the directory it happens in', () => {
    const { overlay } = laid();
    const { mtime, ino } = overlay.lstat('/d');
    overlay.chmod('/d/a', 0o600);
    expect(overlay.lstat('/d')).toMatchObject({ mtime, ino });
  });

  test('a file opened before its copy-up sees what is written after', () => {
    const { overlay } = laid();
    const reader = overlay.open('/d/a', { read: true, write: false });
    const { identity } = reader;
    const { ino } = reader.stat();
    put(overlay, '/d/a', 'UPPER');
    const into = new Uint8Array(20);
    expect(new TextDecoder().decode(into.subarray(0, reader.read(into, 0)))).toBe('UPPER');
    expect(reader.identity).toBe(identity);
    expect(reader.stat().ino).toBe(ino);
    const again = overlay.open('/d/a', { read: true, write: false });
    expect(again.identity).toBe(identity);
  });

  test('a removed lower name is gone, and what takes its place hides all that was below', () => {
    const { overlay } = laid();
    overlay.unlink('/d/e/deep');
    overlay.rmdir('/d/e');
    expect(codeOf(() => overlay.lstat('/d/e'))).toBe('ENOENT');
    overlay.mkdir('/d/e', 0o755);
    expect(names(overlay, '/d/e')).toEqual([]);
    expect(codeOf(() => overlay.open('/d/e/deep', { read: true, write: false }))).toBe('ENOENT');
    expect(overlay.lstat('/d/e').nlink).toBe(2);
  });

  test('a lower file removed while open still reads, and may even change its mode', () => {
    const { overlay, shot } = laid();
    const before = shot();
    const file = overlay.open('/d/a', { read: true, write: false });
    overlay.unlink('/d/a');
    file.chmod(0o600);
    const into = new Uint8Array(20);
    expect(new TextDecoder().decode(into.subarray(0, file.read(into, 0)))).toBe('lower a');
    expect(file.stat().mode).toBe(0o600);
    expect(names(overlay, '/')).toEqual(['d', 'top']);
    expect(shot()).toBe(before);
  });

  test('renaming onto a lower name hides it', () => {
    const { overlay } = laid();
    put(overlay, '/n', 'new');
    overlay.rename('/n', '/d/a');
    expect(get(overlay, '/d/a')).toBe('new');
    overlay.unlink('/d/a');
    expect(codeOf(() => overlay.lstat('/d/a'))).toBe('ENOENT');
  });

  test('a link to a lower file is the same file', () => {
    const { overlay } = laid();
    const { ino } = overlay.lstat('/d/a');
    overlay.link('/d/a', '/other');
    put(overlay, '/other', 'both');
    expect(get(overlay, '/d/a')).toBe('both');
    expect(overlay.lstat('/other')).toMatchObject({ ino, nlink: 2 });
  });

  test('what was written is in the upper layer under its own path', () => {
    const { overlay, upper } = laid();
    put(overlay, '/d/e/note', 'x');
    expect(upper.volume.readFileSync('/d/e/note', 'utf8')).toBe('x');
    expect(get(overlay, '/d/e/deep')).toBe('deep');
  });
});

test('a read-only back end refuses every change', () => {
  const memory = new MemoryFs();
  put(memory, '/a', 'x');
  const sealed: HostFs = new ReadOnlyFs(memory);
  expect(get(sealed, '/a')).toBe('x');
  const changes: (() => unknown)[] = [
    () => put(sealed, '/a', 'y'),
    () => sealed.mkdir('/d', 0o755),
    () => sealed.unlink('/a'),
    () => sealed.rename('/a', '/b'),
    () => sealed.chmod('/a', 0),
    () => sealed.utimes('/a', 1n, 1n),
  ];
  expect(changes.map(codeOf)).toEqual(changes.map(() => 'EROFS'));
});
