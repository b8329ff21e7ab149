/** The texts of /proc, exactly as Linux prints them; where the facts come from is proc-source.ts. */
import type { Mapping } from '../memory/address-space.ts';
import { PROT_EXEC, PROT_READ, PROT_WRITE } from '../memory/address-space.ts';
import { majorOf, minorOf } from './devices.ts';
import type { Mount } from './mounts.ts';
import { OpenFile } from './open-file.ts';
import type { ProcProcess, ProcSystem, ProcThread } from './proc-source.ts';

/** USER_HZ: the unit of times in stat files. */
const TICK = 10_000_000;
const PAGE = 4096;

const ticks = (ns: number | bigint): number => Math.floor(Number(ns) / TICK);
const hex = (n: number, width: number): string => n.toString(16).padStart(width, '0');
const kB = (bytes: number): number => Math.floor(bytes / 1024);
const mask = (set: bigint): string => set.toString(16).padStart(16, '0');

const STATE_WORDS = { R: 'running', S: 'sleeping', D: 'disk sleep', T: 'stopped', Z: 'zombie' };

/** /proc/<pid>/maps. */
export function maps(mappings: readonly Mapping[]): string {
  let out = '';
  for (const m of mappings) {
    const { dev, ino } = fileOf(m);
    const bits =
      (m.prot & PROT_READ ? 'r' : '-') +
      (m.prot & PROT_WRITE ? 'w' : '-') +
      (m.prot & PROT_EXEC ? 'x' : '-') +
      (m.shared ? 's' : 'p');
    const offset = m.file === undefined ? 0 : m.offset;
    const device = `${hex(majorOf(dev), 2)}:${hex(minorOf(dev), 2)}`;
    let line = `${hex(m.start, 8)}-${hex(m.end, 8)} ${bits} ${hex(offset, 8)} ${device} ${ino} `;
    const name = nameOf(m);
    if (name !== '') line = line.padEnd(73) + name.replaceAll('\n', '\\012');
    out += `${line}\n`;
  }
  return out;
}

/** The file's name as it is now, which may not be the one it was mapped by. */
function nameOf(m: Mapping): string {
  const { file } = m;
  if (!(file instanceof OpenFile) || file.place === undefined) return m.name;
  return file.place.deleted ? `${file.place.guest} (deleted)` : file.place.guest;
}

function fileOf(m: Mapping): { dev: number; ino: number } {
  if (!(m.file instanceof OpenFile)) return { dev: 0, ino: 0 };
  const { dev, ino } = m.file.stat();
  return { dev, ino };
}

interface Sizes {
  text: number;
  data: number;
  stack: number;
  library: number;
}

function sizes(p: ProcProcess, mappings: readonly Mapping[]): Sizes {
  const sum: Sizes = { text: 0, data: 0, stack: 0, library: 0 };
  for (const m of mappings) {
    const size = m.end - m.start;
    if (m.name === '[stack]') sum.stack += size;
    else if (m.prot & PROT_EXEC) {
      if (m.name === p.executable) sum.text += size;
      else sum.library += size;
    } else if (m.prot & PROT_WRITE && !m.shared) sum.data += size;
  }
  return sum;
}

/** /proc/<pid>/stat; of one thread when `thread` is given. */
export function stat(p: ProcProcess, thread: ProcThread | undefined): string {
  const mappings = p.state === 'Z' ? [] : p.mappings();
  const code = mappings.find((m) => m.prot & PROT_EXEC && m.name === p.executable);
  const stack = mappings.find((m) => m.name === '[stack]');
  const heap = mappings.find((m) => m.name === '[heap]');
  const memory = p.memory();
  const leader = thread ?? p.threads[0];
  const fields = [
    thread?.tid ?? p.pid,
    `(${(thread?.name ?? p.name).slice(0, 15)})`,
    thread?.state ?? p.state,
    p.parent,
    p.group,
    p.session,
    p.terminal,
    p.foreground,
    0x400000,
    p.minorFaults,
    0,
    0,
    0,
    ticks(thread?.user ?? p.user),
    ticks(thread?.system ?? p.system),
    ticks(p.childrenUser),
    ticks(p.childrenSystem),
    20 + p.nice,
    p.nice,
    Math.max(1, p.threads.length),
    0,
    ticks(p.startTime),
    memory.mapped,
    Math.floor(memory.resident / PAGE),
    limitNumber(p.limit('RSS').soft),
    code?.start ?? 0,
    code?.end ?? 0,
    stack?.end ?? 0,
    0,
    0,
    leader?.pending ?? 0n,
    (leader?.blocked ?? 0n) & 0x7fffffffn,
    p.ignored & 0x7fffffffn,
    p.caught & 0x7fffffffn,
    0,
    0,
    0,
    17,
    0,
    0,
    0,
    0,
    0,
    0,
    code?.start ?? 0,
    code?.end ?? 0,
    heap?.start ?? 0,
    0,
    0,
    0,
    0,
    p.exitCode,
  ];
  return `${fields.join(' ')}\n`;
}

