/** Turns a file into a running program: finds interpreter and personality, builds a fresh memory, and puts it into a new process (spawn) or an old one (execve). */

import { fail } from '../base/failures.ts';
import { bytesOf, textOf } from '../base/text.ts';
import type { FdTable } from '../kernel/fd-table.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { OpenFile } from '../kernel/open-file.ts';
import type { FsContext, LookUp } from '../kernel/vfs.ts';
import { readElf } from '../loader/elf.ts';
import { loadProgram, type Program } from '../loader/load.ts';
import { LoadError } from '../loader/load-error.ts';
import { MAX_SCRIPT_DEPTH, parseScript, SCRIPT_HEAD } from '../loader/script.ts';
import { AddressSpace, type MappedFile } from '../memory/address-space.ts';
import type { Personality, StartUp } from '../personality/personality.ts';
import { becomeOnlyThread, leaveMemory, releaseVforkParent } from './family.ts';
import { type Credentials, Process, ProcessMemory } from './process.ts';
import { Thread } from './thread.ts';

/** One argument or environment string may have this many bytes, all of them together a quarter of the stack limit. */
const MAX_STRING = 0x2_0000;
const MAX_STRINGS = 6 << 20;
const SLASH = 47;

export interface ExecRequest {
  /** Directory (or, with `look.empty`, program) that a relative path starts from. */
  base?: OpenFile | undefined;
  path: string;
  look?: LookUp;
  argv: readonly Uint8Array[];
  envp: readonly Uint8Array[];
}

/** Everything that can be refused has been looked at. */
interface Candidate {
  program: Program;
  interpreter: Program | undefined;
  /** Held open until the mappings hold them. */
  files: OpenFile[];
  personality: Personality;
  argv: readonly Uint8Array[];
  envp: readonly Uint8Array[];
  /** As the program was named, for AT_EXECFN. */
  execPath: Uint8Array;
  setUid: number | undefined;
  setGid: number | undefined;
}

/** execve: on success the calling thread is the only one left and stands at the new program's start; on failure (GuestError, LoadError) nothing has changed. */
export function execute(thread: Thread, request: ExecRequest): void {
  const { process } = thread;
  const { kernel } = process;
  const candidate = examine(kernel, process.fs, request, process.limit('STACK'));
  const { memory, startUp } = load(kernel, candidate, process.limits);
  leaveMemory(thread);
  becomeOnlyThread(thread);
  process.usage.maxResident = Math.max(process.usage.maxResident, process.space.usage().resident);
  process.code.releaseCpu(thread.cpu);
  const old = process.memory;
  process.memory = memory;
  old.drop();
  releaseVforkParent(process);
  if (process.files.shared) {
    const own = process.files.clone();
    process.files.release();
    process.files = own;
  }
  process.files.exec();
  process.actions = new Map([...process.actions].filter(([, action]) => action.handler === 'ignore'));
  for (const timer of process.posixTimers.values()) timer.cancel();
  process.posixTimers.clear();
  thread.cpu = memory.code.createCpu();
  thread.alternateStack = { address: 0, size: 0, enabled: false };
  thread.robustList = { head: 0, length: 0 };
  process.executed = true;
  process.parentDeathSignal = undefined;
  process.exitSignal = 'SIGCHLD';
  begin(process, thread, candidate, startUp);
}

export interface SpawnRequest extends ExecRequest {
  files: FdTable;
  fs: FsContext;
  credentials: Credentials;
  /** Put into a session of its own; else it belongs to the VM's first one. */
  newSession?: boolean;
  limits?: Map<string, { soft: number; hard: number }>;
}

/** A process that the VM's user starts; it runs once the scheduler does. Owns `files` and `fs` from here on, also when it throws. */
export function spawn(kernel: Kernel, request: SpawnRequest): Process {
  const limits = request.limits ?? kernel.defaultLimits();
  let loaded: ReturnType<typeof load>;
  let candidate: Candidate;
  try {
    candidate = examine(kernel, request.fs, request, limits.get('STACK')?.soft ?? Infinity);
    loaded = load(kernel, candidate, limits);
  } catch (error) {
    request.files.release();
    request.fs.release();
    throw error;
  }
  const pid = kernel.newPid();
  const process = new Process(kernel, pid, {
    parent: undefined,
    processGroup: pid,
    session: request.newSession ? pid : kernel.firstSession.id,
    personality: candidate.personality,
    memory: loaded.memory,
    files: request.files,
    fs: request.fs,
    credentials: request.credentials,
    limits,
  });
  process.hostParent = true;
  const thread = new Thread(pid, process, process.code.createCpu());
  process.threads.set(pid, thread);
  kernel.threads.set(pid, thread);
  kernel.processes.set(pid, process);
  kernel.stats.processes++;
  kernel.stats.threads++;
  if (request.newSession) kernel.sessions.set(pid, { id: pid, terminal: undefined });
  begin(process, thread, candidate, loaded.startUp);
  kernel.scheduler.ready(thread);
  return process;
}

