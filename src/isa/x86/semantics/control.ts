/** Meaning of stack, control-transfer, system and string instructions (rows/control.ts). */
import { EXIT_BREAKPOINT, EXIT_ILLEGAL, EXIT_INT80, EXIT_PRIVILEGED, EXIT_SYSCALL } from '../../../engine/exits.ts';
import { Builder, type Node } from '../../../ir/builder.ts';
import type { Operand, X86Builder } from '../builder.ts';
import { ARITHMETIC_FLAGS } from '../flags.ts';
import { CC } from '../rows/alu.ts';
import type { CONTROL_ROWS } from '../rows/control.ts';
import { R11, RAX, RBP, RBX, RCX, RDI, RDX, RSI, RSP, SCRATCH_OFFSET } from '../state.ts';
import type { Semantics } from './alu.ts';

/** RFLAGS bits a user program may change beside the arithmetic ones and DF: TF, NT, RF-less, AC, ID. */
const USER_FLAGS = 0x100 | 0x4000 | 0x40000 | 0x200000;

/** The whole RFLAGS: bit 1 and IF always read as set. */
function wholeFlags(b: X86Builder): Node {
  return b.or(b.or(b.or(b.flags.all(), b.shl(b.field('df'), 10)), b.field('eflags')), 0x202);
}

function setWholeFlags(b: X86Builder, v: Node): void {
  b.flags.setAll(b.and(v, ARITHMETIC_FLAGS));
  b.setField('df', b.and(b.shrU(v, 10), 1));
  b.setField('eflags', b.and(v, USER_FLAGS));
}

/** Count register of LOOP and REP by address size: a 32-bit one clears the upper half when written. */
const counter = (b: X86Builder): Operand => b.fixedGpr(RCX, b.instruction.addressSize);

const loop =
  (also: 'z' | 'nz' | undefined): Semantics =>
  (b, target) => {
    const c = counter(b);
    const left = b.sub(c.get(), 1);
    const again = b.eqz(b.eqz(left));
    const condition = also ? b.and(again, b.flags.get(also)) : again;
    c.set(left);
    b.branch(condition, target.get());
  };

/** An index register of a string instruction, which a step moves on. */
function pointer(
  b: X86Builder,
  register: number,
  step: Node,
  override: boolean,
): { address: Node; advance: () => void } {
  const r = b.fixedGpr(register, b.instruction.addressSize);
  const at = r.get();
  const base = override ? b.segmentBase() : undefined;
  const address = base ? b.add(b.extendU(at), base) : b.extendU(at);
  return { address, advance: () => r.set(b.add(at, b.toWidth(step, b.instruction.addressSize))) };
}

/** One iteration of a string instruction; with REP the instruction jumps to itself until the count is used up, so that a fault keeps the progress made. */
function string(
  body: (b: X86Builder, width: number, step: Node) => void,
  until?: 'compare',
  bulk?: (b: X86Builder, width: number) => void,
): (byte: boolean) => Semantics {
  return (byte) => (b) => {
    const width = byte ? 8 : b.instruction.operandSize;
    if (!b.instruction.repeat) return body(b, width, b.step(width / 8));
    const c = counter(b);
    b.leaveIf(b.eqz(c.get()), 'next');
    if (bulk && b.instruction.addressSize === 64 && !b.instruction.segment) bulk(b, width);
    body(b, width, b.step(width / 8));
    const left = b.sub(c.get(), 1);
    c.set(left);
    if (!until) return b.jump(b.pc());
    // F3 goes on while equal, F2 while not equal.
    const goOn = b.and(b.flags.get(b.instruction.repeat === 0xf3 ? 'z' : 'nz'), b.eqz(b.eqz(left)));
    b.branch(goOn, b.pc());
  };
}

const movs = string(
  (b, width, step) => {
    const [from, to] = [pointer(b, RSI, step, true), pointer(b, RDI, step, false)];
    b.memoryAt(width, to.address).set(b.memoryAt(width, from.address).get());
    from.advance();
    to.advance();
  },
  undefined,
  (b, width) => bulkStep(b, width, true),
);
const stos = string(
  (b, width, step) => {
    const to = pointer(b, RDI, step, false);
    b.memoryAt(width, to.address).set(b.fixedGpr(RAX, width).get());
    to.advance();
  },
  undefined,
  (b, width) => bulkStep(b, width, false),
);

