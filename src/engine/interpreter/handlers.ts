/** Interpreter handlers: the meaning of a shape lowered to a wasm function that finds its operands in a record. */
import { bug } from '../../base/failures.ts';
import type { Builder, Node, NodeKind } from '../../ir/builder.ts';
import { ACCESS } from '../../ir/ops.ts';
import type { ValueType } from '../../isa/helper.ts';
import type { Instruction, Isa } from '../../isa/isa.ts';
import { isFar, REC_HANDLER, REC_NEXT, REC_PC, RECORD_SIZE, TARGETS_SIZE } from '../../isa/record.ts';
import { MEMORY_LIMIT, RUNTIME_SIZE } from '../../memory/runtime-area.ts';
import { EXIT_FAULT } from '../exits.ts';
import { Lowering, STATE } from '../lowering.ts';
import { pageCheck } from '../runtime-memory.ts';
import { ENGINE_FUNCTIONS, HANDLER, SLOW_FUNCTIONS } from '../signatures.ts';
import { Func, ModuleBuilder, type Signature } from '../wasm/encoder.ts';
import { I64_AND, I64_OR, LOAD_U16 } from '../wasm/opcodes.ts';

const RECORD = 1;

/** Signature of anything a handler or region may call by name, and what provides it. */
export function callable(isa: Isa, name: string): Signature {
  const engine = ENGINE_FUNCTIONS[name] ?? SLOW_FUNCTIONS[name];
  if (engine) return engine;
  const internal = isa.functions[name];
  if (internal) return { params: internal.params, results: [internal.result] };
  const helper = isa.helpers[name];
  if (helper) return { params: ['i32', ...helper.params], results: helper.result ? [helper.result] : [] };
  return bug(`nothing called ${name}`);
}

/** The switch that a handler is a case of. */
export interface Switch {
  /** Label that takes what a function of its own would return. */
  readonly next: number;
  /** Local with the instructions left. */
  readonly budget: number;
}

/** Statements that may write a register otherwise than by its id. */
const OTHER_WRITES: ReadonlySet<NodeKind> = new Set(['setslot', 'setstate', 'helper', 'perform']);
/** Statements that may write guest memory, and so code. */
const MEMORY_WRITES: ReadonlySet<NodeKind> = new Set(['store', 'helper', 'perform']);

class HandlerLowering extends Lowering {
  readonly #isa: Isa;
  readonly #imports: (name: string) => number;
  readonly #switch: Switch | undefined;
  /** Locals with what the first of a pair has put into registers, for the second. */
  readonly #kept = new Map<number, { local: number; type: ValueType }>();
  #first = false;

  constructor(f: Func, isa: Isa, imports: (name: string) => number, inside?: Switch) {
    super(f);
    this.#isa = isa;
    this.#imports = imports;
    this.#switch = inside;
  }

