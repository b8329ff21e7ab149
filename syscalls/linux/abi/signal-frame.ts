/** The x86-64 frame of a caught signal as the Linux kernel lays it (rt_sigframe), and the way back by rt_sigreturn. */
import { fault } from '../../../src/base/failures.ts';
import type { Cpu } from '../../../src/engine/engine.ts';
import { GPR, RAX, RDI, RDX, RSI, RSP } from '../../../src/isa/x86/state.ts';
import { array, big64, pad, pointer, struct, u16, u64 } from '../../../src/personality/struct.ts';
import type { SignalAction, SignalInfo } from '../../../src/process/signals.ts';
import type { AlternateStack, Thread } from '../../../src/process/thread.ts';
import {
  encodeSiginfo,
  SIGINFO_SIZE,
  SS_AUTODISARM,
  SS_DISABLE,
  SS_ONSTACK,
  signalNumber,
  sigset_t,
  stack_t,
} from './signals.ts';

/** General registers in the order of struct sigcontext. */
const ORDER = ['r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15', 'rdi', 'rsi', 'rbp', 'rbx', 'rdx', 'rax', 'rcx', 'rsp'] as const; // biome-ignore format: one list
const INDICES = ORDER.map((name) => GPR.indexOf(name));

export const sigcontext = struct({
  registers: array(big64, ORDER.length),
  rip: big64,
  eflags: u64,
  cs: u16,
  gs: u16,
  fs: u16,
  ss: u16,
  err: u64,
  trapno: u64,
  oldmask: sigset_t,
  cr2: pointer,
  fpstate: pointer,
  reserved: pad(64),
});
export const ucontext = struct({
  uc_flags: u64,
  uc_link: pointer,
  uc_stack: stack_t,
  uc_mcontext: sigcontext,
  uc_sigmask: sigset_t,
});
/** Return address, then the context; siginfo_t follows. */
const FRAME_SIZE = 8 + ucontext.size + SIGINFO_SIZE;

const RED_ZONE = 128;
const FXSAVE_SIZE = 512;
/** The context says which SS to restore, and that SS is to be taken strictly. */
const UC_SIGCONTEXT_SS = 2;
const UC_STRICT_RESTORE_SS = 4;
const USER_CS = 0x33;
const USER_SS = 0x2b;
/** Flags a handler starts without: TF, DF, RF. */
const CLEARED_FLAGS = 0x1_0500;
const RF = 0x1_0000;
/** Exceptions of the processor that are not faults. */
const DEBUG = 1;
const BREAKPOINT = 3;
/** Flags that sigreturn may set: AC, RF, OF, DF, TF, SF, ZF, AF, PF, CF. */
const RESTORED_FLAGS = 0x5_0dd5;

/** Default control words: all exceptions masked, 64-bit precision, round to nearest. */
const FRESH_VECTORS = (() => {
  const image = new Uint8Array(FXSAVE_SIZE);
  const view = new DataView(image.buffer);
  view.setUint16(0, 0x37f, true);
  view.setUint32(24, 0x1f80, true);
  view.setUint32(28, 0xffff, true);
  return image;
})();

export function isOnStack(stack: AlternateStack, sp: number): boolean {
  return stack.enabled && !stack.autodisarm && sp > stack.address && sp - stack.address <= stack.size;
}

/** stack_t of a thread, as sigaltstack and the frame report it. */
export function encodeStack(stack: AlternateStack, sp: number) {
  const state = !stack.enabled ? SS_DISABLE : isOnStack(stack, sp) ? SS_ONSTACK : 0;
  return {
    ss_sp: stack.address,
    ss_flags: (state | (stack.autodisarm ? SS_AUTODISARM : 0)) >>> 0,
    ss_size: stack.size,
  };
}

