/** What code inside a region does with registers, guest memory, the budget and the ways out; control flow between its pieces is the lowering's business. */
import type { Without } from '../../base/optimisations.ts';
import type { Node } from '../../ir/builder.ts';
import { ACCESS, type Access, ops } from '../../ir/ops.ts';
import type { Isa } from '../../isa/isa.ts';
import { BLOCK_COUNT, BLOCK_HEADER } from '../../isa/record.ts';
import { JUMP_CACHE, MINIMUM_ADDRESS, RUNTIME_SIZE } from '../../memory/runtime-area.ts';
import type { SiteKind, SiteList } from '../counters.ts';
import { EXIT_RESTART } from '../exits.ts';
import { pushSlot } from '../jump-cache.ts';
import { Lowering, lowOf, STATE } from '../lowering.ts';
import { pageCheck } from '../runtime-memory.ts';
import { REGION_PC } from '../signatures.ts';
import { type Bytes, Func } from '../wasm/encoder.ts';
import { I32_ADD, I32_AND, I64_ADD, WRAP } from '../wasm/opcodes.ts';
import { emitCheck } from './check-lowering.ts';
import type { Check, CheckPlan } from './checks.ts';
import { loadTurned, saveTurned } from './turned-registers.ts';

/** Parameters of a region: how many guest calls are nested in wasm calls, instructions left, the guest's stack pointer. */
export const DEPTH = 1;
export const BUDGET = 2;
export const SP = 3;

/** In place of an exit code. */
const COMES_BACK = -1;

export abstract class RegionCode extends Lowering {
  protected readonly isa: Isa;
  protected readonly imports: (name: string) => number;
  protected readonly without: Without;
  protected readonly regionType: number;
  /** Counters of this module, under --stats. */
  readonly #sites: SiteList | undefined;
  /** Local of each register in use. */
  readonly #registers = new Map<number, number>();
  /** Nodes of the present instruction that share a register's local. */
  #aliases: { id: number; node: Node }[] = [];
  /** Vector registers whose low lane is in a local of its own, newer than theirs; and these locals, by register and type. */
  readonly #split = new Map<number, { access: 'f32' | 'f64'; local: number }>();
  readonly #lows = new Map<string, number>();
  /** Local of the PC to go on at. */
  protected readonly pc: number;
  readonly #code: number;
  /** Label of the way out that the present code takes. */
  protected out = 0;
  /** PC of the present instruction, and instructions of the piece done before it. */
  protected at = 0;
  protected done = 0;
  protected checks!: CheckPlan;
  /** The present code is a walk's: part of the budget is held back. */
  protected holds = false;
  #held: number | undefined;
  /** Turned registers are in use. */
  protected turns = false;
  /** For statistics: instructions translated, memory checks made and saved. */
  instructions = 0;
  checksMade = 0;
  checksRemoved = 0;
  /** Places where flags of a kind that is only known at run time are asked for. */
  flagsMade = 0;

  constructor(isa: Isa, regionType: number, imports: (name: string) => number, without: Without, sites?: SiteList) {
    super(new Func(4));
    this.#registers.set(isa.stackPointer, SP);
    this.isa = isa;
    this.imports = imports;
    this.regionType = regionType;
    this.without = without;
    this.#sites = sites;
    this.pc = this.f.local('i64');
    this.#code = this.f.local('i32');
  }

  /** Return from the region; `low` pushes PC or exit code as an i64. */
  protected leaveRegion(low: () => void): void {
    const { f } = this;
    low();
    f.get(BUDGET);
    f.byte(0xad);
    f.i64(32);
    f.byte(0x86);
    f.byte(0x84);
    f.get(SP);
    f.return();
  }

  protected endInstruction(): void {
    this.#aliases = [];
    this.releaseTemps();
  }

  protected spend(count: number): void {
    if (count === 0) return;
    const { f } = this;
    f.get(BUDGET);
    f.i32(count);
    f.byte(0x6b);
    f.set(BUDGET);
  }

