/** One address space's running code: instances of the engine's modules over its memory, the block map, and the loop that runs a thread until an Exit. */
import { bug, MemoryFault, missing } from '../base/failures.ts';
import type { Instruction, Isa } from '../isa/isa.ts';
import type { AddressSpace } from '../memory/address-space.ts';
import { STATE_BLOCKS, STATE_COUNT, STATE_SIZE, TAKEN_AWAY } from '../memory/runtime-area.ts';
import { BlockMap, type KeptHere } from './block-map.ts';
import type { Answer, CodeSpace, Cpu, Exit } from './engine.ts';
import * as exits from './exits.ts';
import { EXIT_NAMES } from './exits.ts';
import type { Linkage, SlowAccess } from './linkage.ts';
import type { TranslatingEngine } from './translating-engine.ts';
import type { Source } from './translator/translator.ts';

export class WasmCodeSpace implements CodeSpace {
  executed = 0;
  readonly space: AddressSpace;
  readonly blocks: BlockMap;
  readonly #engine: TranslatingEngine;
  readonly #isa: Isa;
  readonly #linkage: Linkage;
  readonly #dispatch: (state: number, depth: number, until: bigint, stack: bigint) => number;
  /** The thread `run` is about, and who answers its calls. */
  #running: Cpu | undefined;
  #answerCall: Answer | undefined;
  /** Of the present run: its slice, what calls counted for in it, and whether it comes back with a call that was answered. */
  #budget = 0;
  #charged = 0;
  #answered = false;
  readonly #step: (state: number, record: number) => number;
  readonly #exit: Exit = {
    kind: 'budget',
    address: 0,
    access: 'read',
    reason: 'unmapped',
    trap: 'illegal',
    gate: 'syscall',
  };
  #fault: MemoryFault | undefined;
  /** The last access that failed, from its first byte on. */
  #failed = 0;
  #failedBytes = 0;
  /** An error of ours that crossed wasm. */
  #error: unknown;
  /** PCs that became hot and wait for a batch. */
  readonly queue = new Set<number>();
  /** What the translator reads from. */
  readonly source: Source;
  readonly #freeStates: number[] = [];
  #states = 0;

  constructor(engine: TranslatingEngine, space: AddressSpace) {
    this.#engine = engine;
    this.space = space;
    const isa = engine.isa;
    this.#isa = isa;
    this.#linkage = engine.linkageOf(space.memory);
    this.#linkage.adopt({
      space,
      slow: (state, low, high, bytes, what) => this.#slow(state, low, high, bytes, what),
      event: (state, what) => this.#event(state, what),
    });
    const { dispatch, step } = this.#linkage.imports;
    this.#dispatch = dispatch as (state: number, depth: number, until: bigint, stack: bigint) => number;
    this.#step = step as (state: number, record: number) => number;
    this.blocks = new BlockMap(space, isa, (run) => this.#handlersOf(run), engine.hotMask, {
      blocks: engine.kept,
      prepare: () => this.#linkage.useHandlers(engine.handlers),
      adopt: this.#linkage.imports.adopt as KeptHere['adopt'],
      asked: (page) => engine.asked(page),
    });
    this.source = {
      blocks: this.blocks,
      targets: (pc) => [...new Set([...this.blocks.targets(pc), ...engine.cache.targets(pc)])],
      fetch: (start, length) => fetchAll(space, start, length),
      reachesFar: engine.reachesFar,
    };
    engine.cache.join(this);
  }

  createCpu(): Cpu {
    const index = this.#freeStates.pop() ?? this.#states++;
    if (index >= STATE_COUNT) bug('out of state blocks');
    const state = STATE_BLOCKS + index * STATE_SIZE;
    const cpu = this.#engine.createCpu(this.space, state, this.#linkage.imports.flags as never);
    cpu.reset();
    return cpu;
  }
  releaseCpu(cpu: Cpu): void {
    this.#freeStates.push((cpu.state - STATE_BLOCKS) / STATE_SIZE);
  }

  run(cpu: Cpu, budget: number, answer?: Answer): Exit {
    const { state } = cpu;
    const { view } = this.space;
    view.setInt32(state + this.#isa.budgetOffset, budget, true);
    view.setInt32(state + this.#isa.hotOffset, this.#engine.hotMask, true);
    this.#running = cpu;
    this.#answerCall = answer;
    this.#budget = budget;
    this.#charged = 0;
    this.#answered = false;
    let code: number;
    try {
      code = this.#loop(state);
    } catch (e) {
      throw this.#explain(e, cpu);
    }
    // An answered call may have given the memory to somebody else (exec).
    if (!this.#answered) this.#count(state);
    this.#engine.noteExit(code, cpu, this.executed);
    return this.#describe(code, cpu);
  }

  /** Bring `executed` up to date. */
  #count(state: number): void {
    this.executed = this.#budget - this.#charged - this.space.view.getInt32(state + this.#isa.budgetOffset, true);
  }

  /** Run until an exit that the process side must see. */
  #loop(state: number): number {
    for (;;) {
      this.#answer(state);
      const code = this.#dispatch(state, 0, -1n, -1n);
      if (code === exits.EXIT_STALE) this.blocks.stale(this.#running!.pc);
      else if (code !== exits.EXIT_UNWIND) return code;
    }
  }

  /** If the program wants regions to keep what they leave out by default, translate anew. Until we come here the interpreter runs. */
  #answer(state: number): void {
    const { askBit, keepBit, modeOffset } = this.#isa;
    const { view } = this.space;
    const mode = view.getInt32(state + modeOffset, true);
    if ((mode & askBit) === 0) return;
    this.#engine.keepAll();
    view.setInt32(state + modeOffset, (mode & ~askBit) | keepBit, true);
  }

  /** The dispatch loop asks: a call, code for a PC, a hot block, or one instruction done with full checks. Answers 0 to go on. */
  #event(state: number, what: number): number {
    const engine = this.#engine;
    const cpu = this.#running!;
    const before = this.blocks.generation + this.space.revocations;
    engine.noteEvent(what, cpu);
    try {
      if (what === exits.EXIT_SYSCALL) {
        if (!this.#call(state)) return exits.EXIT_CALL;
      } else if (what === exits.EXIT_MISS) engine.miss(this, cpu.pc);
      else if (what === exits.EXIT_HOT) engine.hot(this, cpu.pc);
      else if (what === exits.EXIT_FAR) engine.reachFar(this);
      else {
        // The next time the dispatch loop finds the block itself.
        const { pc } = cpu;
        this.blocks.find(pc);
        const result = this.#step(state, this.blocks.block(pc));
        if (result !== 0) return result;
      }
    } catch (e) {
      if (e instanceof MemoryFault) this.#fault = e;
      else {
        this.#error = e;
        this.#fault = new MemoryFault(cpu.pc, 'execute', 'unmapped');
      }
      return exits.EXIT_FAULT;
    }
    // Regions below us on the stack may be among what was dropped, or rely on what a call took away.
    return before === this.blocks.generation + this.space.revocations ? 0 : exits.EXIT_UNWIND;
  }

  /** A system call, if somebody answers it here; false to come back with it. */
  #call(state: number): boolean {
    const answer = this.#answerCall;
    if (!answer) return false;
    this.#count(state);
    this.#answered = true;
    const cost = answer(this.#describe(exits.EXIT_CALL, this.#running!));
    if (cost < 0) return false;
    this.#answered = false;
    this.#charged += cost;
    const { view } = this.space;
    const at = state + this.#isa.budgetOffset;
    view.setInt32(at, view.getInt32(at, true) - cost, true);
    return true;
  }

  /** A check failed or the access is out of the ordinary: do it the careful way. Answers 0 after a fault. */
  #slow(state: number, low: number, high: number, bytes: number, what: SlowAccess): number {
    const { space } = this;
    // The upper half of the address space is no program's; as a negative number its addresses are exact.
    if (high < 0) {
      const reason = high >> 15 === -1 ? 'unmapped' : 'noncanonical';
      this.#fault = new MemoryFault(high * 0x1_0000_0000 + (low >>> 0), what === 'read' ? 'read' : 'write', reason);
      return 0;
    }
    const before = this.blocks.generation + space.revocations;
    const address = high * 0x1_0000_0000 + (low >>> 0);
    const scratch = state + this.#isa.scratchOffset;
    this.#failed = address;
    this.#failedBytes = bytes;
    try {
      if (what === 'read') {
        space.loadSlow(address, bytes);
        // Byte by byte: views for as few take longer to make (four million reads of a program of ASan's, whose heap is above the window: 8.5 -> 6.6 s).
        for (let i = 0; i < bytes; i++) space.u8[scratch + i] = space.scratch[i];
      } else if (what === 'probe') space.probe(address, bytes, 'write');
      else {
        for (let i = 0; i < bytes; i++) space.scratch[i] = space.u8[scratch + i];
        space.storeSlow(address, bytes);
      }
      if (before !== this.blocks.generation + space.revocations) space.u32[TAKEN_AWAY >> 2] = 1;
      return 1;
    } catch (e) {
      if (e instanceof MemoryFault) this.#fault = e;
      else {
        this.#error = e;
        this.#fault = new MemoryFault(address, what === 'read' ? 'read' : 'write', 'unmapped');
      }
      return 0;
    }
  }

  #explain(e: unknown, cpu: Cpu): unknown {
    if (e instanceof WebAssembly.RuntimeError) e.message += ` at guest PC 0x${cpu.pc.toString(16)}`;
    return e;
  }

  #describe(code: number, cpu: Cpu): Exit {
    const exit = this.#exit;
    if (this.#error !== undefined) {
      const e = this.#error;
      this.#error = undefined;
      throw e;
    }
    switch (code) {
      case exits.EXIT_BUDGET:
        exit.kind = 'budget';
        break;
      case exits.EXIT_CALL:
      case exits.EXIT_INT80:
        exit.kind = 'call';
        exit.gate = code === exits.EXIT_CALL ? 'syscall' : 'int80';
        break;
      case exits.EXIT_FAULT:
        exit.kind = 'fault';
        exit.address = this.#fault!.address;
        exit.access = this.#fault!.access;
        exit.reason = this.#fault!.reason;
        this.#refine(exit, cpu.pc);
        break;
      case exits.EXIT_HALT:
        exit.kind = 'halt';
        break;
      default:
        exit.kind = 'trap';
        exit.trap = EXIT_NAMES[code] as Exit['trap'];
        if (code === exits.EXIT_ILLEGAL) this.#nameUnknown(cpu.pc);
    }
    return exit;
  }

  /** What the instruction says about its fault: a processor reads for writing what it is about to change. */
  #refine(exit: Exit, pc: number): void {
    if (exit.access === 'execute') return;
    const instruction = this.#isa.decode(this.space.fetch(pc, this.#isa.maxLength), pc);
    if (!instruction) return;
    if (exit.reason === 'noncanonical' && this.#isa.usesStack(instruction, exit.access)) exit.reason = 'stack';
    if (exit.access === 'read' && this.#updates(instruction)) this.#askToWrite(exit);
  }

  /** The read that failed as the write it was meant to become: perhaps that fails in a page before, which can only be read. */
  #askToWrite(exit: Exit): void {
    exit.access = 'write';
    if (exit.address < 0) return;
    try {
      this.space.probe(this.#failed, this.#failedBytes, 'write');
    } catch (e) {
      if (!(e instanceof MemoryFault)) throw e;
      exit.address = e.address;
      exit.reason = e.reason;
    }
  }

  /** Does the instruction write where it has read? */
  #updates(instruction: Instruction): boolean {
    const { body } = this.#isa.buildShape(instruction);
    const read = new Set(body.filter(({ kind }) => kind === 'load').map(({ args }) => args[0]));
    return body.some(({ kind, args }) => kind === 'store' && read.has(args[0]));
  }

  /** Remember the bytes of an instruction nobody knows. */
  #nameUnknown(pc: number): void {
    const bytes = this.space.fetch(pc, 15);
    const instruction = this.#isa.decode(bytes, pc);
    if (instruction && instruction.mnemonic !== '(bad)') return;
    const text = [...bytes.subarray(0, 8)].map((b) => b.toString(16).padStart(2, '0')).join(' ');
    this.#engine.unknownInstruction(text, pc);
    missing(`instruction ${text}`);
  }

  /** Table indices of the handlers of a run of instructions, instantiated here. */
  #handlersOf(run: readonly Instruction[]): readonly number[] {
    const indices = this.#engine.handlers.indices(run);
    this.#linkage.useHandlers(this.#engine.handlers);
    return indices;
  }

  /** Make a module's functions callable here. */
  use(module: WebAssembly.Module, tableSize: number, generation: number): void {
    this.#linkage.use(module, tableSize, generation);
  }

  /** The code cache is emptied. */
  dropTranslations(): void {
    this.blocks.dropTranslations();
  }

  /** Also leaves word how to zero the runtime's area, so that the memory serves a later process. */
  dispose(): void {
    if (this.space.zeroRuntimeArea) return;
    this.#engine.cache.leave(this);
    this.space.onCodeChanged = () => {};
    this.space.zeroRuntimeArea = () => {
      this.blocks.erase();
      this.space.zero(STATE_BLOCKS, STATE_BLOCKS + this.#states * STATE_SIZE);
    };
  }
}

/** Instruction bytes of a range that may be longer than one fetch gives. */
function fetchAll(space: AddressSpace, start: number, length: number): Uint8Array {
  const all = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const part = space.fetch(start + at, length - at);
    if (part.length === 0) return all.subarray(0, at);
    all.set(part, at);
    at += part.length;
  }
  return all;
}
