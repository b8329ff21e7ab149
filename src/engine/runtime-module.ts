/** The engine's own wasm module: checked access for handlers, bulk moves, the interpreter loop, the dispatch loop, and the ISA's internal functions. Regions and handlers link against its exports. */
import type { Node } from '../ir/builder.ts';
import { Node as IrNode } from '../ir/builder.ts';
import type { Helper } from '../isa/helper.ts';
import type { InternalFunction, Isa } from '../isa/isa.ts';
import { BLOCK_COUNT, REC_HANDLER, REC_NEXT, REC_PC } from '../isa/record.ts';
import { READ, READ_WIDE, WRITE, WRITE_WIDE } from '../memory/page-map.ts';
import {
  JUMP_CACHE,
  JUMP_CACHE_ENTRIES,
  JUMP_CACHE_ENTRY,
  JUMP_CACHE_GROUP,
  PAGE_MAP,
  PAGE_SHIFT,
  RUNTIME_SIZE,
} from '../memory/runtime-area.ts';
import { SiteList } from './counters.ts';
import { EXIT_BUDGET, EXIT_HOT, EXIT_MISS, EXIT_RESTART, EXIT_UNWIND } from './exits.ts';
import { Lowering, STATE } from './lowering.ts';
import { PureBuilder, StateBuilder } from './pure-builder.ts';
import { Func, ModuleBuilder, type Signature } from './wasm/encoder.ts';

/** Signature of interpreter handlers: (state, record) → next record, 0: look up PC, -1: left before the instruction, -2: left after it. */
export const HANDLER: Signature = { params: ['i32', 'i32'], results: ['i32'] };
/**
 * Signature of regions: (state, depth of nested calls, instructions left, stack pointer) → where to go on, stack pointer. What every call and return
 * needs travels in machine registers: through the state block it is a chain of stores and loads (fib: 4.1 s against 3.1 s).
 * Where: instructions left in the upper half; in the lower one the PC, or if below REGION_PC: an exit code, 0 for "look up PC"; then PC is in the state block.
 */
export const REGION: Signature = { params: ['i32', 'i32', 'i32', 'i64'], results: ['i64', 'i64'] };
/** Lowest PC that a region returns as a value. */
export const REGION_PC = 16;
/** Signature of the dispatch loop: (state, depth, PC and stack pointer at which it is done) → 0: done, or the stack was unwound beyond; else an exit code. */
export const DISPATCH: Signature = { params: ['i32', 'i32', 'i64', 'i64'], results: ['i32'] };

/** Functions that handlers and regions may import from this module. */
export const ENGINE_FUNCTIONS: Record<string, Signature> = {
  /** (state, address, bytes) → offset to read at, 0 after a fault. */
  readPointer: { params: ['i32', 'i64', 'i32'], results: ['i32'] },
  /** (state, address, bytes) → offset to write at, 0 after a fault; the scratch area means: then call writeBack. */
  writePointer: { params: ['i32', 'i64', 'i32'], results: ['i32'] },
  /** (state, to, from, count, bytes, backward) → elements moved. */
  bulkMove: { params: ['i32', 'i64', 'i64', 'i64', 'i32', 'i32'], results: ['i64'] },
  dispatch: DISPATCH,
  /** (state, to, value, count, bytes, backward) → elements stored. */
  bulkFill: { params: ['i32', 'i64', 'i64', 'i64', 'i32', 'i32'], results: ['i64'] },
};

/** JavaScript functions. slow…: (state, low, high, bytes) of an address; 0 after a fault. */
export const SLOW_FUNCTIONS: Record<string, Signature> = {
  slowRead: { params: ['i32', 'i32', 'i32', 'i32'], results: ['i32'] },
  slowProbe: { params: ['i32', 'i32', 'i32', 'i32'], results: ['i32'] },
  slowWrite: { params: ['i32', 'i32', 'i32', 'i32'], results: ['i32'] },
  /** (state, exit code): a miss, a hot block or an instruction to step; 0 to go on, else an exit code. */
  event: { params: ['i32', 'i32'], results: ['i32'] },
};