function limitNumber(n: number): string {
  return Number.isFinite(n) ? String(n) : '18446744073709551615';
}

export function statm(p: ProcProcess): string {
  const memory = p.memory();
  const s = sizes(p, p.mappings());
  const pages = (bytes: number): number => Math.floor(bytes / PAGE);
  return `${pages(memory.mapped)} ${pages(memory.resident)} ${pages(s.text)} ${pages(s.text)} 0 ${pages(s.data + s.stack)} 0\n`;
}

/** /proc/<pid>/status; of one thread when `thread` is given. */
export function status(p: ProcProcess, thread: ProcThread | undefined, cpus: number): string {
  const leader = thread ?? p.threads[0];
  const state = thread?.state ?? p.state;
  const lines: [string, string | number][] = [
    ['Name', (thread?.name ?? p.name).slice(0, 15).replaceAll('\\', '\\\\').replaceAll('\n', '\\n')],
    ['Umask', `0${(p.context?.umask ?? 0).toString(8).padStart(3, '0')}`],
    ['State', `${state} (${STATE_WORDS[state]})`],
    ['Tgid', p.pid],
    ['Ngid', 0],
    ['Pid', thread?.tid ?? p.pid],
    ['PPid', p.parent],
    ['TracerPid', 0],
    ['Uid', p.uids.join('\t')],
    ['Gid', p.gids.join('\t')],
    ['FDSize', Math.max(64, 2 ** Math.ceil(Math.log2((p.files?.count ?? 0) + 1)))],
    ['Groups', `${p.groups.join(' ')} `],
    ['NStgid', p.pid],
    ['NSpid', thread?.tid ?? p.pid],
    ['NSpgid', p.group],
    ['NSsid', p.session],
  ];
  if (state !== 'Z') lines.push(...memoryLines(p));
  const all41 = p.uids[1] === 0 ? 0x1ff_ffff_ffffn : 0n;
  const { permitted, effective, inheritable } = p.capabilities ?? {
    permitted: all41,
    effective: all41,
    inheritable: 0n,
  };
  const all = 2 ** cpus - 1;
  lines.push(
    ['CoreDumping', 0],
    ['THP_enabled', 0],
    ['Threads', Math.max(1, p.threads.length)],
    ['SigQ', `0/${limitNumber(p.limit('SIGPENDING').soft)}`],
    ['SigPnd', mask(leader?.pending ?? 0n)],
    ['ShdPnd', mask(p.sharedPending)],
    ['SigBlk', mask(leader?.blocked ?? 0n)],
    ['SigIgn', mask(p.ignored)],
    ['SigCgt', mask(p.caught)],
    ['CapInh', mask(inheritable)],
    ['CapPrm', mask(permitted)],
    ['CapEff', mask(effective)],
    ['CapBnd', '000001ffffffffff'],
    ['CapAmb', '0000000000000000'],
    ['NoNewPrivs', p.noNewPrivileges ? 1 : 0],
    ['Seccomp', 0],
    ['Seccomp_filters', 0],
    ['Cpus_allowed', all.toString(16)],
    ['Cpus_allowed_list', cpus === 1 ? '0' : `0-${cpus - 1}`],
    ['Mems_allowed', '1'],
    ['Mems_allowed_list', '0'],
    ['voluntary_ctxt_switches', leader?.voluntarySwitches ?? 0],
    ['nonvoluntary_ctxt_switches', leader?.involuntarySwitches ?? 0],
  );
  return lines.map(([name, value]) => `${name}:\t${value}\n`).join('');
}