  /** Local of the part of the budget that a walk holds back. */
  protected get held(): number {
    this.#held ??= this.f.local('i32');
    return this.#held;
  }
  /** Where a walk is left, it gives back what it held. */
  protected giveBack(): void {
    const { f } = this;
    f.get(BUDGET);
    f.get(this.held);
    f.byte(I32_ADD);
    f.set(BUDGET);
  }

  /** Leave the region: PC known, exit code, instructions done in this piece. */
  protected leaveFor(pc: number, code: number, count: number): void {
    const { f } = this;
    this.count(code === 0 ? 'leave' : code === EXIT_RESTART ? 'restart' : 'stop', pc);
    this.spend(count);
    if (this.holds) this.giveBack();
    f.i64(pc);
    f.set(this.pc);
    if (code !== 0) {
      f.i32(code);
      f.set(this.#code);
    }
    for (const id of this.#split.keys()) this.#merge(id);
    f.br(this.out);
  }

  /** Under --stats, count that this place is passed. */
  protected count(kind: SiteKind, pc: number): void {
    if (this.#sites) this.f.count(this.#sites.global(kind, pc));
  }

  protected storeState(local: number, access: Access, offset: number): void {
    this.f.get(STATE);
    this.f.get(local);
    this.f.mem(ACCESS[access].store, offset);
  }
  /** Write these registers back. */
  protected save(registers: readonly number[]): void {
    for (const id of registers) {
      const r = this.isa.registers[id];
      if (r.turned === undefined) this.storeState(this.getRegister(id), r.access ?? r.type, r.offset);
      else saveTurned(this.f, r, this.getRegister(id), this.getRegister(this.isa.turn));
    }
  }
  protected loadRegisters(into: Bytes, registers: readonly number[]): void {
    const { turn } = this.isa;
    for (const id of this.turns ? [turn, ...registers.filter((id) => id !== turn)] : registers) {
      const r = this.isa.registers[id];
      if (r.turned === undefined) {
        into.bytes([0x20, STATE, ...ACCESS[r.access ?? r.type].load, 0]);
        into.u32(r.offset);
      } else loadTurned(into, r, this.getRegister(turn));
      into.byte(0x21);
      into.u32(this.getRegister(id));
    }
  }
  /** The PC to leave for is one that a return goes to: the region that made the call waits for it. */
  protected comesBack(): void {
    if (this.without.has('passing')) return;
    this.f.i32(COMES_BACK);
    this.f.set(this.#code);
  }
  protected wayOut(): void {
    const { f } = this;
    if (!this.without.has('passing')) this.#passOn();
    // What is not told by value: exits, and a PC where no region can be.
    f.get(this.#code);
    f.get(this.pc);
    f.i64(REGION_PC);
    f.byte(0x7d);
    f.i64(0xffff_ffff - REGION_PC);
    f.byte(0x56); // gt_u
    f.byte(0x72);
    f.if();
    this.storeState(this.pc, 'i64', this.isa.pcOffset);
    this.storeState(this.#code, 'i32', this.isa.exitOffset);
    f.get(this.#code);
    f.byte(0xad);
    f.set(this.pc);
    f.end();
    this.leaveRegion(() => f.get(this.pc));
  }

  /**
   * Go on in the region of that PC in place of this one, so that what has called us gets its return; all else is for the dispatch loop. sqlite3's short
   * benchmark enters the dispatch loop 10 million times instead of 78, nested ones 2 instead of 14, and takes 4 % less.
   */
  #passOn(): void {
    const { f, isa } = this;
    const slot = f.temp('i32');
    const target = f.temp('i32');
    const header = f.temp('i32');
    const runs = f.temp('i32');
    const other = f.block();
    f.get(this.#code);
    f.get(BUDGET);
    f.i32(0);
    f.byte(0x4c); // le_s
    f.byte(0x72);
    f.brIf(other);
    pushSlot(f, this.pc);
    this.slotIsOthers(slot);
    f.get(STATE);
    f.mem(ACCESS.i32.load, isa.modeOffset);
    f.i32(isa.modeMask);
    f.byte(I32_AND);
    f.byte(0x72);
    f.brIf(other);
    f.get(slot);
    f.mem(ACCESS.i32.load, JUMP_CACHE + 12);
    f.tee(target);
    f.byte(0x45);
    f.brIf(other);
    // The dispatch loop counts the entry that makes it grow.
    f.get(slot);
    f.mem(ACCESS.i32.load, JUMP_CACHE + 8);
    f.i32(BLOCK_HEADER);
    f.byte(0x6b);
    f.tee(header);
    f.mem(ACCESS.i32.load, BLOCK_HEADER + BLOCK_COUNT);
    f.i32(1);
    f.byte(I32_ADD);
    f.tee(runs);
    f.get(STATE);
    f.mem(ACCESS.i32.load, isa.hotOffset);
    f.byte(I32_AND);
    f.byte(0x45);
    f.brIf(other);
    f.get(header);
    f.get(runs);
    f.mem(ACCESS.i32.store, BLOCK_HEADER + BLOCK_COUNT);
    this.count('passed', 0);
    this.storeState(this.pc, 'i64', isa.pcOffset);
    f.get(STATE);
    f.get(DEPTH);
    f.get(BUDGET);
    f.get(SP);
    f.get(target);
    f.returnCallIndirect(this.regionType);
    f.end();
    f.get(this.#code);
    f.i32(0);
    f.get(this.#code);
    f.i32(COMES_BACK);
    f.byte(0x47);
    f.byte(0x1b); // select
    f.set(this.#code);
    f.release('i32', runs);
    f.release('i32', header);
    f.release('i32', target);
    f.release('i32', slot);
  }

  /** Keep the jump-cache slot on the stack, and push 1 in its place if it is not this PC's. */
  protected slotIsOthers(slot: number): void {
    const { f } = this;
    f.tee(slot);
    f.mem(ACCESS.i64.load, JUMP_CACHE);
    f.get(this.pc);
    f.i64(1);
    f.byte(0x7c);
    f.byte(0x52); // ne
  }

  // ---- what Lowering asks for

  protected functionIndex(name: string): number {
    if (this.isa.functions[name]?.switch) {
      this.flagsMade++;
      this.count('flags', this.at);
    }
    return this.imports(name);
  }
  protected getRegister(id: number): number {
    let local = this.#registers.get(id);
    if (local === undefined) {
      local = this.f.local(this.isa.registers[id].type);
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
    this.#unshare(id);
    this.f.set(local);
    this.#split.delete(id);
  }
  #unshare(what: number): void {
    for (const a of this.#aliases) if (a.id === what && a.node.alias && a.node.uses > 0) this.unalias(a.node);
  }

  // ---- low lanes: scalar operations leave the rest of their register alone, so it is put together only where it is wanted whole (nbody: 1.05 s → 0.92 s)

  protected override getLow(n: Node): number {
    const id = Number(n.imm);
    const split = this.#split.get(id);
    if (split && split.access === n.access) return split.local;
    this.f.get(this.readRegister(id));
    this.f.op(ops()[n.access === 'f64' ? 'f64x2.extract_lane' : 'f32x4.extract_lane'].code);
    this.f.byte(0);
    return -1;
  }
  protected override setLow(n: Node, value: () => void): void {
    const id = Number(n.imm);
    const access = n.access as 'f32' | 'f64';
    if (this.#split.get(id)?.access !== access) this.readRegister(id);
    const key = `${id}:${access}`;
    const local = this.#lows.get(key) ?? this.f.local(access);
    this.#lows.set(key, local);
    value();
    this.#unshare(lowOf(id));
    this.f.set(local);
    this.#split.set(id, { access, local });
    if (this.without.has('lanes')) this.readRegister(id);
  }
  protected override readRegister(id: number): number {
    if (this.#split.has(id)) {
      this.#unshare(id);
      this.#merge(id);
      this.#split.delete(id);
    }
    return this.getRegister(id);
  }
  /** Put the low lane into its register's local. */
  #merge(id: number): void {
    const { access, local } = this.#split.get(id)!;
    const { f } = this;
    f.get(this.getRegister(id));
    f.get(local);
    f.op(ops()[access === 'f64' ? 'f64x2.replace_lane' : 'f32x4.replace_lane'].code);
    f.byte(0);
    f.set(this.getRegister(id));
  }
  protected mergeLows(): void {
    for (const id of [...this.#split.keys()]) this.readRegister(id);
  }

  /** A constant that is added without computing the sum: as no address below it is ever mapped, nothing that passes its check has wrapped around. */
  protected override nearOf({ kind, row, args }: Node): number {
    if (kind !== 'op' || row !== ops()['i64.add'] || args[1].kind !== 'const') return 0;
    const distance = Number(args[1].imm);
    return Math.abs(distance) < MINIMUM_ADDRESS && !this.without.has('addresses') ? distance : 0;
  }

  /** Make an access's planned check, if it has one: falls through when allowed, leaves the region for the interpreter otherwise. */
  #check(n: Node, address: number): void {
    this.#align(n, address);
    const check = this.checks.checkOf(n);
    if (!check) {
      this.checksRemoved++;
      return;
    }
    this.checksMade++;
    const { from, to } = check;
    this.emitCheck({ ...check, from: from + this.displacement, to: to + this.displacement }, address);
  }
  #align(n: Node, address: number): void {
    if (!this.checks.testsAlignment(n)) return;
    const at = this.displacement;
    this.emitCheck({ from: at, to: at, write: false, aligned: true }, address);
  }
  /** A local with the place of an access that may be outside the window; leaves the region if it is not known. */
  #farPlace(n: Node, address: number, write: boolean): number {
    const { f, displacement } = this;
    const { bytes } = ACCESS[n.access!];
    const place = f.temp('i32');
    this.#align(n, address);
    this.checksMade++;
    pageCheck(f, address, { from: displacement, to: displacement + bytes, write });
    f.if('i32');
    f.get(address);
    f.byte(WRAP);
    f.i32(RUNTIME_SIZE + displacement);
    f.byte(I32_ADD);
    f.else();
    f.get(address);
    if (displacement !== 0) {
      f.i64(displacement);
      f.byte(I64_ADD);
    }
    f.i32(bytes);
    f.call(this.imports(write ? 'farWrite' : 'farRead'));
    f.tee(place);
    f.byte(0x45);
    f.if();
    this.leaveFor(this.at, EXIT_RESTART, this.done);
    f.end();
    f.get(place);
    f.end();
    f.set(place);
    return place;
  }
  protected emitCheck(check: Check, address: number): void {
    emitCheck(this.f, check, address, () => this.leaveFor(this.at, EXIT_RESTART, this.done));
  }
  #offset(address: number): void {
    this.f.get(address);
    this.f.byte(0xa7);
  }
  protected load(n: Node, address: number): void {
    if (this.checks.isFar(n)) {
      const place = this.#farPlace(n, address, false);
      this.f.get(place);
      this.f.mem(ACCESS[n.access!].load, 0);
      this.f.release('i32', place);
      return;
    }
    this.#check(n, address);
    this.#offset(address);
    const { load } = ACCESS[n.access!];
    const place = RUNTIME_SIZE + this.displacement;
    if (n.access === 'v64' || n.access === 'v32') {
      // V8 adds the offset of these to its base by an instruction of its own, this sum also serves to clear the upper half (nbody: 3 %).
      this.f.i32(place);
      this.f.byte(I32_ADD);
      this.f.mem(load, 0);
    } else this.f.mem(load, place);
  }
  protected store(n: Node, address: number, value: () => void): void {
    if (this.checks.isFar(n)) {
      const place = this.#farPlace(n, address, true);
      this.f.get(place);
      value();
      this.f.mem(ACCESS[n.access!].store, 0);
      this.f.release('i32', place);
      return;
    }
    const place = RUNTIME_SIZE + this.displacement;
    this.#check(n, address);
    this.#offset(address);
    value();
    this.f.mem(ACCESS[n.access!].store, place);
  }
  /** What may change in the instruction itself; the block's comparison has seen that it is there. */
  protected override record(n: Node): void {
    this.f.i32(Number(n.imm) | 0);
    this.f.mem(ACCESS[n.access!].load, RUNTIME_SIZE);
  }
  protected probe(n: Node, address: number): void {
    this.#check(n, address);
  }
  protected leave(code: number): void {
    this.leaveFor(this.at, code, this.done);
  }
}
