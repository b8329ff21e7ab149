/** `--profile`: samples of where guest code runs, by function of the program and its libraries, in the .cpuprofile format of V8's viewers. Watches through the engine's contract; generated code stays as it is. */
import { milliseconds } from '../base/clock.ts';
import type { CodeSpace, Cpu, Engine, Exit } from '../engine/engine.ts';
import { readElf } from '../loader/elf.ts';
import type { Image } from '../loader/image.ts';
import { LoadError } from '../loader/load-error.ts';
import type { AddressSpace, MappedFile, Mapping } from '../memory/address-space.ts';

/** Guest instructions between two samples at first; then as many as run in SAMPLE_MS. */
const FIRST_INTERVAL = 20_000;
const MIN_INTERVAL = 2_000;
const MAX_INTERVAL = 2_000_000;
const SAMPLE_MS = 1;

/** V8's Profiler.Profile: https://chromedevtools.github.io/devtools-protocol/tot/Profiler/#type-Profile */
export interface CpuProfile {
  nodes: ProfileNode[];
  /** Microseconds. */
  startTime: number;
  endTime: number;
  /** Node of each sample, and microseconds since the one before. */
  samples: number[];
  timeDeltas: number[];
}

interface ProfileNode {
  id: number;
  callFrame: { functionName: string; scriptId: string; url: string; lineNumber: number; columnNumber: number };
  hitCount: number;
  children: number[];
  /** Samples by "line", which here is the guest address. */
  positionTicks?: { line: number; ticks: number }[];
}

/** A function of a file, or a place without a name. */
interface Place {
  name: string;
  file: string;
  /** Address in the file as its symbol table has it; in memory for code of no file. */
  start: number;
}

export class Profiler {
  readonly #now: () => number;
  readonly #nodes: ProfileNode[] = [];
  readonly #byKey = new Map<string, ProfileNode>();
  readonly #ticks = new Map<ProfileNode, Map<number, number>>();
  readonly #samples: number[] = [];
  readonly #deltas: number[] = [];
  readonly #images = new Map<string, Image | undefined>();
  readonly #started: number;
  /** Until when time is accounted for. */
  #accounted: number;
  /** Guest time that no sample has claimed yet. */
  #pending = 0;
  #idle = 0;
  #interval = FIRST_INTERVAL;
  #seed = 1;
  /** Milliseconds the machine has waited so far. */
  idleMs: () => number = () => 0;

  constructor(now: () => number = milliseconds) {
    this.#now = now;
    this.#started = this.#accounted = now();
    this.#node(undefined, '(root)');
  }

  /** The engine, watched. */
  watch(engine: Engine): Engine {
    return {
      mode: engine.mode,
      attach: (space) => new ProfiledCodeSpace(engine.attach(space), space, this),
      get stats() {
        return engine.stats;
      },
    };
  }