/** Move a run of elements at once by an engine function, which answers how many it did: 0 where it must be one element by the checked path. */
function bulkStep(b: X86Builder, width: number, copy: boolean): void {
  const bytes = width / 8;
  const [rsi, rdi, rcx, df] = [b.gpr(RSI), b.gpr(RDI), b.gpr(RCX), b.field('df')];
  const done = copy
    ? b.perform('bulkMove', 'i64', rdi, rsi, rcx, b.i32(bytes), df)
    : b.perform('bulkFill', 'i64', rdi, b.extendU(b.fixedGpr(RAX, width).get()), rcx, b.i32(bytes), df);
  const distance = b.mul(done, bytes);
  b.setGpr(RDI, b.add(rdi, distance));
  if (copy) b.setGpr(RSI, b.add(rsi, distance));
  b.setGpr(RCX, b.sub(rcx, done));
  b.leaveIf(b.eqz(b.eqz(done)), 'self');
}

const lods = string((b, width, step) => {
  const from = pointer(b, RSI, step, true);
  const v = b.memoryAt(width, from.address).get();
  b.fixedGpr(RAX, width).set(v);
  from.advance();
});
const cmps = string((b, width, step) => {
  const [x, y] = [pointer(b, RSI, step, true), pointer(b, RDI, step, false)];
  const [p, q] = [b.memoryAt(width, x.address).get(), b.memoryAt(width, y.address).get()];
  x.advance();
  y.advance();
  b.flags.sub(width, p, q);
}, 'compare');
const scas = string((b, width, step) => {
  const y = pointer(b, RDI, step, false);
  const q = b.memoryAt(width, y.address).get();
  const a = b.fixedGpr(RAX, width).get();
  y.advance();
  b.flags.sub(width, a, q);
}, 'compare');

const illegal: Semantics = (b) => b.stopIf(b.i32(1), EXIT_ILLEGAL);
const nothing: Semantics = () => {};

