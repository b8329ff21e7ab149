/** Lowering of a region: its pieces as structured control flow, guest calls as wasm calls, one common way out that writes everything back. */
import type { Without } from '../../base/optimisations.ts';
import type { Node } from '../../ir/builder.ts';
import { ACCESS } from '../../ir/ops.ts';
import type { Isa } from '../../isa/isa.ts';
import { JUMP_CACHE } from '../../memory/runtime-area.ts';
import type { SiteList } from '../counters.ts';
import { EXIT_STALE } from '../exits.ts';
import { jumpCacheSlot, pushSlot } from '../jump-cache.ts';
import { STATE, type Temps } from '../lowering.ts';
import { emitDifference } from '../open-code.ts';
import { REGION_PC } from '../signatures.ts';
import type { Func } from '../wasm/encoder.ts';
import { WRAP } from '../wasm/opcodes.ts';
import { CheckPlan } from './checks.ts';
import { dropDeadRegisters } from './dead-registers.ts';
import { NO_TABLE, type PcTable, pcTable } from './pc-table.ts';
import { type Edge, makePieces, type Piece } from './pieces.ts';
import type { Region, RegionBlock } from './region.ts';
import { BUDGET, DEPTH, RegionCode, SP } from './region-code.ts';
import { allRegisters, planRegisters, type RegisterPlan } from './registers.ts';
import { type FlowGraph, type Structure, structure } from './structure.ts';
import { isTurned } from './turned-registers.ts';
import { emitWalk } from './walk-lowering.ts';
import type { Walk } from './walks.ts';

/** Deepest nesting: V8's stack holds about 1 MB, a region's frame up to 2 KB before optimisation. */
const CALL_DEPTH = 150;

/** A jump to one of many: an interpreter's, or a switch. */
const isSwitch = ({ end, block }: Piece): boolean => end.kind === 'indirect' && block.successors.length > 2;

export class RegionLowering extends RegionCode {
  /** Which way from piece 0 comes next: a place of the table by PC, or behind those one of its successors. */
  readonly #choice: number;
  /** Pieces that jumps to one of many go to by way of piece 0, and where their PCs are in its table. */
  #shared: readonly number[] = [];
  #byPc: PcTable = NO_TABLE;
  /** Labels of the ways out. */
  #outs: number[] = [];
  #pieces: readonly Piece[] = [];
  #plan!: RegisterPlan;
  #graph!: FlowGraph;
  /** The graph's edges before some were led through piece 0. */
  #targets: readonly (readonly number[])[] = [];
  #structure!: Structure;
  readonly #labels = new Map<number, number>();
  /** Labels of walks' starts, where they make their checks. */
  readonly #walks = new Map<number, number>();
  /** PCs at which the region may be entered, its own first. */
  entries: readonly number[] = [];
  /** Locals that a piece takes over from the one before, because an instruction goes on there. */
  readonly #kept = new Map<number, Temps>();

  /** Accesses look for memory outside the window. */
  readonly #reachesFar: boolean;

  constructor(
    isa: Isa,
    regionType: number,
    imports: (name: string) => number,
    without: Without,
    reachesFar: boolean,
    sites?: SiteList,
  ) {
    super(isa, regionType, imports, without, sites);
    this.#reachesFar = reachesFar;
    this.#choice = this.f.local('i32');
  }

  // ---- the region as a whole