  /** Instructions until the next sample: never in step with the guest's loops. */
  nextInterval(): number {
    this.#seed = (Math.imul(this.#seed, 1_103_515_245) + 12_345) >>> 0;
    return Math.ceil(this.#interval * (0.5 + this.#seed / 2 ** 32));
  }

  /** Guest code begins to run: what has passed since the last sample was calls, or waiting. */
  enter(): void {
    const idle = this.idleMs();
    const gap = this.#now() - this.#accounted - this.#pending;
    const waited = Math.min(gap, idle - this.#idle);
    this.#idle = idle;
    if (waited > 0) this.#add(this.#node(this.#nodes[0], '(idle)'), waited);
    if (gap > waited) this.#add(this.#node(this.#nodes[0], '(system calls)'), gap - waited);
  }

  get now(): number {
    return this.#now();
  }

  /** Guest code has run for this long. */
  ran(ms: number): void {
    this.#pending += ms;
  }

  /** The guest is at this PC after `ms` of running `instructions`. */
  sample(space: AddressSpace, process: string, pc: number, ms: number, instructions: number): void {
    const place = this.#place(space, pc);
    const program = this.#node(this.#nodes[0], process);
    const node = this.#node(program, place.name, place.file, place.start);
    const ticks = this.#ticks.get(node) ?? new Map<number, number>();
    this.#ticks.set(node, ticks);
    ticks.set(pc, (ticks.get(pc) ?? 0) + 1);
    this.#pending -= ms;
    this.#add(node, ms);
    if (ms > 0) {
      const wanted = (instructions * SAMPLE_MS) / ms;
      this.#interval = Math.min(MAX_INTERVAL, Math.max(MIN_INTERVAL, Math.min(this.#interval * 2, wanted)));
    }
  }

  /** What was seen so far. */
  profile(): CpuProfile {
    this.enter();
    // What ran after each program's last sample.
    if (this.#pending > 0) this.#add(this.#node(this.#nodes[0], '(program)'), this.#pending);
    this.#pending = 0;
    for (const [node, ticks] of this.#ticks) {
      node.positionTicks = [...ticks].sort((a, b) => a[0] - b[0]).map(([line, count]) => ({ line, ticks: count }));
    }
    return {
      nodes: this.#nodes,
      startTime: Math.round(this.#started * 1000),
      endTime: Math.round(this.#accounted * 1000),
      samples: this.#samples,
      timeDeltas: this.#deltas,
    };
  }

  #add(node: ProfileNode, ms: number): void {
    // Deltas are whole microseconds and their sum must not drift.
    const from = Math.round(this.#accounted * 1000);
    this.#accounted += ms;
    node.hitCount++;
    this.#samples.push(node.id);
    this.#deltas.push(Math.round(this.#accounted * 1000) - from);
  }

  #node(parent: ProfileNode | undefined, functionName: string, url = '', address = -1): ProfileNode {
    const key = `${parent?.id} ${functionName} ${url} ${address}`;
    let node = this.#byKey.get(key);
    if (!node) {
      const callFrame = { functionName, scriptId: '0', url, lineNumber: address, columnNumber: -1 };
      node = { id: this.#nodes.length + 1, callFrame, hitCount: 0, children: [] };
      this.#nodes.push(node);
      this.#byKey.set(key, node);
      parent?.children.push(node.id);
    }
    return node;
  }

  #place(space: AddressSpace, pc: number): Place {
    const mapping = space.mappingAt(pc);
    const unnamed = { name: `0x${pc.toString(16)}`, file: mapping?.name || '[anonymous]', start: pc };
    if (!mapping?.file) return unnamed;
    const image = this.#imageOf(mapping);
    const offset = pc - mapping.start + mapping.offset;
    const segment = image?.segments.find((s) => offset >= s.fileOffset && offset < s.fileOffset + s.fileSize);
    if (!image || !segment) return unnamed;
    const address = offset - segment.fileOffset + segment.address;
    const symbol = lastBefore(image.symbols(), address, (one) => one.address);
    // A size of 0 is that of hand-written code: it goes up to the next symbol.
    if (symbol && (symbol.size === 0 || address < symbol.address + symbol.size)) {
      return { name: symbol.name, file: mapping.name, start: symbol.address };
    }
    const start = lastBefore(image.functionStarts(), address, (one) => one);
    return start === undefined
      ? { ...unnamed, name: `0x${address.toString(16)}`, start: address }
      : { name: `function 0x${start.toString(16)}`, file: mapping.name, start };
  }

  #imageOf(mapping: Mapping): Image | undefined {
    if (!this.#images.has(mapping.name))
      this.#images.set(mapping.name, imageOf(mapping.file as MappedFile, mapping.name));
    return this.#images.get(mapping.name);
  }
}

function imageOf(file: MappedFile, name: string): Image | undefined {
  try {
    const image = readElf(file, name);
    // Now, while the file is open.
    image.symbols();
    image.functionStarts();
    return image;
  } catch (error) {
    if (error instanceof LoadError) return undefined;
    throw error;
  }
}

/** The last of a sorted list that is not above `value`. */
function lastBefore<T>(sorted: readonly T[], value: number, key: (one: T) => number): T | undefined {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (key(sorted[middle]) <= value) low = middle + 1;
    else high = middle;
  }
  return low > 0 ? sorted[low - 1] : undefined;
}

/** Runs in shorter pieces and reports where each ended. */
class ProfiledCodeSpace implements CodeSpace {
  executed = 0;
  readonly #code: CodeSpace;
  readonly #space: AddressSpace;
  readonly #profiler: Profiler;
  /** Instructions left until the next sample; milliseconds and instructions since the last. */
  #until: number;
  #ms = 0;
  #instructions = 0;

  constructor(code: CodeSpace, space: AddressSpace, profiler: Profiler) {
    this.#code = code;
    this.#space = space;
    this.#profiler = profiler;
    this.#until = profiler.nextInterval();
  }
  createCpu(): Cpu {
    return this.#code.createCpu();
  }
  releaseCpu(cpu: Cpu): void {
    this.#code.releaseCpu(cpu);
  }
  dispose(): void {
    this.#code.dispose();
  }

  run(cpu: Cpu, budget: number): Exit {
    const profiler = this.#profiler;
    profiler.enter();
    this.executed = 0;
    for (;;) {
      const before = profiler.now;
      const exit = this.#code.run(cpu, Math.min(budget - this.executed, this.#until));
      const ms = profiler.now - before;
      profiler.ran(ms);
      this.#ms += ms;
      const { executed } = this.#code;
      this.executed += executed;
      this.#instructions += executed;
      this.#until -= executed;
      if (this.#until <= 0) this.#sample(cpu.pc);
      if (exit.kind !== 'budget' || this.executed >= budget) return exit;
    }
  }

  #sample(pc: number): void {
    const program = this.#space.mappings().find((one) => one.file)?.name ?? '(program)';
    this.#profiler.sample(this.#space, program, pc, this.#ms, this.#instructions);
    this.#until = this.#profiler.nextInterval();
    this.#ms = 0;
    this.#instructions = 0;
  }
}
