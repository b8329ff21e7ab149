/** The two loops of the runtime module: the interpreter's over records, and dispatch between regions and blocks. */
import type { Isa } from '../isa/isa.ts';
import {
  BLOCK_BITS,
  BLOCK_BYTES,
  BLOCK_COUNT,
  BLOCK_DIRECT,
  BLOCK_FOLLOWERS,
  BLOCK_HEADER,
  BLOCK_NOTES,
  BLOCK_SOURCE,
  REC_HANDLER,
  REC_NEXT,
  REC_PC,
} from '../isa/record.ts';
import {
  FAR_HITS,
  JUMP_CACHE,
  JUMP_CACHE_GROUP,
  LAST_BLOCK,
  RUNTIME_SIZE,
  TAKEN_AWAY,
} from '../memory/runtime-area.ts';
import { compareBytes } from './adopt.ts';
import type { SiteList } from './counters.ts';
import {
  EXIT_BUDGET,
  EXIT_FAR,
  EXIT_HOT,
  EXIT_MISS,
  EXIT_RESTART,
  EXIT_STALE,
  EXIT_SYSCALL,
  EXIT_UNWIND,
} from './exits.ts';
import { commonShapes, lowerHandler, pushPc } from './interpreter/handlers.ts';
import { pushSlot } from './jump-cache.ts';
import { STATE } from './lowering.ts';
import { REGION_PC } from './signatures.ts';
import { Func } from './wasm/encoder.ts';
import {
  I32_ADD,
  I32_AND,
  LOAD_I32,
  LOAD_I64,
  LOAD_U16,
  LOAD_U32_I64,
  STORE_I32,
  STORE_I64,
  WRAP,
} from './wasm/opcodes.ts';

/** After so many accesses outside the window regions are made to reach there: what leaves one in front of each takes 0.15 µs. */
const MANY_FAR = 2 ** 16;

/**
 * (state, record) → 0: look up PC, else the exit code. Runs the records of a block, and goes on with the block that
 * followed it the last times if that is what comes next: a look-up costs as much as three instructions.
 */
export function interpretFunction(
  isa: Isa,
  handlerType: number,
  imports: (name: string) => number,
  sites: SiteList | undefined,
): Func {
  const f = new Func(2);
  const REC = 1;
  compareSource(f, REC);
  const budget = f.local('i32');
  const next = f.local('i32');
  const header = f.local('i32');
  const follower = f.local('i32');
  const runs = f.local('i32');
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
    f.get(budget);
    f.set(before);
  }
  f.get(REC);
  f.i32(BLOCK_HEADER);
  f.byte(0x6b);
  f.set(header);
  const block = f.loop();
  if (sites) f.count(sites.global('block'));
  const loop = f.loop();
  pushNext(f, isa, handlerType, imports, budget);
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
  pushPc(f, isa, REC, REC_PC);
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
  const leave = f.block();
  f.get(next);
  f.brIf(leave);
  f.get(budget);
  f.i32(0);
  f.byte(0x4c); // le_s
  f.brIf(leave);
  const found = f.block();
  for (const place of BLOCK_FOLLOWERS) {
    f.get(header);
    f.mem(LOAD_I32, BLOCK_HEADER + place);
    f.tee(follower);
    f.mem(LOAD_U32_I64, BLOCK_HEADER + REC_PC);
    f.get(STATE);
    f.mem(LOAD_I64, isa.pcOffset);
    f.byte(0x51); // eq
    f.brIf(found);
  }
  f.br(leave);
  f.end();
  f.get(follower);
  f.mem(LOAD_I32, BLOCK_HEADER + BLOCK_BITS);
  f.i32(BLOCK_DIRECT);
  f.byte(I32_AND);
  f.byte(0x45);
  f.brIf(leave);
  // The dispatch loop counts the run that makes it hot.
  f.get(follower);
  f.mem(LOAD_I32, BLOCK_HEADER + BLOCK_COUNT);
  f.i32(1);
  f.byte(I32_ADD);
  f.tee(runs);
  f.get(STATE);
  f.mem(LOAD_I32, isa.hotOffset);
  f.byte(I32_AND);
  f.byte(0x45);
  f.brIf(leave);
  f.get(follower);
  f.get(runs);
  f.mem(STORE_I32, BLOCK_HEADER + BLOCK_COUNT);
  f.get(follower);
  f.tee(header);
  f.i32(BLOCK_HEADER);
  f.byte(I32_ADD);
  f.set(REC);
  f.br(block);
  f.end();
  f.end();
  f.i32(0);
  f.get(header);
  f.mem(STORE_I32, LAST_BLOCK);
  saveBudget();
  pushExit(f, isa, next);
  return f;
}

