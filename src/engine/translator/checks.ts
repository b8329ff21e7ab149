/**
 * Removal of memory checks: accesses off one base within a small distance share one check, a check serves all code it dominates, and one off a register that a
 * loop leaves alone is made once before the loop. Decides; the lowering emits. Sound because permission is never taken away below a running region: what takes
 * it away unwinds the wasm stack.
 */
import type { Node } from '../../ir/builder.ts';
import { ACCESS } from '../../ir/ops.ts';
import type { Isa } from '../../isa/isa.ts';
import type { Piece } from './pieces.ts';
import type { RegisterPlan } from './registers.ts';
import { type Loop, loopsOf, type Structure } from './structure.ts';

/** What to check before an access: bytes [from, to) relative to its own address, for reading or for writing, which includes reading. */
export interface Check {
  from: number;
  to: number;
  write: boolean;
  /** Bits above 32 need no look: the address is below 4 GiB, or so close to it that what wraps around is never mapped. */
  readonly low: boolean;
}

/** A check before a loop, relative to a register. */
export interface LoopCheck extends Check {
  readonly register: number;
}

/** Bytes that one look at the page map answers for. */
export const WIDE = 64;
/** Bytes one check may span: it looks at the first and the last page. */
const SPAN = 4096;
/** How far an access may be from an address below 4 GiB without a look at its upper half: the top 256 MiB and the bottom 64 KiB are never mapped. */
const BELOW = 0x400_0000;
const ABOVE = 0x1_0000;
const TWO_32 = 0x1_0000_0000;

/** A value as an unknown base plus a known distance. */
interface Affine {
  readonly base: number;
  readonly offset: number;
}

/** A check in force. */
interface Group extends Check {
  readonly base: number;
  /** It stands for one check, which has been made on every way here, and not for what several have in common. */
  readonly single: boolean;
}

/** What is known at the end of a piece. A number stands for one value in one iteration of the loops around it. */
interface Knowledge {
  /** Of registers that may hold addresses, by id. */
  readonly registers: readonly (Affine | undefined)[];
  readonly groups: readonly Group[];
}

/** A loop and what it does to registers. */
interface LoopUse extends Loop {
  readonly written: ReadonlySet<number>;
  readonly calls: boolean;
}

/** Checks that a piece makes itself. */
interface Made {
  readonly group: Group;
  readonly first: Node;
  /** Distance of the first access from the base. */
  readonly offset: number;
}

export class CheckPlan {
  readonly #plan = new Map<Node, Check>();
  readonly #before: LoopCheck[][];
  readonly #registers: RegisterPlan;
  readonly #pieces: readonly Piece[];
  readonly #structure: Structure;
  readonly #stackPointer: number;
  readonly #share: boolean;
  /** Registers that may hold addresses. */
  readonly #addresses: readonly number[];
  readonly #predecessors: number[][];
  readonly #loops: readonly LoopUse[];
  readonly #known: Knowledge[] = [];
  /** Registers as they are known at a piece's start. */
  readonly #entered: (readonly (Affine | undefined)[])[] = [];
  /** Headers of loops that move the stack pointer. */
  readonly #moving = new Set<number>();
  readonly #numbers = new Map<string, number>();
  /** Largest values of bases, if known. */
  readonly #limits = new Map<number, number>();
  #next = 1;