function memoryLines(p: ProcProcess): [string, string][] {
  const s = sizes(p, p.mappings());
  const memory = p.memory();
  const rows: [string, number][] = [
    ['VmPeak', Math.max(memory.peak, memory.mapped)],
    ['VmSize', memory.mapped],
    ['VmLck', 0],
    ['VmPin', 0],
    ['VmHWM', Math.max(memory.peak, memory.resident)],
    ['VmRSS', memory.resident],
    ['RssAnon', memory.resident],
    ['RssFile', 0],
    ['RssShmem', 0],
    ['VmData', s.data],
    ['VmStk', s.stack],
    ['VmExe', s.text],
    ['VmLib', s.library],
    ['VmPTE', 0],
    ['VmSwap', 0],
  ];
  return rows.map(([name, bytes]) => [name, `${String(kB(bytes)).padStart(8)} kB`]);
}

const LIMITS: readonly (readonly [title: string, name: string, units: string])[] = [
  ['Max cpu time', 'CPU', 'seconds'],
  ['Max file size', 'FSIZE', 'bytes'],
  ['Max data size', 'DATA', 'bytes'],
  ['Max stack size', 'STACK', 'bytes'],
  ['Max core file size', 'CORE', 'bytes'],
  ['Max resident set', 'RSS', 'bytes'],
  ['Max processes', 'NPROC', 'processes'],
  ['Max open files', 'NOFILE', 'files'],
  ['Max locked memory', 'MEMLOCK', 'bytes'],
  ['Max address space', 'AS', 'bytes'],
  ['Max file locks', 'LOCKS', 'locks'],
  ['Max pending signals', 'SIGPENDING', 'signals'],
  ['Max msgqueue size', 'MSGQUEUE', 'bytes'],
  ['Max nice priority', 'NICE', ''],
  ['Max realtime priority', 'RTPRIO', ''],
  ['Max realtime timeout', 'RTTIME', 'us'],
];

export function limits(p: ProcProcess): string {
  const row = (a: string, b: string, c: string, d: string): string =>
    `${a.padEnd(25)} ${b.padEnd(20)} ${c.padEnd(20)} ${d === '' ? '' : d.padEnd(10)}\n`;
  const value = (n: number): string => (Number.isFinite(n) ? String(n) : 'unlimited');
  let out = row('Limit', 'Soft Limit', 'Hard Limit', 'Units');
  for (const [title, name, units] of LIMITS) {
    const { soft, hard } = p.limit(name);
    out += row(title, value(soft), value(hard), units);
  }
  return out;
}

/** Bytes each followed by NUL. */
export function nulTerminated(strings: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(strings.reduce((sum, s) => sum + s.length + 1, 0));
  let at = 0;
  for (const s of strings) {
    out.set(s, at);
    at += s.length + 1;
  }
  return out;
}

export function fdinfo(file: OpenFile, closeOnExec: boolean): string {
  const access = file.readable && file.writable ? 2 : file.writable ? 1 : 0;
  const flags =
    access |
    (file.append ? 0o2000 : 0) |
    (file.nonblocking ? 0o4000 : 0) |
    (file.kind === 'directory' ? 0o200000 : 0) |
    (file.kind === 'path' ? 0o10000000 : 0) |
    (closeOnExec ? 0o2000000 : 0);
  const mount = file.place?.mount.id ?? 15;
  return `pos:\t${file.position}\nflags:\t0${flags.toString(8)}\nmnt_id:\t${mount}\nino:\t${file.stat().ino}\n`;
}

