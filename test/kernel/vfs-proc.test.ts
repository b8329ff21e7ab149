import { beforeEach, describe, expect, test } from 'vitest';
import { MemoryFs } from '../../src/host/memfs.ts';
import { createDevFs } from '../../src/kernel/dev-fs.ts';
import { Devices, deviceNumber, majorOf, minorOf, registerMemoryDevices } from '../../src/kernel/devices.ts';
import { FdTable } from '../../src/kernel/fd-table.ts';
import type { OpenFile } from '../../src/kernel/open-file.ts';
import { makePipe } from '../../src/kernel/pipe.ts';
import { createProcFs } from '../../src/kernel/proc-fs.ts';
import type { ProcProcess, ProcSource, ProcThread } from '../../src/kernel/proc-source.ts';
import { type FsContext, Vfs } from '../../src/kernel/vfs.ts';
import type { Mapping } from '../../src/memory/address-space.ts';
import { codeOf, put } from '../contracts/host-fs.ts';

let vfs: Vfs;
let me: FsContext;
let files: FdTable;
let thread: ProcThread;
let asking: { pid: number; tid: number } | undefined;
let mappings: Mapping[];

const utf8 = (text: string) => new TextEncoder().encode(text);

beforeEach(() => {
  vfs = new Vfs();
  const memory = new MemoryFs();
  put(memory, '/file', 'content');
  vfs.mount('/', memory, { device: '/dev/root disk', type: 'ext4' });
  me = vfs.context();
  files = new FdTable();
  mappings = [];
  asking = { pid: 42, tid: 43 };
  thread = {
    tid: 43,
    name: 'worker',
    state: 'R',
    user: 1.5e9,
    system: 0,
    pending: 0n,
    blocked: 0x10000n,
    voluntarySwitches: 3,
    involuntarySwitches: 1,
    rename: (name) => {
      thread.name = name;
    },
  };
  vfs.mount('/proc', createProcFs(source(), vfs), { device: 'proc', type: 'proc' });
  const devices = new Devices();
  registerMemoryDevices(devices, (into) => into.fill(7));
  vfs.openDevice = (type, rdev, how) => devices.open(type, rdev, how);
  vfs.mount('/dev', createDevFs({ now: () => 0n, terminals: () => [{ number: 3, mode: 0o620, uid: 1, gid: 5 }] }));
});

function source(): ProcSource {
  const process: ProcProcess = {
    pid: 42,
    parent: 1,
    group: 42,
    session: 40,
    terminal: 0,
    foreground: -1,
    get name() {
      return thread.name;
    },
    state: 'R',
    exitCode: 0,
    uids: [1000, 1000, 1000, 1000],
    gids: [100, 100, 100, 100],
    groups: [100, 27],
    context: me,
    files,
    executable: '/bin/prog',
    argv: [utf8('prog'), utf8('two words'), utf8('')],
    envp: [utf8('A=1')],
    auxv: Uint8Array.of(6, 0, 0, 0),
    nice: 0,
    startTime: 2_500_000_000n,
    user: 1.5e9,
    system: 0,
    childrenUser: 0,
    childrenSystem: 0,
    minorFaults: 9,
    threads: [thread],
    mappings: () => mappings,
    memory: () => ({ mapped: 8192, resident: 4096, peak: 4096 }),
    limit: (name) => (name === 'NOFILE' ? { soft: 1024, hard: 4096 } : { soft: Infinity, hard: Infinity }),
    sharedPending: 0n,
    ignored: 0x1000n,
    caught: 2n,
    noNewPrivileges: false,
  };
  return {
    asking: () => asking,
    pids: () => [42],
    process: (id) => (id === 42 || id === 43 ? process : undefined),
    system: {
      ostype: 'Linux',
      release: '6.1.0',
      version: '#1 Test',
      hostname: () => 'guest',
      setHostname: () => {},
      domainname: () => '(none)',
      cpus: [{ vendor: 'V', family: 6, model: 1, stepping: 0, name: 'CPU', mhz: 1000, flags: ['fpu', 'sse2'] }],
      memory: () => ({ total: 4 * 2 ** 30, free: 3 * 2 ** 30, cached: 0 }),
      realtime: () => 1_000_000_000_000n,
      uptime: () => 12_340_000_000n,
      cpuTime: () => ({ user: 2e9, system: 1e9 }),
      counters: () => ({ forks: 5, switches: 6, runnable: 1, threads: 2, lastPid: 42 }),
      random: (into) => into.fill(0xab),
      pidMax: 4194304,
    },
  };
}

