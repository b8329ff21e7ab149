import { describe, expect, it } from 'vitest';
import { SANE, type TerminalFlag } from '../../src/kernel/line-discipline.ts';
import { HANGUP, READABLE, WRITABLE } from '../../src/kernel/open-file.ts';
import { Ptys } from '../../src/kernel/pty.ts';
import { Timers } from '../../src/kernel/timers.ts';
import type { TtyFile } from '../../src/kernel/tty.ts';
import { bytes, code, read, readNow } from './words.ts';

function pair() {
  const signals: string[] = [];
  const clock = { time: 0n, timers: new Timers() };
  const ptys = new Ptys({
    timers: clock.timers,
    monotonic: () => clock.time,
    now: () => clock.time,
    signalGroup: (group, signal) => signals.push(`${group} ${signal}`),
    background: () => {},
  });
  const master = ptys.create().retain();
  master.locked = false;
  const slave: TtyFile = ptys.open(0).retain();
  const advance = (by: bigint) => {
    clock.time += by;
    clock.timers.expire(clock.time);
  };
  const set = (off: TerminalFlag[], minimum: number, time: number) => {
    const flags = new Set(SANE.flags);
    for (const flag of off) flags.delete(flag);
    master.tty.configure({ ...SANE, flags, minimum, time });
  };
  return { ptys, master, slave, signals, advance, set };
}

describe('a pseudo-terminal', () => {
  it('what is written to the master is typed', () => {
    const { master, slave } = pair();
    master.write(bytes('ls\r'));
    expect([read(slave), read(master)]).toEqual(['ls\n', 'ls\r\n']);
  });
  it('what the program writes is shown', () => {
    const { master, slave } = pair();
    slave.write(bytes('hello\n'));
    expect(read(master)).toBe('hello\r\n');
  });
  it('the other side must be unlocked', () => {
    const { ptys } = pair();
    ptys.create().retain();
    expect(code(() => ptys.open(1))).toBe('EIO');
  });
  it('numbers are used again', () => {
    const { ptys, master } = pair();
    master.drop();
    expect([ptys.numbers(), ptys.create().number]).toEqual([[], 0]);
  });
  it('the program has gone: EIO and a hang-up, after the last of its output', () => {
    const { master, slave } = pair();
    slave.write(bytes('bye'));
    slave.drop();
    expect([read(master), code(() => read(master)), master.readiness() & HANGUP]).toEqual(['bye', 'EIO', HANGUP]);
  });
  it('the master has gone: end of file, EIO, SIGHUP', () => {
    const { master, slave, signals } = pair();
    master.tty.session = 5;
    master.tty.foreground = 6;
    master.drop();
    expect([read(slave), code(() => slave.write(bytes('x'))), signals]).toEqual([
      '',
      'EIO',
      ['5 SIGHUP', '5 SIGCONT', '6 SIGHUP', '6 SIGCONT'],
    ]);
  });
  it('keys signal the foreground group', () => {
    const { master, signals } = pair();
    master.tty.foreground = 9;
    master.write(bytes('\x03'));
    expect(signals).toEqual(['9 SIGINT']);
  });
  it('a new size is told to the foreground group, once', () => {
    const { master, signals } = pair();
    master.tty.foreground = 9;
    const size = { rows: 50, columns: 132, xPixels: 0, yPixels: 0 };
    master.tty.resize(size);
    master.tty.resize({ ...size });
    expect(signals).toEqual(['9 SIGWINCH']);
  });
  it('a program that writes without end is held up by a slow reader', () => {
    const { master, slave } = pair();
    let written = 0;
    const flood = () => {
      for (;;) written += slave.write(new Uint8Array(1000).fill(120));
    };
    expect([code(flood), slave.readiness() & WRITABLE]).toEqual(['EAGAIN', 0]);
    read(master, 10_000);
    expect([written > 4000, code(() => slave.write(bytes('x')))]).toEqual([true, 'ok']);
  });
});

describe('raw reads', () => {
  const ICANON: TerminalFlag[] = ['ICANON', 'ECHO'];
  it('MIN 1: as soon as a byte is there', () => {
    const { master, slave, set } = pair();
    set(ICANON, 1, 0);
    const before = readNow(slave);
    master.write(bytes('ab'));
    expect([before, read(slave)]).toEqual(['-', 'ab']);
  });
  it('MIN 3: not before three', () => {
    const { master, slave, set } = pair();
    set(ICANON, 3, 0);
    master.write(bytes('ab'));
    const before = [readNow(slave), slave.readiness() & READABLE];
    master.write(bytes('c'));
    expect([...before, read(slave)]).toEqual(['-', 0, 'abc']);
  });
  it('MIN 0, TIME 0: at once, with nothing if need be', () => {
    const { slave, set } = pair();
    set(ICANON, 0, 0);
    expect(read(slave)).toBe('');
  });
  it('MIN 0, TIME 5: half a second at most', () => {
    const { slave, set, advance } = pair();
    set(ICANON, 0, 5);
    const before = readNow(slave);
    advance(500_000_000n);
    expect([before, readNow(slave)]).toEqual(['-', '']);
  });
  it('MIN 5, TIME 2: what came before a pause', () => {
    const { master, slave, set, advance } = pair();
    set(ICANON, 5, 2);
    master.write(bytes('ab'));
    const before = readNow(slave);
    advance(100_000_000n);
    master.write(bytes('c'));
    advance(100_000_000n);
    const between = readNow(slave);
    advance(100_000_000n);
    expect([before, between, readNow(slave)]).toEqual(['-', '-', 'abc']);
  });
});
