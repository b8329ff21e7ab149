/**
 * Removal of memory checks: accesses off one base within a small distance share one check, a check serves all code it dominates, and one off a register that a
 * loop leaves alone is made once before the loop. Decides; the lowering emits. Sound because permission is never taken away below a running region: what takes
 * it away unwinds the wasm stack.
 */
import type { Without } from '../../base/optimisations.ts';
import type { Node } from '../../ir/builder.ts';
import { ACCESS } from '../../ir/ops.ts';
import type { Isa } from '../../isa/isa.ts';
import { isFar } from '../../isa/record.ts';
import { PAGE_SIZE } from '../../memory/runtime-area.ts';
import type { Range } from '../runtime-memory.ts';
import { type Affine, AffineValues } from './affine.ts';
import type { Piece } from './pieces.ts';
import type { RegisterPlan } from './registers.ts';
import { type Loop, loopsOf, type Structure } from './structure.ts';
import { addToWalk, type Walk, walkOf } from './walks.ts';

/** What to check before an access, relative to its own address. */
export interface Check extends Range {
  from: number;
  to: number;
  write: boolean;
  /** Instead of all this: is the byte at `from` at a multiple of 16? */
  readonly aligned?: boolean;
}

/** A check before a loop, relative to a register. */
export interface LoopCheck extends Check {
  readonly register: number;
}

/** Bytes one check may span. */
const SPAN = PAGE_SIZE;
/** Bytes of an object: what is so close together may be accessed alike. */
const OBJECT = 64;
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
  /** Multiples of 16. */
  readonly aligned: readonly Affine[];
}

/** A loop and what it does to registers. */
interface LoopUse extends Loop {
  readonly written: ReadonlySet<number>;
  readonly calls: boolean;
  readonly walk: Walk | undefined;
}

/** What a piece looks at itself. */
interface Made {
  readonly checks: readonly MadeCheck[];
  readonly tests: readonly MadeTest[];
}
interface MadeCheck {
  readonly group: Group;
  readonly first: Node;
  /** Distance of the first access from the base. */
  readonly offset: number;
}
/** Of an address that must be a multiple of 16. */
interface MadeTest {
  readonly value: Affine;
  readonly access: Node;
}

export class CheckPlan {
  readonly #plan = new Map<Node, Check>();
  readonly #tests = new Set<Node>();
  readonly #far = new Set<Node>();
  readonly #reachesFar: boolean;
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
  readonly #values = new AffineValues();
  /** By piece. */
  readonly #walks: Walk[] = [];

