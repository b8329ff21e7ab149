import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { HostFs } from '../../src/host/host.ts';
import { MemoryFs } from '../../src/host/memfs.ts';
import { OverlayFs } from '../../src/host/overlay.ts';
import { ReadOnlyFs } from '../../src/host/read-only.ts';
import { Vfs } from '../../src/kernel/vfs.ts';
import { codeOf, get, put } from '../contracts/host-fs.ts';

/** The tree that both begin with: written once below the overlay, once into the plain memory it is compared with. */
function furnished(): MemoryFs {
  const fs = new MemoryFs();
  fs.mkdir('/a', 0o755);
  fs.mkdir('/a/b', 0o700);
  fs.mkdir('/c', 0o755);
  put(fs, '/a/f', 'first', 0o640);
  put(fs, '/a/b/f', 'second');
  put(fs, '/f', 'third');
  fs.symlink('../f', '/a/l');
  return fs;
}

const name = fc.constantFrom('a', 'b', 'c', 'f', 'l');
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => `/${parts.join('/')}`);
const step = fc.oneof(
  fc.tuple(fc.constant('write' as const), path, fc.string({ maxLength: 5 })),
  fc.tuple(fc.constantFrom('unlink', 'rmdir', 'mkdir', 'chmod', 'truncate'), path, fc.constant('')),
  fc.tuple(fc.constantFrom('rename', 'exchange', 'link', 'symlink'), path, path),
);

function act(fs: HostFs, [what, one, two]: [string, string, string]): string {
  const vfs = new Vfs();
  vfs.mount('/', fs);
  const me = vfs.context();
  return codeOf(() => {
    if (what === 'write') {
      const how = { write: true, create: true, append: true, mode: 0o644 };
      const file = vfs.open(me, undefined, one, how).retain();
      file.write(new TextEncoder().encode(two));
      file.drop();
    } else if (what === 'unlink' || what === 'rmdir') vfs[what](me, undefined, one);
    else if (what === 'mkdir') vfs.mkdir(me, undefined, one, 0o755);
    else if (what === 'chmod') vfs.chmod(me, undefined, one, 0o711);
    else if (what === 'truncate') vfs.truncate(me, undefined, one, 2);
    else if (what === 'symlink') vfs.symlink(me, one, undefined, two);
    else if (what === 'link') vfs.link(me, undefined, one, undefined, two);
    else vfs.rename(me, undefined, one, undefined, two, { exchange: what === 'exchange' });
  });
}

function tree(fs: HostFs, at = '/'): string[] {
  const out: string[] = [];
  for (const entry of fs.readdir(at).sort((x, y) => (x.name < y.name ? -1 : 1))) {
    const inner = at === '/' ? `/${entry.name}` : `${at}/${entry.name}`;
    const s = fs.lstat(inner);
    const content = s.type === 'file' ? get(fs, inner) : s.type === 'symlink' ? fs.readlink(inner) : '';
    out.push(`${inner} ${s.type} ${s.mode.toString(8)} ${s.type === 'directory' ? '' : s.nlink} ${content}`);
    if (s.type === 'directory') out.push(...tree(fs, inner));
  }
  return out;
}

test('an overlay behaves as a plain tree, and its lower tree stays as it was', () => {
  const before = tree(furnished());
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
      const plain = furnished();
      const lower = furnished();
      const overlay = new OverlayFs(new ReadOnlyFs(lower), new MemoryFs());
      for (const one of steps)
        expect(`${one.join(' ')}: ${act(overlay, one)}`).toBe(`${one.join(' ')}: ${act(plain, one)}`);
      expect(tree(overlay)).toEqual(tree(plain));
      expect(tree(lower)).toEqual(before);
    }),
    { numRuns: 150 },
  );
});