const open = (path: string) => vfs.open(me, undefined, path, { read: true }).retain();
const text = (file: OpenFile) => {
  const into = new Uint8Array(8000);
  return new TextDecoder().decode(into.subarray(0, file.read(into, 0)));
};
const read = (path: string) => text(open(path));

describe('/proc', () => {
  test('self is whoever asks', () => {
    expect(vfs.readlink(me, undefined, '/proc/self')).toBe('42');
    expect(vfs.readlink(me, undefined, '/proc/thread-self')).toBe('42/task/43');
    expect(read('/proc/self/comm')).toBe('worker\n');
    expect(read('/proc/thread-self/comm')).toBe('worker\n');
    asking = undefined;
    expect(codeOf(() => read('/proc/self/comm'))).toBe('ENOENT');
  });

  test.each([
    ['/proc/42/cmdline', 'prog\0two words\0\0'],
    ['/proc/42/environ', 'A=1\0'],
    ['/proc/42/statm', '2 1 0 0 0 0 0\n'],
    ['/proc/uptime', '12.34 9.34\n'],
    ['/proc/loadavg', '0.00 0.00 0.00 1/2 42\n'],
    ['/proc/version', 'Linux version 6.1.0 #1 Test\n'],
    ['/proc/sys/kernel/osrelease', '6.1.0\n'],
    ['/proc/sys/kernel/hostname', 'guest\n'],
    ['/proc/sys/kernel/random/uuid', 'abababab-abab-4bab-abab-abababababab\n'],
    [
      '/proc/mounts',
      '/dev/root\\040disk / ext4 rw,relatime 0 0\nproc /proc proc rw,relatime 0 0\ndevtmpfs /dev devtmpfs rw,relatime 0 0\n',
    ],
  ])('%s reads %j', (path, content) => expect(read(path)).toBe(content));

  test('stat has its 52 fields', () => {
    const fields = read('/proc/42/stat').trimEnd().split(' ');
    expect(fields).toHaveLength(52);
    expect(fields.slice(0, 6)).toEqual(['42', '(worker)', 'R', '1', '42', '40']);
    expect(fields[13]).toBe('150');
    expect(fields[21]).toBe('250');
  });

  test('status shows masks and identities', () => {
    const status = read('/proc/42/status');
    for (const line of [
      'Name:\tworker',
      'Umask:\t0022',
      'State:\tR (running)',
      'Uid:\t1000\t1000\t1000\t1000',
      'Groups:\t100 27 ',
      'VmSize:\t       8 kB',
      'SigBlk:\t0000000000010000',
      'SigIgn:\t0000000000001000',
      'Threads:\t1',
    ]) {
      expect(status.split('\n')).toContain(line);
    }
  });

  test('limits are columns', () => {
    const lines = read('/proc/42/limits').split('\n');
    expect(lines[0]).toBe('Limit                     Soft Limit           Hard Limit           Units     ');
    expect(lines[8]).toBe('Max open files            1024                 4096                 files     ');
    expect(lines[14]).toBe('Max nice priority         unlimited            unlimited            ');
  });

  test('maps name files, stacks and nothing', () => {
    const anonymous = { shared: false, file: undefined, offset: 0, growsDown: false };
    mappings = [
      { ...anonymous, start: 0x400000, end: 0x401000, maxProt: 7, prot: 5, name: '/bin/prog' },
      { ...anonymous, start: 0x7f0000000000, end: 0x7f0000001000, maxProt: 7, prot: 3, name: '' },
      { ...anonymous, start: 0x7ffd00000000, end: 0x7ffd00021000, maxProt: 7, prot: 3, name: '[stack]' },
    ];
    expect(read('/proc/42/maps')).toBe(
      '00400000-00401000 r-xp 00000000 00:00 0                                  /bin/prog\n' +
        '7f0000000000-7f0000001000 rw-p 00000000 00:00 0 \n' +
        '7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0                          [stack]\n',
    );
  });

  test('a thread renames itself through comm', () => {
    const file = vfs.open(me, undefined, '/proc/self/comm', { write: true, truncate: true }).retain();
    file.write(utf8('a name that is far too long\n'));
    expect(thread.name).toBe('a name that is ');
  });

  test('reading again from the start shows the present', () => {
    const file = open('/proc/self/comm');
    text(file);
    thread.rename('later');
    expect(text(file)).toBe('later\n');
  });

  test('descriptors lead to their files, also removed ones and pipes', () => {
    files.add(vfs.open(me, undefined, '/file', { read: true, write: true }));
    const [reader, writer] = makePipe(0n);
    files.add(reader);
    files.add(writer);
    expect(vfs.readlink(me, undefined, '/proc/self/fd/0')).toBe('/file');
    expect(read('/proc/self/fd/0')).toBe('content');
    expect(vfs.stat(me, undefined, '/proc/self/fd/0').size).toBe(7);
    vfs.unlink(me, undefined, '/file');
    expect(vfs.readlink(me, undefined, '/proc/self/fd/0')).toBe('/file (deleted)');
    expect(read('/dev/stdin')).toBe('content');
    expect(vfs.readlink(me, undefined, '/proc/self/fd/1')).toMatch(/^pipe:\[\d+\]$/);
    expect(vfs.stat(me, undefined, '/dev/fd/1').type).toBe('fifo');
    vfs.open(me, undefined, '/dev/fd/2', { write: true }).retain().write(utf8('through'));
    const into = new Uint8Array(7);
    open('/dev/fd/1').read(into);
    expect(into).toEqual(utf8('through'));
    expect(codeOf(() => open('/proc/self/fd/9'))).toBe('ENOENT');
    expect(vfs.stat(me, undefined, '/proc/self/fd/1', { follow: false }).mode).toBe(0o500);
  });

  test('a directory descriptor can be walked through', () => {
    vfs.mkdir(me, undefined, '/dir', 0o755);
    put(new MemoryFs({ volume: (vfs.mounts.find('/')!.fs as MemoryFs).volume }), '/dir/x', 'inside');
    files.add(vfs.open(me, undefined, '/dir', { read: true }));
    expect(read('/proc/self/fd/0/x')).toBe('inside');
    vfs.chdir(me, undefined, '/dir');
    expect(read('/proc/self/cwd/x')).toBe('inside');
    expect(vfs.readlink(me, undefined, '/proc/self/cwd')).toBe('/dir');
  });

  test('processes come and go as names, threads are found but not listed', () => {
    const names = vfs.open(me, undefined, '/proc', { read: true }).retain() as unknown as {
      list(): { name: string }[];
    };
    expect(names.list().filter(({ name }) => /^\d+$/.test(name))).toHaveLength(1);
    expect(vfs.stat(me, undefined, '/proc/43').type).toBe('directory');
    expect(vfs.stat(me, undefined, '/proc/42')).toMatchObject({ uid: 1000, gid: 100 });
    expect(codeOf(() => vfs.stat(me, undefined, '/proc/44'))).toBe('ENOENT');
    expect(codeOf(() => vfs.unlink(me, undefined, '/proc/42/comm'))).toBe('EPERM');
  });
});