  constructor(
    pieces: readonly Piece[],
    successors: readonly (readonly number[])[],
    structure: Structure,
    registers: RegisterPlan,
    isa: Isa,
    without: Without,
    reachesFar = false,
  ) {
    this.#reachesFar = reachesFar;
    this.#share = !without.has('checks');
    const walks = this.#share && !without.has('walks');
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
    this.#loops = loopsOf(successors, this.#predecessors, structure).map((loop) => {
      const use = useOf(loop, pieces);
      return { ...loop, ...use, walk: walks && !use.calls ? walkOf(loop, pieces, successors, structure) : undefined };
    });
    const inOrder = [...order.keys()].filter((n) => order[n] >= 0).sort((a, b) => order[a] - order[b]);
    // Loops are taken to leave the stack pointer where it was; those that do not are found out and done again.
    let made: Made[];
    do {
      made = [];
      for (const n of inOrder) made[n] = this.#piece(n);
    } while (this.#findMoving());
    for (const n of inOrder) {
      for (const check of made[n].checks) this.#place(n, check);
      for (const test of made[n].tests) this.#placeTest(n, test);
    }
    for (const { walk, body } of this.#loops)
      if (walk && walk.checks.length > 0) for (const n of body) this.#walks[n] = walk;
  }

  /** The check to make before this access; none if another one covers it. */
  checkOf(access: Node): Check | undefined {
    return this.#plan.get(access);
  }
  /** Does this access look for itself, also outside the window? */
  isFar(access: Node): boolean {
    return this.#far.has(access);
  }
  /** Is this access's address to be tested for being a multiple of 16? */
  testsAlignment(access: Node): boolean {
    return this.#tests.has(access);
  }
  /** Checks to make before the loop that begins with this piece. */
  before(header: number): readonly LoopCheck[] {
    return this.#before[header];
  }

  /** The walk that begins with this piece. */
  walkFrom(header: number): Walk | undefined {
    return this.#walks[header]?.header === header ? this.#walks[header] : undefined;
  }
  /** The walk that this piece is part of. */
  walkAround(n: number): Walk | undefined {
    return this.#walks[n];
  }

  /** Decide where a check is made: before the outermost loop that makes it at least once, off a register it leaves alone. */
  #place(n: number, { group, first, offset }: MadeCheck): void {
    const { from, to, write } = group;
    const loops = this.#loopsOf(n);
    for (const loop of loops) {
      for (const [register, value] of this.#registersAt(loop, group.base)) {
        if (!this.#keeps(loop, register)) continue;
        const check = { register, from: from - value.offset, to: to - value.offset, write };
        const before = this.#before[loop.header];
        const near = before.find((b) => b.register === register && !b.aligned && widen(b, check, SPAN));
        if (!near) before.push(check);
        return;
      }
    }
    if (loops.some((loop) => this.#walksBy(loop, group))) return;
    this.#plan.set(first, { from: from - offset, to: to - offset, write });
  }

  /** Let a loop see to a check if it is a walk. */
  #walksBy(loop: LoopUse, group: Group): boolean {
    if (!loop.walk) return false;
    const at = (base: number) => this.#registersAt(loop, base)[0];
    const steps = (register: number) => {
      const { base, offset } = this.#entered[loop.header][register]!;
      if (this.#keeps(loop, register)) return loop.latches.map(() => 0);
      const ends = loop.latches.map((latch) => this.#known[latch].registers[register]);
      return ends.every((end) => end?.base === base) ? ends.map((end) => end!.offset - offset) : undefined;
    };
    return addToWalk(loop.walk, group, { at, steps }, this.#values);
  }

  /** The same for a test of alignment: the register may also step by multiples of 16 (packed on Node 24: 1.8 s → 1.2 s). */
  #placeTest(n: number, { value: { base, offset }, access }: MadeTest): void {
    for (const loop of this.#loopsOf(n)) {
      for (const [register, value] of this.#registersAt(loop, base)) {
        const steps = loop.latches.map((latch) => this.#known[latch].registers[register]);
        if (!steps.every((s) => s && isAligned([value], s))) continue;
        const from = offset - value.offset;
        const before = this.#before[loop.header];
        if (!before.some((b) => b.register === register && b.aligned && (b.from - from) % 16 === 0))
          before.push({ register, from, to: from, write: false, aligned: true });
        return;
      }
    }
    this.#tests.add(access);
  }

  /** Loops that pass a piece in every round, outer ones first: a check that others may not come to would be refused for nothing. */
  #loopsOf(n: number): LoopUse[] {
    if (!this.#share) return [];
    return this.#loops.filter((l) => l.body.has(n) && l.ends.every((end) => this.#dominates(n, end)));
  }

  /** Registers that hold something off this base where a loop is entered. */
  #registersAt({ header }: LoopUse, base: number): [number, Affine][] {
    const entered = this.#entered[header];
    const ids = this.#addresses.filter((id) => entered[id]!.base === base && this.#registers.holds(header, id));
    return ids.map((id) => [id, entered[id]!]);
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
  #enter(n: number): Knowledge & { readonly registers: (Affine | undefined)[] } {
    const registers: (Affine | undefined)[] = [];
    const { order, loopHeader } = this.#structure;
    // Nothing comes into a loop from its end that was not so at its start.
    const ways = this.#predecessors[n].filter((p) => order[p] < order[n]).map((p) => this.#known[p]);
    const [first, ...others] = ways;
    const loop = loopHeader[n] ? this.#loops.find((l) => l.header === n) : undefined;
    for (const id of this.#addresses) {
      const value = first?.registers[id];
      const kept = value && others.every((o) => same(o.registers[id], value)) && (!loop || this.#keeps(loop, id));
      registers[id] = kept ? value : this.#values.fresh();
    }
    const groups = others.reduce((groups, o) => intersect(groups, o.groups), first?.groups ?? []);
    const aligned = (first?.aligned ?? [ZERO]).filter((a) => others.every((o) => isAligned(o.aligned, a)));
    return { registers, groups, aligned };
  }

  #piece(n: number): Made {
    const { registers, groups: inherited, aligned: before } = this.#enter(n);
    this.#entered[n] = registers.slice();
    const fresh: MadeCheck[] = [];
    const tests: MadeTest[] = [];
    const aligned = [...before];
    const values = new Map<Node, Affine>();
    const state = new Map<number, number>();
    const access = (node: Node, bytes: number, write: boolean) => {
      const { base, offset: from } = this.#values.of(node.args[0], values);
      const to = from + bytes;
      // Nobody's stack is there. What of one page is allowed says nothing of another's place.
      if (this.#reachesFar && node.kind !== 'probe' && base !== registers[this.#stackPointer]!.base) {
        if (base !== ZERO.base || isFar(from)) {
          this.#far.add(node);
          return;
        }
      }
      if (!this.#share) {
        fresh.push({ group: { base, from, to, write, single: true }, first: node, offset: from });
        return;
      }
      const known = inherited.filter((g) => g.base === base);
      const own = fresh.filter(({ group: g }) => g.base === base);
      const group = { base, from, to, write, single: true };
      if (known.some((g) => covers(g, group)) || own.some(({ group: g }) => widen(g, group, SPAN))) return;
      // A check made before may see to this as well, if it is as likely to pass as it was: within one object, or in the stack's frame.
      const frame = base === registers[this.#stackPointer]!.base;
      const takes = (g: Group) => g.single && (g.write || !write || frame) && widen(g, group, frame ? SPAN : OBJECT);
      if (!known.some(takes)) fresh.push({ group, first: node, offset: from });
    };
    const align = (node: Node) => {
      const value = this.#values.of(node.args[0], values);
      if (this.#share && isAligned(aligned, value)) return;
      aligned.push(value);
      tests.push({ value, access: node });
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
            if (s.args[0].type === 'i64') registers[Number(s.imm)] = this.#values.of(s.args[0], values);
            break;
          case 'getstate': {
            // A field keeps its value until it is set or a helper runs.
            let base = state.get(Number(s.imm));
            if (base === undefined) {
              base = this.#values.fresh().base;
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
            if (s.kind !== 'probe' && s.imm !== 0) align(s);
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
    this.#known[n] = { registers, groups: [...inherited, ...fresh.map((f) => f.group)], aligned };
    return { checks: fresh, tests };
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

const ZERO: Affine = { base: 0, offset: 0 };

/** Is a value as far from a multiple of 16 as one of the known ones is? */
const isAligned = (known: readonly Affine[], { base, offset }: Affine): boolean =>
  known.some((k) => k.base === base && (k.offset - offset) % 16 === 0);

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
      const more = { base: x.base, from, to, write: x.write && y.write, single: false };
      if (!both.some((g) => covers(g, more))) both.push(more);
    }
  }
  return both;
}
