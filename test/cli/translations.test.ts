/** Translations that one run leaves for the next: where they lie, and that programs notice nothing. */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Cli, guest } from './cli.ts';

const cli = new Cli();
beforeAll(() => cli.build('a build'));
afterAll(() => cli.dispose());

const place = join(cli.folder, 'translations');
beforeEach(() => rmSync(place, { recursive: true, force: true }));

const kept = () => (existsSync(place) ? readdirSync(place) : []);
const run = (program: string, ...options: string[]) =>
  cli.run(['run', '--translations', place, ...options, guest(program)]);

describe('translations', () => {
  test('are kept for each program, and later runs of it end as the first one did', async () => {
    const first = await run('integer');
    expect(first).toMatchObject({ status: 0, stderr: '' });
    expect(kept()).toEqual([expect.stringMatching(/^linux-x86-64-[0-9a-f]+$/)]);
    expect(await run('integer')).toEqual(first);
    expect(await run('integer')).toEqual(first);
    await run('strings');
    expect(kept()).toHaveLength(2);
  });

  test('serve threads, forks, faults and code that changes as well', async () => {
    for (const program of ['threads', 'fork', 'faults', 'selfmod', 'signals', 'longjmp']) {
      const first = await run(program);
      expect([program, await run(program)]).toEqual([program, first]);
    }
  });

  test('that are damaged are made anew', async () => {
    const first = await run('integer');
    const file = join(place, kept()[0]);
    const bytes = readFileSync(file);
    bytes[bytes.length >> 1] ^= 1;
    writeFileSync(file, bytes);
    expect(await run('integer')).toEqual(first);
    writeFileSync(file, 'no such thing');
    expect(await run('integer')).toEqual(first);
    expect(readFileSync(file).length).toBeGreaterThan(1000);
  });

  test('are kept nowhere with none, and where the place cannot be written', async () => {
    await cli.run(['run', '--translations', 'none', guest('integer')]);
    expect(existsSync('none')).toBe(false);
    writeFileSync(place, 'a file is in the way');
    const script = `XDG_CACHE_HOME='${place}' hospes run '${guest('integer')}'`;
    expect(await cli.shell(script)).toMatchObject({ status: 0, stderr: '' });
  });

  test('cannot be kept where others may write', async () => {
    const message = `hospes: --translations: '${place}' is no directory that this user, and nobody else, may write to\n`;
    mkdirSync(place);
    chmodSync(place, 0o777);
    expect(await run('integer')).toMatchObject({ status: 2, stdout: '', stderr: message });
    rmSync(place, { recursive: true });
    writeFileSync(place, 'a file is in the way');
    expect(await run('integer')).toMatchObject({ status: 2, stdout: '', stderr: message });
  });

  test('are in the user’s cache directory by default, in a sandbox nowhere', async () => {
    const script = (options: string) => `XDG_CACHE_HOME='${place}' hospes run ${options} '${guest('integer')}'`;
    await cli.shell(script('--sandbox'));
    expect(kept()).toEqual([]);
    await cli.shell(script(''));
    expect(kept()).toEqual(['hospes']);
  });
});
