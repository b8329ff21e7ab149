import { Volume } from 'memfs';
import { expect, test } from 'vitest';
import { MemoryFs } from '../../src/host/memfs.ts';
import { codeOf, get, hostContract, put } from '../contracts/host-fs.ts';

hostContract('memfs', () => new MemoryFs());

test('a volume of the library user is shared both ways', () => {
  const volume = Volume.fromJSON({ '/in/a.txt': 'from outside' });
  const fs = new MemoryFs({ volume });
  expect(get(fs, '/in/a.txt')).toBe('from outside');
  put(fs, '/in/b.txt', 'from inside');
  expect(volume.readFileSync('/in/b.txt', 'utf8')).toBe('from inside');
  fs.mkdir('/in/d', 0o755);
  fs.rename('/in/b.txt', '/in/d/c');
  expect(volume.toJSON()).toEqual({ '/in/a.txt': 'from outside', '/in/d/c': 'from inside' });
  volume.unlinkSync('/in/a.txt');
  expect(codeOf(() => fs.lstat('/in/a.txt'))).toBe('ENOENT');
});

test('watchers of the volume hear of what the guest does', async () => {
  const volume = new Volume();
  const seen: string[] = [];
  const stop = volume._core.changes.listen((event) => void seen.push(event.steps.join('/')));
  put(new MemoryFs({ volume }), '/a', 'x');
  stop();
  expect(seen).toContain('/a');
});

test('a full memory is ENOSPC', () => {
  const fs = new MemoryFs({ capacity: 1000 });
  put(fs, '/a', 'x'.repeat(900));
  expect(codeOf(() => put(fs, '/b', 'x'.repeat(200)))).toBe('ENOSPC');
  fs.unlink('/a');
  put(fs, '/b', 'x'.repeat(200));
});

const TIB = 2 ** 40;
const EVERYTHING = { read: true, write: true, create: true, mode: 0o644 };

test('holes take no room, pages that are written or reserved do', () => {
  const fs = new MemoryFs({ capacity: 4 * 4096 });
  const file = fs.open('/a', EVERYTHING);
  file.truncate(TIB);
  expect([file.size(), file.stat().blocks]).toEqual([TIB, 0]);
  file.write(new Uint8Array(2), TIB / 2 - 1);
  expect(file.stat().blocks).toBe(16);
  expect(codeOf(() => file.allocate!(0, 3 * 4096))).toBe('ENOSPC');
  file.allocate!(0, 2 * 4096);
  expect(fs.statfs().free).toBe(0);
  expect(codeOf(() => file.write(new Uint8Array(1), TIB))).toBe('ENOSPC');
  file.write(new Uint8Array(1), 0);
  file.punch!(0, TIB);
  expect(fs.statfs().free).toBe(4);
});

test('a file with holes says where they are', () => {
  const file = new MemoryFs().open('/a', EVERYTHING);
  file.write(new Uint8Array(10), 3 * 4096);
  file.truncate(TIB);
  expect([file.next!(0, 'data'), file.next!(12_300, 'data'), file.next!(12_300, 'hole')]).toEqual([
    12_288, 12_300, 16_384,
  ]);
  expect([file.next!(0, 'hole'), file.next!(16_384, 'data')]).toEqual([0, TIB]);
});

test('whoever shares the volume reads and writes files with holes', () => {
  const volume = new Volume();
  const file = new MemoryFs({ volume }).open('/a', EVERYTHING);
  file.write(new TextEncoder().encode('guest'), 100_000);
  expect(volume.statSync('/a').size).toBe(100_005);
  expect(volume.readFileSync('/a', 'utf8')).toBe(`${'\0'.repeat(100_000)}guest`);
  const fd = volume.openSync('/a', 'r+');
  volume.writeSync(fd, 'GU', 100_000);
  expect(volume.readSync(fd, Buffer.alloc(10), 0, 10, 100_000)).toBe(5);
  const into = new Uint8Array(5);
  expect([file.read(into, 100_000), new TextDecoder().decode(into)]).toEqual([5, 'GUest']);
  volume.writeFileSync('/a', 'all');
  expect([file.size(), file.read(into, 1)]).toEqual([3, 2]);
});

test('a large file is kept in pages, in which nothing is lost', () => {
  const file = new MemoryFs().open('/a', EVERYTHING);
  const piece = new Uint8Array(1 << 20).map((_, i) => i * 7);
  for (let i = 0; i < 66; i++) file.write(piece, i << 20);
  const into = new Uint8Array(1 << 20);
  for (const i of [0, 63, 64, 65]) {
    file.read(into, i << 20);
    expect(Buffer.compare(into, piece)).toBe(0);
  }
  expect([file.size(), file.stat().blocks]).toEqual([66 << 20, 66 << 11]);
});

test('more than there can be room for is refused at once, and nothing is lost', () => {
  const file = new MemoryFs().open('/a', EVERYTHING);
  file.write(Uint8Array.of(1, 2, 3), 0);
  expect(() => file.allocate?.(0, 2 ** 50)).toThrow(expect.objectContaining({ code: 'ENOSPC' }));
  file.punch?.(1, 2 ** 50);
  const into = new Uint8Array(3);
  expect([file.size(), file.read(into, 0), ...into]).toEqual([3, 3, 1, 0, 0]);
});