  constructor(
    pieces: readonly Piece[],
    successors: readonly (readonly number[])[],
    structure: Structure,
    registers: RegisterPlan,
    isa: Isa,
    share: boolean,
  ) {
    this.#share = share;
    this.#registers = registers;
    this.#pieces = pieces;
    this.#structure = structure;
    this.#stackPointer = isa.stackPointer;
    this.#addresses = isa.registers.flatMap((r, id) => (r.type === 'i64' ? [id] : []));
    const { order } = structure;
    this.#before = pieces.map(() => []);
    this.#predecessors = pieces.map(() => []);
    successors.forEach((list, n) => {
      if (order[n] >= 0) for (const to of list) if (to >= 0) this.#predecessors[to].push(n);
    });
    this.#loops = loopsOf(successors, this.#predecessors, structure).map((loop) => ({
      ...loop,
      ...useOf(loop, pieces),
    }));
    const inOrder = [...order.keys()].filter((n) => order[n] >= 0).sort((a, b) => order[a] - order[b]);
    // Loops are taken to leave the stack pointer where it was; those that do not are found out and done again.
    let made: Made[][];
    do {
      made = [];
      for (const n of inOrder) made[n] = this.#piece(n);
    } while (this.#findMoving());
    for (const n of inOrder) for (const one of made[n]) this.#place(n, one);
  }

  /** The check to make before this access; none if another one covers it. */
  checkOf(access: Node): Check | undefined {
    return this.#plan.get(access);
  }
  /** Checks to make before the loop that begins with this piece. */
  before(header: number): readonly LoopCheck[] {
    return this.#before[header];
  }

  /** Decide where a check is made: before the outermost loop that makes it at least once, off a register it leaves alone. */
  #place(n: number, { group, first, offset }: Made): void {
    const { from, to, write, low } = group;
    for (const loop of this.#share ? this.#loops : []) {
      if (!loop.body.has(n) || !loop.ends.every((end) => this.#dominates(n, end))) continue;
      const entered = this.#entered[loop.header];
      for (const register of this.#addresses) {
        const value = entered[register]!;
        if (value.base !== group.base || !this.#registers.holds(loop.header, register)) continue;
        if (!this.#keeps(loop, register)) continue;
        const check = { register, from: from - value.offset, to: to - value.offset, write, low: false };
        const before = this.#before[loop.header];
        const near = before.find((b) => b.register === register && widen(b, check, SPAN));
        if (!near) before.push(check);
        return;
      }
    }
    this.#plan.set(first, { from: from - offset, to: to - offset, write, low });
  }

  #dominates(a: number, b: number): boolean {
    for (let n = b; ; n = this.#structure.dominator[n]) {
      if (n === a) return true;
      if (n === 0) return false;
    }
  }

  /** Does a register hold the same value at the start of each of the loop's rounds? */
  #keeps(loop: LoopUse, register: number): boolean {
    if (register === this.#stackPointer) return !this.#moving.has(loop.header);
    return !loop.calls && !loop.written.has(register);
  }

  /** Find more loops that move the stack pointer; tells whether there were any. */
  #findMoving(): boolean {
    const before = this.#moving.size;
    for (const { header, latches } of this.#loops) {
      const at = this.#entered[header][this.#stackPointer]!;
      if (!latches.every((latch) => same(this.#known[latch].registers[this.#stackPointer], at)))
        this.#moving.add(header);
    }
    return this.#moving.size > before;
  }

  /** What holds at a piece's start. */
  #enter(n: number): { registers: (Affine | undefined)[]; groups: readonly Group[] } {
    const registers: (Affine | undefined)[] = [];
    const { order, loopHeader } = this.#structure;
    // Nothing comes into a loop from its end that was not so at its start.
    const [first, ...others] = this.#predecessors[n].filter((p) => order[p] < order[n]).map((p) => this.#known[p]);
    const loop = loopHeader[n] ? this.#loops.find((l) => l.header === n) : undefined;
    for (const id of this.#addresses) {
      const value = first?.registers[id];
      const kept = value && others.every((o) => same(o.registers[id], value)) && (!loop || this.#keeps(loop, id));
      registers[id] = kept ? value : this.#fresh();
    }
    return { registers, groups: others.reduce((groups, o) => intersect(groups, o.groups), first?.groups ?? []) };
  }

  #piece(n: number): Made[] {
    const { registers, groups: inherited } = this.#enter(n);
    this.#entered[n] = registers.slice();
    const fresh: Made[] = [];
    const values = new Map<Node, Affine>();
    const state = new Map<number, number>();
    const access = (node: Node, bytes: number, write: boolean) => {
      const { base, offset: from } = this.#value(node.args[0], values);
      const to = from + bytes;
      if (!this.#share) {
        fresh.push({ group: { base, from, to, write, low: false, single: true }, first: node, offset: from });
        return;
      }
      const known = inherited.filter((g) => g.base === base);
      const own = fresh.filter(({ group: g }) => g.base === base);
      const near = isNear(from) && (known.some((g) => isNear(g.from)) || own.some(({ group: g }) => isNear(g.from)));
      const group = { base, from, to, write, low: near || this.#isLow(base, from, to), single: true };
      if (known.some((g) => covers(g, group)) || own.some(({ group: g }) => widen(g, group, SPAN))) return;
      // A check made before may see to this as well, if it is as likely to pass as it was: within one object, or in the stack's frame.
      const frame = base === registers[this.#stackPointer]!.base;
      const takes = (g: Group) => g.single && (g.write || !write || frame) && widen(g, group, frame ? SPAN : WIDE);
      if (!known.some(takes)) fresh.push({ group, first: node, offset: from });
    };
    const piece = this.#pieces[n];
    for (const { statements } of piece.groups) {
      for (const s of statements) {
        switch (s.kind) {
          case 'getreg': {
            const value = registers[Number(s.imm)];
            if (value) values.set(s, value);
            break;
          }
          case 'setreg':
            if (s.args[0].type === 'i64') registers[Number(s.imm)] = this.#value(s.args[0], values);
            break;
          case 'getstate': {
            // A field keeps its value until it is set or a helper runs.
            let base = state.get(Number(s.imm));
            if (base === undefined) {
              base = this.#next++;
              state.set(Number(s.imm), base);
            }
            values.set(s, { base, offset: 0 });
            break;
          }
          case 'setstate':
          case 'helper':
            state.clear();
            break;
          case 'load':
          case 'store':
          case 'probe':
            access(s, s.kind === 'probe' ? Number(s.imm) : ACCESS[s.access!].bytes, s.kind !== 'load');
            break;
        }
      }
    }
    if (piece.end.kind === 'call') {
      // A callee may change every register but comes back with the stack pointer above the return address.
      const sp = registers[this.#stackPointer]!;
      registers.fill(undefined);
      registers[this.#stackPointer] = { base: sp.base, offset: sp.offset + 8 };
    }
    this.#known[n] = { registers, groups: [...inherited, ...fresh.map((f) => f.group)] };
    return fresh;
  }

  #value(n: Node, values: Map<Node, Affine>): Affine {
    let v = values.get(n);
    if (!v) {
      v = this.#compute(n, values);
      values.set(n, v);
    }
    return v;
  }

  /** Is a check there sure not to mistake an address for another that differs above bit 32? */
  #isLow(base: number, from: number, to: number): boolean {
    const limit = base === 0 ? 0 : this.#limits.get(base);
    return limit !== undefined && from > -BELOW && (from < ABOVE || limit + to <= TWO_32);
  }

  #compute(n: Node, values: Map<Node, Affine>): Affine {
    if (n.kind === 'const') {
      const offset = Number(n.imm);
      return Number.isSafeInteger(offset) && typeof n.imm === 'number' ? { base: 0, offset } : this.#fresh();
    }
    if (n.kind !== 'op') return this.#fresh();
    const args = n.args.map((a) => this.#value(a, values));
    const [x, y] = args;
    switch (n.row!.name) {
      case 'i64.add':
        return this.#sum(x, y);
      case 'i64.sub':
        if (y.base === 0) return this.#sum(x, { base: 0, offset: -y.offset });
        break;
      case 'i64.shl':
        if (y.base === 0 && x.base !== 0) {
          const offset = x.offset * 2 ** y.offset;
          if (Math.abs(offset) < 2 ** 40) {
            const base = this.#number(`<<${y.offset}:${x.base}`);
            this.#limit(base, this.#limitOf(x.base) * 2 ** y.offset);
            return { base, offset };
          }
        }
        break;
    }
    const base = this.#number(`${n.row!.name}:${n.imm}:${args.map((a) => `${a.base}+${a.offset}`).join()}`);
    this.#limit(base, largest(n));
    return { base, offset: 0 };
  }

  #limitOf(base: number): number {
    return this.#limits.get(base) ?? Infinity;
  }
  #limit(base: number, limit: number): void {
    if (limit < TWO_32) this.#limits.set(base, limit);
  }

  #sum(x: Affine, y: Affine): Affine {
    const offset = x.offset + y.offset;
    if (Math.abs(offset) > 2 ** 47) return this.#fresh();
    if (y.base === 0) return { base: x.base, offset };
    if (x.base === 0) return { base: y.base, offset };
    const base = this.#number(`+${Math.min(x.base, y.base)},${Math.max(x.base, y.base)}`);
    this.#limit(base, this.#limitOf(x.base) + this.#limitOf(y.base));
    return { base, offset };
  }

  #fresh(): Affine {
    return { base: this.#next++, offset: 0 };
  }

  #number(key: string): number {
    let n = this.#numbers.get(key);
    if (n === undefined) {
      n = this.#next++;
      this.#numbers.set(key, n);
    }
    return n;
  }
}