  lower(region: Region): Func {
    const without = this.without;
    const { pieces, successors, entries, instructions } = makePieces(this.isa, region, without);
    this.#pieces = pieces;
    this.entries = entries.map((n) => pieces[n].block.pc);
    this.turns = pieces.some((p) => p.groups.some((g) => g.statements.some((s) => isTurned(this.isa, s))));
    this.instructions = instructions;
    this.#graph = { successors };
    this.#targets = successors.map((list) => [...list]);
    this.#structure = structure(this.#graph, !without.has('tables') && pieces.some(isSwitch));
    this.#shared = this.#sharedTargets();
    if (this.#shared.length > 0) this.#byPc = pcTable(this.#shared.map((to) => pieces[to].block.pc));
    if (!without.has('dead')) dropDeadRegisters(pieces, successors, this.#structure, this.isa.registers.length);
    this.#plan = without.has('registers')
      ? allRegisters(pieces, this.isa)
      : planRegisters(pieces, successors, this.#structure, this.isa);
    this.checks = new CheckPlan(pieces, successors, this.#structure, this.#plan, this.isa, without, this.#reachesFar);
    const { f } = this;
    // The last way out is for code behind a call, where the state block is complete.
    this.#outs = [f.block(), ...this.#plan.outs.map(() => f.block())].reverse();
    if (this.entries.length > 1) this.#enter();
    this.#tree(0);
    for (const registers of this.#plan.outs) {
      f.end();
      this.save(registers);
      f.br(this.#outs[this.#outs.length - 1]);
    }
    f.end();
    this.wayOut();
    this.loadRegisters(f.prologue, this.#plan.entry);
    return f;
  }

  /** Entered at several places: PC says at which. */
  #enter(): void {
    const { f } = this;
    f.get(STATE);
    f.mem(ACCESS.i64.load, this.isa.pcOffset);
    f.set(this.pc);
    this.#pushSuccessor(0);
    this.#pushPlace();
    f.get(this.pc);
    f.i64(this.entries[0]);
    f.byte(0x51);
    f.byte(0x1b); // select
    f.set(this.#choice);
  }

  // ---- structured control flow

  #tree(n: number): void {
    const { f } = this;
    const { out } = this;
    const header = this.#structure.loopHeader[n];
    const walk = this.checks.walkFrom(n);
    if (header) {
      this.#checkBefore(n);
      if (walk) this.#beginWalk(n, walk);
      this.#labels.set(n, f.loop());
    }
    this.#within(n, this.#structure.mergeChildren[n]);
    if (header) f.end();
    if (walk) f.end();
    this.out = out;
  }

  /** Make the checks of a loop that it need not make in every round; what they refuse the interpreter begins. */
  #checkBefore(header: number): void {
    this.out = this.#outs[this.#plan.outOf[header]];
    this.holds = false;
    this.at = this.#pieces[header].block.pc;
    this.done = 0;
    for (const check of this.checks.before(header)) {
      this.checksMade++;
      this.emitCheck(check, this.getRegister(check.register));
    }
  }

  /** The start of a walk, where its rounds come back to when the budget has run out; the ways out are those of the checks before it. */
  #beginWalk(header: number, walk: Walk): void {
    const { f, held } = this;
    f.i32(0);
    f.set(held);
    this.#walks.set(header, f.loop());
    this.giveBack();
    f.get(BUDGET);
    f.i32(0);
    f.byte(0x4c); // le_s
    f.if();
    this.leaveFor(this.at, 0, 0);
    f.end();
    this.checksMade += walk.checks.length;
    emitWalk(f, walk, {
      budget: BUDGET,
      held,
      register: (id) => this.getRegister(id),
      check: (check, address) => this.emitCheck(check, address),
    });
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
    this.takeOverTemps(this.#kept.get(n) ?? []);
    this.out = this.#outs[this.#plan.outOf[n]];
    this.holds = this.checks.walkAround(n) !== undefined;
    this.done = 0;
    if (piece.begins) this.#compare(piece.block);
    piece.groups.forEach((g, i) => {
      this.at = g.instruction.pc;
      this.done = i;
      for (const s of g.statements) this.statement(s);
      if (i < piece.groups.length - 1) this.endInstruction();
    });
    this.mergeLows();
    const { end } = piece;
    switch (end.kind) {
      case 'table':
        this.#table(n);
        return;
      case 'edge':
        this.endInstruction();
        this.#edge(n, 0, end.to);
        return;
      case 'branch':
        this.value(end.condition);
        // The rest of an instruction may use what it has computed so far.
        if (end.otherwise.piece !== undefined) this.#kept.set(end.otherwise.piece, this.handOverTemps());
        this.endInstruction();
        f.if();
        this.#edge(n, 0, end.taken);
        f.else();
        this.#edge(n, 1, end.otherwise);
        f.end();
        return;
      case 'indirect':
        this.value(end.target);
        f.set(this.pc);
        this.endInstruction();
        this.spend(end.count);
        if (end.shared) {
          this.#toTable();
          return;
        }
        this.#choose(
          n,
          piece.block.successors.map((b) => b.pc),
        );
        return;
      case 'call':
        this.#call(n, end.target, end.back);
        return;
      case 'stop':
        this.endInstruction();
        this.leaveFor(end.pc, end.code, end.count);
        return;
    }
  }

  /** Leave for another translation if the block's bytes are no longer what they were. */
  #compare({ pc, instructions, source }: RegionBlock): void {
    if (!source) return;
    const { f } = this;
    emitDifference(f, instructions, source);
    f.i64(0);
    f.byte(0x52); // ne
    f.if();
    this.leaveFor(pc, this.entries.includes(pc) ? EXIT_STALE : 0, 0);
    f.end();
  }

  /** Go on where the choice says: for a PC, at the one of its place that has it; another leaves the region. */
  #table(n: number): void {
    const { f } = this;
    const targets = this.#graph.successors[n];
    const labels = targets.map(() => f.block()).reverse();
    const { places } = this.#byPc;
    const used = places.filter((place) => place.length > 0);
    const other = places.length > 0 ? f.block() : labels[0];
    const labelOf = new Map(used.map((place) => [place, f.block()] as const));
    if (targets.length > 1 || places.length > 0) {
      f.get(this.#choice);
      f.brTable([...places.map((place) => labelOf.get(place) ?? other), ...labels], other);
    }
    for (const place of used.reverse()) {
      f.end();
      for (const i of place) {
        f.get(this.pc);
        f.i64(this.#pieces[this.#shared[i]].block.pc);
        f.byte(0x51);
        f.if();
        this.count('inline-cache', 0);
        f.br(labels[targets.indexOf(this.#shared[i])]);
        f.end();
      }
      f.br(other);
    }
    if (places.length > 0) {
      f.end();
      this.count('leave', 0);
      f.br(this.out);
    }
    targets.forEach((to, i) => {
      f.end();
      this.#edge(n, i, { pc: this.#pieces[to].block.pc, count: 0 });
    });
  }

  /** Push the choice of one of piece 0's successors. */
  #pushSuccessor(way: number): void {
    this.f.i32(this.#byPc.places.length + way);
  }

  /** Push the choice of where the PC says. */
  #pushPlace(): void {
    const { f } = this;
    const { factor, shift } = this.#byPc;
    f.get(this.pc);
    f.byte(WRAP);
    f.i32(factor);
    f.byte(0x6c); // mul
    f.i32(shift);
    f.byte(0x76); // shr_u
  }

  #sharedTargets(): number[] {
    const one = this.#pieces.find(({ end }) => end.kind === 'indirect' && end.shared);
    return this.#graph.successors[0].filter((n) => {
      const { begins, block } = this.#pieces[n];
      return begins && one?.block.successors.includes(block);
    });
  }

  /** Go to piece 0, and on from there to where the PC says. */
  #toTable(): void {
    const { f } = this;
    this.#pushPlace();
    f.set(this.#choice);
    f.get(BUDGET);
    f.i32(0);
    f.byte(0x4a);
    f.brIf(this.#labels.get(0)!);
    f.br(this.out);
  }

  /** Find the PC among the targets seen before (sorted), by halving; leave the region for any other. */
  #choose(n: number, targets: readonly number[], first = 0): void {
    const { f } = this;
    if (targets.length === 0) {
      this.#comesBack(n);
      f.br(this.out);
      return;
    }
    const middle = targets.length >> 1;
    f.get(this.pc);
    f.i64(targets[middle]);
    if (targets.length === 1) f.byte(0x51);
    else f.byte(0x54);
    f.if();
    if (targets.length === 1) {
      this.count('inline-cache', this.at);
      this.#edge(n, first, { pc: targets[0], count: 0 });
      f.else();
      this.count('leave', 0);
      this.#comesBack(n);
      f.br(this.out);
    } else {
      this.#choose(n, targets.slice(0, middle), first);
      f.else();
      this.#choose(n, targets.slice(middle), first + middle);
    }
    f.end();
  }

  /** What leaves for elsewhere at the end of a piece may be a return. */
  #comesBack(n: number): void {
    const { instructions } = this.#pieces[n].block;
    if (instructions[instructions.length - 1].flow === 'return') this.comesBack();
  }

  /**
   * A guest call as a wasm call: the callee's region, if it has one, runs nested and comes back with PC at the return address.
   * If it comes back elsewhere, a nested dispatch loop carries on until it is reached or the stack is unwound beyond it.
   */
  #call(n: number, target: Node, back: Edge): void {
    const { f } = this;
    const known = target.kind === 'const' ? Number(target.imm) : undefined;
    if (known === undefined) {
      this.value(target);
      f.set(this.pc);
    }
    this.endInstruction();
    this.spend(back.count);
    if (known !== undefined) {
      f.i64(known);
      f.set(this.pc);
    }
    if (this.#graph.successors[n][0] < 0 || this.without.has('calls')) {
      f.br(this.out);
      return;
    }
    // Not nested: too deep, no region for the target.
    f.get(DEPTH);
    f.i32(CALL_DEPTH);
    f.byte(0x4a);
    f.brIf(this.out);
    // While we run we are the region of our own entry.
    const self = known === this.#pieces[0].block.pc;
    const slot = f.temp('i32');
    if (!self) {
      if (known === undefined) pushSlot(f, this.pc);
      else f.i32(jumpCacheSlot(known) - JUMP_CACHE);
      this.slotIsOthers(slot);
      f.brIf(this.out);
      f.get(slot);
      f.mem(ACCESS.i32.load, JUMP_CACHE + 12);
      f.tee(slot);
      f.byte(0x45);
      f.brIf(this.out);
    }
    this.count(known === undefined ? 'indirect-call' : 'direct', this.at);
    this.save(this.#plan.saved[n]);
    // It may be entered at several places.
    this.storeState(this.pc, 'i64', this.isa.pcOffset);
    const stack = f.temp('i64');
    f.get(SP);
    f.i64(8);
    f.byte(0x7c);
    f.set(stack);
    const where = f.temp('i64');
    const landed = f.block();
    /** Land if what was compared (on the stack) agrees and the stack pointer does. */
    const land = () => {
      f.get(SP);
      f.get(stack);
      f.byte(0x51);
      f.byte(0x71);
      f.brIf(landed);
    };
    f.get(STATE);
    f.get(DEPTH);
    f.i32(1);
    f.byte(0x6a);
    f.get(BUDGET);
    f.get(SP);
    if (self) f.callSelf();
    else {
      f.get(slot);
      f.callIndirect(this.regionType);
    }
    f.set(SP);
    f.tee(where);
    f.i64(32);
    f.byte(0x88);
    f.byte(0xa7);
    f.set(BUDGET);
    f.get(where);
    f.byte(0xa7);
    f.i32(back.pc | 0);
    f.byte(0x46);
    land();
    this.count('return-miss', this.at);
    this.#carryOn(where, back.pc, stack);
    f.get(STATE);
    f.mem(ACCESS.i64.load, this.isa.pcOffset);
    f.i64(back.pc);
    f.byte(0x51);
    land();
    // Unwound beyond us: PC is in the state block.
    this.leaveRegion(() => f.i64(0));
    f.end();
    this.count('return', this.at);
    this.loadRegisters(f, this.#plan.reloaded[n]);
    f.release('i32', slot);
    f.release('i64', stack);
    f.release('i64', where);
    // The state block is complete as it is: nothing of ours to write back.
    this.out = this.#outs[this.#outs.length - 1];
    this.#edge(n, 0, { pc: back.pc, count: 0 });
  }

  /** A callee came back elsewhere: pass an exit on, or let a nested dispatch loop run until the place of return is reached. */
  #carryOn(where: number, back: number, stack: number): void {
    const { f } = this;
    const pc = f.temp('i32');
    f.get(where);
    f.byte(0xa7);
    f.tee(pc);
    f.i32(REGION_PC);
    f.byte(0x4f); // ge_u
    f.if();
    f.get(STATE);
    f.get(pc);
    f.byte(0xad);
    f.mem(ACCESS.i64.store, this.isa.pcOffset);
    f.else();
    f.get(pc);
    f.if();
    f.get(where);
    f.get(SP);
    f.return();
    f.end();
    f.end();
    const sp = this.isa.registers[this.isa.stackPointer].offset;
    this.storeState(BUDGET, 'i32', this.isa.budgetOffset);
    this.storeState(SP, 'i64', sp);
    f.get(STATE);
    f.get(DEPTH);
    f.i32(1);
    f.byte(0x6a);
    f.i64(back);
    f.get(stack);
    f.call(this.imports('dispatch'));
    f.set(pc);
    f.get(STATE);
    f.mem(ACCESS.i32.load, this.isa.budgetOffset);
    f.set(BUDGET);
    f.get(STATE);
    f.mem(ACCESS.i64.load, sp);
    f.set(SP);
    f.get(pc);
    f.if();
    this.leaveRegion(() => {
      f.get(pc);
      f.byte(0xad);
    });
    f.end();
    f.release('i32', pc);
  }

  /** Go on along an edge of a piece. */
  #edge(from: number, way: number, edge: Edge): void {
    const { f } = this;
    const to = this.#graph.successors[from][way];
    if (to < 0) {
      this.leaveFor(edge.pc, 0, edge.count);
      return;
    }
    this.spend(edge.count);
    const { holds } = this;
    const { order, merge } = this.#structure;
    if (holds && this.checks.walkAround(to) !== this.checks.walkAround(from)) {
      this.giveBack();
      this.holds = false;
    }
    if (order[to] <= order[from]) {
      // Round the loop again while the slice lasts.
      if (to === 0) {
        this.#pushSuccessor(this.#graph.successors[0].indexOf(this.#targets[from][way]));
        f.set(this.#choice);
      }
      f.get(BUDGET);
      f.i32(0);
      f.byte(0x4a);
      f.brIf(this.#labels.get(to)!);
      const walk = this.#walks.get(to);
      if (walk !== undefined) f.br(walk);
      else this.leaveFor(edge.pc, 0, 0);
    } else if (merge[to]) f.br(this.#labels.get(-1 - to)!);
    else this.#tree(to);
    this.holds = holds;
  }
}