/** Run a record, and push what its handler answers. The handlers of common shapes are cases of a switch: a call through the table costs more than most of them. */
function pushNext(f: Func, isa: Isa, handlerType: number, imports: (name: string) => number, budget: number): void {
  const REC = 1;
  const shapes = commonShapes(isa);
  const done = f.block('i32');
  const other = f.block();
  const cases = shapes.map(() => f.block()).reverse();
  f.get(REC);
  f.mem(LOAD_U16, REC_HANDLER);
  f.i32(1);
  f.byte(0x6b);
  f.brTable(cases, other);
  for (const shape of shapes) {
    f.end();
    lowerHandler(f, isa, shape, imports, { next: done, budget });
    f.br(done);
  }
  f.end();
  f.get(STATE);
  f.get(REC);
  f.get(REC);
  f.mem(LOAD_U16, REC_HANDLER);
  f.callIndirect(handlerType);
  f.end();
}

/** Return EXIT_STALE if the block has a copy of its bytes and they have changed since. */
function compareSource(f: Func, record: number): void {
  const at = f.local('i32');
  const left = f.local('i32');
  const copy = f.local('i32');
  const header = (field: number) => {
    f.get(record);
    f.i32(BLOCK_HEADER);
    f.byte(0x6b);
    f.mem(LOAD_I32, BLOCK_HEADER + field);
  };
  header(BLOCK_SOURCE);
  f.tee(copy);
  f.if();
  f.get(record);
  f.mem(LOAD_I32, REC_PC);
  f.i32(RUNTIME_SIZE);
  f.byte(I32_ADD);
  f.set(at);
  header(BLOCK_BYTES);
  f.set(left);
  compareBytes(f, at, copy, left, () => {
    f.i32(EXIT_STALE);
    f.return();
  });
  f.end();
}

/** Push 0 if the handler left nothing to do but look up PC, else the exit code. */
function pushExit(f: Func, isa: Isa, next: number): void {
  f.get(next);
  f.if('i32');
  f.get(STATE);
  f.mem(LOAD_I32, isa.exitOffset);
  f.else();
  f.i32(0);
  f.end();
}

/** (state, record) → 0 or the exit code: executes exactly one instruction and sets PC. */
export function stepFunction(isa: Isa, handlerType: number): Func {
  const f = new Func(2);
  const REC = 1;
  const next = f.local('i32');
  f.get(STATE);
  f.get(REC);
  f.get(REC);
  f.mem(LOAD_U16, REC_HANDLER);
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
  pushPc(f, isa, REC, REC_NEXT);
  pushPc(f, isa, REC, REC_PC);
  f.get(next);
  f.get(REC);
  f.byte(0x47);
  f.byte(0x1b); // another record: next; the same one: again
  f.mem(STORE_I64, isa.pcOffset);
  f.i32(0);
  f.return();
  f.end();
  pushExit(f, isa, next);
  return f;
}

/**
 * The dispatch loop: regions through the jump cache, blocks through the interpreter. A guest call from a region nests it with the return address
 * and stack pointer it waits for; it also comes back when the guest's stack was unwound past that (longjmp), for the caller to pass on.
 */
