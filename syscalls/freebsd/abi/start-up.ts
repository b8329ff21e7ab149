/** How FreeBSD starts a program on amd64: auxiliary vector, ps_strings, first registers, and the page with the signal trampoline. */
import { RDI, RSP } from '../../../src/isa/x86/state.ts';
import { type AddressSpace, PROT_EXEC, PROT_READ, PROT_WRITE } from '../../../src/memory/address-space.ts';
import type { StartUp } from '../../../src/personality/personality.ts';
import { type AuxValue, buildStartStack } from '../../../src/personality/start-stack.ts';
import { i32, pad, pointer, struct } from '../../../src/personality/struct.ts';
import type { Process } from '../../../src/process/process.ts';
import type { Thread } from '../../../src/process/thread.ts';
import { UCONTEXT_OFFSET } from './signal-frame.ts';

// biome-ignore format: a table
export const AT = {
  PHDR: 3, PHENT: 4, PHNUM: 5, PAGESZ: 6, BASE: 7, FLAGS: 8, ENTRY: 9, EXECPATH: 15, CANARY: 16, CANARYLEN: 17, OSRELDATE: 18,
  NCPUS: 19, PAGESIZES: 20, PAGESIZESLEN: 21, STACKPROT: 23, EHDRFLAGS: 24, BSDFLAGS: 27, ARGC: 28, ENVC: 30, PS_STRINGS: 32,
} as const;

/** What we say we are: FreeBSD 14.1. */
export const OSRELDATE = 1401000;
export const OSRELEASE = '14.1-RELEASE';

const PAGE_SIZE = 4096;
const CANARY_LENGTH = 64;

/** Lies on top of the stack, for ps and setproctitle. */
export const psStrings = struct({ argv: pointer, argc: i32, pad0: pad(4), envp: pointer, envc: i32, pad1: pad(4) });

/** Addresses that belong to one program's memory; kept in the process's personalityState. */
export interface ProcessState {
  trampoline: number;
  psStrings: number;
  stackTop: number;
}

/** Where the kernel lets a handler begin and return to: call it (its address tops the frame), then sigreturn(&ucontext). */
// biome-ignore format: one instruction a line
const TRAMPOLINE = [
  0xff, 0x14, 0x24,                                     // call *(%rsp)
  0x48, 0x8d, 0x7c, 0x24, UCONTEXT_OFFSET,              // lea UCONTEXT_OFFSET(%rsp), %rdi
  0x6a, 0x00,                                           // push $0: where a return address would be
  0x48, 0xc7, 0xc0, 0xa1, 0x01, 0x00, 0x00,             // mov $417, %rax: sigreturn
  0x0f, 0x05,                                           // syscall
  0xf4,                                                 // hlt: sigreturn does not come back
];

function mapTrampoline(space: AddressSpace): number {
  const page = space.map({ address: 0, length: PAGE_SIZE, prot: PROT_READ | PROT_WRITE, name: '[shared page]' });
  space.copyOut(page, new Uint8Array(TRAMPOLINE));
  space.protect(page, PAGE_SIZE, PROT_READ | PROT_EXEC);
  return page;
}

function auxiliaryVector(process: Process, what: StartUp, strings: number): [number, AuxValue][] {
  const { image, loaded, argv, envp, execPath } = what;
  const canary = new Uint8Array(CANARY_LENGTH);
  process.kernel.environment.random(canary);
  const path = new Uint8Array(execPath.length + 1);
  path.set(execPath);
  return [
    [AT.PHDR, loaded.phdr.address],
    [AT.PHENT, loaded.phdr.size],
    [AT.PHNUM, loaded.phdr.count],
    [AT.PAGESZ, PAGE_SIZE],
    [AT.FLAGS, 0],
    [AT.ENTRY, loaded.entry],
    [AT.BASE, loaded.interpreterBase],
    [AT.EHDRFLAGS, 0],
    [AT.EXECPATH, path],
    [AT.OSRELDATE, OSRELDATE],
    [AT.CANARY, canary],
    [AT.CANARYLEN, CANARY_LENGTH],
    [AT.NCPUS, 1],
    [AT.PAGESIZES, new Uint8Array(new BigUint64Array([BigInt(PAGE_SIZE)]).buffer)],
    [AT.PAGESIZESLEN, 8],
    [AT.STACKPROT, image.executableStack ? 7 : 3],
    [AT.BSDFLAGS, 0],
    [AT.ARGC, argv.length],
    [AT.ENVC, envp.length],
    [AT.PS_STRINGS, strings],
  ];
}

export function start(process: Process, thread: Thread, what: StartUp): void {
  const { argv, envp, loaded } = what;
  const { space } = process;
  const strings = loaded.stackTop - psStrings.size;
  const stack = buildStartStack(space, strings, argv, envp, auxiliaryVector(process, what, strings));
  psStrings.set(space, strings, { argv: stack.argv, argc: argv.length, envp: stack.envp, envc: envp.length });
  process.auxv = stack.auxv;
  process.argv = argv;
  process.envp = envp;
  process.personalityState = {
    trampoline: mapTrampoline(space),
    psStrings: strings,
    stackTop: loaded.stackTop,
  } satisfies ProcessState;
  const { cpu } = thread;
  cpu.reset();
  cpu.pc = loaded.start;
  // RDI points at argc; RSP is as after a call, so that _start may be a C function.
  cpu.set(RDI, stack.pointer);
  cpu.set(RSP, stack.pointer - 8);
}