const I32_ADD = 0x6a;
const I32_AND = 0x71;
const LOAD_U8 = [0x2d];
const LOAD_I32 = [0x28];
const LOAD_I64 = [0x29];
const STORE_I32 = [0x36];
const STORE_I64 = [0x37];
const WRAP = 0xa7;

/** Push 1 if the address (i64 local) is in the window and its page has the permission bit. */
function pageCheck(f: Func, address: number, bit: number): void {
  f.get(address);
  f.byte(WRAP);
  f.i32(PAGE_SHIFT);
  f.byte(0x76);
  f.mem(LOAD_U8, PAGE_MAP);
  f.i32(bit);
  f.byte(I32_AND);
  f.i32(0);
  f.byte(0x47); // ne
  f.get(address);
  f.i64(32);
  f.byte(0x88);
  f.byte(0x50); // eqz
  f.byte(I32_AND);
}

/** Call a slow function with an address split in halves; its result stays on the stack. */
function callSlow(f: Func, func: number, address: number, bytes: number): void {
  f.get(STATE);
  f.get(address);
  f.byte(WRAP);
  f.get(address);
  f.i64(32);
  f.byte(0x88);
  f.byte(WRAP);
  f.get(bytes);
  f.call(func);
}

function pointerFunction(isa: Isa, slow: number, wideBit: number, byteBit: number): Func {
  const f = new Func(3);
  const [ADDRESS, BYTES] = [1, 2];
  pageCheck(f, ADDRESS, wideBit);
  f.if('i32');
  f.get(ADDRESS);
  f.byte(WRAP);
  f.i32(RUNTIME_SIZE);
  f.byte(I32_ADD);
  f.else();
  // The last page of a range: fine as long as the access stays within the page.
  pageCheck(f, ADDRESS, byteBit);
  f.get(ADDRESS);
  f.byte(WRAP);
  f.i32(4095);
  f.byte(I32_AND);
  f.get(BYTES);
  f.byte(I32_ADD);
  f.i32(4096);
  f.byte(0x4d); // le_u
  f.byte(I32_AND);
  f.if('i32');
  f.get(ADDRESS);
  f.byte(WRAP);
  f.i32(RUNTIME_SIZE);
  f.byte(I32_ADD);
  f.else();
  callSlow(f, slow, ADDRESS, BYTES);
  f.if('i32');
  f.get(STATE);
  f.i32(isa.scratchOffset);
  f.byte(I32_ADD);
  f.else();
  f.i32(0);
  f.end();
  f.end();
  f.end();
  return f;
}

/** Elements of `bytes` that fit between an address and the end of its page (i64 on the stack). */
function pageRoom(f: Func, address: number, bytes: number): void {
  f.i64(4096);
  f.get(address);
  f.i64(4095);
  f.byte(0x83);
  f.byte(0x7d); // sub
  f.get(bytes);
  f.byte(0xad);
  f.byte(0x80); // div_u
}

/** bulkMove and bulkFill: up to the end of the page on both sides, forward only, and only what behaves like one element after the other. */
function bulkFunction(move: boolean): Func {
  const f = new Func(6);
  const [TO, SOURCE, COUNT, BYTES, BACKWARD] = [1, 2, 3, 4, 5];
  const n = f.local('i64');
  const out = f.block();
  f.get(BACKWARD);
  f.brIf(out);
  pageCheck(f, TO, WRITE);
  f.byte(0x45);
  f.brIf(out);
  if (move) {
    pageCheck(f, SOURCE, READ);
    f.byte(0x45);
    f.brIf(out);
    // A destination shortly after the source would repeat a pattern: leave that to single elements.
    f.get(TO);
    f.get(SOURCE);
    f.byte(0x7d);
    f.i64(4096);
    f.byte(0x54);
    f.brIf(out);
  } else {
    // memory.fill repeats one byte: the value must.
    f.get(BYTES);
    f.i32(1);
    f.byte(0x47);
    f.get(SOURCE);
    f.get(SOURCE);
    f.i64(0xff);
    f.byte(0x83);
    f.i64(0x0101010101010101n);
    f.byte(0x7e);
    f.i64(-1);
    f.i64(64);
    f.get(BYTES);
    f.byte(0xad);
    f.i64(3);
    f.byte(0x86);
    f.byte(0x7d);
    f.byte(0x88);
    f.byte(0x83);
    f.byte(0x52); // i64.ne
    f.byte(I32_AND);
    f.brIf(out);
  }
  const min = (push: () => void) => {
    push();
    f.set(room);
    f.get(n);
    f.get(room);
    f.get(n);
    f.get(room);
    f.byte(0x54);
    f.byte(0x1b);
    f.set(n);
  };
  const room = f.local('i64');
  f.get(COUNT);
  f.set(n);
  min(() => pageRoom(f, TO, BYTES));
  if (move) min(() => pageRoom(f, SOURCE, BYTES));
  const base = (a: number) => {
    f.get(a);
    f.byte(WRAP);
    f.i32(RUNTIME_SIZE);
    f.byte(I32_ADD);
  };
  base(TO);
  if (move) base(SOURCE);
  else {
    f.get(SOURCE);
    f.byte(WRAP);
  }
  f.get(n);
  f.byte(WRAP);
  f.get(BYTES);
  f.byte(0x6c);
  f.bytes(move ? [0xfc, 10, 0, 0] : [0xfc, 11, 0]);
  f.get(n);
  f.return();
  f.end();
  f.i64(0);
  return f;
}

