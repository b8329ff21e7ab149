/** A machine whose programs are lists of steps: every step is one "system call" written in TypeScript, so that processes, signals and the scheduler can be tested without a CPU. */
import type { CodeSpace, Cpu, Engine, Exit } from '../../src/engine/engine.ts';
import { FdTable } from '../../src/kernel/fd-table.ts';
import type { FsContext } from '../../src/kernel/fs-context.ts';
import { Kernel, type VmLimits } from '../../src/kernel/kernel.ts';
import { Vfs } from '../../src/kernel/vfs.ts';
import { Wait } from '../../src/kernel/wait.ts';
import { AddressSpace } from '../../src/memory/address-space.ts';
import type { Personality } from '../../src/personality/personality.ts';
import { type CloneOptions, clone, endProcess, endThread, start } from '../../src/process/family.ts';
import { Process, ProcessMemory } from '../../src/process/process.ts';
import { type HostLoop, Scheduler } from '../../src/process/scheduler.ts';
import type { ActionFlag, Signal } from '../../src/process/signals.ts';
import { Thread } from '../../src/process/thread.ts';

/** One step: a call that finishes, or names what to wait for and is tried again. */
export type Step = (thread: Thread) => unknown;
/** Steps by address: a program starts at 0, handlers lie elsewhere. */
export type Program = Map<number, Step>;

/** Steps in a row from `address` on. */
export function program(...steps: Step[]): Program {
  return new Map(steps.map((step, i) => [i, step]));
}

class FakeCpu {
  readonly state = 0;
  pc = 0;
  flags = 0;
  program: Program = new Map();
  /** Instructions still to be burnt before the next step. */
  busy = 0;
  readonly frames: { pc: number; mask: Set<Signal> }[] = [];
  fault: Partial<Exit> | undefined;
  get = () => 0;
  getInt = () => 0;
  getBig = () => 0n;
  set = () => {};
  getBase = () => 0;
  setBase = () => {};
  copyFrom(other: Cpu): void {
    const from = other as unknown as FakeCpu;
    this.pc = from.pc;
    this.program = from.program;
  }
  reset(): void {}
  saveVectors = () => new Uint8Array(512);
  restoreVectors = () => {};
}

export const cpuOf = (thread: Thread) => thread.cpu as unknown as FakeCpu;

/** Steps name no files. */
const place = { clone: () => place, share: () => place, release: () => {} } as unknown as FsContext;

