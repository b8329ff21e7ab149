import { expect, test } from 'vitest';
import { bytesAsSource } from '../../src/loader/byte-source.ts';
import { formatInspection, inspect } from '../../src/tools/inspect.ts';
import { makeElf } from '../loader/elf-maker.ts';

const text = (content: string) => bytesAsSource(new TextEncoder().encode(content));
const names = (os: string, number: number) => (number < 60 ? { name: `${os}-${number}`, status: 'full' } : undefined);

test('a program is described with its segments and the calls it makes', () => {
  // mov eax, 1; syscall; xor eax, eax; syscall; mov rax, 231; syscall
  const code = new Uint8Array([
    0xb8, 1, 0, 0, 0, 0x0f, 5, 0x31, 0xc0, 0x0f, 5, 0x48, 0xc7, 0xc0, 231, 0, 0, 0, 0x0f, 5,
  ]);
  const found = inspect(bytesAsSource(makeElf({ data: { 4096: code } })), 'prog', names);
  expect(found.program?.calls).toEqual([
    { number: 0, name: 'linux-0', status: 'full' },
    { number: 1, name: 'linux-1', status: 'full' },
    { number: 231 },
  ]);
  expect(formatInspection(found).split('\n')).toEqual([
    'prog: an ELF file, 8192 bytes',
    '  format       ELF, x86-64, linux, fixed executable',
    '  entry        0x401000',
    '  interpreter  none (static)',
    '  libraries    none',
    '  segment      0x401000     r-x  256 bytes, 256 from offset 0x1000',
    '  segment      0x402100     rw-  12288 bytes, 128 from offset 0x1100',
    '  imports      none',
    '  calls        full: linux-0 linux-1',
    '  calls        not in the table: 231',
  ]);
});

test('scripts and other files say what they are', () => {
  expect(formatInspection(inspect(text('#!/bin/sh -e\n'), 's'))).toBe(
    's: a script, 13 bytes\n  interpreter  /bin/sh -e',
  );
  expect(inspect(text('#!\n'), 's').problem).toContain('names no interpreter');
  expect(inspect(text('hello\n'), 't').problem).toBe('a text file without #!, not an ELF executable (offset 0x0)');
});