export const controlSemantics = (): Record<(typeof CONTROL_ROWS)[number]['mnemonic'], Semantics> => ({
  push(b, src) {
    // PUSH of a byte or 32-bit immediate pushes the operand size; a memory or register source has it already.
    b.push(src.width, src.get());
  },
  pop(b, dst) {
    const { width } = dst;
    const v = b.top(width);
    if (dst.isMemory) {
      // The address of a destination based on RSP counts with the incremented RSP, which must come back if the store faults.
      const old = b.gpr(RSP);
      const moved = b.add(old, width / 8);
      b.setGpr(RSP, moved);
      const address = dst.address();
      b.setGpr(RSP, old);
      b.memoryAt(width, address).set(v);
      b.setGpr(RSP, moved);
    } else {
      b.popped(width / 8);
      dst.set(v); // POP RSP: the value read wins
    }
  },
  pushf(b) {
    b.push(b.instruction.operandSize, b.toWidth(b.and(wholeFlags(b), ~0x10100), b.instruction.operandSize));
  },
  popf(b) {
    const width = b.instruction.operandSize;
    const v = b.wrap(b.top(width));
    b.popped(width / 8);
    setWholeFlags(b, width === 16 ? b.or(v, b.and(b.field('eflags'), ~0xffff)) : v);
  },
  pushSegment(b) {
    b.push(b.instruction.operandSize, b.toWidth(b.i32(0), b.instruction.operandSize));
  },
  enter(b, size, nesting) {
    const width = b.instruction.operandSize;
    const bytes = width / 8;
    const access = width === 16 ? 'u16' : 'i64';
    const level = Number(Builder.constantOf(nesting.get())) & 31;
    const frame = b.sub(b.gpr(RSP), bytes);
    const old = b.gpr(RBP);
    // Everything that may fault comes first: the frame pointers copied from outer levels, the stack they go to, and its new end.
    const copied = Array.from({ length: Math.max(0, level - 1) }, (_, i) =>
      b.load(b.sub(old, (i + 1) * bytes), access),
    );
    const pushed = level === 0 ? [] : [...copied, b.toWidth(frame, width)];
    const bottom = b.sub(frame, pushed.length * bytes);
    b.probe(bottom, (pushed.length + 1) * bytes);
    const end = b.sub(bottom, Number(Builder.constantOf(size.get())) & 0xffff);
    b.probe(end, bytes);
    b.store(frame, access, b.fixedGpr(RBP, width).get());
    // One after the other, since what is copied may be what was just pushed.
    pushed.forEach((v, i) => {
      const again = i < copied.length ? b.load(b.sub(old, (i + 1) * bytes), access) : v;
      b.store(b.sub(frame, (i + 1) * bytes), access, again);
    });
    b.setGpr(RSP, end);
    b.fixedGpr(RBP, width).set(b.toWidth(frame, width));
  },
  leave(b) {
    const width = b.instruction.operandSize;
    const frame = b.gpr(RBP);
    const v = b.load(frame, width === 16 ? 'u16' : 'i64');
    b.setGpr(RSP, b.add(frame, width / 8));
    b.fixedGpr(RBP, width).set(v);
  },
  ...(Object.fromEntries(
    CC.map((name) => [`j${name}`, ((b, target) => b.branch(b.flags.get(name), target.get())) as Semantics]),
  ) as Record<`j${(typeof CC)[number]}`, Semantics>),
  loop: loop(undefined),
  loope: loop('z'),
  loopne: loop('nz'),
  jrcxz(b, target) {
    b.branch(b.eqz(counter(b).get()), target.get());
  },
  jmp: (b, target) => b.jump(target.get()),
  jmpTo: (b, target) => b.jump(target.get()),
  call(b, target) {
    b.push(64, b.nextPc());
    b.jump(target.get(), 'call');
  },
  callTo(b, target) {
    const to = target.get();
    b.push(64, b.nextPc());
    b.jump(to, 'call');
  },
  ret(b) {
    const to = b.top(64);
    b.popped(8);
    b.jump(to, 'return');
  },
  retPop(b, bytes) {
    const to = b.top(64);
    b.setGpr(RSP, b.add(b.add(b.gpr(RSP), 8), b.extendU(bytes.get())));
    b.jump(to, 'return');
  },
  syscall(b) {
    // The CPU leaves the return address in RCX and RFLAGS in R11.
    b.setGpr(RCX, b.nextPc());
    b.setGpr(R11, b.extendU(wholeFlags(b)));
    b.stop(EXIT_SYSCALL);
  },
  int3: (b) => b.stop(EXIT_BREAKPOINT),
  int(b) {
    const vector = Number(b.instruction.operands[0].kind === 'imm' ? b.instruction.operands[0].value : 0) & 0xff;
    if (vector === 0x80) b.stop(EXIT_INT80);
    else if (vector === 3) b.stop(EXIT_BREAKPOINT);
    else b.stopIf(b.i32(1), EXIT_PRIVILEGED);
  },
  privileged: (b) => b.stopIf(b.i32(1), EXIT_PRIVILEGED),
  ud2: illegal,
  nop: nothing,
  clflush: nothing,
  cpuid(b) {
    b.helper('cpuid', undefined, b.wrap(b.gpr(RAX)), b.wrap(b.gpr(RCX)));
    [RAX, RBX, RCX, RDX].forEach((register, i) => {
      b.setGpr(register, b.extendU(b.getState(SCRATCH_OFFSET + i * 4, 'i32')));
    });
  },
  rdtsc: (b) => timestamp(b),
  rdtscp(b) {
    timestamp(b);
    b.setGpr(RCX, b.i64(0));
  },
  xgetbv(b) {
    // XCR0: x87 and SSE state.
    b.stopIf(b.wrap(b.gpr(RCX)), EXIT_PRIVILEGED);
    b.setGpr(RAX, b.i64(3));
    b.setGpr(RDX, b.i64(0));
  },
  xlat(b) {
    const base = b.segmentBase();
    let address = b.add(b.gpr(RBX), b.and(b.gpr(RAX), 0xff));
    if (b.instruction.addressSize === 32) address = b.extendU(b.wrap(address));
    b.fixedGpr(RAX, 8).set(b.load(base ? b.add(address, base) : address, 'u8'));
  },
  movs8: movs(true),
  movs: movs(false),
  stos8: stos(true),
  stos: stos(false),
  lods8: lods(true),
  lods: lods(false),
  cmps8: cmps(true),
  cmps: cmps(false),
  scas8: scas(true),
  scas: scas(false),
});

function timestamp(b: X86Builder): void {
  const t = b.helper('rdtsc', 'i64');
  b.setGpr(RAX, b.and(t, 0xffff_ffff));
  b.setGpr(RDX, b.shrU(t, 32));
}
