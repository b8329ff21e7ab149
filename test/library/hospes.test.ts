/** The library as its user meets it: create, exec, spawn, streams, events, files in memory, limits, disposal. */
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { Hospes, type HospesOptions, UserError } from '../../src/index.ts';

const guests = fileURLToPath(new URL('../../guests', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'hospes-library-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const linux = (name: string) => `/guests/${name}/linux-x86-64`;
const freebsd = (name: string) => `/guests/${name}/freebsd-x86-64`;

const create = (options: HospesOptions = {}) =>
  Hospes.create({ ...options, mounts: [{ host: guests, guest: '/guests', mode: 'ro' }, ...(options.mounts ?? [])] });

describe('exec', () => {
  test('resolves to output, status and statistics', async () => {
    await using vm = await create();
    const result = await vm.exec(linux('exit'), ['7']);
    expect(result).toMatchObject({ stdout: 'ending by 7\n', stderr: '', exitCode: 7, signal: null });
    expect(result.stats.instructions).toBeGreaterThan(0);
    expect(result.stats.calls.linux.map((call) => call.name)).toContain('write');
  });

  test('takes an argument vector as well', async () => {
    await using vm = await create();
    expect(await vm.exec([linux('exit'), '3'])).toMatchObject({ exitCode: 3 });
  });

  test('names the signal that ended the program', async () => {
    await using vm = await create();
    expect(await vm.exec(linux('exit'), ['null-read'])).toMatchObject({ exitCode: null, signal: 'SIGSEGV' });
  });

  test('gives input and takes bytes', async () => {
    await using vm = await create();
    const input = Uint8Array.from({ length: 256 }, (_, i) => i);
    const { stdout } = await vm.exec(linux('cat'), [], { input, encoding: 'buffer' });
    expect(new Uint8Array(stdout)).toEqual(input);
  });

  test('several at once share the machine', async () => {
    await using vm = await create();
    const results = await Promise.all(
      ['1', '2', '3', '4'].map((status) => vm.exec(linux('exit'), [status]).then((result) => result.exitCode)),
    );
    expect(results).toEqual([1, 2, 3, 4]);
  });

  test('programs of two systems', async () => {
    await using vm = await create();
    const args = [linux('cat'), ',', freebsd('upper')];
    expect((await vm.exec(linux('pipeline'), args, { input: 'both' })).stdout).toBe('BOTH');
  });

  test('environment, directory and name', async () => {
    await using vm = await create({ env: { FROM: 'machine' }, cwd: '/tmp' });
    expect((await vm.exec(linux('args'))).stdout).toMatch(/^env FROM=machine$/m);
    const own = await vm.exec(linux('args'), ['x'], { env: { FROM: 'call' }, argv0: 'me' });
    expect(own.stdout).toMatch(/argv me\nargv x\n[\s\S]*env FROM=call/);
  });

  test.each([
    ['/nowhere', 127, '/nowhere: not found'],
    ['nowhere', 127, 'nowhere: not found'],
    ['/etc', 126, '/etc: permission denied'],
  ])('%s cannot be run: exit code %i', async (path, exitCode, message) => {
    await using vm = await create();
    const error = await vm.exec(path).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(UserError);
    expect(error).toMatchObject({ exitCode, message });
  });
});

describe('spawn', () => {
  test('has the streams and events of a child process', async () => {
    await using vm = await create();
    const child = vm.spawn(freebsd('upper'));
    const output = text(child.stdout!);
    const exit = once(child, 'exit');
    const close = once(child, 'close');
    child.stdin!.write('one ');
    child.stdin!.end('two');
    expect(await output).toBe('ONE TWO');
    expect(await exit).toEqual([0, null]);
    expect(await close).toEqual([0, null]);
    expect(child).toMatchObject({ exitCode: 0, signalCode: null, killed: false });
  });

  test('much data in both directions', async () => {
    await using vm = await create();
    const child = vm.spawn(linux('cat'));
    const data = 'x'.repeat(1_000_000);
    child.stdin!.end(data);
    expect((await text(child.stdout!)).length).toBe(data.length);
  });

  test('kill ends it with that signal', async () => {
    await using vm = await create();
    const child = vm.spawn(linux('cat'));
    expect(child.kill('SIGTERM')).toBe(true);
    expect(await once(child, 'exit')).toEqual([null, 'SIGTERM']);
    expect(child.kill()).toBe(false);
  });

  test('stdio can be functions, bytes, or nothing', async () => {
    await using vm = await create();
    const taken: Uint8Array[] = [];
    const take = (bytes: Uint8Array) => void taken.push(bytes);
    const child = vm.spawn(linux('cat'), [], { stdio: [new TextEncoder().encode('given'), take, 'ignore'] });
    await once(child, 'close');
    expect(Buffer.concat(taken).toString()).toBe('given');
    expect(child.stdout).toBeNull();
  });

  test('a pty echoes, edits and turns newlines around', async () => {
    await using vm = await create();
    const { pty, ...child } = vm.spawn(linux('cat'), [], { pty: { columns: 40, rows: 10 } });
    let screen = '';
    const done = new Promise<{ exitCode: number }>((resolve) => pty!.onExit(resolve));
    pty!.onData((data) => {
      screen += data;
    });
    pty!.write('heldo\x7f\x7flo\r');
    pty!.write('\x04');
    expect((await done).exitCode).toBe(0);
    expect(screen).toBe('heldo\b \b\b \blo\r\nhello\r\n');
    expect(child.stdin).toBeNull();
  });

  test('Ctrl-C at a pty is SIGINT', async () => {
    await using vm = await create();
    const child = vm.spawn(linux('cat'), [], { pty: true });
    child.pty!.write('\x03');
    expect(await once(child, 'exit')).toEqual([null, 'SIGINT']);
  });
});

describe('files', () => {
  test('vm.fs is a memfs over the guest’s tree, in both directions', async () => {
    await using vm = await create();
    vm.fs.writeFileSync('/tmp/letter', 'from outside');
    expect((await vm.exec(linux('cat'), ['/tmp/letter'])).stdout).toBe('from outside');
    await vm.exec(linux('files'), [], { cwd: '/tmp' });
    expect(vm.fs.existsSync('/tmp/letter')).toBe(true);
  });

  test('files given at creation can be programs', async () => {
    const hello = readFileSync(`${guests}/hello/linux-x86-64`);
    await using vm = await Hospes.create({ files: { '/bin/hello': hello, '/etc/motd': 'welcome' } });
    expect((await vm.exec('hello')).stdout).toBe('Hello from Linux x86-64\n');
    expect(vm.fs.readFileSync('/etc/motd', 'utf8')).toBe('welcome');
  });

  test('overlay: real files are read, the host’s stay as they are', async () => {
    writeFileSync(`${folder}/kept`, 'host');
    await using vm = await create({ fs: 'overlay', root: folder });
    expect((await vm.exec(linux('cat'), ['/kept'])).stdout).toBe('host');
    vm.fs.writeFileSync('/new', 'only in memory');
    expect((await vm.exec(linux('cat'), ['/new'])).stdout).toBe('only in memory');
    expect(() => readFileSync(`${folder}/new`)).toThrow();
  });

  test('a mounted file shows nothing beside it', async () => {
    writeFileSync(`${folder}/one`, '1');
    writeFileSync(`${folder}/two`, '2');
    await using vm = await create({ mounts: [{ host: `${folder}/one`, guest: '/shown/one', mode: 'ro' }] });
    expect((await vm.exec(linux('cat'), ['/shown/one'])).stdout).toBe('1');
    expect((await vm.exec(linux('cat'), ['/shown/two'])).exitCode).not.toBe(0);
    expect((await vm.exec(linux('cat'), ['/shown/one/../two'])).exitCode).not.toBe(0);
  });

  test('with real files vm.fs has nothing to show', async () => {
    await using vm = await create({ fs: 'host', root: folder });
    expect(() => vm.fs).toThrow(UserError);
  });
});

describe('limits', () => {
  test('instructions', async () => {
    await using vm = await create({ limits: { instructions: 1000 } });
    expect(await vm.exec(linux('integer'))).toMatchObject({ exitCode: null, signal: 'SIGKILL' });
    expect(vm.violation).toBe('limit of 1000 instructions');
  });

  test('time', async () => {
    await using vm = await create({ limits: { time: 0.2 } });
    const child = vm.spawn(linux('cat'));
    expect(await once(child, 'exit')).toEqual([null, 'SIGKILL']);
    expect(vm.violation).toBe('time limit of 0.2 s');
  });

  test('output', async () => {
    await using vm = await create({ limits: { output: 1000 } });
    const { signal, stdout } = await vm.exec(linux('cat'), [], { input: 'y'.repeat(500_000) });
    expect(signal).toBe('SIGKILL');
    expect(stdout.length).toBeLessThan(200_000);
    expect(vm.violation).toBe('output limit of 1000 bytes');
  });
});

describe('disposal', () => {
  test('ends what runs, and nothing can be started afterwards', async () => {
    const vm = await create();
    const child = vm.spawn(linux('cat'));
    const exit = once(child, 'exit');
    await vm.dispose();
    expect(await exit).toEqual([null, 'SIGKILL']);
    expect(() => vm.spawn(linux('cat'))).toThrow(UserError);
  });

  test('machines do not know of each other', async () => {
    await using first = await create();
    await using second = await create();
    first.fs.writeFileSync('/tmp/mine', '');
    expect(second.fs.existsSync('/tmp/mine')).toBe(false);
    expect((await second.exec(linux('hello'))).stats.processes.processes).toBe(1);
    expect(first.stats.processes.processes).toBe(0);
  });
});

test('a trace shows the calls as they happen', async () => {
  const lines: string[] = [];
  await using vm = await create({ trace: { filter: 'write', write: (line) => lines.push(line) } });
  await vm.exec(linux('hello'));
  expect(lines).toEqual([expect.stringMatching(/^write\(1, "Hello from Linux.*", 24\) += 24\n$/)]);
});
