/** The only composition root: puts engine, kernel, personalities and host back ends together into a virtual machine. What the parts do is in the parts. */

import { createFreebsd } from '../syscalls/freebsd/freebsd.ts';
import { createLinux } from '../syscalls/linux/linux.ts';
import { milliseconds } from './base/clock.ts';
import { GuestError, UserError } from './base/failures.ts';
import type { Optimisation } from './base/optimisations.ts';
import { bytesOf } from './base/text.ts';
import { createEngine } from './engine/create.ts';
import type { Engine, EngineMode, TranslationStore } from './engine/engine.ts';
import { findOnHost, hostEnvironment, hostIdentity } from './host/environment.ts';
import { type Ending, GuestProcess } from './host/guest-process.ts';
import type { HostEnvironment } from './host/host.ts';
import type { MemoryView } from './host/memory-view.ts';
import { nodeNetwork } from './host/node-network.ts';
import { prebuiltFile } from './host/prebuilt.ts';
import { backgroundMs } from './host/threads.ts';
import { translationStore } from './host/translation-store.ts';
import { timestamps } from './isa/x86/cpuid.ts';
import { FdTable } from './kernel/fd-table.ts';
import type { NetworkPolicy } from './kernel/inet-socket.ts';
import { Kernel } from './kernel/kernel.ts';
import { Vfs } from './kernel/vfs.ts';
import { CallStatistics } from './personality/statistics.ts';
import { CallTrace, TraceFilter } from './personality/trace.ts';
import { spawn } from './process/exec.ts';
import type { Process, ProcessStatus } from './process/process.ts';
import { Scheduler, standardLoop } from './process/scheduler.ts';
import { sendToProcess } from './process/signaling.ts';
import { fatalReport } from './tools/fatal-report.ts';
import { type CpuProfile, Profiler } from './tools/profile.ts';
import { collectStats, type Stats } from './tools/stats.ts';
import { equip } from './vm/kernel-equipment.ts';
import { tapedEngine, tapedEnvironment, tapedLoop, tapedPlaces } from './vm/recording/host.ts';
import type { Tape } from './vm/recording/tape.ts';
import { connect, type PtySize, type StdioOption } from './vm/stdio.ts';
import { buildTree, type FsKind, type HostPlaces, hostPlaces, type Mount, showProgram } from './vm/tree.ts';

export type { GuestProcess, GuestPty } from './host/guest-process.ts';
export type { NetworkPolicy } from './kernel/inet-socket.ts';
export type { Stats } from './tools/stats.ts';
export type { PtySize, StdioOption } from './vm/stdio.ts';
export type { FsKind, Mount } from './vm/tree.ts';

/** What a VM may use altogether; absent: no limit. */
export interface Limits {
  /** Wall-clock seconds from creation. */
  time?: number;
  /** Bytes that each process may map. */
  memory?: number;
  /** Guest instructions. */
  instructions?: number;
  /** Bytes written to stdout and stderr. */
  output?: number;
  /** Processes and threads alive at one time. */
  processes?: number;
}

/** The limits of a sandbox that names none. */
export const SANDBOX_LIMITS: Required<Limits> = {
  time: 60,
  memory: 1 << 30,
  instructions: Number.POSITIVE_INFINITY,
  output: 64 << 20,
  processes: 256,
};

export interface HospesOptions {
  /** The host directory that is the guest's `/` (with fs host and overlay); default '/'. */
  root?: string;
  /** Default: memory. */
  fs?: FsKind;
  mounts?: readonly Mount[];
  /** Files laid into the tree before anything runs: contents by guest path; they may be programs. */
  files?: Readonly<Record<string, string | Uint8Array>>;
  /** Variables of every process started without its own; default: PATH and HOME alone. */
  env?: Readonly<Record<string, string>>;
  /** Directory of every process started without its own; default '/'. */
  cwd?: string;
  limits?: Limits;
  engine?: EngineMode;
  /** Optimisations of translated code to leave out (default: none). */
  without?: readonly Optimisation[];
  /** Log system calls: a filter such as 'file,-read' ('' is all), and who takes the lines (default: nobody). */
  trace?: { filter: string; write(line: string): void };
  /** none: no interface is up. loopback (default): guests reach each other on 127.0.0.1 and ::1. host: they use the host's network as a program of the host would. */
  net?: NetworkPolicy;
  /** As whom guests run; default: this process's user where real files are shown, else root. */
  user?: { uid: number; gid: number; groups?: readonly number[] };
  /** The host's name as guests see it; default 'hospes'. */
  hostname?: string;
  /** Measure the time of each call, not only its count. */
  timeCalls?: boolean;
  /** Let generated code count dispatches and ways out for `stats.engine`, which makes it a little slower. */
  count?: boolean;
  /** Sample where guest code runs: `vm.profile`. */
  profile?: boolean;
  /** A directory of the host where translations are kept from one process to the next; absent: nowhere. Only this user may be able to write to it: what lies there is run. */
  translations?: string;
  /** What programs do not determine passes through this: a Recorder notes it, a Player gives it back. */
  tape?: Tape;
}

