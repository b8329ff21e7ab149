/** A region's blocks as pieces: the meaning of straight code between branches, cut also where an instruction may leave early. Knows no wasm. */
import type { Without } from '../../base/optimisations.ts';
import type { Builder, Node } from '../../ir/builder.ts';
import type { Instruction, Isa, RegionBuilder } from '../../isa/isa.ts';
import type { Region, RegionBlock } from './region.ts';

/** The statements of one instruction. */
export interface Group {
  readonly instruction: Instruction;
  readonly statements: Node[];
}

/** A piece of a block between branches: a block has more than one only if it repeats itself (REP). */
export interface Piece {
  readonly block: RegionBlock;
  /** It is the block's first. */
  readonly begins: boolean;
  /** Statements by instruction; the last group belongs to the branch. */
  readonly groups: Group[];
  /** How it ends. */
  end: PieceEnd;
}

/** An edge to the block at a PC, or to a piece by index; `count`: how many of the piece's instructions are done when it is taken. */
export interface Edge {
  pc: number;
  count: number;
  piece?: number;
}

export type PieceEnd =
  | { kind: 'edge'; to: Edge }
  | { kind: 'branch'; condition: Node; taken: Edge; otherwise: Edge }
  | { kind: 'indirect'; target: Node; count: number; shared: boolean }
  | { kind: 'call'; target: Node; back: Edge }
  | { kind: 'stop'; code: number; pc: number; count: number }
  | { kind: 'table' };

export interface Pieces {
  /** The region is entered at piece 0, which only leads to the first block, and to others as its structure demands. */
  readonly pieces: readonly Piece[];
  /** Each piece's edges as indices of pieces; -1: out of the region. */
  readonly successors: number[][];
  /** Pieces at which the region may be entered, by ways of piece 0; the region's own entry first. */
  readonly entries: readonly number[];
  readonly instructions: number;
}

/** Build every block's meaning, entry first, and cut blocks at guards. */
export function makePieces(isa: Isa, region: Region, without: Without): Pieces {
  const plain = without.has('stack') || without.has('helpers');
  return (plain ? undefined : piecesOf(isa, region, without, false)) ?? piecesOf(isa, region, without, true)!;
}

/** Nothing where turned registers must be in the state block, and `plain` does not say that they are. */
function piecesOf(isa: Isa, region: Region, without: Without, plain: boolean): Pieces | undefined {
  const { blocks } = region;
  const predecessors = new Map<RegionBlock, RegionBlock[]>();
  for (const b of blocks) for (const s of b.successors) predecessors.set(s, [...(predecessors.get(s) ?? []), b]);
  const built = new Map<RegionBlock, { builder: RegionBuilder; groups: Group[] }>();
  let instructions = 0;
  const ready = (block: RegionBlock): { builder: RegionBuilder; groups: Group[] } => {
    let one = built.get(block);
    if (one) return one;
    const builder = isa.regionBuilder({ plain });
    one = { builder, groups: [] };
    built.set(block, one);
    // What is known about flags passes along the only way in, where turned registers are along any.
    const from = block === region.entry ? [] : (predecessors.get(block) ?? []);
    const before = from.find((p) => built.has(p) && !calls(p, block));
    if (!without.has('flags') && from.length === 1 && passesKnowledge(from[0], block))
      builder.inherit(ready(from[0]).builder);
    else if (before !== undefined) builder.follow(ready(before).builder);
    for (const instruction of block.instructions) {
      const start = builder.body.length;
      builder.append(instruction, block.source !== undefined);
      one.groups.push({ instruction, statements: builder.body.slice(start) });
      instructions++;
    }
    return one;
  };
  const reached = new Set([region.entry]);
  for (const block of reached) {
    ready(block);
    for (const to of block.successors) reached.add(to);
  }
  for (const block of blocks) ready(block);
  if ([...built.values()].some(({ builder }) => builder.needsPlain) && !plain) return undefined;
  // Ways to a block that differ in where turned registers are do not meet inside the region.
  for (const block of blocks) {
    const { builder } = ready(block);
    block.successors = block.successors.filter((to) =>
      ready(to).builder.follows(calls(block, to) ? undefined : builder),
    );
  }
  // What one of them cannot go to none can.
  const shared = blocks.filter((b) => b.shared);
  for (const block of shared)
    block.successors = block.successors.filter((to) => shared.every((b) => b.successors.includes(to)));
  // Pieces of one block follow each other.
  const pieces: Piece[] = [{ block: region.entry, begins: false, groups: [], end: { kind: 'table' } }];
  const pieceAt = new Map<RegionBlock, number>();
  for (const block of blocks) {
    pieceAt.set(block, pieces.length);
    const { builder, groups } = built.get(block)!;
    cut(block, builder, groups, pieces);
  }
  const table = [...new Set([region.entry, ...shared.flatMap((b) => b.successors)])];
  // From outside turned registers come as they are loaded.
  const entries = table.filter((to) => to === region.entry || ready(to).builder.follows(undefined));
  const index = (to: RegionBlock) => pieceAt.get(to)!;
  const successors = pieces.map((p, n) => (n === 0 ? table.map(index) : successorsOf(p, pieceAt)));
  return { pieces, successors, entries: entries.map(index), instructions };
}

