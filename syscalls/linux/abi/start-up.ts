/** How Linux starts a program on x86-64: the auxiliary vector and the first registers. */
import { cpuid } from '../../../src/isa/x86/cpuid.ts';
import { RSP } from '../../../src/isa/x86/state.ts';
import type { StartUp } from '../../../src/personality/personality.ts';
import { type AuxValue, buildStartStack, cString } from '../../../src/personality/start-stack.ts';
import type { Process } from '../../../src/process/process.ts';
import type { Thread } from '../../../src/process/thread.ts';

export const AT = {
  NULL: 0,
  PHDR: 3,
  PHENT: 4,
  PHNUM: 5,
  PAGESZ: 6,
  BASE: 7,
  FLAGS: 8,
  ENTRY: 9,
  UID: 11,
  EUID: 12,
  GID: 13,
  EGID: 14,
  PLATFORM: 15,
  HWCAP: 16,
  CLKTCK: 17,
  SECURE: 23,
  RANDOM: 25,
  HWCAP2: 26,
  EXECFN: 31,
  MINSIGSTKSZ: 51,
} as const;

const PAGE_SIZE = 4096;
const CLOCK_TICKS = 100;
/** Room for a signal frame with a plain FXSAVE area, rounded up as the C library's constant. */
const MIN_SIGNAL_STACK = 2048;

/** The vector in the kernel's order. There is no AT_SYSINFO_EHDR: without a vDSO the C library makes real calls. */
export function auxiliaryVector(process: Process, what: StartUp): [number, AuxValue][] {
  const { loaded } = what;
  const { uid, euid, gid, egid } = process.credentials;
  const random = new Uint8Array(16);
  process.kernel.environment.random(random);
  const hwcap = cpuid(1, 0)[3] >>> 0;
  return [
    [AT.HWCAP, hwcap],
    [AT.PAGESZ, PAGE_SIZE],
    [AT.CLKTCK, CLOCK_TICKS],
    [AT.PHDR, loaded.phdr.address],
    [AT.PHENT, loaded.phdr.size],
    [AT.PHNUM, loaded.phdr.count],
    [AT.BASE, loaded.interpreterBase],
    [AT.FLAGS, 0],
    [AT.ENTRY, loaded.entry],
    [AT.UID, uid],
    [AT.EUID, euid],
    [AT.GID, gid],
    [AT.EGID, egid],
    [AT.SECURE, uid !== euid || gid !== egid ? 1 : 0],
    [AT.RANDOM, random],
    [AT.HWCAP2, 0],
    [AT.EXECFN, withNul(what.execPath)],
    [AT.PLATFORM, cString('x86_64')],
    [AT.MINSIGSTKSZ, MIN_SIGNAL_STACK],
  ];
}

function withNul(bytes: Uint8Array): Uint8Array {
  const terminated = new Uint8Array(bytes.length + 1);
  terminated.set(bytes);
  return terminated;
}

/** All registers zero but the stack pointer: static glibc takes RDX for an exit hook. */
export function start(process: Process, thread: Thread, what: StartUp): void {
  const { argv, envp, loaded } = what;
  const stack = buildStartStack(process.space, loaded.stackTop, argv, envp, auxiliaryVector(process, what));
  process.auxv = stack.auxv;
  process.argv = argv;
  process.envp = envp;
  thread.cpu.reset();
  thread.cpu.set(RSP, stack.pointer);
  thread.cpu.pc = loaded.start;
}