export interface SpawnOptions {
  env?: Readonly<Record<string, string>>;
  cwd?: string;
  /** What the program finds as its own name; default: the path as given. */
  argv0?: string;
  /** stdin, stdout, stderr: 'pipe' (default), 'inherit' this process's, 'ignore', or bytes to read / a function that takes what is written. */
  stdio?: StdioOption | readonly [StdioOption, StdioOption, StdioOption];
  /** Give it a terminal of this size instead, in a session of its own. */
  pty?: PtySize | boolean;
}

export interface ExecOptions {
  env?: Readonly<Record<string, string>>;
  cwd?: string;
  argv0?: string;
  /** Given on stdin. */
  input?: string | Uint8Array;
  /** 'buffer' gives stdout and stderr as bytes. */
  encoding?: 'utf8' | 'latin1' | 'buffer';
}

export interface ExecResult<Output = string> {
  stdout: Output;
  stderr: Output;
  /** null where a signal ended it. */
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  stats: Stats;
}

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** A virtual machine: one tree of files, one table of processes, one engine. */
export class Hospes {
  /** Put a virtual machine together. It needs no clean-up beyond `dispose`, which ends whatever still runs in it. */
  static async create(options: HospesOptions = {}): Promise<Hospes> {
    const vm = new Hospes(options);
    await vm.#build();
    return vm;
  }

  readonly #options: HospesOptions;
  readonly #limits: Limits;
  readonly #vfs: Vfs;
  readonly #engine: Engine;
  /** The engine, if translations are kept; it knows the store from the first program on. */
  #keeper: Engine | undefined;
  #store: TranslationStore | undefined;
  readonly #profiler: Profiler | undefined;
  readonly #calls: CallStatistics;
  readonly #kernel: Kernel;
  readonly #scheduler: Scheduler;
  readonly #environment: HostEnvironment;
  readonly #places: HostPlaces;
  readonly #user: { uid: number; gid: number; groups: readonly number[] };
  readonly #started = milliseconds();
  #loadMs = 0;
  #memory: MemoryView | undefined;
  #written = 0;
  #running: Promise<void> | undefined;
  #failure: unknown;
  #disposed = false;
  readonly #guests = new Map<Process, GuestProcess>();