const escapeBlanks = (s: string): string =>
  s.replace(/[ \t\n\\]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, '0')}`);

export function mounts(all: readonly Mount[]): string {
  return all
    .map(
      (m) => `${escapeBlanks(m.device)} ${escapeBlanks(m.point)} ${m.type} ${m.readOnly ? 'ro' : 'rw'},relatime 0 0\n`,
    )
    .join('');
}

export function mountinfo(all: readonly Mount[]): string {
  const root = all.find((m) => m.at === '')?.id ?? 1;
  return all
    .map((m) => {
      const parent = m.id === root ? 1 : root + 20;
      const access = m.readOnly ? 'ro' : 'rw';
      const where = `${escapeBlanks(m.source || '/')} ${escapeBlanks(m.point)} ${access},relatime`;
      return `${m.id + 20} ${parent} 0:${m.id + 20} ${where} - ${m.type} ${escapeBlanks(m.device)} ${access}\n`;
    })
    .join('');
}

export function meminfo(system: ProcSystem): string {
  const { total, free, cached } = system.memory();
  const used = Math.max(0, total - free - cached);
  const rows: [string, number][] = [
    ['MemTotal', total],
    ['MemFree', free],
    ['MemAvailable', free + cached],
    ['Buffers', 0],
    ['Cached', cached],
    ['SwapCached', 0],
    ['Active', used],
    ['Inactive', cached],
    ['Active(anon)', used],
    ['Inactive(anon)', 0],
    ['Active(file)', 0],
    ['Inactive(file)', cached],
    ['Unevictable', 0],
    ['Mlocked', 0],
    ['SwapTotal', 0],
    ['SwapFree', 0],
    ['Dirty', 0],
    ['Writeback', 0],
    ['AnonPages', used],
    ['Mapped', 0],
    ['Shmem', 0],
    ['KReclaimable', 0],
    ['Slab', 0],
    ['SReclaimable', 0],
    ['SUnreclaim', 0],
    ['KernelStack', 0],
    ['PageTables', 0],
    ['CommitLimit', total],
    ['Committed_AS', used],
    ['VmallocTotal', 34359738367 * 1024],
    ['VmallocUsed', 0],
  ];
  const line = ([name, bytes]: [string, number]): string =>
    `${`${name}:`.padEnd(16)}${String(kB(bytes)).padStart(8)} kB\n`;
  return rows.map(line).join('');
}

export function cpuinfo(system: ProcSystem): string {
  return system.cpus
    .map((cpu, n) =>
      [
        ['processor\t', n],
        ['vendor_id\t', cpu.vendor],
        ['cpu family\t', cpu.family],
        ['model\t\t', cpu.model],
        ['model name\t', cpu.name],
        ['stepping\t', cpu.stepping],
        ['cpu MHz\t\t', cpu.mhz.toFixed(3)],
        ['cache size\t', '256 KB'],
        ['physical id\t', 0],
        ['siblings\t', system.cpus.length],
        ['core id\t\t', n],
        ['cpu cores\t', system.cpus.length],
        ['apicid\t\t', n],
        ['initial apicid\t', n],
        ['fpu\t\t', 'yes'],
        ['fpu_exception\t', 'yes'],
        ['cpuid level\t', 7],
        ['wp\t\t', 'yes'],
        ['flags\t\t', cpu.flags.join(' ')],
        ['bugs\t\t', ''],
        ['bogomips\t', (cpu.mhz * 2).toFixed(2)],
        ['clflush size\t', 64],
        ['cache_alignment\t', 64],
        ['address sizes\t', '48 bits physical, 48 bits virtual'],
        ['power management', ''],
      ]
        .map(([name, value]) => `${name}:${value === '' ? '' : ` ${value}`}\n`)
        .join(''),
    )
    .map((block) => `${block}\n`)
    .join('');
}

/** /proc/stat. */
export function systemStat(system: ProcSystem): string {
  const { user, system: kernel } = system.cpuTime();
  const up = system.uptime();
  const idle = Math.max(0, ticks(up) * system.cpus.length - ticks(user) - ticks(kernel));
  const row = `${ticks(user)} 0 ${ticks(kernel)} ${idle} 0 0 0 0 0 0`;
  let out = `cpu  ${row}\n`;
  for (let n = 0; n < system.cpus.length; n++)
    out += n === 0 ? `cpu0 ${row}\n` : `cpu${n} 0 0 0 ${ticks(up)} 0 0 0 0 0 0\n`;
  const { forks, switches, runnable } = system.counters();
  const boot = (system.realtime() - up) / 1_000_000_000n;
  return (
    `${out}intr 0\nctxt ${switches}\nbtime ${boot}\nprocesses ${forks}\n` +
    `procs_running ${Math.max(1, runnable)}\nprocs_blocked 0\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n`
  );
}

export function uptime(system: ProcSystem): string {
  const up = system.uptime();
  const { user, system: kernel } = system.cpuTime();
  const idle = Math.max(0, Number(up) * system.cpus.length - user - kernel);
  return `${(Number(up) / 1e9).toFixed(2)} ${(idle / 1e9).toFixed(2)}\n`;
}

export function loadavg(system: ProcSystem): string {
  const { runnable, threads, lastPid } = system.counters();
  return `0.00 0.00 0.00 ${Math.max(1, runnable)}/${Math.max(1, threads)} ${lastPid}\n`;
}