  protected functionIndex(name: string): number {
    return this.#imports(name);
  }
  protected getRegister(id: number): number {
    const r = this.#isa.registers[id];
    const kept = this.#kept.get(id);
    if (kept) this.f.get(kept.local);
    else {
      this.f.get(STATE);
      this.f.mem(ACCESS[r.type].load, r.offset);
    }
    return -1;
  }
  protected setRegister(id: number, value: () => void): void {
    const { f } = this;
    const { type, offset } = this.#isa.registers[id];
    f.get(STATE);
    value();
    if (this.#first) {
      const local = this.#kept.get(id)?.local ?? f.temp(type);
      this.#kept.set(id, { local, type });
      f.tee(local);
    } else this.#forget(id);
    f.mem(ACCESS[type].store, offset);
  }
  #pointer(address: number, bytes: number, which: string): number {
    const { f } = this;
    const pointer = f.temp('i32');
    // A case of the switch looks for itself first: a call costs as much as the rest of a load.
    if (this.#switch) {
      pageCheck(f, address, { from: 0, to: bytes, write: which === 'writePointer' });
      f.if('i32');
      f.get(address);
      f.byte(0xa7);
      f.i32(RUNTIME_SIZE);
      f.byte(0x6a);
      f.else();
    }
    f.get(STATE);
    f.get(address);
    f.i32(bytes);
    f.call(this.#imports(which));
    if (this.#switch) f.end();
    f.tee(pointer);
    f.byte(0x45);
    f.if();
    this.leave(EXIT_FAULT);
    f.end();
    return pointer;
  }
  protected load(n: Node, address: number): void {
    const access = ACCESS[n.access!];
    const pointer = this.#pointer(address, access.bytes, 'readPointer');
    this.f.get(pointer);
    this.f.mem(access.load, 0);
    this.f.release('i32', pointer);
  }
  protected store(n: Node, address: number, value: () => void): void {
    const { f } = this;
    const { bytes, store } = ACCESS[n.access!];
    const pointer = this.#pointer(address, bytes, 'writePointer');
    f.get(pointer);
    value();
    f.mem(store, 0);
    // A slow access went to the scratch area: write it through.
    f.get(pointer);
    f.get(STATE);
    f.i32(this.#isa.scratchOffset);
    f.byte(0x6a);
    f.byte(0x46);
    f.if();
    this.#slowCall('slowWrite', address, bytes);
    f.byte(0x1a);
    f.end();
    f.release('i32', pointer);
  }
  protected probe(n: Node, address: number): void {
    this.#slowCall('slowProbe', address, Number(n.imm));
    this.f.byte(0x45);
    this.f.if();
    this.leave(EXIT_FAULT);
    this.f.end();
  }
  #slowCall(name: string, address: number, bytes: number): void {
    const { f } = this;
    f.get(STATE);
    f.get(address);
    f.byte(0xa7);
    f.get(address);
    f.i64(32);
    f.byte(0x88);
    f.byte(0xa7);
    f.i32(bytes);
    f.call(this.#imports(name));
  }
  protected leave(code: number): void {
    const { f } = this;
    f.get(STATE);
    pushPc(f, this.#isa, RECORD, REC_PC);
    f.mem(ACCESS.i64.store, this.#isa.pcOffset);
    this.#exit(code, -1);
  }
  #exit(code: number, result: number): void {
    const { f } = this;
    f.get(STATE);
    f.i32(code);
    f.mem(ACCESS.i32.store, this.#isa.exitOffset);
    f.i32(result);
    this.#return();
  }
  #return(): void {
    if (this.#switch) this.f.br(this.#switch.next);
    else this.f.return();
  }
  protected override record(n: Node): void {
    this.f.get(RECORD);
    this.f.mem(ACCESS[n.access!].load, Number(n.imm));
  }
  protected override guard(n: Node): void {
    const { f } = this;
    this.value(n.args[0]);
    f.if();
    f.get(RECORD);
    if (n.imm === 0) {
      f.i32(RECORD_SIZE);
      f.byte(0x6a);
    }
    this.#return();
    f.end();
  }

  /** The first of a pair, which does not jump: goes on behind it with its successor's record, unless the slice is used up or its code is no longer there. */
  lowerFirst(b: Builder): void {
    const { f } = this;
    this.#first = true;
    this.#statements(b);
    this.#first = false;
    this.releaseTemps();
    const { budget, next } = this.#switch!;
    f.get(RECORD);
    f.i32(RECORD_SIZE);
    f.byte(0x6a);
    f.tee(RECORD);
    f.get(budget);
    f.i32(2);
    f.byte(0x48); // lt_s
    if (b.body.some(({ kind }) => MEMORY_WRITES.has(kind))) {
      f.get(RECORD);
      f.mem(LOAD_U16, REC_HANDLER);
      f.i32(GOTO_INDEX);
      f.byte(0x46);
      f.byte(0x72);
    }
    f.brIf(next);
    f.byte(0x1a); // drop
    f.get(budget);
    f.i32(1);
    f.byte(0x6b);
    f.set(budget);
  }
  #statements(b: Builder): void {
    for (const n of b.body) {
      this.statement(n);
      // It may have set one of those kept.
      if (OTHER_WRITES.has(n.kind)) this.#forgetKept();
    }
  }
  #forgetKept(): void {
    for (const id of [...this.#kept.keys()]) this.#forget(id);
  }
  #forget(id: number): void {
    const kept = this.#kept.get(id);
    if (!kept) return;
    this.f.release(kept.type, kept.local);
    this.#kept.delete(id);
  }

  /** The whole body: pushes the next record or how it left. `far`: of code above 4 GiB. */
  lower(b: Builder, far = false): void {
    const { f } = this;
    this.#statements(b);
    this.#forgetKept();
    const t = b.terminator;
    if (!t) {
      f.get(RECORD);
      f.i32(RECORD_SIZE);
      f.byte(0x6a);
      return;
    }
    const pushNext = () => (far ? pushPc(f, this.#isa, RECORD, REC_NEXT) : this.value(b.nextPc()));
    const setPc = (push: () => void) => {
      f.get(STATE);
      push();
      f.mem(ACCESS.i64.store, this.#isa.pcOffset);
    };
    if (t.kind === 'stop') {
      setPc(pushNext);
      this.#exit(t.code, -2);
      return;
    }
    const again = t.target.kind === 'record' && t.target.imm === REC_PC;
    if (t.kind === 'jump') {
      if (again) {
        f.get(RECORD);
        return;
      }
      if (t.target.kind !== 'record' && t.hint !== 'return') this.#remember(t.target);
      setPc(() => this.value(t.target));
      f.i32(0);
      return;
    }
    if (again) {
      // A string instruction repeats itself or goes straight on.
      f.get(RECORD);
      f.get(RECORD);
      f.i32(RECORD_SIZE);
      f.byte(0x6a);
      this.value(t.condition);
      f.byte(0x1b);
      return;
    }
    setPc(() => {
      this.value(t.target);
      pushNext();
      this.value(t.condition);
      f.byte(0x1b);
    });
    f.i32(0);
  }

  /** Note where an indirect jump or call goes, for regions to include: one of few places chosen by the target itself. */
  #remember(target: Node): void {
    const { f } = this;
    target.uses++;
    this.value(target);
    const pc = f.temp('i32');
    f.byte(0xa7);
    f.tee(pc);
    f.get(pc);
    f.i32(5);
    f.byte(0x76);
    f.byte(0x73);
    f.i32(TARGETS_SIZE - 1);
    f.byte(0x71);
    f.i32(2);
    f.byte(0x74);
    f.get(RECORD);
    f.byte(0x6a);
    f.get(pc);
    f.mem(ACCESS.i32.store, RECORD_SIZE);
    f.release('i32', pc);
  }
}

/** Push the PC that a field of a record has the lower half of; the upper one is that of the block, and of the PC in the state. */
export function pushPc(f: Func, isa: Isa, record: number, field: number): void {
  f.get(STATE);
  f.mem(ACCESS.i64.load, isa.pcOffset);
  f.i64(-0x1_0000_0000);
  f.byte(I64_AND);
  f.get(record);
  f.mem(ACCESS.u32.load, field);
  f.byte(I64_OR);
}

/** The handler of "go on at this record's PC": ends a block that has no jump, and replaces records whose code has changed. Counts no instruction. */
function lowerGoto(f: Func, isa: Isa): void {
  f.get(STATE);
  pushPc(f, isa, RECORD, REC_PC);
  f.mem(ACCESS.i64.store, isa.pcOffset);
  f.get(STATE);
  f.i32(0);
  f.mem(ACCESS.i32.store, isa.exitOffset);
  f.i32(-1);
}

/** A shape by its key, and an instruction of it, GOTO_SHAPE has none; or two that follow each other. */
export interface Shape {
  readonly key: string;
  readonly instruction: Instruction | undefined;
  readonly second?: Instruction;
}

/** Between the keys of two shapes that are one for the interpreter's loop. */
const AND = '&';

/** The shapes that the interpreter's loop has in itself: the first ones of the table, from index 1 on. */
export function commonShapes(isa: Isa): Shape[] {
  const common = isa.common().map((instruction) => ({ key: instruction.shape, instruction }));
  const pairs = isa.commonPairs().map(([instruction, second]) => {
    const key = instruction.shape + AND + second.shape;
    return { key, instruction, second };
  });
  return [{ key: GOTO_SHAPE, instruction: undefined }, ...common, ...pairs];
}

/** The keys of a pair's shapes; nothing for one alone. */
export function partsOf(key: string): readonly [string, string] | undefined {
  const at = key.indexOf(AND);
  return at < 0 ? undefined : [key.slice(0, at), key.slice(at + 1)];
}

/**
 * Push the next record or how a shape's handler left. `inside`: the switch that it is a case of. Only there a pair is both of its instructions: the function in the table
 * executes the first, for those who step.
 */
export function lowerHandler(
  f: Func,
  isa: Isa,
  { instruction, second }: Shape,
  imports: (name: string) => number,
  inside?: Switch,
): void {
  if (!instruction) {
    lowerGoto(f, isa);
    return;
  }
  const lowering = new HandlerLowering(f, isa, imports, inside);
  const first = isa.buildShape(instruction);
  if (second && inside) {
    lowering.lowerFirst(first);
    lowering.lower(isa.buildShape(second, first));
  } else lowering.lower(first, isFar(instruction.pc));
  lowering.releaseTemps();
}

export const GOTO_SHAPE = '(goto)';
/** Its place in the table. */
const GOTO_INDEX = 1;

/** A module with one handler for each shape, put into the table from `first` on. The shape without an instruction is GOTO_SHAPE. */
export function handlerModule(isa: Isa, first: number, shapes: readonly Shape[]): Uint8Array<ArrayBuffer> {
  const m = new ModuleBuilder();
  m.importMemory(MEMORY_LIMIT);
  m.importTable('handlers');
  const bodies: Func[] = [];
  const imports = (name: string) => m.importFunction(name, callable(isa, name));
  for (const shape of shapes) {
    const f = new Func(2);
    lowerHandler(f, isa, shape, imports);
    bodies.push(f);
  }
  m.elements(
    first,
    bodies.map((f) => m.define(HANDLER, f)),
  );
  return m.encode();
}
