/** The builder in which instruction semantics are written: it records pure values and effects in order; what they become (region code, interpreter handler) is the lowering's business. Knows no guest. */
import { once } from '../base/once.ts';
import type { ValueType } from '../isa/helper.ts';
import { ACCESS, type Access, type OpName, type OpRow, ops } from './ops.ts';

/**
 * Pure kinds (the first line, and `call`: an internal wasm function without effects) have no place in the order of effects; the others are statements, executed in order.
 * getreg/setreg: a whole register by id. forget: what a register holds no longer matters. getlow/setlow: the low lane of a vector register. getstate/setstate: a field of the state block at a known offset.
 * getslot/setslot: a field at an offset only known at run time (interpreter handlers). record: a constant read from the interpreter's record.
 * load/store/probe: checked guest memory. perform: an internal wasm function with effects. helper: a JavaScript helper.
 * stopif: leave before this instruction with an exit code. guard: leave the instruction early, to the next one (imm 0) or to itself (imm 1), if the condition holds.
 */
export type NodeKind =
  | 'const' | 'v128' | 'op' | 'select' | 'ifelse' | 'shuffle' | 'record' | 'param' | 'call'
  | 'getreg' | 'setreg' | 'forget' | 'getlow' | 'setlow' | 'getstate' | 'setstate' | 'getslot' | 'setslot'
  | 'load' | 'store' | 'probe' | 'perform' | 'helper' | 'stopif' | 'guard'; // biome-ignore format: list

/** Operands of what has none. */
export const NO_NODES: readonly Node[] = [];

/** Rows of operations by type and by name without it: names are not put together for every node. */
const opsOf = once(() => {
  const rows = {} as Record<ValueType, Record<string, OpRow>>;
  for (const row of Object.values(ops())) {
    const [type, name] = row.name.split('.') as [ValueType, string];
    rows[type] ??= {};
    rows[type][name] = row;
  }
  return rows;
});

export class Node {
  readonly kind: NodeKind;
  readonly type: ValueType | undefined;
  readonly args: readonly Node[];
  /** op: its row. */
  readonly row: OpRow | undefined;
  /** const: value; op: lane; getreg/setreg/forget: register id; getstate/setstate/record: offset; getslot/setslot: what is added to the offset; load/store: alignment, for regions; probe: bytes; helper: 1 if the first argument is a condition; stopif: exit code. */
  readonly imm: number | bigint;
  readonly access: Access | undefined;
  /** call/helper: name. */
  readonly name: string;
  /** v128/shuffle: 16 bytes. */
  readonly bytes: Uint8Array | undefined;
  /** How many nodes and statements consume this value; the lowering counts them down. */
  uses = 0;
  /** Where the lowering keeps the value: a wasm local, -1 for nowhere yet. */
  local = -1;
  /** The local belongs to a register, not to this node. */
  alias = false;

  constructor(
    kind: NodeKind,
    type: ValueType | undefined,
    args: readonly Node[],
    imm: number | bigint = 0,
    row?: OpRow,
    access?: Access,
    name = '',
    bytes?: Uint8Array,
  ) {
    this.kind = kind;
    this.type = type;
    this.args = args;
    this.row = row;
    this.imm = imm;
    this.access = access;
    this.name = name;
    this.bytes = bytes;
    for (let i = 0; i < args.length; i++) args[i].uses++;
  }
}

/** Where control goes after the last statement. target: guest address (i64). stop: leave the engine with this exit code, PC at the next instruction. */
export type Terminator =
  | { kind: 'jump'; target: Node; hint: 'jump' | 'call' | 'return' }
  | { kind: 'branch'; condition: Node; target: Node }
  | { kind: 'stop'; code: number };

/** A number stands for a constant of the other operand's type. */
export type Value = Node | number;

export abstract class Builder {
  readonly body: Node[] = [];
  terminator: Terminator | undefined;

  // ---- values