/** The last steps, in the new memory. */
function begin(process: Process, thread: Thread, candidate: Candidate, startUp: StartUp): void {
  const { credentials } = process;
  process.personality = candidate.personality;
  process.executable = candidate.program.path;
  process.argv = candidate.argv;
  process.envp = candidate.envp;
  process.kernel.stats.execs++;
  if (!process.noNewPrivileges) {
    if (candidate.setUid !== undefined) credentials.euid = candidate.setUid;
    if (candidate.setGid !== undefined) credentials.egid = candidate.setGid;
  }
  // A new program has what its user has.
  credentials.capabilities = undefined;
  credentials.suid = credentials.euid;
  credentials.sgid = credentials.egid;
  const { execPath } = startUp;
  thread.name = textOf(execPath.subarray(execPath.lastIndexOf(SLASH) + 1).subarray(0, 15));
  thread.clearChildTid = 0;
  thread.personalityState = undefined;
  process.personalityState = undefined;
  thread.cpu.reset();
  process.personality.start(process, thread, startUp);
}

/** Look at the file, its interpreters and arguments; touches nothing. */
function examine(kernel: Kernel, fs: FsContext, request: ExecRequest, stackLimit: number): Candidate {
  let { base, path, look, argv } = request;
  checkStrings([...argv, ...request.envp], stackLimit);
  const execPath = bytesOf(path);
  for (let depth = 0; ; depth++) {
    const opened = openProgram(kernel, fs, base, path, look);
    let keep = false;
    try {
      const head = new Uint8Array(SCRIPT_HEAD);
      const length = opened.mapped.readAt(head, 0);
      const script = parseScript(head.subarray(0, length));
      if (!script) {
        const found = recognise(kernel, fs, opened);
        keep = true;
        return { ...found, argv, envp: request.envp, execPath };
      }
      if (depth >= MAX_SCRIPT_DEPTH) fail('ELOOP');
      const name = path === '' ? opened.path : path;
      argv = [
        bytesOf(script.interpreter),
        ...(script.argument ? [script.argument] : []),
        bytesOf(name),
        ...argv.slice(1),
      ];
      path = script.interpreter;
      base = undefined;
      look = undefined;
    } finally {
      if (!keep) opened.file.drop();
    }
  }
}

interface Opened {
  file: OpenFile;
  mapped: MappedFile;
  path: string;
  mode: number;
  uid: number;
  gid: number;
}

function openProgram(kernel: Kernel, fs: FsContext, base: OpenFile | undefined, path: string, look?: LookUp): Opened {
  const { vfs } = kernel;
  const stat = vfs.stat(fs, base, path, { follow: true, ...look });
  if (stat.type === 'symlink') fail('ELOOP');
  if (stat.type !== 'file') fail('EACCES');
  vfs.access(fs, base, path, { execute: true }, look);
  if ((stat.mode & 0o111) === 0) fail('EACCES');
  const file = (path === '' && base ? base : vfs.open(fs, base, path, { read: true })).retain();
  if (!isMappable(file)) {
    file.drop();
    return fail('EACCES');
  }
  return { file, mapped: file, path: vfs.pathOf(fs, file), mode: stat.mode, uid: stat.uid, gid: stat.gid };
}

function isMappable(file: OpenFile): file is OpenFile & MappedFile {
  return 'mapKey' in file;
}

function recognise(kernel: Kernel, fs: FsContext, opened: Opened): Omit<Candidate, 'argv' | 'envp' | 'execPath'> {
  const image = readElf(opened.mapped, opened.path);
  const personality = kernel.personalities.find((candidate) => candidate.recognises(image));
  if (!personality) throw new LoadError(`${opened.path}: no personality for ${image.os} on ${image.isa}`, 'ENOEXEC');
  const files = [opened.file];
  let interpreter: Program | undefined;
  if (image.interpreter !== undefined) {
    const found = openProgram(kernel, fs, undefined, image.interpreter);
    try {
      interpreter = { image: readElf(found.mapped, found.path), file: found.mapped, path: found.path };
    } catch (error) {
      found.file.drop();
      throw error instanceof LoadError ? new LoadError(error.message, 'ELIBBAD') : error;
    }
    files.push(found.file);
  }
  return {
    program: { image, file: opened.mapped, path: opened.path },
    interpreter,
    files,
    personality,
    setUid: opened.mode & 0o4000 ? opened.uid : undefined,
    setGid: (opened.mode & 0o2010) === 0o2010 ? opened.gid : undefined,
  };
}

function load(kernel: Kernel, candidate: Candidate, limits: Process['limits']) {
  const { program, interpreter } = candidate;
  const space = new AddressSpace();
  try {
    space.limit = limits.get('AS')?.soft ?? Infinity;
    space.commitLimit = kernel.limits.memory ?? Infinity;
    space.stackLimit = limits.get('STACK')?.soft ?? Infinity;
    const loaded = loadProgram(space, program, interpreter);
    const memory = new ProcessMemory(space, kernel.engine.attach(space)).retain();
    const { argv, envp, execPath } = candidate;
    const startUp: StartUp = { image: program.image, loaded, argv, envp, execPath };
    return { memory, startUp };
  } catch (error) {
    space.dispose();
    throw error;
  } finally {
    for (const file of candidate.files) file.drop();
  }
}

function checkStrings(strings: readonly Uint8Array[], stackLimit: number): void {
  const most = Math.max(MAX_STRING, Math.min(MAX_STRINGS, stackLimit / 4));
  let sum = 0;
  for (const string of strings) {
    if (string.length >= MAX_STRING) fail('E2BIG');
    sum += string.length + 9;
  }
  if (sum > most) fail('E2BIG');
}
