/** Lowering of a region: registers in wasm locals, guest memory checked inline, one common way out that writes everything back. */
import type { Builder, Node } from '../../ir/builder.ts';
import { ACCESS, type Access } from '../../ir/ops.ts';
import type { Instruction, Isa, RegionBuilder } from '../../isa/isa.ts';
import { READ, READ_WIDE, WRITE, WRITE_WIDE } from '../../memory/page-map.ts';
import { JUMP_CACHE, PAGE_MAP, PAGE_SHIFT, RUNTIME_SIZE } from '../../memory/runtime-area.ts';
import type { SiteKind, SiteList } from '../counters.ts';
import { EXIT_RESTART } from '../exits.ts';
import { Lowering, STATE } from '../lowering.ts';
import { jumpCacheSlot, pushSlot } from '../runtime-module.ts';
import { type Bytes, Func } from '../wasm/encoder.ts';
import { CheckPlanner, type Knowledge } from './checks.ts';
import type { Region, RegionBlock } from './region.ts';
import { type FlowGraph, type Structure, structure } from './structure.ts';

/** Parameter 1 of a region: how many guest calls are nested in wasm calls. */
const DEPTH = 1;
/** Deepest nesting: V8's stack holds about 1 MB, a region's frame up to 2 KB before optimisation. */
const CALL_DEPTH = 150;

/** A piece of a block between branches: a block has more than one only if it repeats itself (REP). */
interface Piece {
  readonly block: RegionBlock;
  /** Statements by instruction; the last group belongs to the branch. */
  readonly groups: { instruction: Instruction; statements: Node[] }[];
  /** How it ends. */
  end: PieceEnd;
}

/** An edge to the block at a PC, or to a piece by index; `count`: how many of the piece's instructions are done when it is taken. */
interface Edge {
  pc: number;
  count: number;
  piece?: number;
}

type PieceEnd =
  | { kind: 'edge'; to: Edge }
  | { kind: 'branch'; condition: Node; taken: Edge; otherwise: Edge }
  | { kind: 'indirect'; target: Node; count: number }
  | { kind: 'call'; target: Node; back: Edge }
  | { kind: 'stop'; code: number; pc: number; count: number };

export class RegionLowering extends Lowering {
  readonly #isa: Isa;
  readonly #regionType: number;
  readonly #imports: (name: string) => number;
  /** Counters of this module, under --stats. */
  readonly #sites: SiteList | undefined;
  /** Local of each register in use. */
  readonly #registers = new Map<number, number>();
  readonly #written = new Set<number>();
  /** Nodes of the present instruction that share a register's local. */
  #aliases: { id: number; node: Node }[] = [];
  readonly #pc: number;
  readonly #code: number;
  readonly #budget: number;
  #out = 0;
  /** PC of the present instruction, and instructions of the piece done before it. */
  #at = 0;
  #done = 0;
  readonly #pieces: Piece[] = [];
  readonly #pieceAt = new Map<number, number>();
  #graph!: FlowGraph;
  #structure!: Structure;
  readonly #labels = new Map<number, number>();
  readonly #checks = new CheckPlanner();
  /** For statistics: instructions translated, memory checks made and saved. */
  instructions = 0;
  checksMade = 0;
  checksRemoved = 0;
  /** Places where flags of a kind that is only known at run time are asked for. */
  flagsMade = 0;

  constructor(isa: Isa, regionType: number, imports: (name: string) => number, sites?: SiteList) {
    super(new Func(2));
    this.#isa = isa;
    this.#regionType = regionType;
    this.#imports = imports;
    this.#sites = sites;
    this.#pc = this.f.local('i64');
    this.#code = this.f.local('i32');
    this.#budget = this.f.local('i32');
  }

  // ---- the region as a whole

  lower(region: Region): Func {
    this.#build(region);
    this.#graph = { successors: this.#pieces.map((p) => this.#successors(p)) };
    this.#structure = structure(this.#graph);
    const { f } = this;
    this.#survey();
    this.#planChecks();
    this.#out = f.block();
    this.#tree(0);
    f.end();
    this.#epilogue();
    this.#loadState(f.prologue);
    return f;
  }