  i32(v: number): Node {
    return new Node('const', 'i32', NO_NODES, v | 0);
  }
  i64(v: number | bigint): Node {
    return new Node('const', 'i64', NO_NODES, v);
  }
  /** A vector constant from 16 bytes. */
  v128(bytes: ArrayLike<number>): Node {
    return new Node('v128', 'v128', NO_NODES, 0, undefined, undefined, '', Uint8Array.from(bytes));
  }
  /** A vector constant with the same 64 bits in both halves. */
  v128Splat64(v: bigint): Node {
    const bytes = new Uint8Array(16);
    new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, v), true);
    bytes.copyWithin(8, 0, 8);
    return this.v128(bytes);
  }
  constant(v: number, type: ValueType | undefined): Node {
    return type === 'i64' ? this.i64(v) : this.i32(v);
  }
  /** Any operation by name; lane immediates last. */
  op(name: OpName, ...args: (Node | number)[]): Node {
    const row = ops()[name];
    const lane = row.lane ? (args.pop() as number) : 0;
    const nodes = args.map((a, i) => (typeof a === 'number' ? this.constant(a, row.params[i]) : a));
    return new Node('op', row.result, nodes, lane, row);
  }
  #binary(name: string, x: Value, y: Value): Node {
    const type = typeof x === 'number' ? (y as Node).type : x.type;
    const row = opsOf()[type!][name];
    const a = typeof x === 'number' ? this.constant(x, type) : x;
    return new Node('op', row.result, [a, typeof y === 'number' ? this.constant(y, type) : y], 0, row);
  }
  #unary(name: string, x: Node): Node {
    const row = opsOf()[x.type!][name];
    return new Node('op', row.result, [x], 0, row);
  }
  /** The value of a constant node. */
  static constantOf(n: Value): number | bigint | undefined {
    return typeof n === 'number' ? n : n.kind === 'const' ? n.imm : undefined;
  }

  // The polymorphic forms take i32, i64 (and f32, f64 where wasm has them): the result has the operands' type.
  add(x: Value, y: Value): Node {
    const c = Builder.constantOf(y);
    if (typeof x !== 'number' && (c === 0 || c === 0n)) return x;
    return this.#binary('add', x, y);
  }
  sub(x: Value, y: Value): Node {
    return this.#binary('sub', x, y);
  }
  mul(x: Value, y: Value): Node {
    return this.#binary('mul', x, y);
  }
  and(x: Value, y: Value): Node {
    return this.#binary('and', x, y);
  }
  or(x: Value, y: Value): Node {
    return this.#binary('or', x, y);
  }
  xor(x: Value, y: Value): Node {
    return this.#binary('xor', x, y);
  }
  /** Shift counts are taken modulo the width, as in wasm. */
  shl(x: Value, y: Value): Node {
    return y === 0 ? (x as Node) : this.#binary('shl', x, y);
  }
  shrU(x: Value, y: Value): Node {
    return y === 0 ? (x as Node) : this.#binary('shr_u', x, y);
  }
  shrS(x: Value, y: Value): Node {
    return y === 0 ? (x as Node) : this.#binary('shr_s', x, y);
  }
  rotl(x: Value, y: Value): Node {
    return this.#binary('rotl', x, y);
  }
  rotr(x: Value, y: Value): Node {
    return this.#binary('rotr', x, y);
  }
  divU(x: Value, y: Value): Node {
    return this.#binary('div_u', x, y);
  }
  divS(x: Value, y: Value): Node {
    return this.#binary('div_s', x, y);
  }
  remU(x: Value, y: Value): Node {
    return this.#binary('rem_u', x, y);
  }
  remS(x: Value, y: Value): Node {
    return this.#binary('rem_s', x, y);
  }
  clz(x: Node): Node {
    return this.#unary('clz', x);
  }
  ctz(x: Node): Node {
    return this.#unary('ctz', x);
  }
  popcnt(x: Node): Node {
    return this.#unary('popcnt', x);
  }
  /** Comparisons give an i32 that is 0 or 1. */
  eqz(x: Node): Node {
    return this.#unary('eqz', x);
  }
  eq(x: Value, y: Value): Node {
    return this.#binary('eq', x, y);
  }
  ne(x: Value, y: Value): Node {
    return this.#binary('ne', x, y);
  }
  ltU(x: Value, y: Value): Node {
    return this.#binary('lt_u', x, y);
  }
  ltS(x: Value, y: Value): Node {
    return this.#binary('lt_s', x, y);
  }
  leU(x: Value, y: Value): Node {
    return this.#binary('le_u', x, y);
  }
  leS(x: Value, y: Value): Node {
    return this.#binary('le_s', x, y);
  }
  gtU(x: Value, y: Value): Node {
    return this.#binary('gt_u', x, y);
  }
  gtS(x: Value, y: Value): Node {
    return this.#binary('gt_s', x, y);
  }
  /** condition (i32) ? x : y */
  select(condition: Node, x: Value, y: Value): Node {
    const type = typeof x === 'number' ? (y as Node).type : x.type;
    const a = typeof x === 'number' ? this.constant(x, type) : x;
    const b = typeof y === 'number' ? this.constant(y, type) : y;
    return new Node('select', type, [a, b, condition]);
  }
  /** As select, but only the chosen side is computed; both sides must be pure and cheap to state (a division, a call). */
  ifElse(condition: Node, x: Node, y: Node): Node {
    return new Node('ifelse', x.type, [x, y, condition]);
  }
  /** Call an internal wasm function of the ISA (isa.functions) that only computes. */
  call(name: string, result: ValueType, ...args: Node[]): Node {
    return new Node('call', result, args, 0, undefined, undefined, name);
  }
  /** Bytes of x:y picked by 16 indices (0–15 from x, 16–31 from y). */
  shuffle(x: Node, y: Node, lanes: ArrayLike<number>): Node {
    return new Node('shuffle', 'v128', [x, y], 0, undefined, undefined, '', Uint8Array.from(lanes));
  }
  /** i64 → i32 (an i32 stays). */
  wrap(x: Node): Node {
    return x.type === 'i64' ? this.op('i32.wrap_i64', x) : x;
  }
  /** i32 → i64 with zeros (an i64 stays). */
  extendU(x: Node): Node {
    return x.type === 'i32' ? (x.kind === 'const' ? this.i64(Number(x.imm) >>> 0) : this.op('i64.extend_i32_u', x)) : x;
  }
  extendS(x: Node): Node {
    return x.type === 'i32' ? this.op('i64.extend_i32_s', x) : x;
  }
  /** Convert to the stack type of a guest width: i64 for 64, else i32. */
  toWidth(x: Node, width: number): Node {
    return width === 64 ? this.extendU(x) : this.wrap(x);
  }
  /** Clear the bits of an 8- or 16-bit value beyond its width. */
  clean(x: Node, width: number): Node {
    return width >= 32 ? x : this.and(x, width === 8 ? 0xff : 0xffff);
  }
  /** Sign-extend the low `width` bits within x's own type. */
  signed(x: Node, width: number): Node {
    if (width === 8) return this.#unary('extend8_s', x);
    if (width === 16) return this.#unary('extend16_s', x);
    return width === 32 && x.type === 'i64' ? this.op('i64.extend32_s', x) : x;
  }

  // ---- effects, in order

  effect(node: Node): Node {
    this.body.push(node);
    return node;
  }
  getReg(id: number, type: ValueType): Node {
    return this.effect(new Node('getreg', type, NO_NODES, id));
  }
  setReg(id: number, v: Node): void {
    this.effect(new Node('setreg', undefined, [v], id));
  }
  /** The low lane of a vector register as a float; writing it keeps the others. */
  getLow(id: number, access: 'f32' | 'f64'): Node {
    return this.effect(new Node('getlow', access, NO_NODES, id, undefined, access));
  }
  setLow(id: number, access: 'f32' | 'f64', v: Node): void {
    this.effect(new Node('setlow', undefined, [v], id, undefined, access));
  }
  /** What the register holds from here on may be anything. */
  forget(id: number): void {
    this.effect(new Node('forget', undefined, NO_NODES, id));
  }
  /** Read a field of the state block that is never kept in a register (direction flag, MXCSR, x87 and MMX state, scratch). */
  getState(offset: number, access: Access): Node {
    return this.effect(new Node('getstate', ACCESS[access].value, NO_NODES, offset, undefined, access));
  }
  setState(offset: number, access: Access, v: Node): void {
    this.effect(new Node('setstate', undefined, [v], offset, undefined, access));
  }
  /** The same at an offset only known at run time: `base` + `offset`. */
  getSlot(base: number, offset: Node, access: Access): Node {
    return this.effect(new Node('getslot', ACCESS[access].value, [offset], base, undefined, access));
  }
  setSlot(base: number, offset: Node, access: Access, v: Node): void {
    this.effect(new Node('setslot', undefined, [offset, v], base, undefined, access));
  }
  /** Checked read of guest memory at an i64 address; faults leave before this instruction. Regions also leave if the address is no multiple of `alignment`, 0 or 16. */
  load(address: Node, access: Access, alignment = 0): Node {
    return this.effect(new Node('load', ACCESS[access].value, [address], alignment, undefined, access));
  }
  /** Checked write. The last thing of an instruction that may fault: commit registers after it. */
  store(address: Node, access: Access, v: Node, alignment = 0): void {
    this.effect(new Node('store', undefined, [address, v], alignment, undefined, access));
  }
  /** Fault now if `bytes` at the address cannot be written; for instructions with several stores. */
  probe(address: Node, bytes: number): void {
    this.effect(new Node('probe', undefined, [address], bytes));
  }
  /** Call an engine function with effects on guest memory (bulk copies); see engine/runtime-module.ts. */
  perform(name: string, result: ValueType | undefined, ...args: Node[]): Node {
    return this.effect(new Node('perform', result, args, 0, undefined, undefined, name));
  }
  /** Call a JavaScript helper (isa.helpers); the state block's offset is passed in front of the arguments. Registers kept in locals are not visible to it. */
  helper(name: string, result: ValueType | undefined, ...args: Node[]): Node {
    return this.effect(new Node('helper', result, args, 0, undefined, undefined, name));
  }
  /** The same only if the condition holds; else its result is zero. */
  helperIf(condition: Node, name: string, result: ValueType, ...args: Node[]): Node {
    return this.effect(new Node('helper', result, [condition, ...args], 1, undefined, undefined, name));
  }
  /** Leave before this instruction with an exit code (trap) if the condition holds. Must precede every commit. */
  stopIf(condition: Node, code: number): void {
    this.effect(new Node('stopif', undefined, [condition], code));
  }
  /** If the condition holds, leave the instruction here with what is committed: on to the next one, or to this one again (REP forms).
   * Unless the instruction repeats itself, no flags may be set behind this. */
  leaveIf(condition: Node, to: 'next' | 'self'): void {
    this.effect(new Node('guard', undefined, [condition], to === 'self' ? 1 : 0));
  }

  // ---- where control goes

  jump(target: Node, hint: 'jump' | 'call' | 'return' = 'jump'): void {
    target.uses++;
    this.terminator = { kind: 'jump', target, hint };
  }
  branch(condition: Node, target: Node): void {
    condition.uses++;
    target.uses++;
    this.terminator = { kind: 'branch', condition, target };
  }
  /** Leave the engine after this instruction with an exit code. */
  stop(code: number): void {
    this.terminator = { kind: 'stop', code };
  }
  /** Address of this instruction and of the next one (i64). */
  abstract pc(): Node;
  abstract nextPc(): Node;
}
