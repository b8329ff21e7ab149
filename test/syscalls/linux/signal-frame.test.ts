/** The frame of a caught signal: where it lies, what it holds, and that the way back restores everything. */
import { beforeEach, describe, expect, test } from 'vitest';
import { MemoryFault } from '../../../src/base/failures.ts';
import { RAX, RBX, RDI, RDX, RSI, RSP } from '../../../src/isa/x86/state.ts';
import { AddressSpace } from '../../../src/memory/address-space.ts';
import type { SignalAction, SignalInfo } from '../../../src/process/signals.ts';
import type { Thread } from '../../../src/process/thread.ts';
import { buildFrame, returnFromSignal, ucontext } from '../../../syscalls/linux/abi/signal-frame.ts';
import { FakeCpu } from './fake-cpu.ts';

const HANDLER = 0x40_1000;
const RESTORER = 0x40_2000;
const action = (flags: SignalAction['flags'] = new Set()): SignalAction => ({
  handler: HANDLER,
  flags,
  restorer: RESTORER,
  mask: new Set(),
});
const user: SignalInfo = { signal: 'SIGUSR1', code: 'SI_USER', pid: 5, uid: 6 };

let space: AddressSpace;
let cpu: FakeCpu;
let thread: Thread;
let stack: number;

beforeEach(() => {
  space = new AddressSpace();
  stack = space.map({ address: 0, length: 0x1_0000, prot: 3 });
  cpu = new FakeCpu();
  cpu.pc = 0x40_0123;
  cpu.flags = 0x602;
  cpu.vectors.fill(0xab);
  cpu.vectors[26] = 0;
  cpu.vectors[27] = 0;
  for (let i = 0; i < 16; i++) cpu.set(i, 0x1111_2222_3333_4400n + BigInt(i));
  cpu.set(RSP, stack + 0x8000);
  const mask = new Set(['SIGHUP', 'SIGRT32']);
  thread = {
    cpu,
    process: { space },
    mask,
    maskForFrame: () => mask,
    alternateStack: { address: 0, size: 0, enabled: false },
    lastException: { trapno: 0, errorCode: 0, pageFault: 0 },
  } as unknown as Thread;
});

const frame = () => cpu.get(RSP);
const context = () => ucontext.get(space, frame() + 8);

describe('a frame', () => {
  test('leaves the red zone alone', () => {
    buildFrame(thread, user, action());
    expect(frame()).toBeLessThan(stack + 0x8000 - 128);
    const { fpstate } = context().uc_mcontext;
    expect(fpstate + 512).toBeLessThanOrEqual(stack + 0x8000 - 128);
  });

  test('is aligned as after a call', () => {
    buildFrame(thread, user, action());
    expect(frame() % 16).toBe(8);
    expect(context().uc_mcontext.fpstate % 64).toBe(0);
  });

  test('passes signal, siginfo and context', () => {
    buildFrame(thread, user, action());
    expect([cpu.get(RDI), cpu.get(RSI), cpu.get(RDX), cpu.get(RAX)]).toEqual([10, frame() + 312, frame() + 8, 0]);
    expect(cpu.pc).toBe(HANDLER);
    expect(space.readU64(frame())).toBe(RESTORER);
  });

  test('says who sent it', () => {
    buildFrame(thread, user, action());
    const info = cpu.get(RSI);
    expect([0, 8, 16, 20].map((at) => space.readI32(info + at))).toEqual([10, 0, 5, 6]);
  });

  test('holds registers, flags and mask', () => {
    buildFrame(thread, user, action());
    const { uc_mcontext: machine, uc_sigmask } = context();
    expect(machine.registers[0]).toBe(0x1111_2222_3333_4408n);
    expect([Number(machine.rip), machine.eflags, machine.cs, machine.ss]).toEqual([0x40_0123, 0x602, 0x33, 0x2b]);
    expect([...uc_sigmask]).toEqual(['SIGHUP', 'SIGRT32']);
  });

  test('of a fault tells address, trap and error', () => {
    const info: SignalInfo = { signal: 'SIGSEGV', code: 'SEGV_ACCERR', address: 0x1234, trapno: 14, errorCode: 7 };
    thread.lastException = { trapno: 14, errorCode: 7, pageFault: 0x1234 };
    buildFrame(thread, info, action());
    expect(space.readU64(cpu.get(RSI) + 16)).toBe(0x1234);
    expect(context().uc_mcontext).toMatchObject({ trapno: 14, err: 7, cr2: 0x1234 });
  });

  test('starts its handler with the direction flag down and fresh vectors', () => {
    buildFrame(thread, user, action());
    expect(cpu.flags & 0x400).toBe(0);
    expect(new DataView(cpu.vectors.buffer).getUint16(0, true)).toBe(0x37f);
  });

  test('goes to the alternate stack when asked', () => {
    const address = space.map({ address: 0, length: 0x4000, prot: 3 });
    thread.alternateStack = { address, size: 0x4000, enabled: true };
    buildFrame(thread, user, action(new Set(['onstack'])));
    expect(frame()).toBeGreaterThan(address);
    expect(frame()).toBeLessThan(address + 0x4000);
    cpu.set(RSP, frame() - 0x100);
    const nested = frame();
    buildFrame(thread, user, action(new Set(['onstack'])));
    expect(frame()).toBeLessThan(nested - 128);
  });

  test('without a restorer is a fault', () =>
    expect(() => buildFrame(thread, user, { ...action(), restorer: 0 })).toThrow(MemoryFault));

  test('without a stack is a fault, and nothing has changed', () => {
    cpu.set(RSP, 0x1_0000);
    expect(() => buildFrame(thread, user, action())).toThrow(MemoryFault);
    expect(cpu.pc).toBe(0x40_0123);
  });
});

describe('sigreturn', () => {
  test('restores what the frame holds', () => {
    const before = [...cpu.registers];
    buildFrame(thread, user, action());
    cpu.set(RSP, frame() + 8);
    cpu.set(RBX, 0);
    thread.mask = new Set();
    returnFromSignal(thread);
    expect([...cpu.registers]).toEqual(before);
    expect([cpu.pc, cpu.flags]).toEqual([0x40_0123, 0x602]);
    expect(cpu.vectors[40]).toBe(0xab);
    expect([...thread.mask]).toEqual(['SIGHUP', 'SIGRT32']);
  });

  test('takes registers that a handler has changed, but never blocks SIGKILL', () => {
    buildFrame(thread, user, action());
    const at = frame() + 8;
    const { uc_mcontext, ...rest } = ucontext.get(space, at);
    ucontext.set(space, at, {
      ...rest,
      uc_mcontext: { ...uc_mcontext, rip: 0x40_0999n },
      uc_sigmask: new Set(['SIGKILL', 'SIGINT']),
    });
    cpu.set(RSP, at);
    returnFromSignal(thread);
    expect(cpu.pc).toBe(0x40_0999);
    expect([...thread.mask]).toEqual(['SIGINT']);
  });

  test('of a bad frame is a fault', () => {
    cpu.set(RSP, 0x1_0000);
    expect(() => returnFromSignal(thread)).toThrow(MemoryFault);
  });

  test('drops reserved bits of MXCSR', () => {
    buildFrame(thread, user, action());
    const { fpstate } = context().uc_mcontext;
    space.writeU32(fpstate + 24, 0xffff_1f80);
    cpu.set(RSP, frame() + 8);
    returnFromSignal(thread);
    expect(new DataView(cpu.vectors.buffer).getUint32(24, true)).toBe(0x1f80);
  });
});
