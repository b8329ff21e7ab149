/** What /proc shows, read off the kernel's processes when somebody looks; printing is proc-fs.ts's. */

import { deviceNumber } from '../kernel/devices.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { ProcCpu, ProcProcess, ProcSource, ProcState, ProcThread } from '../kernel/proc-source.ts';
import type { Process } from '../process/process.ts';
import type { Signal } from '../process/signals.ts';
import type { Thread } from '../process/thread.ts';

/** What the machine is said to have when no limit says otherwise. */
const DEFAULT_MEMORY = 4 * 2 ** 30;

export function procSource(
  kernel: Kernel,
  identity: { ostype: string; release: string; version: string; cpu: ProcCpu },
): ProcSource {
  const alive = () => [...kernel.processes.values()];
  const memory = () => {
    const total = kernel.limits.memory ?? DEFAULT_MEMORY;
    const used = alive().reduce((sum, one) => sum + (one.zombie ? 0 : one.space.usage().resident), 0);
    return { total, free: Math.max(0, total - used), cached: 0 };
  };
  return {
    asking() {
      const thread = kernel.scheduler.current;
      return thread && { pid: thread.process.pid, tid: thread.tid };
    },
    pids: () => [...kernel.processes.keys()].sort((a, b) => a - b),
    process(id) {
      const process = kernel.processes.get(id) ?? kernel.threads.get(id)?.process;
      return process && describe(process);
    },
    system: {
      ...identity,
      hostname: () => kernel.hostname,
      setHostname(name) {
        kernel.hostname = name;
      },
      domainname: () => kernel.domainname,
      cpus: [identity.cpu],
      memory,
      realtime: () => kernel.realtime(),
      uptime: () => kernel.monotonic() - kernel.bootTime,
      cpuTime: () => ({
        user: alive().reduce((sum, one) => sum + one.usage.user, 0),
        system: alive().reduce((sum, one) => sum + one.usage.system, 0),
      }),
      counters: () => ({
        forks: kernel.stats.processes,
        switches: kernel.stats.switches,
        runnable: [...kernel.threads.values()].filter((one) => one.state === 'runnable').length,
        threads: kernel.threads.size,
        lastPid: Math.max(0, ...kernel.processes.keys()),
      }),
      random: (into) => kernel.environment.random(into),
      pidMax: 4_194_304,
    },
  };
}

function describe(process: Process): ProcProcess {
  const { kernel, credentials } = process;
  const ended = process.zombie;
  const terminal = kernel.sessions.get(process.session)?.terminal;
  const mask = (signals: Iterable<Signal>) => maskOf(process, signals);
  return {
    pid: process.pid,
    parent: process.parent?.pid ?? 1,
    group: process.processGroup,
    session: process.session,
    terminal: terminal ? deviceNumber(terminal.number.major, terminal.number.minor) : 0,
    foreground: terminal ? terminal.foreground : -1,
    name: process.name,
    state: ended ? 'Z' : process.stopped ? 'T' : stateOf(process.leader),
    exitCode: waitStatus(process),
    uids: [credentials.uid, credentials.euid, credentials.suid, process.fs.uid],
    gids: [credentials.gid, credentials.egid, credentials.sgid, process.fs.gid],
    groups: credentials.groups,
    capabilities: credentials.capabilities,
    context: ended ? undefined : process.fs,
    files: ended ? undefined : process.files,
    executable: process.executable,
    argv: process.argv,
    envp: process.envp,
    auxv: process.auxv,
    nice: process.nice,
    startTime: process.startTime - kernel.bootTime,
    user: process.usage.user,
    system: process.usage.system,
    childrenUser: process.childrenUsage.user,
    childrenSystem: process.childrenUsage.system,
    minorFaults: process.usage.minorFaults,
    threads: [...process.threads.values()].map((thread) => describeThread(process, thread)),
    mappings: () => (ended ? [] : process.space.mappings()),
    memory() {
      const peak = process.usage.maxResident;
      if (ended) return { mapped: 0, resident: 0, peak };
      const { mapped, resident } = process.space.usage();
      return { mapped, resident, peak: Math.max(peak, resident) };
    },
    limit: (name) => process.limits.get(name) ?? { soft: Number.POSITIVE_INFINITY, hard: Number.POSITIVE_INFINITY },
    sharedPending: mask(process.pending.signals()),
    ignored: mask(withHandler(process, (handler) => handler === 'ignore')),
    caught: mask(withHandler(process, (handler) => typeof handler === 'number')),
    noNewPrivileges: process.noNewPrivileges,
  };
}

function describeThread(process: Process, thread: Thread): ProcThread {
  return {
    tid: thread.tid,
    name: thread.name,
    state: process.stopped ? 'T' : stateOf(thread),
    user: thread.cpuTime,
    system: 0,
    pending: maskOf(process, thread.pending.signals()),
    blocked: maskOf(process, thread.mask),
    voluntarySwitches: process.usage.voluntarySwitches,
    involuntarySwitches: process.usage.involuntarySwitches,
    rename(name) {
      thread.name = name;
    },
  };
}

function stateOf(thread: Thread | undefined): ProcState {
  if (!thread) return 'Z';
  if (thread === thread.process.kernel.scheduler.current || thread.state === 'runnable') return 'R';
  return thread.state === 'stopped' ? 'T' : thread.state === 'suspended' ? 'D' : 'S';
}

function withHandler(process: Process, wanted: (handler: number | string) => boolean): Signal[] {
  return [...process.actions].filter(([, action]) => wanted(action.handler)).map(([signal]) => signal);
}

/** Bit n − 1 for signal n, as the process's own system numbers them. */
function maskOf(process: Process, signals: Iterable<Signal>): bigint {
  let mask = 0n;
  for (const signal of signals) {
    const number = process.personality.signalNumber(signal);
    if (number > 0) mask |= 1n << BigInt(number - 1);
  }
  return mask;
}

function waitStatus(process: Process): number {
  const { status } = process;
  if (status?.kind === 'exited') return status.code << 8;
  if (status?.kind === 'killed') return process.personality.signalNumber(status.signal) | (status.core ? 0x80 : 0);
  return 0;
}
