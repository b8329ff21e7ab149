/** The frame of a caught signal on FreeBSD/amd64: handler address, ucontext, siginfo; written at delivery, read back by sigreturn. */
import { fail } from '../../../src/base/failures.ts';
import type { Cpu } from '../../../src/engine/engine.ts';
import { GPR, type Gpr, RCX, RDI, RDX, RSI, RSP } from '../../../src/isa/x86/state.ts';
import type { Signal, SignalAction, SignalInfo } from '../../../src/process/signals.ts';
import type { Thread } from '../../../src/process/thread.ts';
import { CODES, signalName, signalNumber } from './signals.ts';

/** struct sigframe { handler (8) + padding; ucontext_t (880, 16-aligned); siginfo_t (80) }. */
export const UCONTEXT_OFFSET = 16;
const UCONTEXT_SIZE = 880;
const SIGINFO_OFFSET = UCONTEXT_OFFSET + UCONTEXT_SIZE;
const FRAME_SIZE = SIGINFO_OFFSET + 80;
const RED_ZONE = 128;

/** mcontext_t follows the 16 bytes of uc_sigmask. */
const MCONTEXT = 16;
const MCONTEXT_SIZE = 800;
/** Offsets in mcontext_t of the general registers. */
// biome-ignore format: a table
const REGISTERS: Readonly<Record<Gpr, number>> = {
  rdi: 8, rsi: 16, rdx: 24, rcx: 32, r8: 40, r9: 48, rax: 56, rbx: 64, rbp: 72, r10: 80, r11: 88, r12: 96, r13: 104, r14: 112, r15: 120, rsp: 184,
};
const MC = { onstack: 0, trapno: 128, fs: 132, gs: 134, addr: 136, flags: 144, es: 148, ds: 150, err: 152, rip: 160, cs: 168, rflags: 176, ss: 192, len: 200, fpformat: 208, ownedfp: 216, fpstate: 224, fsbase: 736, gsbase: 744 }; // biome-ignore format: one row
const UC = { stackSp: 824, stackSize: 832, stackFlags: 840 };
const FPFMT_XMM = 0x10002;
const FPOWNED_FPU = 0x20001;
const HASBASES = 2;
/** Flags a program may set through sigreturn: arithmetic, direction, trap, alignment check, identification. */
const USER_FLAGS = 0x24_4dd5;
const SS_ONSTACK = 1;
const SS_DISABLE = 4;

/** The bits of a signal set, four words. */
export function maskWords(mask: Iterable<Signal>): number[] {
  const words = [0, 0, 0, 0];
  for (const name of mask) {
    const number = signalNumber(name);
    if (number > 0) words[(number - 1) >> 5] |= 1 << ((number - 1) & 31);
  }
  return words.map((word) => word >>> 0);
}

export function maskSet(words: readonly number[]): Set<Signal> {
  const set = new Set<Signal>();
  for (let number = 1; number <= 128; number++) {
    if (((words[(number - 1) >> 5] >>> ((number - 1) & 31)) & 1) === 0) continue;
    const name = signalName(number);
    if (name) set.add(name);
  }
  return set;
}

/** Whether an address lies on the thread's alternate stack. */
function onAlternate({ alternateStack: { enabled, address, size } }: Thread, sp: number): boolean {
  return enabled && sp >= address && sp < address + size;
}

