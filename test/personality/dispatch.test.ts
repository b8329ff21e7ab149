/** Calls through a table of a few rows: arguments, results, errors, waiting, trace text, filters, the matrix. */
import { beforeEach, describe, expect, test } from 'vitest';
import { fail, gapsMet } from '../../src/base/failures.ts';
import type { Cpu } from '../../src/engine/engine.ts';
import { Wait, WaitQueue } from '../../src/kernel/wait.ts';
import { AddressSpace } from '../../src/memory/address-space.ts';
import {
  Big,
  dirFd,
  enumeration,
  Fd,
  flagSet,
  I32,
  I64,
  In,
  InStructOrNull,
  Mode,
  Out,
  OutStruct,
  Path,
  PathOrNull,
  Ptr,
  Size,
  StructArray,
  U32,
} from '../../src/personality/arguments.ts';
import {
  area,
  call,
  defineTable,
  missing,
  NO_RESULT,
  partial,
  type Row,
  refused,
} from '../../src/personality/define.ts';
import { type Convention, Dispatcher } from '../../src/personality/dispatch.ts';
import { countByStatus, matrixMarkdown, matrixText, summary } from '../../src/personality/matrix.ts';
import { CallStatistics } from '../../src/personality/statistics.ts';
import { i64, struct } from '../../src/personality/struct.ts';
import { CallTrace, TraceFilter } from '../../src/personality/trace.ts';
import type { Thread } from '../../src/process/thread.ts';

/** A CPU of eight registers: 0 takes results, 1 to 6 arguments. */
class FakeCpu {
  readonly values: bigint[] = Array.from({ length: 8 }, () => 0n);
  get(r: number): number {
    return Number(this.values[r]);
  }
  getInt(r: number): number {
    return Number(BigInt.asIntN(32, this.values[r]));
  }
  getBig(r: number): bigint {
    return this.values[r];
  }
  set(r: number, value: number | bigint): void {
    this.values[r] = BigInt.asUintN(64, BigInt(value));
  }
}

const convention: Convention = {
  isa: 'x86-64',
  registers: [1, 2, 3, 4, 5, 6],
  succeed: (cpu, result) => cpu.set(0, result),
  fail: (cpu, code) => cpu.set(0, code === 'EBADF' ? -9 : code === 'ENOSYS' ? -38 : code === 'EFAULT' ? -14 : -1),
};

const time = struct({ sec: i64, nsec: i64 });
const queue = new WaitQueue();
let blocked = true;
const Flags = flagSet({ RDONLY: 0, WRONLY: 1, RDWR: 2, CREAT: 0x40, EXCL: 0x80 }, 3);

const table = defineTable('toy', () => ({
  ...area('demo', {
    add: call(0, 10, { a: I32, b: I32 }, (_t, { a, b }) => a + b),
    open: call(1, null, { dirfd: dirFd(-100, 'AT_FDCWD'), path: Path, flags: Flags, mode: Mode }, (_t, { path }) =>
      path === 'no' ? fail('ENOENT') : 3,
    ),
    read: call(2, 12, { fd: Fd, buf: Out('count'), count: Size }, (_t, { fd, buf }) => {
      if (fd < 0) fail('EBADF');
      buf.fill(new TextEncoder().encode('hello\n'));
      return 6;
    }),
    write: call(3, 13, { fd: Fd, buf: In('count'), count: Size }, (_t, { buf }) => buf.copy().length),
    wait: call(4, 14, { time: InStructOrNull(time) }, () => (blocked ? new Wait([queue]) : undefined)),
    clock: call(5, 15, { which: enumeration({ WALL: 0, CPU: 1 }), at: OutStruct(time) }, (_t, { at }) =>
      at.set({ sec: 1, nsec: 2 }),
    ),
    map: call(6, 16, { at: Ptr, length: U32 }, (_t, { at }) => at, { returns: 'address' }),
    leave: call(7, 17, { status: I32 }, () => NO_RESULT),
    seek: call(8, 18, { offset: I64 }, (_t, { offset }) => offset),
    bits: call(9, 19, { mask: Big }, (_t, { mask }) => Number(mask & 0xffn)),
    list: call(10, 20, { times: StructArray(time, 'count'), count: U32 }, (_t, { times }) => times.get().length),
    name: partial(
      call(11, 21, { path: PathOrNull }, (_t, { path }) => path?.length),
      'a note',
    ),
  }),
  ...area('other', {
    absent: missing(12, 22, { fd: Fd }),
    denied: refused(13, 23, 'EPERM'),
  }),
}));

const space = new AddressSpace();
const page = space.map({ address: 0, length: 4096, prot: 3 });
let cpu: FakeCpu;
let thread: Thread;
let lines: string[];

