import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { NodeFs } from '../../src/host/node.ts';
import { codeOf, hostContract } from '../contracts/host-fs.ts';

const base = fs.mkdtempSync(path.join(os.tmpdir(), 'hospes-node-fs-'));
afterAll(() => fs.rmSync(base, { recursive: true, force: true }));
let count = 0;

function fresh(): string {
  const root = path.join(base, String(count++));
  fs.mkdirSync(root);
  return root;
}

hostContract('node', () => new NodeFs(fresh()), {
  except: fs.statSync(base).nlink === 1 ? { 'directory links count sub-directories': "this host's does not" } : {},
});

test('a link that leads out of the root is not followed', () => {
  const root = fresh();
  fs.symlinkSync('/etc', path.join(root, 'out'));
  const host = new NodeFs(root);
  expect(host.plain('/out')).toBe(false);
  expect(host.lstat('/out').type).toBe('symlink');
});

test('a fifo is remembered while the VM lives and an empty file on the host', () => {
  const root = fresh();
  new NodeFs(root).mknod('/p', 'fifo', 0o600, 0);
  expect(fs.lstatSync(path.join(root, 'p')).isFile()).toBe(true);
});

test('the host is asked for what others changed', () => {
  const root = fresh();
  const host = new NodeFs(root);
  fs.writeFileSync(path.join(root, 'late'), 'x');
  expect(host.lstat('/late').size).toBe(1);
  fs.unlinkSync(path.join(root, 'late'));
  expect(codeOf(() => host.lstat('/late'))).toBe('ENOENT');
});
