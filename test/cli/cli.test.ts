/** The command line as its user meets it: what goes in and out, statuses, messages, options. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Cli, guest } from './cli.ts';

const cli = new Cli();
beforeAll(() => cli.build());
afterAll(() => cli.dispose());

const line = (text: string) => ({ stdout: '', stderr: `${text}\n` });

describe('run', () => {
  test('a program’s output and status are ours', async () => {
    expect(await cli.run(['run', guest('exit'), '7'])).toMatchObject({
      stdout: 'ending by 7\n',
      stderr: '',
      status: 7,
    });
  });

  test('a FreeBSD program runs as well', async () => {
    expect(await cli.run(['run', guest('upper', 'freebsd-x86-64')], { input: 'abc' })).toMatchObject({ stdout: 'ABC' });
  });

  test('what follows the program belongs to it', async () => {
    const { stdout } = await cli.run(['run', guest('args'), '--help', '-x', '--', '--stats']);
    expect(stdout).toContain('argv --help\nargv -x\nargv --\nargv --stats\n');
  });

  test('arguments, variables and the directory may be other than UTF-8', async () => {
    const script = `mkdir $'d\\xfe' && cd $'d\\xfe' && NAME=$'\\xff' hospes run '${guest('names')}' $'a\\xff' é`;
    const { stdout } = await cli.shell(script, { cwd: cli.folder });
    expect(stdout.split('\n').slice(1, 5)).toEqual([
      'argument: a ff',
      'argument: c3 a9',
      'environment: ff',
      'getcwd: d fe',
    ]);
  });
  test('-- ends our options', async () => {
    const { stdout } = await cli.run(['run', '--', guest('args'), 'one']);
    expect(stdout).toContain('argv one\n');
  });

  test('a bare --trace does not take the program for its filter', async () => {
    const { stderr, status } = await cli.run(['run', '--trace', guest('hello')]);
    expect(stderr).toMatch(/^write\(1, "Hello.*\) *= 24$/m);
    expect(status).toBe(0);
  });

  test('--trace=filter shows what it names, --trace-file puts it elsewhere', async () => {
    const file = `${cli.folder}/trace`;
    const { stderr } = await cli.run(['run', '--trace=exit,exit_group', '--trace-file', file, guest('hello')]);
    expect(stderr).toBe('');
    expect(readFileSync(file, 'utf8')).not.toContain('write');
    expect(readFileSync(file, 'utf8')).toMatch(/exit\(0\)/);
  });

  test('the environment: --clear-env and --env', async () => {
    const { stdout } = await cli.run(['run', '--clear-env', '--env', 'A=1', '--env', 'B=x=y', guest('args')]);
    expect(stdout.match(/^env .*/gm)).toEqual(['env A=1', 'env B=x=y']);
  });

  test('--argv0 is what the program takes for its name', async () => {
    expect((await cli.run(['run', '--argv0', '/x/login', guest('args')])).stdout).toContain('argv login\n');
  });

  test('--stats tells what was executed and called, --stats=json for programs', async () => {
    expect((await cli.run(['run', '--stats', guest('hello')])).stderr).toMatch(/instructions +\d+[\s\S]*write +1/);
    const stats = JSON.parse((await cli.run(['run', '--stats=json', guest('hello')])).stderr);
    expect(stats).toMatchObject({ processes: { processes: 1, execs: 1 } });
    expect(stats.calls.linux.map((call: { name: string }) => call.name).sort()).toEqual(['exit', 'write']);
  });

  test('--profile writes a file that viewers open', async () => {
    const file = `${cli.folder}/out.cpuprofile`;
    expect(await cli.run(['run', '--profile', file, guest('hello')])).toMatchObject({ status: 0, stderr: '' });
    const profile = JSON.parse(readFileSync(file, 'utf8'));
    expect(profile.nodes[0].callFrame.functionName).toBe('(root)');
    expect(await cli.run(['run', '--profile', '/nowhere/out', guest('hello')])).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^hospes: --profile: ENOENT.*\n$/),
    });
  });

  test('--record and replay: the same output and end from the recording alone', async () => {
    const file = `${cli.folder}/recording`;
    const program = `${cli.folder}/program`;
    writeFileSync(program, readFileSync(guest('random')), { mode: 0o755 });
    const first = await cli.run(['run', '--record', file, program]);
    expect(first).toMatchObject({ status: 0, stderr: '' });
    rmSync(program);
    expect(await cli.run(['replay', file])).toEqual(first);
    // What comes on stdin is in it.
    const echoed = await cli.run(['run', '--record', file, guest('cat')], { input: 'some input' });
    expect(echoed.stdout).toBe('some input');
    expect(await cli.run(['replay', file], { input: 'other' })).toEqual(echoed);
    writeFileSync(file, readFileSync(file).subarray(0, -1));
    expect(await cli.run(['replay', file])).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/^hospes: .*: the recording is damaged: it was cut at byte \d+\n$/),
    });
    expect(await cli.run(['replay', '/nowhere/at/all'])).toMatchObject({ status: 2 });
  });

  test('an unknown call is ENOSYS, counted and named', async () => {
    const { stderr, status } = await cli.run(['run', '--stats', guest('exit'), 'bad-call']);
    expect(status).toBe(38);
    expect(stderr).toMatch(/missing +linux call 9999 1/);
  });
});