export function buildFrame(thread: Thread, info: SignalInfo, action: SignalAction): void {
  const { cpu, process } = thread;
  const { space } = process;
  const stack = thread.alternateStack;
  // Without a restorer there is no way back: the kernel refuses as well.
  if (action.restorer === 0) fault(0, 'execute', 'unmapped');
  const sp = cpu.get(RSP);
  const switches = action.flags.has('onstack') && stack.enabled && !isOnStack(stack, sp);
  const top = switches ? stack.address + stack.size : sp - RED_ZONE;
  const fpstate = Math.floor((top - FXSAVE_SIZE) / 64) * 64;
  // As if called: the return address is 8 below a multiple of 16.
  const frame = Math.floor((fpstate - FRAME_SIZE) / 16) * 16 - 8;
  if (isOnStack(stack, sp) && frame <= stack.address) fault(frame, 'write', 'unmapped');

  space.probe(frame, 8, 'write');
  space.copyOut(fpstate, cpu.saveVectors());
  const context = frame + 8;
  ucontext.set(space, context, {
    uc_flags: UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS,
    uc_link: 0,
    uc_stack: { ...encodeStack(stack, 0) },
    uc_mcontext: machineContext(thread, info, fpstate),
    uc_sigmask: thread.maskForFrame(),
  });
  const siginfo = context + ucontext.size;
  space.copyOut(siginfo, encodeSiginfo(info));
  space.writeU64(frame, action.restorer);
  if (stack.autodisarm) thread.alternateStack = { address: 0, size: 0, enabled: false };

  cpu.set(RDI, signalNumber(info.signal));
  cpu.set(RSI, siginfo);
  cpu.set(RDX, context);
  cpu.set(RAX, 0);
  cpu.set(RSP, frame);
  cpu.pc = action.handler as number;
  cpu.flags &= ~CLEARED_FLAGS;
  cpu.restoreVectors(FRESH_VECTORS);
}

/** The processor sets RF when an instruction has failed, not after a breakpoint or a step. */
function resumeFlag({ trapno }: SignalInfo): number {
  return trapno === undefined || trapno === DEBUG || trapno === BREAKPOINT ? 0 : RF;
}

function machineContext(thread: Thread, info: SignalInfo, fpstate: number) {
  const { cpu, lastException } = thread;
  return {
    registers: INDICES.map((index) => cpu.getBig(index)),
    rip: cpu.bigPc,
    eflags: (cpu.flags | resumeFlag(info)) >>> 0,
    cs: USER_CS,
    gs: 0,
    fs: 0,
    ss: USER_SS,
    err: lastException.errorCode,
    trapno: lastException.trapno,
    oldmask: thread.maskForFrame(),
    cr2: lastException.pageFault,
    fpstate,
  };
}

/** rt_sigreturn: everything as the frame says. A bad frame: throws MemoryFault, which must become SIGSEGV. */
export function returnFromSignal(thread: Thread): void {
  const { cpu, process } = thread;
  const { space } = process;
  // The handler's RET has taken the return address.
  const context = ucontext.get(space, cpu.get(RSP));
  const machine = context.uc_mcontext;
  const vectors = machine.fpstate === 0 ? FRESH_VECTORS.slice() : space.copyIn(machine.fpstate, FXSAVE_SIZE);
  // As the kernel: reserved bits of MXCSR are dropped, not refused.
  vectors[26] = 0;
  vectors[27] = 0;
  restoreRegisters(cpu, machine.registers, Number(machine.rip), machine.eflags);
  cpu.restoreVectors(vectors);
  const mask = new Set(context.uc_sigmask);
  mask.delete('SIGKILL');
  mask.delete('SIGSTOP');
  thread.mask = mask;
  const { ss_sp, ss_flags, ss_size } = context.uc_stack;
  if (!isOnStack(thread.alternateStack, cpu.get(RSP))) {
    const enabled = (ss_flags & SS_DISABLE) === 0 && ss_size > 0;
    const autodisarm = (ss_flags & SS_AUTODISARM) !== 0;
    thread.alternateStack = enabled
      ? { address: ss_sp, size: ss_size, enabled, ...(autodisarm && { autodisarm }) }
      : { address: 0, size: 0, enabled };
  }
}

function restoreRegisters(cpu: Cpu, registers: readonly bigint[], rip: number, eflags: number): void {
  INDICES.forEach((index, i) => {
    cpu.set(index, registers[i]);
  });
  cpu.pc = rip;
  cpu.flags = (cpu.flags & ~RESTORED_FLAGS) | (eflags & RESTORED_FLAGS);
}
