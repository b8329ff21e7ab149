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

test('a full memory is ENOSPC, an absurd size EFBIG', () => {
  const fs = new MemoryFs({ capacity: 1000 });
  put(fs, '/a', 'x'.repeat(900));
  expect(codeOf(() => put(fs, '/b', 'x'.repeat(200)))).toBe('ENOSPC');
  fs.unlink('/a');
  put(fs, '/b', 'x'.repeat(200));
  const file = fs.open('/b', { read: true, write: true });
  expect(codeOf(() => file.truncate(2 ** 40))).toBe('EFBIG');
});