class PureLowering extends Lowering {
  readonly #index: Map<string, number>;
  constructor(f: Func, index: Map<string, number>) {
    super(f);
    this.#index = index;
  }
  protected functionIndex(name: string): number {
    return this.#index.get(name)!;
  }
  #effect(): never {
    throw new Error('an internal function has no effects');
  }
  protected getRegister(): number {
    return this.#effect();
  }
  protected setRegister(): void {
    this.#effect();
  }
  protected load(): void {
    this.#effect();
  }
  protected store(): void {
    this.#effect();
  }
  protected probe(): void {
    this.#effect();
  }
  protected leave(): void {
    this.#effect();
  }
}

function internalFunction(fn: InternalFunction, index: Map<string, number>): Func {
  const f = new Func(fn.params.length);
  const body = (choice: number) => {
    const params = fn.params.map((type, i): Node => {
      const n = new IrNode('param', type, []);
      n.local = i;
      return n;
    });
    const lowering = new PureLowering(f, index);
    lowering.value(use(fn.build(new PureBuilder(), choice, ...params)));
    lowering.releaseTemps();
  };
  if (!fn.switch) {
    body(0);
    return f;
  }
  const labels: number[] = [];
  for (let i = 0; i < fn.switch; i++) labels.unshift(f.block());
  f.get(0);
  f.brTable(labels, labels[0]);
  for (let i = 0; i < fn.switch; i++) {
    f.end();
    body(i);
    f.return();
  }
  f.unreachable();
  return f;
}

