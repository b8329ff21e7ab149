/** Guests of two systems in one pipeline. */
import { describe, expect, test } from 'vitest';
import { at, create, run } from './cases.ts';

describe('two systems in one pipeline', () => {
  const stdin = 'one\ntwo\nthree\n';

  test.each(['linux-x86-64', 'freebsd-x86-64'] as const)('started by a program of %s', async (system) => {
    await using vm = await create('auto');
    const args = [
      at('cat', 'linux-x86-64'),
      '-n',
      ',',
      at('upper', 'freebsd-x86-64'),
      ',',
      at('count', 'freebsd-x86-64'),
    ];
    expect(await run(vm, at('pipeline', system), { name: '', args, stdin, stdout: '' })).toEqual({
      stdout: '3 20\n',
      exit: 0,
    });
    const back = [at('upper', 'freebsd-x86-64'), ',', at('cat', 'linux-x86-64'), '-n'];
    expect(await run(vm, at('pipeline', system), { name: '', args: back, stdin, stdout: '' })).toEqual({
      stdout: '1\tONE\n2\tTWO\n3\tTHREE\n',
      exit: 0,
    });
  });
});