export function dispatchFunction(
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
  const record = f.local('i32');
  const result = f.local('i32');
  const stack = f.local('i64');
  const where = f.local('i64');
  const header = f.local('i32');
  /** The block that was interpreted just before, 0: none. */
  const before = f.local('i32');
  /** A region left in front of an access for the interpreter: no region now, and nothing is counted. */
  const restarted = f.local('i32');
  const loop = f.loop();
  /** Let JavaScript deal with it, then look again or come back. */
  const raise = (code: number) => {
    f.i32(0);
    f.set(before);
    f.get(STATE);
    f.i32(code);
    if (code === EXIT_MISS) {
      // That instruction alone: for its PC there may be a region, which would leave again.
      f.i32(EXIT_RESTART);
      f.get(restarted);
      f.byte(0x45);
      f.byte(0x1b); // select
      f.i32(0);
      f.set(restarted);
    }
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
  f.i32(0);
  f.mem(LOAD_I32, TAKEN_AWAY);
  f.if();
  f.i32(0);
  f.i32(0);
  f.mem(STORE_I32, TAKEN_AWAY);
  f.get(DEPTH);
  f.if();
  f.i32(EXIT_UNWIND);
  f.return();
  f.end();
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
  // Count the entry into region or block; report it whenever it was the 2^n-th.
  f.get(slot);
  f.mem(LOAD_I32, JUMP_CACHE + 8);
  f.tee(record);
  f.byte(0x45);
  f.if();
  raise(EXIT_MISS);
  f.end();
  const left = f.block();
  const interpreted = f.block();
  f.get(record);
  f.i32(BLOCK_HEADER);
  f.byte(0x6b);
  f.set(header);
  f.get(restarted);
  f.if();
  for (const local of [restarted, before]) {
    f.i32(0);
    f.set(local);
  }
  f.br(interpreted);
  f.end();
  f.get(header);
  f.get(header);
  f.mem(LOAD_I32, BLOCK_HEADER + BLOCK_COUNT);
  f.i32(1);
  f.byte(I32_ADD);
  f.tee(result);
  f.mem(STORE_I32, BLOCK_HEADER + BLOCK_COUNT);
  f.get(result);
  f.get(STATE);
  f.mem(LOAD_I32, isa.hotOffset);
  f.byte(I32_AND);
  f.byte(0x45);
  f.if();
  raise(EXIT_HOT);
  f.end();
  // A region, unless a mode is on that regions do not serve; else the block.
  f.get(STATE);
  f.mem(LOAD_I32, isa.modeOffset);
  f.i32(isa.modeMask);
  f.byte(I32_AND);
  f.brIf(interpreted);
  f.get(slot);
  f.mem(LOAD_I32, JUMP_CACHE + 12);
  f.tee(target);
  f.byte(0x45);
  f.brIf(interpreted);
  f.i32(0);
  f.set(before);
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
  f.brIf(left);
  f.i32(0);
  f.mem(LOAD_I32, FAR_HITS);
  f.i32(MANY_FAR);
  f.byte(0x4e); // ge_s
  f.if();
  f.i32(0);
  f.i32(-(2 ** 31));
  f.mem(STORE_I32, FAR_HITS);
  raise(EXIT_FAR);
  f.end();
  f.i32(1);
  f.set(restarted);
  f.br(loop);
  f.end();
  f.get(before);
  f.mem(LOAD_I32, BLOCK_HEADER + BLOCK_BITS);
  f.i32(BLOCK_NOTES);
  f.byte(I32_AND);
  f.if();
  f.get(before);
  f.get(before);
  f.mem(LOAD_I32, BLOCK_HEADER + BLOCK_FOLLOWERS[0]);
  f.mem(STORE_I32, BLOCK_HEADER + BLOCK_FOLLOWERS[1]);
  f.get(before);
  f.get(header);
  f.mem(STORE_I32, BLOCK_HEADER + BLOCK_FOLLOWERS[0]);
  f.end();
  f.get(STATE);
  f.get(record);
  f.call(interpret);
  f.i32(0);
  f.mem(LOAD_I32, LAST_BLOCK);
  f.set(before);
  f.tee(result);
  f.byte(0x45);
  f.brIf(loop);
  f.end();
  f.get(result);
  f.i32(EXIT_SYSCALL);
  f.byte(0x46);
  f.if();
  raise(EXIT_SYSCALL);
  f.end();
  f.get(result);
  f.return();
  f.end();
  f.unreachable();
  return f;
}