function useOf({ body }: Loop, pieces: readonly Piece[]): Pick<LoopUse, 'written' | 'calls'> {
  const written = new Set<number>();
  let calls = false;
  for (const n of body) {
    if (pieces[n].end.kind === 'call') calls = true;
    for (const g of pieces[n].groups) for (const s of g.statements) if (s.kind === 'setreg') written.add(Number(s.imm));
  }
  return { written, calls };
}

const isNear = (distance: number): boolean => Math.abs(distance) < BELOW;

/** Largest unsigned value of a pure node. */
function largest(n: Node): number {
  const [x, y] = n.args;
  const count = y?.kind === 'const' ? Number(y.imm) : -1;
  switch (n.kind === 'op' ? n.row!.name : n.kind) {
    case 'const':
      return typeof n.imm === 'number' && n.imm >= 0 ? n.imm : Infinity;
    case 'load':
      if (n.access === 'u8') return 0xff;
      if (n.access === 'u16') return 0xffff;
      break;
    case 'i64.extend_i32_u':
      return largest(x);
    case 'i32.and':
    case 'i64.and':
      return Math.min(largest(x), largest(y));
    case 'i32.shr_u':
    case 'i64.shr_u':
      if (count >= 0 && count < (n.type === 'i32' ? 32 : 64))
        return Math.floor(Math.min(largest(x), 2 ** 64) / 2 ** count);
  }
  return n.type === 'i32' ? TWO_32 - 1 : Infinity;
}

/** Let a check cover another off the same base too, if that does not become too long. */
function widen(check: Check, more: Check, span: number): boolean {
  const from = Math.min(check.from, more.from);
  const to = Math.max(check.to, more.to);
  if (to - from > span) return false;
  check.from = from;
  check.to = to;
  check.write ||= more.write;
  return true;
}

const covers = (g: Group, other: Group): boolean =>
  g.base === other.base && g.from <= other.from && g.to >= other.to && (g.write || !other.write);

const same = (a: Affine | undefined, b: Affine): boolean => a?.base === b.base && a.offset === b.offset;

/** What both lists of checks allow. */
function intersect(a: readonly Group[], b: readonly Group[]): Group[] {
  const both: Group[] = [];
  for (const x of a) {
    if (b.includes(x)) {
      both.push(x);
      continue;
    }
    for (const y of b) {
      if (x.base !== y.base) continue;
      const from = Math.max(x.from, y.from);
      const to = Math.min(x.to, y.to);
      if (from >= to) continue;
      const more = { base: x.base, from, to, write: x.write && y.write, low: true, single: false };
      if (!both.some((g) => covers(g, more))) both.push(more);
    }
  }
  return both;
}
