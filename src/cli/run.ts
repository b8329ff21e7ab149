/** `hospes run`: a virtual machine from the options, one program in it on our own stdin, stdout and stderr, its status as ours. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import { UserError } from '../base/failures.ts';
import type { Optimisation } from '../base/optimisations.ts';
import type { EngineMode } from '../engine/engine.ts';
import { hostCwd, hostVariables } from '../host/environment.ts';
import { beLavish } from '../host/patience.ts';
import { writeFully } from '../host/streams.ts';
import { isTerminal } from '../host/terminal.ts';
import { isStoreDirectory, storeDirectory } from '../host/translation-store.ts';
import { formatStats } from '../tools/stats.ts';
import { Recorder, type Tape } from '../vm/recording/tape.ts';
import {
  type FsKind,
  type GuestProcess,
  Hospes,
  type HospesOptions,
  type Limits,
  type Mount,
  type NetworkPolicy,
  SANDBOX_LIMITS,
} from '../vm.ts';
import { VERSION } from './version.ts';

export interface RunOptions {
  root: string;
  fs: FsKind;
  mount?: Mount[];
  net: NetworkPolicy;
  sandbox?: boolean;
  env?: [string, string][];
  clearEnv?: boolean;
  cwd?: string;
  argv0?: string;
  engine: EngineMode;
  without?: Optimisation[];
  translations?: string;
  trace?: string;
  traceFile?: string;
  limitTime?: number;
  limitMemory?: number;
  limitInstructions?: number;
  stats?: string;
  profile?: string;
  record?: string;
}

/** Signals that are sent on to the program: these to the foreground as a terminal would, the others to it alone. */
const KEYS = ['SIGINT', 'SIGQUIT', 'SIGTSTP'] as const;
const FORWARDED = [...KEYS, 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const;
/** Deaths that need no explanation. */
const EXPECTED = new Set(['SIGINT', 'SIGPIPE']);

/** What must be the same for a program to run the same: the head of a recording. */
export interface Plan {
  hospes: string;
  program: string;
  args: readonly string[];
  machine: Pick<HospesOptions, 'root' | 'fs' | 'mounts' | 'limits' | 'engine' | 'without' | 'net' | 'hostname'>;
  env: Record<string, string>;
  cwd: string;
  argv0: string;
}

/** What only watches. */
export interface Watching {
  trace?: string;
  traceFile?: string;
  stats?: string;
  profile?: string;
  translations?: string;
}

export async function run(program: string, args: readonly string[], options: RunOptions): Promise<void> {
  const kind = options.sandbox ? 'memory' : options.fs;
  const plan: Plan = {
    hospes: VERSION,
    program,
    args,
    machine: {
      root: options.root,
      fs: kind,
      mounts: options.mount ?? [],
      limits: limitsOf(options),
      engine: options.engine,
      without: options.without ?? [],
      net: options.net,
      ...(options.sandbox ? {} : { hostname: os.hostname() }),
    },
    env: environmentOf(options, kind),
    cwd: options.cwd ?? defaultCwd(options.root, kind),
    argv0: options.argv0 ?? program,
  };
  const { translations: _, ...rest } = options;
  const place = translationsOf(options);
  await execute(
    plan,
    place === undefined ? rest : { ...rest, translations: place },
    options.record === undefined ? undefined : recorder(options.record, plan),
  );
}

/** Where translations are kept, if they are. */
function translationsOf({ translations: place, sandbox }: RunOptions): string | undefined {
  if (place === undefined) return sandbox ? undefined : storeDirectory();
  if (place === 'none') return undefined;
  if (isStoreDirectory(place)) return place;
  throw new UserError(`--translations: '${place}' is no directory that this user, and nobody else, may write to`, 2);
}

/** Run as planned; `tape` records it or plays it back. */
export async function execute(plan: Plan, options: Watching, tape?: Tape): Promise<void> {
  const { program, args, machine, env, cwd, argv0 } = plan;
  if (options.stats !== undefined && !['', 'json'].includes(options.stats)) {
    throw new UserError(`--stats: '${options.stats}' is not a form (there is json)`, 2);
  }
  const trace = traceOf(options);
  const vm = await Hospes.create({
    ...machine,
    timeCalls: options.stats !== undefined,
    count: options.stats !== undefined,
    profile: options.profile !== undefined,
    ...(options.translations === undefined ? {} : { translations: options.translations }),
    ...(trace ? { trace } : {}),
    ...(tape ? { tape } : {}),
  });
  const name = machine.fs === 'memory' && !vm.exists(program) ? (vm.showProgram(program) ?? program) : program;
  // What arrives while replaying is for us alone: what the program got stands in the recording. Before the program's first slice, which is
  // run at once: what comes meanwhile is the program's.
  if (!tape?.replaying) forwardSignals(vm);
  const guest = vm.spawn(name, args, { env, cwd, argv0, stdio: 'inherit' });
  if (!tape?.replaying) stopWith(guest);
  const { exitCode, signal } = await vm.wait(guest);
  await vm.idle();
  beLavish();
  tape?.end(signal ?? `status ${exitCode}`);
  await vm.dispose();
  const { violation } = vm;
  if (violation) writeFully(2, `hospes: ${program}: ended by the ${violation}\n`);
  else if (signal && !EXPECTED.has(signal)) writeFully(2, `hospes: ${guest.fatalReport ?? `${program}: ${signal}`}\n`);
  if (options.stats !== undefined) {
    const { stats } = vm;
    writeFully(2, options.stats === 'json' ? `${JSON.stringify(stats)}\n` : formatStats(stats));
  }
  if (options.profile !== undefined) writeProfile(options.profile, vm.profile);
  process.exitCode = signal ? 128 + (os.constants.signals[signal] ?? 0) : (exitCode ?? 1);
}

function forwardSignals(vm: Hospes): void {
  for (const signal of FORWARDED) {
    process.on(signal, () =>
      vm.signal(signal, (KEYS as readonly string[]).includes(signal) ? 'foreground' : 'program'),
    );
  }
}

function stopWith(guest: GuestProcess): void {
  // When the program stops and nobody in the guest can continue it, we stop too, and the shell that started us decides.
  guest.on('stop', () => process.kill(process.pid, 'SIGSTOP'));
  process.on('SIGCONT', () => guest.continue());
}

function recorder(file: string, plan: Plan): Tape {
  if (isTerminal(0)) throw new UserError('--record: stdin is a terminal, which cannot be recorded: redirect it', 2);
  let fd: number;
  try {
    fd = fs.openSync(file, 'w');
  } catch (error) {
    throw new UserError(`--record: ${(error as Error).message}`, 2);
  }
  return new Recorder((bytes) => writeFully(fd, bytes), plan);
}

function writeProfile(file: string, profile: unknown): void {
  try {
    fs.writeFileSync(file, JSON.stringify(profile));
  } catch (error) {
    throw new UserError(`--profile: ${(error as Error).message}`, 1);
  }
}

function limitsOf(options: RunOptions): Limits {
  return {
    ...(options.sandbox ? SANDBOX_LIMITS : {}),
    ...(options.limitTime === undefined ? {} : { time: options.limitTime }),
    ...(options.limitMemory === undefined ? {} : { memory: options.limitMemory }),
    ...(options.limitInstructions === undefined ? {} : { instructions: options.limitInstructions }),
  };
}

/** Real files come with the real environment; a guest that sees nothing of the host learns nothing from it here either. */
function environmentOf(options: RunOptions, kind: FsKind): Record<string, string> {
  const bare = {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: '/root',
    TERM: process.env.TERM ?? 'dumb',
  };
  const start = options.clearEnv ? {} : kind === 'memory' ? bare : hostVariables();
  return { ...start, ...Object.fromEntries(options.env ?? []) };
}

/** Where we are, if the guest can see it. */
function defaultCwd(root: string, kind: FsKind): string {
  if (kind === 'memory') return '/';
  const real = fs.existsSync(root) ? fs.realpathSync(root) : root;
  const here = hostCwd();
  if (real === '/') return here;
  return here === real ? '/' : here.startsWith(`${real}/`) ? here.slice(real.length) : '/';
}

function traceOf(options: Watching): { filter: string; write(line: string): void } | undefined {
  if (options.trace === undefined && options.traceFile === undefined) return undefined;
  let fd = 2;
  if (options.traceFile !== undefined) {
    try {
      fd = fs.openSync(options.traceFile, 'w');
    } catch (error) {
      throw new UserError(`--trace-file: ${(error as Error).message}`, 2);
    }
  }
  return { filter: options.trace ?? '', write: (line) => writeFully(fd, line) };
}
