/**
 * Which registers a region must load, write back and load again after a guest call. Data flow over pieces: a register is dirty where its local may hold
 * what the state block does not, and wanted where its local may be read, or written back by a way out. The stack pointer
 * travels by value and is never any of it. Decides; the lowering emits.
 */
import type { Node } from '../../ir/builder.ts';
import type { Isa } from '../../isa/isa.ts';
import type { Piece } from './pieces.ts';
import type { Structure } from './structure.ts';

/** Different sets of registers that a region's ways out write back; each set is code of its own at the region's end. */
const MOST_OUTS = 8;

export interface RegisterPlan {
  /** Registers to load at the entry. */
  readonly entry: readonly number[];
  /** Does a register's local hold its value at a piece's start? */
  holds(piece: number, register: number): boolean;
  /** For each piece, registers to write back before its call. */
  readonly saved: readonly (readonly number[])[];
  /** For each piece, registers to load after its call. */
  readonly reloaded: readonly (readonly number[])[];
  /** What ways out write back, and for each piece which of them its own take. */
  readonly outs: readonly (readonly number[])[];
  readonly outOf: readonly number[];
}

/** Sets of register ids, as bits of words. */
class Sets {
  readonly #words: number;
  readonly #bits: Int32Array;

  constructor(count: number, registers: number) {
    this.#words = (registers + 31) >> 5;
    this.#bits = new Int32Array(count * this.#words);
  }
  has(set: number, id: number): boolean {
    return ((this.#bits[set * this.#words + (id >> 5)] >> (id & 31)) & 1) === 1;
  }
  add(set: number, id: number): void {
    this.#bits[set * this.#words + (id >> 5)] |= 1 << (id & 31);
  }
  /** set ∪= other of `from`, without what `except` holds; tells whether the set grew. */
  join(set: number, from: Sets, other: number, except?: Sets, exceptSet = 0): boolean {
    let grew = false;
    for (let w = 0; w < this.#words; w++) {
      let more = from.#bits[other * this.#words + w];
      if (except) more &= ~except.#bits[exceptSet * this.#words + w];
      const at = set * this.#words + w;
      if ((more & ~this.#bits[at]) === 0) continue;
      this.#bits[at] |= more;
      grew = true;
    }
    return grew;
  }
  /** How many members of one set another lacks. */
  missing(set: number, of: number): number {
    let n = 0;
    for (let w = 0; w < this.#words; w++) {
      let bits = this.#bits[set * this.#words + w] & ~this.#bits[of * this.#words + w];
      for (; bits !== 0; bits &= bits - 1) n++;
    }
    return n;
  }
  list(set: number): number[] {
    const ids: number[] = [];
    for (let w = 0; w < this.#words; w++) {
      for (let bits = this.#bits[set * this.#words + w]; bits !== 0; bits &= bits - 1) {
        ids.push(w * 32 + 31 - Math.clz32(bits & -bits));
      }
    }
    return ids;
  }
}

const reads = (s: Node): boolean => s.kind === 'getreg' || s.kind === 'getlow';
const writes = (s: Node): boolean => s.kind === 'setreg' || s.kind === 'setlow';

/** Statements that may leave the region before their instruction. */
export const mayLeave = (s: Node): boolean =>
  s.kind === 'load' || s.kind === 'store' || s.kind === 'probe' || s.kind === 'stopif';

/** Is the region left before a piece's first instruction? Checks before a loop leave as from its start, so does code that is no longer what it was. */
export const leavesAtStart = ({ begins, block }: Piece, loopHeader: boolean): boolean =>
  loopHeader || (begins && block.source !== undefined);

/** The plain plan: every register that the region uses is loaded at its entry and after calls, and written back by every way out. */
export function allRegisters(pieces: readonly Piece[], { stackPointer }: Isa): RegisterPlan {
  const used = new Set<number>();
  for (const { groups } of pieces)
    for (const { statements } of groups) for (const s of statements) if (reads(s) || writes(s)) used.add(Number(s.imm));
  used.delete(stackPointer);
  const all = [...used];
  const each = pieces.map(() => all);
  return { entry: all, holds: () => true, saved: each, reloaded: each, outs: [all], outOf: pieces.map(() => 0) };
}

export function planRegisters(
  pieces: readonly Piece[],
  successors: readonly (readonly number[])[],
  { order, loopHeader }: Structure,
  { registers, stackPointer }: Isa,
): RegisterPlan {
  const count = pieces.length;
  const inOrder = [...order.keys()].filter((n) => order[n] >= 0).sort((a, b) => order[a] - order[b]);
  const written = new Sets(count, registers.length);
  for (const n of inOrder)
    for (const g of pieces[n].groups) for (const s of g.statements) if (writes(s)) written.add(n, Number(s.imm));

  // Forward: dirty at a piece's start; `dirty` becomes what may be dirty anywhere in it.
  const dirty = new Sets(count, registers.length);
  for (const n of inOrder) dirty.join(n, written, n);
  for (let changed = true; changed; ) {
    changed = false;
    for (const n of inOrder) {
      if (pieces[n].end.kind === 'call') continue;
      for (const to of successors[n]) if (to >= 0 && dirty.join(to, dirty, n)) changed = true;
    }
  }
  const saved = pieces.map((p, n) =>
    order[n] >= 0 && p.end.kind === 'call' ? dirty.list(n).filter((id) => id !== stackPointer) : [],
  );

  // Few ways out: a set too many joins the one it adds least to. Writing back what is not dirty changes nothing.
  const outs: number[] = [];
  const outOf = new Array<number>(count).fill(0);
  for (const n of inOrder) {
    if (pieces[n].end.kind === 'table' && !loopHeader[n]) continue;
    let best = -1;
    let least = Number.POSITIVE_INFINITY;
    outs.forEach((representative, i) => {
      const cost = dirty.missing(n, representative) + dirty.missing(representative, n);
      if (cost < least) [best, least] = [i, cost];
    });
    if (least > 0 && outs.length < MOST_OUTS) best = outs.push(n) - 1;
    else dirty.join(outs[best], dirty, n);
    outOf[n] = best;
  }

  // Backward: wanted at a piece's start.
  const wanted = new Sets(count, registers.length);
  for (const n of inOrder) {
    if (pieces[n].end.kind === 'table' && !loopHeader[n]) continue;
    const done = new Set<number>();
    const way = dirty.list(outs[outOf[n]]);
    let left = false;
    const leave = () => {
      if (left) return;
      left = true;
      for (const id of way) if (!done.has(id)) wanted.add(n, id);
    };
    if (leavesAtStart(pieces[n], loopHeader[n])) leave();
    for (const g of pieces[n].groups) {
      for (const s of g.statements) {
        if (reads(s) && s.uses > 0 && !done.has(Number(s.imm))) wanted.add(n, Number(s.imm));
        else if (s.kind === 'setlow' && !done.has(Number(s.imm))) wanted.add(n, Number(s.imm));
        else if (s.kind === 'setreg') done.add(Number(s.imm));
        else if (mayLeave(s)) leave();
      }
    }
    const { end } = pieces[n];
    // Round a loop again only while the slice lasts; a call may not be nested.
    if (end.kind === 'table') continue;
    if (end.kind !== 'edge' || successors[n].some((to) => to < 0 || order[to] <= order[n])) leave();
  }
  for (let changed = true; changed; ) {
    changed = false;
    for (let i = inOrder.length - 1; i >= 0; i--) {
      const n = inOrder[i];
      // After a call everything is loaded anew.
      if (pieces[n].end.kind === 'call') continue;
      for (const to of successors[n]) if (to >= 0 && wanted.join(n, wanted, to, written, n)) changed = true;
    }
  }
  const list = (sets: Sets, n: number) => sets.list(n).filter((id) => id !== stackPointer);
  return {
    entry: list(wanted, 0),
    holds: (piece, register) => register === stackPointer || wanted.has(piece, register),
    saved,
    reloaded: pieces.map((p, n) => {
      const to = p.end.kind === 'call' ? successors[n][0] : -1;
      return to >= 0 && order[n] >= 0 ? list(wanted, to) : [];
    }),
    outs: outs.map((n) => list(dirty, n)),
    outOf,
  };
}