function dispatcher(filter?: string, statistics?: CallStatistics): Dispatcher {
  const trace =
    filter === undefined ? undefined : new CallTrace(new TraceFilter(filter), (line) => lines.push(line.trimEnd()));
  return new Dispatcher(table, convention, { trace, statistics });
}

function string(text: string): number {
  space.copyOut(page, new TextEncoder().encode(`${text}\0`));
  return page;
}

function run(number: number, ...args: (number | bigint)[]): number {
  return runWith(dispatcher(), number, ...args);
}

function runWith(d: Dispatcher, number: number, ...args: (number | bigint)[]): number {
  for (const [i, value] of args.entries()) cpu.set(i + 1, value);
  d.call(thread, number);
  return Number(BigInt.asIntN(64, cpu.values[0]));
}

function traced(number: number, ...args: (number | bigint)[]): string {
  runWith(dispatcher(''), number, ...args);
  return lines.join('\n').replace(/ {2,}=/, ' =');
}

beforeEach(() => {
  cpu = new FakeCpu();
  lines = [];
  blocked = true;
  thread = { tid: 7, cpu: cpu as unknown as Cpu, process: { space }, call: undefined } as unknown as Thread;
});

describe('a call', () => {
  test('takes signed arguments and returns a number', () => expect(run(0, -5, 3)).toBe(-2));
  test('takes 64-bit signed offsets', () => expect(run(8, -4096)).toBe(-4096));
  test('takes all bits of a mask', () => expect(run(9, 0xffff_ffff_ffff_ff80n)).toBe(0x80));
  test('turns a symbolic error into the system’s', () => expect(run(2, -1, page, 10)).toBe(-9));
  test('turns a bad pointer into EFAULT', () => expect(run(3, 1, 16, 10)).toBe(-14));
  test('turns a bad path into EFAULT', () => expect(run(1, -100, 16)).toBe(-14));
  test('reads a file name', () => expect(run(1, -100, string('yes'))).toBe(3));
  test('returns 0 when the handler returns nothing', () => expect(run(5, 0, page)).toBe(0));
  test('fills a structure', () => {
    run(5, 0, page);
    expect(time.get(space, page)).toEqual({ sec: 1, nsec: 2 });
  });
  test('takes an array of structures', () => expect(run(10, page, 3)).toBe(3));
  test('takes a null path', () => expect(run(11, 0)).toBe(0));
  test('is ENOSYS when missing, and counted by name', () => {
    const before = gapsMet().get('toy absent') ?? 0;
    expect(run(12, 1)).toBe(-38);
    expect(gapsMet().get('toy absent')).toBe(before + 1);
  });
  test('is ENOSYS past the table, and counted by number', () => {
    expect(run(999)).toBe(-38);
    expect(gapsMet().get('toy call 999')).toBeGreaterThan(0);
  });
  test('is refused with the row’s error', () => expect(run(13)).toBe(-1));
  test('leaves the registers alone when the handler has put them in order', () => {
    cpu.set(0, 77);
    expect(run(7, 1)).toBe(77);
  });
  test('that blocks changes nothing and comes again', () => {
    const d = dispatcher();
    cpu.set(0, 4);
    expect(d.call(thread, 4)).toBeInstanceOf(Wait);
    expect(cpu.get(0)).toBe(4);
    blocked = false;
    expect(d.call(thread, 4)).toBeUndefined();
    expect(cpu.get(0)).toBe(0);
  });
  test('may take its arguments one register later', () => {
    cpu.set(2, 4);
    cpu.set(3, 5);
    dispatcher().call(thread, 0, 1);
    expect(cpu.get(0)).toBe(9);
  });
});

describe('the trace', () => {
  test('shows numbers', () => expect(traced(0, -5, 3)).toBe('add(-5, 3) = -2'));
  test('shows names, flags and modes', () =>
    expect(traced(1, -100, string('yes'), 0x42, 0o644)).toBe('open(AT_FDCWD, "yes", RDWR|CREAT, 0644) = 3'));
  test('shows an error with its meaning', () =>
    expect(traced(1, 5, string('no'), 0x100, 0)).toBe(
      'open(5, "no", RDONLY|0x100, 0) = -1 ENOENT (No such file or directory)',
    ));
  test('shows what a call has read', () => expect(traced(2, 0, page, 100)).toBe('read(0, "hello\\n", 100) = 6'));
  test('shows what a call writes, cut at 32 bytes', () => {
    string('0123456789'.repeat(5));
    expect(traced(3, 1, page, 50)).toBe('write(1, "01234567890123456789012345678901"..., 50) = 50');
  });
  test('shows structures in and out', () => {
    expect(traced(5, 1, page)).toBe('clock(CPU, {sec=1, nsec=2}) = 0');
  });
  test('shows the address of an output that failed', () =>
    expect(traced(2, -1, page, 5)).toBe(`read(-1, 0x${page.toString(16)}, 5) = -1 EBADF (Bad file descriptor)`));
  test('shows addresses in hex', () => expect(traced(6, 0x1000, 8)).toBe('map(0x1000, 8) = 0x1000'));
  test('shows calls that never return', () => expect(traced(7, 3)).toBe('leave(3) = ?'));
  test('shows missing calls by name', () =>
    expect(traced(12, 3)).toBe('absent(3) = -1 ENOSYS (Function not implemented)'));
  test('shows a blocked call once it ends', () => {
    const d = dispatcher('');
    d.call(thread, 4);
    expect(lines).toEqual([]);
    blocked = false;
    d.call(thread, 4);
    expect(lines.map((line) => line.replace(/ {2,}/, ' '))).toEqual(['wait(NULL) = 0']);
  });
  test('names threads once there are two', () => {
    const d = dispatcher('');
    runWith(d, 0, 1, 2);
    thread = { ...thread, tid: 8, personalityState: undefined } as Thread;
    runWith(d, 0, 1, 2);
    expect(lines[1]).toMatch(/^\[pid {5}8\] add/);
  });
});

