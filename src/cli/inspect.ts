/** `hospes inspect`: opens a file of the host, has it described, says which of its libraries and calls are there. */
import * as fs from 'node:fs';
import { UserError } from '../base/failures.ts';
import { findOnHost } from '../host/environment.ts';
import { writeFully } from '../host/streams.ts';
import { bytesAsSource } from '../loader/byte-source.ts';
import { formatInspection, inspect as look } from '../tools/inspect.ts';
import { callsByNumber } from '../vm/systems.ts';

/** Where the dynamic linkers of common systems look without being told. */
const LIBRARY_FOLDERS = [
  '/lib/x86_64-linux-gnu',
  '/usr/lib/x86_64-linux-gnu',
  '/lib64',
  '/usr/lib64',
  '/lib',
  '/usr/lib',
];

export function inspect(program: string, options: { root: string; json?: boolean }): void {
  const path = findOnHost(program);
  if (path === undefined) throw new UserError(`${program}: not found`, 127);
  const found = look(bytesAsSource(fs.readFileSync(path)), path, callsByNumber());
  const { interpreter, needed = [] } = found.program ?? {};
  const root = options.root.replace(/\/$/, '');
  const absent = needed.filter((name) => !LIBRARY_FOLDERS.some((folder) => fs.existsSync(`${root}${folder}/${name}`)));
  if (interpreter && !fs.existsSync(root + interpreter)) absent.unshift(interpreter);
  if (options.json) {
    writeFully(1, `${JSON.stringify({ ...found, absent }, undefined, 2)}\n`);
    return;
  }
  const lines = absent.length > 0 ? `\n  ${'not found'.padEnd(12)} ${absent.join(' ')} (under ${options.root})` : '';
  writeFully(1, `${formatInspection(found)}${lines}\n`);
}