describe('/dev', () => {
  test('null, zero, full and random', () => {
    const both = (name: string) => vfs.open(me, undefined, `/dev/${name}`, { read: true, write: true }).retain();
    const into = new Uint8Array(3).fill(1);
    expect(both('null').read(into)).toBe(0);
    expect(both('null').write(into)).toBe(3);
    expect(both('zero').read(into)).toBe(3);
    expect([...into]).toEqual([0, 0, 0]);
    expect(codeOf(() => both('full').write(into))).toBe('ENOSPC');
    both('urandom').read(into);
    expect([...into]).toEqual([7, 7, 7]);
  });

  test('nodes have the numbers of Linux', () => {
    expect(vfs.stat(me, undefined, '/dev/null')).toMatchObject({ type: 'character', mode: 0o666, rdev: 0x103 });
    expect(vfs.stat(me, undefined, '/dev/pts/3')).toMatchObject({ rdev: 0x8803, mode: 0o620, uid: 1, gid: 5 });
    for (const [major, minor] of [
      [1, 3],
      [136, 300],
      [4095, 1048575],
      [5000, 70000],
    ] as const) {
      const rdev = deviceNumber(major, minor);
      expect([majorOf(rdev), minorOf(rdev)]).toEqual([major, minor]);
    }
  });

  test('a node made elsewhere opens the same device, one without a driver nothing', () => {
    vfs.mknod(me, undefined, '/mynull', 'character', 0o666, 0x103);
    vfs.mknod(me, undefined, '/other', 'character', 0o666, 0x999);
    expect(open('/mynull').read(new Uint8Array(4))).toBe(0);
    expect(codeOf(() => open('/other'))).toBe('ENXIO');
  });
});