describe('fatal signals', () => {
  test.each([
    ['null-read', 139, /^hospes: .*: SIGSEGV \(SEGV_MAPERR\) at 0x[0-9a-f]+ .*, address 0x0\n$/],
    ['null-write', 139, /SIGSEGV \(SEGV_MAPERR\) at 0x[0-9a-f]+ .*, address 0x8\n$/],
    ['write-code', 139, /SIGSEGV \(SEGV_ACCERR\) at/],
    ['divide', 136, /SIGFPE \(FPE_INTDIV\) at 0x/],
    ['ud2', 132, /SIGILL \(ILL_ILLOPN\) at 0x/],
    ['SIGTERM', 143, /SIGTERM at 0x/],
  ])('%s: status %i and one line', async (how, status, message) => {
    const got = await cli.run(['run', guest('exit'), how]);
    expect(got.status).toBe(status);
    expect(got.stderr).toMatch(message);
    expect(got.stderr.split('\n')).toHaveLength(2);
  });
});

describe('what cannot be run', () => {
  test('not found: 127', async () => {
    const name = './nowhere';
    expect(await cli.run(['run', name])).toMatchObject({ ...line(`hospes: ${name}: not found`), status: 127 });
    expect(await cli.run(['run', 'no-such-name'])).toMatchObject({
      ...line('hospes: no-such-name: not found'),
      status: 127,
    });
  });

  test('not executable: 126', async () => {
    const file = `${cli.folder}/data`;
    writeFileSync(file, 'text', { mode: 0o644 });
    expect(await cli.run(['run', file])).toMatchObject({ ...line(`hospes: ${file}: permission denied`), status: 126 });
  });

  test('not a program: 126, and what it is instead', async () => {
    const file = `${cli.folder}/zip`;
    writeFileSync(file, 'PK\x03\x04 and so on', { mode: 0o755 });
    const { stderr, status } = await cli.run(['run', file]);
    expect(stderr).toMatch(/^hospes: .*zip archive.*\n$/);
    expect(status).toBe(126);
  });
});

describe('usage', () => {
  test.each([[[]], [['run']], [['inspect']], [['syscalls']]])('%j --help', async (words) => {
    const { stdout, status } = await cli.run([...words, '--help']);
    expect(stdout).toMatch(/^Usage: hospes/);
    expect(status).toBe(0);
  });

  test.each([
    [['run', '--trase', 'x'], "hospes: unknown option '--trase' (Did you mean --trace?)"],
    [['rum'], "hospes: unknown command 'rum' (Did you mean run?)"],
    [['run'], "hospes: missing required argument 'program'"],
    [
      ['run', '--limit-memory', 'much', 'x'],
      /option '--limit-memory <size>' argument 'much' is invalid\. It is a size/,
    ],
    [['run', '--fs', 'tape', 'x'], /Allowed choices are host, overlay, memory/],
    [['run', '--mount', 'here', 'x'], /It is <host>:<\/guest\/path>/],
    [['run', '--root', '/no/such', 'x'], 'hospes: /no/such: no such directory'],
    [['run', '--cwd', '/no/such', 'x'], 'hospes: /no/such: no such file or directory'],
    [['syscalls', 'plan9'], "hospes: syscalls: no system 'plan9' (there are linux, freebsd)"],
  ])('%j: one line and status 2', async (args, message) => {
    const { stderr, status } = await cli.run(args);
    if (typeof message === 'string') expect(stderr).toBe(`${message}\n`);
    else expect(stderr).toMatch(message);
    expect(stderr.split('\n')).toHaveLength(2);
    expect(status).toBe(2);
  });

  test('syscalls prints the matrix', async () => {
    expect((await cli.run(['syscalls'])).stdout).toMatch(/^linux: \d+ calls: .*\nfreebsd: /);
    expect((await cli.run(['syscalls', 'linux'])).stdout).toMatch(/^ +1 +64 +write +yes/m);
  });

  test('inspect says what a file is', async () => {
    const { stdout } = await cli.run(['inspect', guest('hello')]);
    expect(stdout).toMatch(/ELF, x86-64, linux, fixed executable/);
    expect(JSON.parse((await cli.run(['inspect', '--json', guest('hello')])).stdout)).toMatchObject({
      program: { isa: 'x86-64', os: 'linux' },
    });
  });
});