/** Cut a block where instructions may leave early (guards): the next piece is the rest of the instruction, or the one after it. */
function cut(block: RegionBlock, b: Builder, groups: readonly Group[], pieces: Piece[]): void {
  let present: Group[] = [];
  let begins = true;
  const finish = (end: PieceEnd) => {
    pieces.push({ block, begins, groups: present, end });
    present = [];
    begins = false;
  };
  const nextPiece = () => pieces.length + 1;
  groups.forEach(({ instruction, statements }, i) => {
    const last = i === groups.length - 1;
    const early: Edge[] = [];
    let rest = statements;
    for (let g = rest.findIndex(isGuard); g >= 0; g = rest.findIndex(isGuard)) {
      present.push({ instruction, statements: rest.slice(0, g) });
      const count = present.length;
      const self = rest[g].imm === 1;
      const taken: Edge = { pc: self ? instruction.pc : last ? block.end : -1, count };
      if (taken.pc < 0) early.push(taken);
      finish({
        kind: 'branch',
        condition: rest[g].args[0],
        taken,
        otherwise: { pc: -1, piece: nextPiece(), count: count - 1 },
      });
      rest = rest.slice(g + 1);
    }
    present.push({ instruction, statements: rest });
    if (early.length > 0) {
      finish({ kind: 'edge', to: { pc: -1, piece: nextPiece(), count: present.length } });
      for (const e of early) e.piece = pieces.length;
    }
  });
  const t = b.terminator;
  if (t?.kind === 'jump' && t.hint === 'call' && t.target.kind !== 'const') {
    // What is known to be called there comes before the call in general.
    const { instruction } = groups[groups.length - 1];
    for (const { pc } of block.callees) {
      const count = present.length;
      finish({
        kind: 'branch',
        condition: b.eq(t.target, b.i64(pc)),
        taken: { pc, count },
        otherwise: { pc: -1, piece: nextPiece(), count: count - 1 },
      });
      present.push({ instruction, statements: [] });
    }
  }
  finish(endOf(block, b, present.length));
}

function endOf(block: RegionBlock, b: Builder, count: number): PieceEnd {
  const t = b.terminator;
  const onward: Edge = { pc: block.end, count };
  if (!t) return { kind: 'edge', to: onward };
  if (t.kind === 'stop') return { kind: 'stop', code: t.code, pc: block.end, count };
  if (t.kind === 'branch') {
    return { kind: 'branch', condition: t.condition, taken: { pc: Number(t.target.imm), count }, otherwise: onward };
  }
  const known = t.target.kind === 'const';
  if (t.hint === 'call' && !(known && block.callees.length > 0))
    return { kind: 'call', target: t.target, back: onward };
  if (known) return { kind: 'edge', to: { pc: Number(t.target.imm), count } };
  return { kind: 'indirect', target: t.target, count, shared: block.shared };
}

function successorsOf(p: Piece, pieceAt: ReadonlyMap<RegionBlock, number>): number[] {
  // Only edges the region was formed along: what is known about a block (flags) was derived from those.
  const index = (e: Edge) => {
    if (e.piece !== undefined) return e.piece;
    const to = p.block.successors.find((s) => s.pc === e.pc);
    return to ? pieceAt.get(to)! : -1;
  };
  if (p.end.kind === 'edge') return [index(p.end.to)];
  if (p.end.kind === 'call') return [index(p.end.back)];
  if (p.end.kind === 'indirect') return p.end.shared ? [0] : p.block.successors.map((s) => pieceAt.get(s)!);
  if (p.end.kind === 'branch') return [index(p.end.taken), index(p.end.otherwise)];
  return [];
}

/** Does a callee run outside the region between the block and its successor? */
function calls({ instructions, callees }: RegionBlock, to: RegionBlock): boolean {
  const { flow } = instructions[instructions.length - 1];
  return (flow === 'call' || flow === 'indirect-call') && !callees.includes(to);
}

/** What is known at a block's end holds in its successor, unless the block is left from its middle too (it repeats itself) or a callee runs in between. */
const passesKnowledge = (block: RegionBlock, to: RegionBlock): boolean =>
  !calls(block, to) && !block.instructions[block.instructions.length - 1].loops;

const isGuard = (n: Node): boolean => n.kind === 'guard';