  private constructor(options: HospesOptions) {
    this.#options = options;
    this.#limits = options.limits ?? {};
    const real = (options.fs ?? 'memory') !== 'memory';
    const { tape } = options;
    if (tape && options.net === 'host') throw new UserError("the host's network cannot be recorded", 2);
    if (tape && options.profile) throw new UserError('a recording and a profile exclude each other', 2);
    this.#environment = tape ? tapedEnvironment(tape, hostEnvironment) : hostEnvironment;
    this.#places = tape ? tapedPlaces(tape, hostPlaces) : hostPlaces;
    if (tape) timestamps.now = () => tape.take(milliseconds);
    const identity = () => (tape ? tape.take(hostIdentity) : hostIdentity());
    const user = options.user ?? (real ? identity() : { uid: 0, gid: 0 });
    this.#user = { ...user, groups: user.groups ?? [] };
    this.#calls = new CallStatistics(options.timeCalls ?? false);
    const trace = options.trace && new CallTrace(new TraceFilter(options.trace.filter), options.trace.write);
    const observers = { statistics: this.#calls, trace };
    this.#vfs = new Vfs({ now: () => this.#environment.realtime() });
    const engine = createEngine(options.engine ?? 'auto', prebuiltFile(), new Set(options.without), options.count);
    if (options.translations !== undefined && !tape) this.#keeper = engine;
    this.#profiler = options.profile ? new Profiler() : undefined;
    this.#engine = tape ? tapedEngine(tape, engine) : (this.#profiler?.watch(engine) ?? engine);
    const { output: _output, ...limits } = this.#limits;
    this.#kernel = new Kernel({
      vfs: this.#vfs,
      engine: this.#engine,
      environment: this.#environment,
      personalities: [createLinux(observers), createFreebsd(observers)],
      limits,
      hostname: options.hostname ?? 'hospes',
    });
    this.#scheduler = new Scheduler(this.#kernel, tape ? tapedLoop(tape, standardLoop) : standardLoop);
    tape?.onEvent('signal', (data) => {
      const [signal, to] = data as [string, 'program' | 'foreground'];
      this.#signal(signal, to);
    });
    if (this.#profiler) this.#profiler.idleMs = () => this.#kernel.stats.idleMs;
    this.#kernel.onFatalSignal = (process, fatal) => {
      const guest = this.#guests.get(process);
      if (guest) guest.fatalReport = fatalReport(process, fatal);
    };
    this.#kernel.onStop = (process) => this.#guests.get(process)?.emit('stop');
  }

  async #build(): Promise<void> {
    const { root = '/', fs = 'memory', mounts = [], files = {} } = this.#options;
    const memory = await buildTree(this.#vfs, { root, fs, mounts, files }, this.#places);
    if (memory) this.#memory = (await import('./host/memory-view.ts')).viewOf(memory);
    equip(this.#kernel, { net: this.#options.net ?? 'loopback' });
  }

  /** The files in memory, as memfs shows them (an `fs` look-alike): the whole tree with fs memory, what was written with overlay. */
  get fs(): MemoryView {
    return this.#memory ?? throwUser('vm.fs: with fs host nothing is kept in memory');
  }

  /** Counters since creation. */
  get stats(): Stats {
    return collectStats({
      mode: this.#engine.mode,
      instructions: this.#scheduler.instructions,
      engine: this.#engine.stats,
      kernel: this.#kernel.stats,
      calls: this.#calls,
      totalMs: milliseconds() - this.#started,
      loadMs: this.#loadMs,
      backgroundMs: backgroundMs(),
    });
  }

  /** Where guest code has run, for the viewers of .cpuprofile files; with the option `profile` only. */
  get profile(): CpuProfile | undefined {
    return this.#profiler?.profile();
  }

  /** The limit that ended everything, in words; undefined while none did. */
  get violation(): string | undefined {
    const violation = this.#kernel.violation;
    if (violation) {
      return { time: `time limit of ${violation.value} s`, instructions: `limit of ${violation.value} instructions` }[
        violation.limit as 'time' | 'instructions'
      ];
    }
    const { output = Number.POSITIVE_INFINITY } = this.#limits;
    return this.#written > output ? `output limit of ${output} bytes` : undefined;
  }

  /**
   * Start a program: a guest path, or a name to look for in PATH. Throws UserError where it cannot be run (126) or is
   * not there (127).
   */
  spawn(path: string, args: readonly string[] = [], options: SpawnOptions = {}): GuestProcess {
    if (this.#disposed) throw new UserError('the virtual machine has been disposed', 2);
    const env = options.env ?? this.#options.env ?? { PATH: DEFAULT_PATH, HOME: '/root' };
    const { fs, files } = this.#context(options.cwd);
    const found = this.#find(fs, path, env.PATH ?? DEFAULT_PATH);
    this.#recall(found, options.cwd);
    const wires = connect(
      this.#kernel,
      options.stdio ?? 'pipe',
      options.pty,
      (bytes) => this.#count(bytes),
      this.#options.tape,
    );
    wires.files.forEach((file, fd) => {
      files.set(fd, file);
    });
    let process: Process;
    try {
      process = spawn(this.#kernel, {
        path: found,
        argv: [options.argv0 ?? path, ...args].map((text) => bytesOf(text)),
        envp: Object.entries(env).map(([name, value]) => bytesOf(`${name}=${value}`)),
        files,
        fs,
        credentials: credentialsOf(this.#user),
        newSession: wires.newSession,
      });
    } catch (error) {
      wires.abandon();
      throw this.#explain(error, path, found);
    }
    wires.attach(process);
    const kill = (signal: string) => {
      const sent = sendToProcess(process, { signal, code: 'SI_USER', pid: 0, uid: this.#user.uid });
      this.#scheduler.poke();
      return sent;
    };
    const { tape } = this.#options;
    tape?.onEvent(`kill ${process.pid}`, (signal) => void kill(signal as string));
    const guest = new GuestProcess(process.pid, wires.streams, wires.pty, {
      continued: wires.continued,
      kill(signal) {
        if (!tape) return kill(signal);
        tape.event(`kill ${process.pid}`, signal);
        return !process.status;
      },
    });
    this.#guests.set(process, guest);
    guest.on('stop', wires.stopped);
    process.onEnd = (status) => {
      this.#guests.delete(process);
      const ending = endingOf(status);
      wires.ended(ending);
      // Listeners run when the scheduler gives way, not in the middle of its work.
      queueMicrotask(() => guest.ended(ending));
    };
    this.#loadMs ||= milliseconds() - this.#started;
    this.#drive();
    return guest;
  }

  /** Take up what earlier runs of the first program, and of whatever it starts, have translated. */
  #recall(program: string, cwd = this.#options.cwd ?? '/'): void {
    const { translations, root = '/', fs = 'memory' } = this.#options;
    if (!this.#keeper || this.#store || translations === undefined) return;
    this.#store = translationStore(translations, { root: fs === 'memory' ? undefined : root, cwd, path: program });
    if (this.#store) this.#keeper.remember?.(this.#store);
  }

  /** Run a program to its end, or an argument vector whose first word is the program, and collect what it writes. */
  exec(program: string | readonly string[], args?: readonly string[], options?: ExecOptions & { encoding?: 'utf8' | 'latin1' }): Promise<ExecResult>; // biome-ignore format: one signature
  exec(program: string | readonly string[], args: readonly string[], options: ExecOptions & { encoding: 'buffer' }): Promise<ExecResult<Buffer>>; // biome-ignore format: one signature
  async exec(
    program: string | readonly string[],
    args: readonly string[] = [],
    options: ExecOptions = {},
  ): Promise<ExecResult<string | Buffer>> {
    const [path, ...words] = typeof program === 'string' ? [program] : program;
    const output: [Uint8Array[], Uint8Array[]] = [[], []];
    const { input = '', encoding = 'utf8', ...rest } = options;
    const guest = this.spawn(path, [...words, ...args], {
      ...rest,
      stdio: [
        typeof input === 'string' ? bytesOf(input) : input,
        (bytes) => void output[0].push(bytes),
        (bytes) => void output[1].push(bytes),
      ],
    });
    const ending = await this.wait(guest);
    const [stdout, stderr] = output.map((chunks) => {
      const bytes = Buffer.concat(chunks);
      return encoding === 'buffer' ? bytes : bytes.toString(encoding);
    });
    return { stdout, stderr, ...ending, stats: this.stats };
  }

  /** Until this process has ended. Rejects when the virtual machine itself fails. */
  wait(guest: GuestProcess): Promise<Ending> {
    return new Promise((resolve, reject) => {
      const done = () => resolve({ exitCode: guest.exitCode, signal: guest.signalCode });
      if (guest.exitCode !== null || guest.signalCode !== null) return done();
      guest.once('exit', done);
      guest.once('error', reject);
    });
  }

  /** Until nothing runs any more, daemons aside: processes that a program left behind go on to their end. */
  async idle(): Promise<void> {
    const { firstSession } = this.#kernel;
    const busy = () =>
      [...this.#kernel.processes.values()].some((one) => one.status === undefined && one.session === firstSession.id);
    while (busy() && !this.#failure) {
      await this.#running;
      if (busy()) this.#drive(() => !busy());
    }
  }

  /** Send a signal to the programs started here, or to the foreground: all that a key at their terminal would reach. */
  signal(signal: string, to: 'program' | 'foreground' = 'program'): void {
    const { tape } = this.#options;
    if (tape) tape.event('signal', [signal, to]);
    else this.#signal(signal, to);
  }

  #signal(signal: string, to: 'program' | 'foreground'): void {
    const info = () => ({ signal, code: 'SI_USER', pid: 0, uid: this.#user.uid });
    for (const process of this.#guests.keys()) {
      const terminal = this.#kernel.sessions.get(process.session)?.terminal;
      if (to === 'program') sendToProcess(process, info());
      else
        for (const one of this.#kernel.processGroup(terminal?.foreground || process.processGroup))
          sendToProcess(one, info());
    }
    this.#scheduler.poke();
  }

  /** Show a file of the host, and nothing beside it, under its own path; gives that path. For fs memory. */
  showProgram(name: string): string | undefined {
    const { tape } = this.#options;
    const found = tape ? tape.take(() => findOnHost(name)) : findOnHost(name);
    return found === undefined ? undefined : showProgram(this.#vfs, found, this.#places);
  }

  /** Is there something at this guest path? */
  exists(path: string): boolean {
    const context = this.#vfs.context();
    try {
      this.#vfs.stat(context, undefined, path);
      return true;
    } catch {
      return false;
    } finally {
      context.release();
    }
  }

  /** End every process and let go of their memory. */
  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#scheduler.killAll();
    await this.#running?.catch(() => {});
    if (this.#store) this.#keeper?.keep?.();
    this.#store?.close();
    // What the guests' last words to the network were, the host still sends.
    if (this.#options.net === 'host') await nodeNetwork.settled();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  /** Let the scheduler run until every program that was started here has ended. */
  #drive(until: () => boolean = () => this.#guests.size === 0): void {
    if (this.#running) return;
    this.#running = this.#scheduler
      .run(until)
      .catch((error) => {
        this.#failure = error;
        for (const guest of this.#guests.values()) guest.emit('error', error as Error);
        this.#guests.clear();
      })
      .finally(() => {
        this.#running = undefined;
        if (this.#guests.size > 0 && !this.#failure) this.#drive();
      });
  }

  #count(bytes: number): void {
    this.#written += bytes;
    if (this.#written > (this.#limits.output ?? Number.POSITIVE_INFINITY)) this.#scheduler.killAll();
  }

  #context(cwd = this.#options.cwd ?? '/') {
    const fs = this.#vfs.context();
    fs.uid = this.#user.uid;
    fs.gid = this.#user.gid;
    fs.groups = this.#user.groups;
    try {
      this.#vfs.chdir(fs, undefined, cwd);
    } catch (error) {
      if (error instanceof GuestError) throw new UserError(`${cwd}: ${words(error.code)}`, 2);
      throw error;
    }
    return { fs, files: new FdTable() };
  }

  /** As a shell looks for a program. */
  #find(context: ReturnType<Vfs['context']>, name: string, path: string): string {
    if (name.includes('/')) return name;
    let refused = false;
    for (const dir of path.split(':')) {
      const candidate = `${dir || '.'}/${name}`;
      try {
        if (this.#vfs.stat(context, undefined, candidate).type !== 'file') continue;
        this.#vfs.access(context, undefined, candidate, { execute: true });
        return candidate;
      } catch (error) {
        if (!(error instanceof GuestError)) throw error;
        if (error.code === 'EACCES') refused = true;
      }
    }
    throw new UserError(`${name}: ${refused ? 'permission denied' : 'not found'}`, refused ? 126 : 127);
  }

  #explain(error: unknown, name: string, path: string): unknown {
    if (!(error instanceof GuestError)) return error;
    if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') return new UserError(`${name}: ${words(error.code)}`, 126);
    if (!this.exists(path)) return new UserError(`${name}: not found`, 127);
    return new UserError(`${name}: the interpreter that it names is not there (is --root a system root?)`, 127);
  }
}

function credentialsOf(user: { uid: number; gid: number; groups: readonly number[] }) {
  const { uid, gid } = user;
  return { uid, euid: uid, suid: uid, gid, egid: gid, sgid: gid, groups: [...user.groups] };
}

function endingOf(status: ProcessStatus): Ending {
  if (status.kind === 'exited') return { exitCode: status.code, signal: null };
  return { exitCode: null, signal: (status as { signal: NodeJS.Signals }).signal };
}

const WORDS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  ENOENT: 'no such file or directory',
  ENOTDIR: 'not a directory',
  ENOEXEC: 'not an executable file',
  ELOOP: 'too many levels of symbolic links',
  ENOMEM: 'not enough memory, or addresses (ulimit -v) for the 10 GiB that V8 reserves for a process',
  E2BIG: 'argument list too long',
  ETXTBSY: 'it is being written',
};

function throwUser(message: string): never {
  throw new UserError(message, 2);
}

const words = (code: string) => WORDS[code] ?? code;