  /** Build every block's meaning, entry first, and cut blocks at guards. */
  #build(region: Region): void {
    const order = [region.entry, ...[...region.blocks.keys()].filter((pc) => pc !== region.entry)];
    const predecessors = new Map<number, number[]>();
    for (const b of region.blocks.values())
      for (const s of b.successors) predecessors.set(s, [...(predecessors.get(s) ?? []), b.pc]);
    const builders = new Map<number, RegionBuilder>();
    const ready = (pc: number): RegionBuilder => {
      let b = builders.get(pc);
      if (!b) {
        b = this.#isa.regionBuilder();
        builders.set(pc, b);
        // What is known about flags passes along the only way in.
        const from = predecessors.get(pc) ?? [];
        if (pc !== region.entry && from.length === 1 && passesKnowledge(region.blocks.get(from[0])!))
          b.inherit(ready(from[0]));
        this.#append(region.blocks.get(pc)!, b);
      }
      return b;
    };
    for (const pc of order) ready(pc);
    // The entry must be piece 0; pieces of one block follow each other.
    for (const pc of order) this.#cut(region.blocks.get(pc)!, builders.get(pc)!);
  }

  readonly #groups = new Map<number, { instruction: Instruction; statements: Node[] }[]>();

  #append(block: RegionBlock, b: RegionBuilder): void {
    const groups: { instruction: Instruction; statements: Node[] }[] = [];
    for (const instruction of block.instructions) {
      const start = b.body.length;
      b.append(instruction);
      groups.push({ instruction, statements: b.body.slice(start) });
      this.instructions++;
    }
    this.#groups.set(block.pc, groups);
  }

  /** Cut a block where instructions may leave early (guards): the next piece is the rest of the instruction, or the one after it. */
  #cut(block: RegionBlock, b: Builder): void {
    const groups = this.#groups.get(block.pc)!;
    this.#pieceAt.set(block.pc, this.#pieces.length);
    let present: Piece['groups'] = [];
    const finish = (end: PieceEnd) => {
      this.#pieces.push({ block, groups: present, end });
      present = [];
    };
    const nextPiece = () => this.#pieces.length + 1;
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
        for (const e of early) e.piece = this.#pieces.length;
      }
    });
    finish(this.#endOf(block, b, present.length));
  }

  #endOf(block: RegionBlock, b: Builder, count: number): PieceEnd {
    const t = b.terminator;
    const onward: Edge = { pc: block.end, count };
    if (!t) return { kind: 'edge', to: onward };
    if (t.kind === 'stop') return { kind: 'stop', code: t.code, pc: block.end, count };
    if (t.kind === 'branch') {
      return { kind: 'branch', condition: t.condition, taken: { pc: Number(t.target.imm), count }, otherwise: onward };
    }
    if (t.hint === 'call') return { kind: 'call', target: t.target, back: onward };
    if (t.target.kind === 'const') return { kind: 'edge', to: { pc: Number(t.target.imm), count } };
    return { kind: 'indirect', target: t.target, count };
  }

  #successors(p: Piece): number[] {
    // Only edges the region was formed along: what is known about a block (flags) was derived from those.
    const index = (e: Edge) => e.piece ?? (p.block.successors.includes(e.pc) ? this.#pieceAt.get(e.pc)! : -1);
    if (p.end.kind === 'edge') return [index(p.end.to)];
    if (p.end.kind === 'call') return [index(p.end.back)];
    if (p.end.kind === 'indirect') return indirectTargets(p).map((pc) => this.#pieceAt.get(pc)!);
    if (p.end.kind === 'branch') return [index(p.end.taken), index(p.end.otherwise)];
    return [];
  }

  // ---- structured control flow

  #tree(n: number): void {
    const { f } = this;
    const header = this.#structure.loopHeader[n];
    if (header) this.#labels.set(n, f.loop());
    this.#within(n, this.#structure.mergeChildren[n]);
    if (header) f.end();
  }

  /** The node inside the blocks whose ends are its merge points. */
  #within(n: number, merges: readonly number[]): void {
    if (merges.length === 0) {
      this.#piece(n);
      return;
    }
    const [outer, ...inner] = merges;
    const { f } = this;
    this.#labels.set(-1 - outer, f.block());
    this.#within(n, inner);
    f.end();
    this.#tree(outer);
  }

  #piece(n: number): void {
    const { f } = this;
    const piece = this.#pieces[n];
    this.#done = 0;
    piece.groups.forEach((g, i) => {
      this.#at = g.instruction.pc;
      this.#done = i;
      for (const s of g.statements) this.statement(s);
      if (i < piece.groups.length - 1) this.#endInstruction();
    });
    const { end } = piece;
    const [first, second] = this.#graph.successors[n];
    switch (end.kind) {
      case 'edge':
        this.#endInstruction();
        this.#edge(n, first, end.to);
        return;
      case 'branch':
        this.value(end.condition);
        this.#endInstruction();
        f.if();
        this.#edge(n, first, end.taken);
        f.else();
        this.#edge(n, second, end.otherwise);
        f.end();
        return;
      case 'indirect':
        this.value(end.target);
        f.set(this.#pc);
        this.#endInstruction();
        this.#spend(end.count);
        this.#choose(n, indirectTargets(piece));
        return;
      case 'call':
        this.#call(n, first, end.target, end.back);
        return;
      case 'stop':
        this.#endInstruction();
        this.#leaveFor(end.pc, end.code, end.count);
        return;
    }
  }

  /** Find the PC among the targets seen before (sorted), by halving; leave the region for any other. */
  #choose(n: number, targets: readonly number[], first = 0): void {
    const { f } = this;
    if (targets.length === 0) {
      f.br(this.#out);
      return;
    }
    const middle = targets.length >> 1;
    f.get(this.#pc);
    f.i64(targets[middle]);
    if (targets.length === 1) f.byte(0x51);
    else f.byte(0x54);
    f.if();
    if (targets.length === 1) {
      this.#count('inline-cache', this.#at);
      this.#edge(n, this.#graph.successors[n][first], { pc: targets[0], count: 0 });
      f.else();
      this.#count('leave', 0);
      f.br(this.#out);
    } else {
      this.#choose(n, targets.slice(0, middle), first);
      f.else();
      this.#choose(n, targets.slice(middle), first + middle);
    }
    f.end();
  }

  /**
   * A guest call as a wasm call: the callee's region, if it has one, runs nested and comes back with PC at the return address.
   * If it comes back elsewhere, a nested dispatch loop carries on until it is reached or the stack is unwound beyond it.
   */
  #call(n: number, next: number, target: Node, back: Edge): void {
    const { f } = this;
    const known = target.kind === 'const' ? Number(target.imm) : undefined;
    if (known === undefined) {
      this.value(target);
      f.set(this.#pc);
    }
    this.#endInstruction();
    this.#spend(back.count);
    if (known !== undefined) {
      f.i64(known);
      f.set(this.#pc);
    }
    if (next < 0) {
      f.br(this.#out);
      return;
    }
    // Not nested: too deep, no region for the target.
    f.get(DEPTH);
    f.i32(CALL_DEPTH);
    f.byte(0x4a);
    f.brIf(this.#out);
    const slot = f.temp('i32');
    if (known === undefined) pushSlot(f, this.#pc);
    else f.i32(jumpCacheSlot(known) - JUMP_CACHE);
    f.tee(slot);
    f.mem(ACCESS.i64.load, JUMP_CACHE);
    f.get(this.#pc);
    f.i64(1);
    f.byte(0x7c);
    f.byte(0x52);
    f.brIf(this.#out);
    f.get(slot);
    f.mem(ACCESS.i32.load, JUMP_CACHE + 12);
    f.tee(slot);
    f.byte(0x45);
    f.brIf(this.#out);
    this.#count(known === undefined ? 'indirect-call' : 'direct', this.#at);
    this.#saveState();
    const stack = f.temp('i64');
    const sp = this.#isa.registers[this.#isa.stackPointer];
    f.get(this.getRegister(this.#isa.stackPointer));
    f.i64(8);
    f.byte(0x7c);
    f.set(stack);
    const failed = f.block();
    const landed = f.block();
    f.get(STATE);
    f.get(DEPTH);
    f.i32(1);
    f.byte(0x6a);
    f.get(slot);
    f.callIndirect(this.#regionType);
    f.tee(this.#code);
    f.brIf(failed);
    const here = () => {
      f.get(STATE);
      f.mem(ACCESS.i64.load, this.#isa.pcOffset);
      f.i64(back.pc);
      f.byte(0x51);
      f.get(STATE);
      f.mem(ACCESS.i64.load, sp.offset);
      f.get(stack);
      f.byte(0x51);
      f.byte(0x71);
      f.brIf(landed);
    };
    here();
    this.#count('return-miss', this.#at);
    f.get(STATE);
    f.get(DEPTH);
    f.i32(1);
    f.byte(0x6a);
    f.i64(back.pc);
    f.get(stack);
    f.call(this.#imports('dispatch'));
    f.tee(this.#code);
    f.brIf(failed);
    here();
    f.br(failed);
    f.end();
    this.#count('return', this.#at);
    this.#loadState(f);
    f.release('i32', slot);
    f.release('i64', stack);
    this.#edge(n, next, { pc: back.pc, count: 0 });
    f.end();
    // The state block is complete as it is: nothing of ours to write back.
    f.get(this.#code);
    f.return();
  }

  #endInstruction(): void {
    this.#aliases = [];
    this.releaseTemps();
  }

  #edge(from: number, to: number, edge: Edge): void {
    const { f } = this;
    if (to < 0) {
      this.#leaveFor(edge.pc, 0, edge.count);
      return;
    }
    this.#spend(edge.count);
    const { order, merge } = this.#structure;
    if (order[to] <= order[from]) {
      // Round the loop again while the slice lasts.
      f.get(this.#budget);
      f.i32(0);
      f.byte(0x4a);
      f.brIf(this.#labels.get(to)!);
      this.#leaveFor(this.#pieces[to].block.pc, 0, 0);
    } else if (merge[to]) f.br(this.#labels.get(-1 - to)!);
    else this.#tree(to);
  }

  #spend(count: number): void {
    if (count === 0) return;
    const { f } = this;
    f.get(this.#budget);
    f.i32(count);
    f.byte(0x6b);
    f.set(this.#budget);
  }

  /** Leave the region: PC known, exit code, instructions done in this piece. */
  #leaveFor(pc: number, code: number, count: number): void {
    const { f } = this;
    this.#count(code === 0 ? 'leave' : code === EXIT_RESTART ? 'restart' : 'stop', pc);
    this.#spend(count);
    f.i64(pc);
    f.set(this.#pc);
    if (code !== 0) {
      f.i32(code);
      f.set(this.#code);
    }
    f.br(this.#out);
  }

  /** Under --stats, count that this place is passed. */
  #count(kind: SiteKind, pc: number): void {
    if (this.#sites) this.f.count(this.#sites.global(kind, pc));
  }

  #save(local: number, access: Access, offset: number): void {
    this.f.get(STATE);
    this.f.get(local);
    this.f.mem(ACCESS[access].store, offset);
  }
  /** Write back everything this region may have changed. */
  #saveState(): void {
    this.#save(this.#budget, 'i32', this.#isa.budgetOffset);
    for (const id of this.#written) {
      const r = this.#isa.registers[id];
      this.#save(this.#registers.get(id)!, r.type, r.offset);
    }
  }
  #loadState(into: Bytes): void {
    const load = (access: Access, offset: number, local: number) => {
      into.bytes([0x20, STATE, ...ACCESS[access].load, 0]);
      into.u32(offset);
      into.byte(0x21);
      into.u32(local);
    };
    load('i32', this.#isa.budgetOffset, this.#budget);
    for (const [id, local] of this.#registers) {
      const r = this.#isa.registers[id];
      load(r.type, r.offset, local);
    }
  }
  #epilogue(): void {
    const { f } = this;
    this.#save(this.#pc, 'i64', this.#isa.pcOffset);
    this.#saveState();
    // The exit field only matters for a code that is not 0.
    this.#save(this.#code, 'i32', this.#isa.exitOffset);
    f.get(this.#code);
  }

  /** Plan the memory checks, each piece after its only predecessor where it has just one. */
  #planChecks(): void {
    const { order } = this.#structure;
    const count = this.#pieces.length;
    const from = new Int32Array(count).fill(-1);
    const many = new Uint8Array(count);
    many[0] = 1;
    this.#graph.successors.forEach((list, n) => {
      if (order[n] < 0) return;
      for (const to of list) {
        if (to < 0) continue;
        // A callee may have changed anything.
        if (from[to] >= 0 || this.#pieces[n].end.kind === 'call') many[to] = 1;
        from[to] = n;
      }
    });
    const inOrder = [...order.keys()].filter((n) => order[n] >= 0).sort((a, b) => order[a] - order[b]);
    const known = new Map<number, Knowledge>();
    for (const n of inOrder) {
      const before = many[n] ? undefined : known.get(from[n]);
      const statements = this.#pieces[n].groups.flatMap((g) => g.statements);
      known.set(n, this.#checks.piece(statements, before));
    }
  }

  /** Which registers the region touches must be known before the first call in it. */
  #survey(): void {
    for (const piece of this.#pieces) {
      for (const group of piece.groups) {
        for (const s of group.statements) {
          if (s.kind === 'getreg' || s.kind === 'setreg') this.getRegister(Number(s.imm));
          if (s.kind === 'setreg') this.#written.add(Number(s.imm));
        }
      }
      if (piece.end.kind === 'call') this.getRegister(this.#isa.stackPointer);
    }
  }

  // ---- what Lowering asks for

  protected functionIndex(name: string): number {
    if (this.#isa.functions[name]?.switch) {
      this.flagsMade++;
      this.#count('flags', this.#at);
    }
    return this.#imports(name);
  }
  protected getRegister(id: number): number {
    let local = this.#registers.get(id);
    if (local === undefined) {
      local = this.f.local(this.#isa.registers[id].type);
      this.#registers.set(id, local);
    }
    return local;
  }
  protected override aliased(id: number, node: Node): void {
    this.#aliases.push({ id, node });
  }
  protected setRegister(id: number, value: () => void): void {
    const local = this.getRegister(id);
    value();
    for (const a of this.#aliases) if (a.id === id && a.node.alias && a.node.uses > 0) this.unalias(a.node);
    this.f.set(local);
  }

  /**
   * Make an access's planned check, if it has one: falls through when allowed, leaves the region for the interpreter otherwise.
   * A short range is answered by its page's wide bits; at the end of a mapping the distance to the end counts. A long one looks at both its pages.
   */
  #check(n: Node, address: number): void {
    const check = this.#checks.checkOf(n);
    if (!check) {
      this.checksRemoved++;
      return;
    }
    this.checksMade++;
    const { f } = this;
    const { from, to, read, write } = check;
    const bytes = to - from;
    let start = address;
    if (from !== 0) {
      start = f.temp('i64');
      f.get(address);
      f.i64(from);
      f.byte(0x7c);
      f.set(start);
    }
    const narrow = (read ? READ : 0) | (write ? WRITE : 0);
    const wide = (read ? READ_WIDE : 0) | (write ? WRITE_WIDE : 0);
    const both = read && write;
    /** Push the page byte's bits in question, so that 0 means allowed (two bits) or refused (one bit). */
    const bits = (mask: number, distance = 0) => {
      f.get(start);
      f.byte(0xa7);
      if (distance) {
        f.i32(distance);
        f.byte(0x6a);
      }
      f.i32(PAGE_SHIFT);
      f.byte(0x76);
      f.mem([0x2d], PAGE_MAP);
      f.i32(mask);
      f.byte(0x71);
      if (both) {
        f.i32(mask);
        f.byte(0x73);
      }
    };
    const ifAllowed = (label: number) => {
      if (both) f.byte(0x45);
      f.brIf(label);
    };
    const ifRefused = (label: number) => {
      if (!both) f.byte(0x45);
      f.brIf(label);
    };
    const ok = f.block();
    const slow = f.block();
    f.get(start);
    f.i64(32);
    f.byte(0x88);
    f.byte(0xa7);
    f.brIf(slow);
    if (bytes > 64) {
      bits(narrow);
      ifRefused(slow);
      bits(narrow, bytes - 1);
      ifAllowed(ok);
    } else {
      bits(bytes === 1 ? narrow : wide);
      ifAllowed(ok);
      if (bytes > 1) {
        bits(narrow);
        ifRefused(slow);
        f.get(start);
        f.byte(0xa7);
        f.i32(4095);
        f.byte(0x71);
        f.i32(4096 - bytes);
        f.byte(0x4d);
        f.brIf(ok);
      }
    }
    f.end();
    this.#leaveFor(this.#at, EXIT_RESTART, this.#done);
    f.end();
    if (from !== 0) f.release('i64', start);
  }
  #offset(address: number): void {
    this.f.get(address);
    this.f.byte(0xa7);
  }
  protected load(n: Node, address: number): void {
    this.#check(n, address);
    this.#offset(address);
    this.f.mem(ACCESS[n.access!].load, RUNTIME_SIZE);
  }
  protected store(n: Node, address: number, value: () => void): void {
    this.#check(n, address);
    this.#offset(address);
    value();
    this.f.mem(ACCESS[n.access!].store, RUNTIME_SIZE);
  }
  protected probe(n: Node, address: number): void {
    this.#check(n, address);
  }
  protected leave(code: number): void {
    this.#leaveFor(this.#at, code, this.#done);
  }
}

/** What is known at a block's end holds in its successor, unless the block is left from its middle too (it repeats itself) or a callee runs in between. */
function passesKnowledge(block: RegionBlock): boolean {
  const { loops, flow } = block.instructions[block.instructions.length - 1];
  return !loops && flow !== 'call' && flow !== 'indirect-call';
}

const isGuard = (n: Node): boolean => n.kind === 'guard';

/** Block PCs an indirect jump may reach inside the region, ascending. */
const indirectTargets = (p: Piece): number[] => [...p.block.successors].sort((a, b) => a - b);