describe('stdin, stdout and stderr', () => {
  const upper = guest('upper', 'freebsd-x86-64');

  test('a pipe in and a pipe out, byte for byte', async () => {
    const text = Array.from({ length: 40_000 }, (_, i) => `Line ${i}\n`).join('');
    expect((await cli.run(['run', upper], { input: text })).stdout).toBe(text.toUpperCase());
  });

  test('files, and what is left of them belongs to the next program', async () => {
    writeFileSync(`${cli.folder}/in`, 'one\ntwo\n');
    const { stdout } = await cli.shell(`(hospes run ${upper} > out; echo rest; cat) < in; cat out`);
    expect(stdout).toBe('rest\nONE\nTWO\n');
  });

  test('stdout and stderr in one file keep their order', async () => {
    await cli.shell(`hospes run --trace=write ${guest('hello')} > both 2>&1`);
    expect(readFileSync(`${cli.folder}/both`, 'utf8')).toMatch(/^Hello.*\nwrite\(1, .*\n$/);
  });

  test('input that comes slowly', async () => {
    const { stdout } = await cli.shell(`(echo a; sleep 0.3; echo b) | hospes run ${upper}`);
    expect(stdout).toBe('A\nB\n');
  });

  test('a program that reads nothing takes nothing', async () => {
    const { stdout } = await cli.shell(`printf 'x\\ny\\n' | (hospes run ${guest('hello')}; cat)`);
    expect(stdout).toMatch(/^Hello.*\nx\ny\n$/);
  });

  test('a reader that has gone ends the writer as SIGPIPE does, silently', async () => {
    const { stdout, stderr } = await cli.shell(`yes | hospes run ${upper} | head -n 2; echo "\${PIPESTATUS[1]}"`);
    expect(stdout).toBe('Y\nY\n141\n');
    expect(stderr).toBe('');
  });

  test('a slow reader gets everything', async () => {
    const { stdout } = await cli.shell(`seq 60000 | hospes run ${upper} | (sleep 0.3; tail -n 1)`);
    expect(stdout).toBe('60000\n');
  });

  test('nothing at all on the descriptors', async () => {
    expect(await cli.shell(`hospes run ${upper} <&- >&- 2>&-; echo $?`)).toMatchObject({ stdout: '0\n', stderr: '' });
    expect(await cli.run(['run', upper], { stdio: ['ignore', 'ignore', 'ignore'] })).toMatchObject({ status: 0 });
  });
});

describe('sandbox and limits', () => {
  test('a sandboxed program sees its own file and nothing beside it', async () => {
    const { stdout, status } = await cli.run(['run', '--sandbox', guest('upper')], { input: 'inside' });
    expect({ stdout, status }).toEqual({ stdout: 'INSIDE', status: 0 });
    expect(
      (await cli.run(['run', '--sandbox', guest('cat'), guest('cat').replace('/cat/', '/upper/')])).status,
    ).not.toBe(0);
    expect((await cli.run(['run', '--sandbox', guest('cat'), '/etc/hostname'])).status).not.toBe(0);
  });

  test('--mount shows a host directory, ro keeps it', async () => {
    writeFileSync(`${cli.folder}/shown`, 'mounted\n');
    const { stdout } = await cli.run(['run', '--sandbox', '--mount', `${cli.folder}:/m:ro`, guest('cat'), '/m/shown']);
    expect(stdout).toBe('mounted\n');
  });

  test('--limit-time and --limit-instructions end a program that does not', async () => {
    const time = await cli.run(['run', '--limit-time', '0.3', guest('cat')], { stdio: ['pipe', 'pipe', 'pipe'] });
    expect(time.status === 0 || time.status === 137).toBe(true);
    const many = await cli.run(['run', '--limit-instructions', '1000', guest('integer')]);
    expect(many).toMatchObject({ status: 137 });
    expect(many.stderr).toBe(`hospes: ${guest('integer')}: ended by the limit of 1000 instructions\n`);
  });
});