/** Build the frame and point the registers at the trampoline. */
export function deliver(thread: Thread, info: SignalInfo, action: SignalAction, trampoline: number): void {
  const { cpu, alternateStack: alternate } = thread;
  const space = thread.process.space;
  const sp = cpu.get(RSP);
  const already = onAlternate(thread, sp);
  const top =
    alternate.enabled && !already && action.flags.has('onstack') ? alternate.address + alternate.size : sp - RED_ZONE;
  const frame = top - FRAME_SIZE - ((top - FRAME_SIZE) % 16);
  const bytes = new Uint8Array(FRAME_SIZE);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(action.handler as number), true);
  maskWords(thread.maskForFrame()).forEach((word, i) => {
    view.setUint32(UCONTEXT_OFFSET + i * 4, word, true);
  });
  writeContext(new DataView(bytes.buffer, UCONTEXT_OFFSET + MCONTEXT, MCONTEXT_SIZE), cpu, info, already);
  bytes.set(cpu.saveVectors(), UCONTEXT_OFFSET + MCONTEXT + MC.fpstate);
  view.setBigUint64(UCONTEXT_OFFSET + UC.stackSp, BigInt(alternate.address), true);
  view.setBigUint64(UCONTEXT_OFFSET + UC.stackSize, BigInt(alternate.size), true);
  view.setUint32(UCONTEXT_OFFSET + UC.stackFlags, alternate.enabled ? (already ? SS_ONSTACK : 0) : SS_DISABLE, true);
  writeInfo(new DataView(bytes.buffer, SIGINFO_OFFSET, 80), info);
  space.copyOut(frame, bytes);

  const number = signalNumber(info.signal);
  cpu.set(RDI, number);
  cpu.set(RSI, action.flags.has('siginfo') ? frame + SIGINFO_OFFSET : codeOf(info));
  cpu.set(RDX, frame + UCONTEXT_OFFSET);
  cpu.set(RCX, info.address ?? 0);
  cpu.set(RSP, frame);
  cpu.pc = trampoline;
  // Direction and trap flags are clear in a handler.
  cpu.flags &= ~0x500;
}

function writeContext(mc: DataView, cpu: Cpu, info: SignalInfo, onStack: boolean): void {
  const put = (at: number, value: number) => mc.setBigInt64(at, BigInt(value), true);
  put(MC.onstack, onStack ? 1 : 0);
  GPR.forEach((name, i) => {
    mc.setBigUint64(REGISTERS[name], BigInt.asUintN(64, cpu.getBig(i)), true);
  });
  mc.setUint32(MC.trapno, info.trapno ?? 0, true);
  put(MC.addr, info.address ?? 0);
  mc.setUint32(MC.flags, HASBASES, true);
  put(MC.err, info.errorCode ?? 0);
  put(MC.rip, cpu.pc);
  put(MC.cs, 0x43);
  put(MC.rflags, cpu.flags);
  put(MC.ss, 0x3b);
  put(MC.len, MCONTEXT_SIZE);
  put(MC.fpformat, FPFMT_XMM);
  put(MC.ownedfp, FPOWNED_FPU);
  put(MC.fsbase, cpu.getBase('fs'));
  put(MC.gsbase, cpu.getBase('gs'));
}

const codeOf = (info: SignalInfo): number => (typeof info.code === 'number' ? info.code : (CODES[info.code] ?? 0));

function writeInfo(si: DataView, info: SignalInfo): void {
  si.setInt32(0, signalNumber(info.signal), true);
  si.setInt32(8, codeOf(info), true);
  si.setInt32(12, info.pid ?? 0, true);
  si.setUint32(16, info.uid ?? 0, true);
  si.setInt32(20, typeof info.status === 'string' ? signalNumber(info.status) : (info.status ?? 0), true);
  si.setBigUint64(24, BigInt(info.address ?? 0), true);
  si.setBigUint64(32, BigInt.asUintN(64, info.value ?? 0n), true);
  si.setInt32(40, info.trapno ?? 0, true);
}

/** Take registers and mask back from the ucontext at `address`. */
export function sigreturn(thread: Thread, address: number): void {
  const { cpu } = thread;
  const bytes = thread.process.space.copyIn(address, UCONTEXT_SIZE);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const mc = new DataView(bytes.buffer, bytes.byteOffset + MCONTEXT, MCONTEXT_SIZE);
  const at = (offset: number) => Number(mc.getBigUint64(offset, true));
  if (at(MC.len) !== MCONTEXT_SIZE) fail('EINVAL');
  GPR.forEach((name, i) => {
    cpu.set(i, mc.getBigUint64(REGISTERS[name], true));
  });
  cpu.pc = at(MC.rip);
  cpu.flags = (at(MC.rflags) & USER_FLAGS) | 0x202;
  if (at(MC.ownedfp) === FPOWNED_FPU)
    cpu.restoreVectors(bytes.slice(MCONTEXT + MC.fpstate, MCONTEXT + MC.fpstate + 512));
  if (mc.getUint32(MC.flags, true) & HASBASES) {
    cpu.setBase('fs', at(MC.fsbase));
    cpu.setBase('gs', at(MC.gsbase));
  }
  thread.mask = maskSet([0, 4, 8, 12].map((offset) => view.getUint32(offset, true)));
  for (const never of ['SIGKILL', 'SIGSTOP']) thread.mask.delete(never);
}