class FakeCodeSpace implements CodeSpace {
  executed = 0;
  readonly #exit = {
    kind: 'call',
    address: 0,
    access: 'read',
    reason: 'unmapped',
    trap: 'illegal',
    gate: 'syscall',
  } as Exit;
  createCpu = () => new FakeCpu() as unknown as Cpu;
  releaseCpu = () => {};
  dispose = () => {};
  run(cpu: Cpu, budget: number): Exit {
    const fake = cpu as unknown as FakeCpu;
    if (fake.fault) {
      const fault = fake.fault;
      fake.fault = undefined;
      this.executed = 0;
      return Object.assign(this.#exit, fault);
    }
    const burnt = Math.min(fake.busy, budget);
    fake.busy -= burnt;
    this.executed = burnt;
    return Object.assign(this.#exit, { kind: fake.busy > 0 || burnt === budget ? 'budget' : 'call' });
  }
}

class FakePersonality implements Personality {
  readonly name = 'steps';
  recognises = () => true;
  start(): void {}
  call(thread: Thread): Wait | undefined {
    const cpu = cpuOf(thread);
    const step = cpu.program.get(cpu.pc);
    if (!step) {
      endProcess(thread.process, { kind: 'exited', code: 0 });
      return undefined;
    }
    const before = cpu.pc;
    const wait = step(thread);
    if (wait instanceof Wait) return wait;
    if (cpu.pc === before && thread.state !== 'ended') cpu.pc++;
    return undefined;
  }
  /** An interrupted step is passed over; with SA_RESTART it is made again after the handler. */
  interrupt(thread: Thread, restart: boolean): void {
    if (!restart) thread.cpu.pc++;
  }
  deliver(thread: Thread, _info: unknown, action: { handler: unknown }): void {
    cpuOf(thread).frames.push({ pc: thread.cpu.pc, mask: new Set(thread.maskForFrame()) });
    thread.cpu.pc = action.handler as number;
  }
  errno = () => 1;
  signalNumber = () => 1;
}

/** The last step of every handler. */
export const sigreturn: Step = (thread) => {
  const frame = cpuOf(thread).frames.pop()!;
  thread.cpu.pc = frame.pc;
  thread.mask = frame.mask;
};

export const exit =
  (code: number): Step =>
  (thread) =>
    endProcess(thread.process, { kind: 'exited', code });

export const exitThread: Step = (thread) => endThread(thread, { kind: 'exited', code: 0 });

/** Burn instructions, then go on. */
export const compute =
  (instructions: number): Step =>
  (thread) => {
    cpuOf(thread).busy = instructions;
  };

export class Machine {
  /** A clock that stands still but for sleeping, so that nothing depends on the host's pace. */
  time = 1_000_000_000n;
  slept = 0;
  readonly kernel: Kernel;
  readonly scheduler: Scheduler;
  readonly log: string[] = [];
  #onSleep: (() => void) | undefined;

  constructor(limits: VmLimits = {}) {
    const engine = {
      mode: 'auto',
      attach: () => new FakeCodeSpace(),
      stats: {},
    } as unknown as Engine;
    this.kernel = new Kernel({
      vfs: new Vfs(),
      engine,
      environment: {
        realtime: () => this.time,
        monotonic: () => this.time,
        random: () => {},
        hostname: () => 'machine',
      },
      personalities: [new FakePersonality()],
      limits,
    });
    const loop: HostLoop = {
      now: () => Number(this.time) / 1e6,
      yield: async () => {
        this.time += 1_000_000n;
      },
      sleep: (ms) => {
        if (++this.slept > 100) throw new Error(`nobody wakes: ${this.log.join(' ')}`);
        this.time += BigInt(Math.round(ms * 1e6));
        const act = this.#onSleep;
        this.#onSleep = undefined;
        act?.();
        return { done: Promise.resolve(), cancel: () => {} };
      },
    };
    this.scheduler = new Scheduler(this.kernel, loop);
  }

  say =
    (word: string): Step =>
    () => {
      this.log.push(word);
    };

  /** What the host does the first time that every thread sleeps. */
  whenAsleep(act: () => void): void {
    this.#onSleep = act;
  }

  spawn(steps: Program): Process {
    const { kernel } = this;
    const pid = kernel.newPid();
    const space = new AddressSpace();
    const process = new Process(kernel, pid, {
      parent: undefined,
      processGroup: pid,
      session: kernel.firstSession.id,
      personality: kernel.personalities[0],
      memory: new ProcessMemory(space, kernel.engine.attach(space)).retain(),
      files: new FdTable(),
      fs: place,
      credentials: { uid: 0, euid: 0, suid: 0, gid: 0, egid: 0, sgid: 0, groups: [] },
      limits: kernel.defaultLimits(),
    });
    process.hostParent = true;
    const thread = new Thread(pid, process, process.code.createCpu());
    cpuOf(thread).program = steps;
    process.threads.set(pid, thread);
    kernel.threads.set(pid, thread);
    kernel.processes.set(pid, process);
    this.scheduler.ready(thread);
    return process;
  }

  /** Run until everything has ended (or `until`). */
  async run(until: () => boolean = () => this.kernel.processes.size === 0): Promise<string> {
    await this.scheduler.run(until);
    return this.log.join(' ');
  }

  /** A step that forks a child with a program of its own; `got` receives it. */
  fork =
    (steps: Program, got: (child: Process) => void = () => {}, options: CloneOptions = {}): Step =>
    (thread) => {
      const child = clone(thread, { exitSignal: 'SIGCHLD', ...options });
      cpuOf(child).program = steps;
      child.cpu.pc = 0;
      got(child.process);
      // The parent is past this step before a vfork suspends it.
      thread.cpu.pc++;
      start(child);
    };

  /** A handler: its name in the log, then back. */
  handle(process: Process, signal: Signal, address: number, flags: ActionFlag[] = [], mask: Signal[] = []): void {
    process.actions.set(signal, { handler: address, flags: new Set(flags), restorer: 0, mask: new Set(mask) });
  }
}