class StateLowering extends PureLowering {
  readonly #slow: number;
  constructor(f: Func, index: Map<string, number>, slow: number) {
    super(f, index);
    this.#slow = slow;
  }
  protected override guard(n: Node): void {
    this.value(n.args[0]);
    this.f.brIf(this.#slow);
  }
}

/** A helper's fast form, and where that gives up the helper itself (function index `plain`). */
function fastHelper(helper: Helper, plain: number, index: Map<string, number>): Func {
  const f = new Func(helper.params.length + 1);
  const slow = f.block();
  const b = new StateBuilder();
  const params = helper.params.map((type, i): Node => {
    const n = new IrNode('param', type, []);
    n.local = i + 1;
    return n;
  });
  const result = helper.fast!(b, ...params);
  if (result) use(result);
  const lowering = new StateLowering(f, index, slow);
  for (const n of b.body) lowering.statement(n);
  if (result) lowering.value(result);
  lowering.releaseTemps();
  f.return();
  f.end();
  for (let i = 0; i <= helper.params.length; i++) f.get(i);
  f.call(plain);
  return f;
}

/** A root counts as one use of its node. */
function use(n: Node): Node {
  n.uses++;
  return n;
}

/** Build the module. Exports: every internal and engine function, helpers that have a fast form, interpret, step, dispatch. */
export function runtimeModule(isa: Isa): Uint8Array {
  return buildRuntime(new ModuleBuilder(), isa, undefined);
}

/** The same with counters of what the two loops do. */
export function countingRuntimeModule(isa: Isa): { bytes: Uint8Array; sites: SiteList } {
  const m = new ModuleBuilder();
  const sites = new SiteList(m);
  return { bytes: buildRuntime(m, isa, sites), sites };
}

function buildRuntime(m: ModuleBuilder, isa: Isa, sites: SiteList | undefined): Uint8Array {
  m.importMemory();
  m.importTable('handlers');
  m.importTable('regions');
  const slow = Object.fromEntries(
    Object.entries(SLOW_FUNCTIONS).map(([name, signature]) => [name, m.importFunction(name, signature)]),
  );
  const fast = Object.entries(isa.helpers).filter(([, helper]) => helper.fast);
  const plain = fast.map(([name, { params, result }]) =>
    m.importFunction(name, { params: ['i32', ...params], results: result ? [result] : [] }),
  );
  const index = new Map<string, number>();
  for (const [name, fn] of Object.entries(isa.functions)) {
    index.set(name, m.define({ params: fn.params, results: [fn.result] }, internalFunction(fn, index), name));
  }
  m.define(ENGINE_FUNCTIONS.readPointer, pointerFunction(isa, slow.slowRead, READ_WIDE, READ), 'readPointer');
  m.define(ENGINE_FUNCTIONS.writePointer, pointerFunction(isa, slow.slowProbe, WRITE_WIDE, WRITE), 'writePointer');
  m.define(ENGINE_FUNCTIONS.bulkMove, bulkFunction(true), 'bulkMove');
  m.define(ENGINE_FUNCTIONS.bulkFill, bulkFunction(false), 'bulkFill');
  fast.forEach(([name, helper], i) => {
    const { params, result } = helper;
    m.define(
      { params: ['i32', ...params], results: result ? [result] : [] },
      fastHelper(helper, plain[i], index),
      name,
    );
  });
  const handlerType = m.type(HANDLER);
  const regionType = m.type(REGION);
  m.define(HANDLER, interpretFunction(isa, handlerType, sites), 'interpret');
  const interpret = m.nextIndex - 1;
  m.define(HANDLER, stepFunction(isa, handlerType), 'step');
  m.define(DISPATCH, dispatchFunction(isa, regionType, interpret, slow.event, sites), 'dispatch');
  return m.encode();
}

/** (state, record) → 0: look up PC, else the exit code. Runs records until one leaves the straight line. */
function interpretFunction(isa: Isa, handlerType: number, sites: SiteList | undefined): Func {
  const f = new Func(2);
  const REC = 1;
  const budget = f.local('i32');
  const next = f.local('i32');
  const before = sites ? f.local('i32') : 0;
  const saveBudget = () => {
    if (sites) {
      f.get(before);
      f.get(budget);
      f.byte(0x6b);
      f.byte(0xac); // i64.extend_i32_s
      f.add(sites.global('interpreted'));
    }
    f.get(STATE);
    f.get(budget);
    f.mem(STORE_I32, isa.budgetOffset);
  };
  f.get(STATE);
  f.mem(LOAD_I32, isa.budgetOffset);
  f.set(budget);
  if (sites) {
    f.count(sites.global('block'));
    f.get(budget);
    f.set(before);
  }
  const loop = f.loop();
  f.get(STATE);
  f.get(REC);
  f.get(REC);
  f.mem(LOAD_I32, REC_HANDLER);
  f.callIndirect(handlerType);
  f.tee(next);
  f.i32(0);
  f.byte(0x4a); // gt_s: straight on
  f.if();
  f.get(next);
  f.set(REC);
  f.get(budget);
  f.i32(1);
  f.byte(0x6b);
  f.tee(budget);
  f.i32(0);
  f.byte(0x4a);
  f.brIf(loop);
  // Slice used up within the block.
  f.get(STATE);
  f.get(REC);
  f.mem(LOAD_I64, REC_PC);
  f.mem(STORE_I64, isa.pcOffset);
  saveBudget();
  f.i32(EXIT_BUDGET);
  f.return();
  f.end();
  f.end();
  // -1 has not executed its instruction.
  f.get(budget);
  f.get(next);
  f.i32(-1);
  f.byte(0x47);
  f.byte(0x6b);
  f.set(budget);
  saveBudget();
  f.get(next);
  f.if('i32');
  f.get(STATE);
  f.mem(LOAD_I32, isa.exitOffset);
  f.else();
  f.i32(0);
  f.end();
  return f;
}

/** (state, record) → 0 or the exit code: executes exactly one instruction and sets PC. */
function stepFunction(isa: Isa, handlerType: number): Func {
  const f = new Func(2);
  const REC = 1;
  const next = f.local('i32');
  f.get(STATE);
  f.get(REC);
  f.get(REC);
  f.mem(LOAD_I32, REC_HANDLER);
  f.callIndirect(handlerType);
  f.set(next);
  f.get(STATE);
  f.get(STATE);
  f.mem(LOAD_I32, isa.budgetOffset);
  f.get(next);
  f.i32(-1);
  f.byte(0x47);
  f.byte(0x6b);
  f.mem(STORE_I32, isa.budgetOffset);
  f.get(next);
  f.i32(0);
  f.byte(0x4a);
  f.if();
  f.get(STATE);
  f.get(REC);
  f.mem(LOAD_I64, REC_NEXT);
  f.get(REC);
  f.mem(LOAD_I64, REC_PC);
  f.get(next);
  f.get(REC);
  f.byte(0x47);
  f.byte(0x1b); // another record: next; the same one: again
  f.mem(STORE_I64, isa.pcOffset);
  f.i32(0);
  f.return();
  f.end();
  f.get(next);
  f.if('i32');
  f.get(STATE);
  f.mem(LOAD_I32, isa.exitOffset);
  f.else();
  f.i32(0);
  f.end();
  return f;
}

/**
 * The dispatch loop: regions through the jump cache, blocks through the interpreter. A guest call from a region nests it with the return address
 * and stack pointer it waits for; it also comes back when the guest's stack was unwound past that (longjmp), for the caller to pass on.
 */
function dispatchFunction(
  isa: Isa,
  regionType: number,
  interpret: number,
  event: number,
  sites: SiteList | undefined,
): Func {
  const f = new Func(4);
  const [DEPTH, UNTIL, STACK] = [1, 2, 3];
  const pc = f.local('i64');
  const slot = f.local('i32');
  const target = f.local('i32');
  const result = f.local('i32');
  const stack = f.local('i64');
  const where = f.local('i64');
  const loop = f.loop();
  /** Let JavaScript deal with it, then look again or come back. */
  const raise = (code: number) => {
    f.get(STATE);
    f.i32(code);
    f.call(event);
    f.tee(result);
    f.byte(0x45);
    f.brIf(loop);
    f.get(result);
    f.return();
  };
  f.get(STATE);
  f.mem(LOAD_I32, isa.budgetOffset);
  f.i32(0);
  f.byte(0x4c); // le_s
  f.if();
  f.i32(EXIT_BUDGET);
  f.return();
  f.end();
  // A mode came on that the regions waiting below us do not serve: they must not go on.
  f.get(STATE);
  f.mem(LOAD_I32, isa.modeOffset);
  f.i32(isa.modeMask);
  f.byte(I32_AND);
  f.i32(0);
  f.get(DEPTH);
  f.byte(0x1b); // at depth 0 nobody waits
  f.if();
  f.i32(EXIT_UNWIND);
  f.return();
  f.end();
  f.get(STATE);
  f.mem(LOAD_I64, isa.pcOffset);
  f.set(pc);
  f.get(STATE);
  f.mem(LOAD_I64, isa.registers[isa.stackPointer].offset);
  f.tee(stack);
  f.get(STACK);
  f.byte(0x5a); // ge_u
  f.if();
  f.get(pc);
  f.get(UNTIL);
  f.byte(0x51);
  f.get(stack);
  f.get(STACK);
  f.byte(0x56); // gt_u
  f.byte(0x72);
  f.if();
  f.i32(0);
  f.return();
  f.end();
  f.end();
  // The PC's own place, then the others of the group.
  const found = f.block();
  JUMP_CACHE_GROUP.forEach((way, i) => {
    if (i === 0) pushSlot(f, pc);
    else {
      f.get(slot);
      f.i32(way ^ JUMP_CACHE_GROUP[i - 1]);
      f.byte(0x73); // xor
    }
    f.tee(slot);
    f.mem(LOAD_I64, JUMP_CACHE);
    f.get(pc);
    f.i64(1);
    f.byte(0x7c);
    f.byte(0x51); // eq
    f.brIf(found);
  });
  raise(EXIT_MISS);
  f.end();
  // A region, unless a mode is on that regions do not serve.
  f.get(STATE);
  f.mem(LOAD_I32, isa.modeOffset);
  f.i32(isa.modeMask);
  f.byte(I32_AND);
  f.byte(0x45); // eqz
  f.if();
  f.get(slot);
  f.mem(LOAD_I32, JUMP_CACHE + 12);
  f.tee(target);
  f.if();
  if (sites) f.count(sites.global('region'));
  f.get(STATE);
  f.get(DEPTH);
  f.get(STATE);
  f.mem(LOAD_I32, isa.budgetOffset);
  f.get(stack);
  f.get(target);
  f.callIndirect(regionType, 1);
  f.set(stack);
  f.set(where);
  f.get(STATE);
  f.get(stack);
  f.mem(STORE_I64, isa.registers[isa.stackPointer].offset);
  f.get(STATE);
  f.get(where);
  f.i64(32);
  f.byte(0x88);
  f.byte(WRAP);
  f.mem(STORE_I32, isa.budgetOffset);
  f.get(where);
  f.byte(WRAP);
  f.tee(result);
  f.i32(REGION_PC);
  f.byte(0x4f); // ge_u
  f.if();
  f.get(STATE);
  f.get(result);
  f.byte(0xad); // extend_i32_u
  f.mem(STORE_I64, isa.pcOffset);
  f.br(loop);
  f.end();
  f.get(result);
  f.byte(0x45);
  f.brIf(loop);
  f.get(result);
  f.i32(EXIT_RESTART);
  f.byte(0x47);
  f.if();
  f.get(result);
  f.return();
  f.end();
  raise(EXIT_RESTART);
  f.end();
  f.end();
  f.get(slot);
  f.mem(LOAD_I32, JUMP_CACHE + 8);
  f.tee(target);
  f.byte(0x45);
  f.if();
  raise(EXIT_MISS);
  f.end();
  // Count the block; report it whenever it has run 2^n times.
  f.get(target);
  f.i32(-BLOCK_COUNT);
  f.byte(0x6b);
  f.get(target);
  f.i32(-BLOCK_COUNT);
  f.byte(0x6b);
  f.mem(LOAD_I32, 0);
  f.i32(1);
  f.byte(I32_ADD);
  f.tee(result);
  f.mem(STORE_I32, 0);
  f.get(result);
  f.get(STATE);
  f.mem(LOAD_I32, isa.hotOffset);
  f.byte(I32_AND);
  f.byte(0x45);
  f.if();
  raise(EXIT_HOT);
  f.end();
  f.get(STATE);
  f.get(target);
  f.call(interpret);
  f.tee(result);
  f.byte(0x45);
  f.brIf(loop);
  f.get(result);
  f.return();
  f.end();
  f.unreachable();
  return f;
}

/** A multiplicative hash: code of equal offsets in different megabytes must not meet. */
const SPREAD = 0x9e37_79b1 | 0;
const SLOT_SHIFT = 32 - Math.log2(JUMP_CACHE_ENTRIES * JUMP_CACHE_ENTRY);
const SLOT_MASK = (JUMP_CACHE_ENTRIES - 1) * JUMP_CACHE_ENTRY;

/** Push the jump-cache slot offset (i32) of a PC: its low bits, mixed so that code 64 KiB apart does not collide. */
export function pushSlot(f: Func, pc: number): void {
  f.get(pc);
  f.byte(WRAP);
  f.i32(SPREAD);
  f.byte(0x6c); // mul
  f.i32(SLOT_SHIFT);
  f.byte(0x76); // shr_u
  f.i32(SLOT_MASK);
  f.byte(I32_AND);
}

/** The same for JavaScript. */
export function jumpCacheSlot(pc: number): number {
  return JUMP_CACHE + ((Math.imul(pc, SPREAD) >>> SLOT_SHIFT) & SLOT_MASK);
}