describe('a trace filter', () => {
  const row = (name: string): Row => table.find(name)!;
  const shown = (filter: string) =>
    table.rows.filter((each) => new TraceFilter(filter).mode('toy', each) !== 'off').map((each) => each.name);

  test('of nothing is everything', () => expect(shown('').length).toBe(table.rows.length));
  test('names calls', () => expect(shown('read,write')).toEqual(['read', 'write']));
  test('names groups', () => expect(shown('other')).toEqual(['absent', 'denied']));
  test('knows calls with file names and with descriptors', () => {
    expect(shown('file')).toEqual(['open', 'name']);
    expect(shown('desc')).toEqual(['open', 'read', 'write', 'absent']);
  });
  test('takes away', () => expect(shown('desc,-read')).toEqual(['open', 'write', 'absent']));
  test('that starts by taking away starts from all', () => expect(shown('-demo')).toEqual(['absent', 'denied']));
  test('may name the system', () => {
    expect(shown('toy/read')).toEqual(['read']);
    expect(shown('linux/read')).toEqual([]);
    expect(shown('toy/').length).toBe(table.rows.length);
  });
  test('may ask for a line at entry', () => {
    expect(new TraceFilter('^read').mode('toy', row('read'))).toBe('entry');
    expect(new TraceFilter('^').mode('toy', row('add'))).toBe('entry');
  });
  test('that cannot be read is the user’s error', () =>
    expect(() => new TraceFilter('a b')).toThrow(/cannot read 'a b'/));
  test('tells unknown words', () => expect(new TraceFilter('read,nonsense').unknown(table.rows)).toEqual(['nonsense']));
});

describe('statistics', () => {
  test('count calls by name, a blocked one once', () => {
    const statistics = new CallStatistics(true);
    const d = dispatcher(undefined, statistics);
    runWith(d, 0, 1, 1);
    runWith(d, 0, 1, 1);
    d.call(thread, 4);
    (thread as { call: unknown }).call = {};
    d.call(thread, 4);
    expect(
      statistics
        .calls()
        .get('toy')
        ?.map(({ name, calls }) => [name, calls]),
    ).toEqual([
      ['add', 2],
      ['wait', 1],
    ]);
  });
});

describe('the matrix', () => {
  test('counts rows by support', () =>
    expect(countByStatus(table)).toEqual({ full: 11, partial: 1, missing: 1, refused: 1 }));
  test('has a line for each call', () =>
    expect(matrixText(table)).toContain('  11   21  name                     partly   a note'));
  test('is a table in markdown', () =>
    expect(matrixMarkdown('Toy', table)).toContain('| 2 | 12 | `read(fd, buf, count)` | yes |  |'));
  test('has a summary', () =>
    expect(summary(table)).toBe('14 calls: 11 supported, 1 in part, 1 refused by design, 1 missing'));
});

describe('a table', () => {
  test('refuses one number for two calls', () =>
    expect(() => defineTable('bad', () => ({ a: missing(1, null), b: missing(1, null) })).byNumber('x86-64')).toThrow(
      /a and b are both 1/,
    ));
  test('refuses a buffer without its length', () => {
    const bad = defineTable('bad', () => ({ a: call(0, 0, { buf: Out('count') }, () => 0) }));
    expect(() => new Dispatcher(bad, convention).row(0)).toThrow(/no argument named count/);
  });
  test('types flow from row to handler', () => {
    // @ts-expect-error a descriptor is a number, not a string
    call(0, 0, { fd: Fd }, (_t, { fd }: { fd: string }) => fd.length);
    // @ts-expect-error the row has no argument of that name
    call(0, 0, { fd: Fd }, (_t, { file }: { file: number }) => file);
  });
});
