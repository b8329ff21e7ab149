/** /proc: which names there are and whose facts they show; the texts are proc-formats.ts's, the facts proc-source.ts's. */

import { fail } from '../base/failures.ts';
import { textOf } from '../base/text.ts';
import type { OpenFile } from './open-file.ts';
import * as print from './proc-formats.ts';
import type { ProcProcess, ProcSource, ProcSystem, ProcThread } from './proc-source.ts';
import {
  directory,
  link,
  type SyntheticDirectory,
  type SyntheticFile,
  SyntheticFs,
  type SyntheticLink,
  type SyntheticNode,
  text,
} from './synthetic-fs.ts';
import type { Vfs } from './vfs.ts';

const PROC_MAGIC = 0x9fa0;

export function createProcFs(source: ProcSource, vfs: Vfs): SyntheticFs {
  const { system } = source;
  const mounts = text(() => print.mounts(vfs.mounts.all()));
  const top: Record<string, SyntheticNode> = {
    self: link(() => String(source.asking()?.pid ?? fail('ENOENT'))),
    'thread-self': link(() => {
      const { pid, tid } = source.asking() ?? fail('ENOENT');
      return `${pid}/task/${tid}`;
    }),
    cmdline: text(() => 'hospes\n'),
    cpuinfo: text(() => print.cpuinfo(system)),
    filesystems: text(() => 'nodev\tproc\nnodev\ttmpfs\nnodev\tdevtmpfs\nnodev\tdevpts\nnodev\toverlay\n\text4\n'),
    loadavg: text(() => print.loadavg(system)),
    meminfo: text(() => print.meminfo(system)),
    mounts: link(() => 'self/mounts'),
    net: link(() => 'self/net'),
    partitions: text(() => 'major minor  #blocks  name\n\n'),
    stat: text(() => print.systemStat(system)),
    swaps: text(() => 'Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n'),
    sys: sysctl(system),
    uptime: text(() => print.uptime(system)),
    version: text(() => `${system.ostype} version ${system.release} ${system.version}\n`),
    vmstat: text(() => 'pgpgin 0\npgpgout 0\npswpin 0\npswpout 0\npgfault 0\npgmajfault 0\n'),
  };
  const root: SyntheticDirectory = {
    kind: 'directory',
    names: () => [...Object.keys(top), ...source.pids().map(String)],
    find: (name) => {
      if (Object.hasOwn(top, name)) return top[name];
      if (!/^[1-9][0-9]*$/.test(name)) return undefined;
      const process = source.process(Number(name));
      return process === undefined ? undefined : processDirectory(process, source, vfs, mounts);
    },
  };
  return new SyntheticFs('proc', root, PROC_MAGIC, () => system.realtime());
}

function processDirectory(p: ProcProcess, source: ProcSource, vfs: Vfs, mounts: SyntheticFile): SyntheticDirectory {
  const find = (name: string): SyntheticNode | undefined => {
    if (name === 'task') return tasks(p, source, vfs, mounts);
    if (name === 'net') return directory({ dev: text(netDevices) });
    return entry(p, undefined, name, source, vfs, mounts);
  };
  return owned(p, { kind: 'directory', names: () => ['task', 'net', ...NAMES], find });
}

function tasks(p: ProcProcess, source: ProcSource, vfs: Vfs, mounts: SyntheticFile): SyntheticDirectory {
  const find = (name: string): SyntheticNode | undefined => {
    const thread = p.threads.find(({ tid }) => String(tid) === name);
    if (thread === undefined) return undefined;
    const inner = (file: string) => entry(p, thread, file, source, vfs, mounts);
    return owned(p, { kind: 'directory', names: () => NAMES, find: inner });
  };
  return owned(p, { kind: 'directory', names: () => p.threads.map(({ tid }) => String(tid)), find });
}

const NAMES: readonly string[] = [
  'auxv',
  'cgroup',
  'cmdline',
  'comm',
  'cwd',
  'environ',
  'exe',
  'fd',
  'fdinfo',
  'io',
  'limits',
  'loginuid',
  'maps',
  'mountinfo',
  'mounts',
  'oom_adj',
  'oom_score',
  'oom_score_adj',
  'personality',
  'root',
  'schedstat',
  'sessionid',
  'stat',
  'statm',
  'status',
  'wchan',
];

/** What a process directory and each of its task directories hold. */
function entry(
  p: ProcProcess,
  thread: ProcThread | undefined,
  name: string,
  source: ProcSource,
  vfs: Vfs,
  mounts: SyntheticFile,
): SyntheticNode | undefined {
  const node = bare(p, thread, name, source, vfs, mounts);
  return node === undefined ? undefined : owned(p, node);
}

function bare(
  p: ProcProcess,
  thread: ProcThread | undefined,
  name: string,
  source: ProcSource,
  vfs: Vfs,
  mounts: SyntheticFile,
): SyntheticNode | undefined {
  switch (name) {
    case 'auxv':
      return text(() => p.auxv, 0o400);
    case 'cgroup':
      return text(() => '0::/\n');
    case 'cmdline':
      return text(() => (p.state === 'Z' ? '' : print.nulTerminated(p.argv)));
    case 'comm':
      return {
        ...text(() => `${(thread?.name ?? p.name).slice(0, 15)}\n`, 0o644),
        write: renamer(thread ?? p.threads[0]),
      };
    case 'cwd':
    case 'root':
      return placeLink(p, name, source, vfs);
    case 'environ':
      return text(() => (p.state === 'Z' ? '' : print.nulTerminated(p.envp)), 0o400);
    case 'exe':
      return p.executable === '' ? undefined : link(() => p.executable);
    case 'fd':
      return { ...descriptors(p, (file) => fileLink(p, file, source, vfs)), mode: 0o500 };
    case 'fdinfo':
      return descriptors(p, (file, closeOnExec) => text(() => print.fdinfo(file, closeOnExec)));
    case 'io':
      return text(
        () => 'rchar: 0\nwchar: 0\nsyscr: 0\nsyscw: 0\nread_bytes: 0\nwrite_bytes: 0\ncancelled_write_bytes: 0\n',
        0o400,
      );
    case 'limits':
      return text(() => print.limits(p));
    case 'loginuid':
    case 'sessionid':
      return text(() => '4294967295');
    case 'maps':
      return text(() => (p.state === 'Z' ? '' : print.maps(p.mappings())));
    case 'mounts':
      return mounts;
    case 'mountinfo':
      return text(() => print.mountinfo(vfs.mounts.all()));
    case 'oom_adj':
    case 'oom_score_adj':
      return { ...text(() => '0\n', 0o644), write: () => {} };
    case 'oom_score':
      return text(() => '0\n');
    case 'personality':
      return text(() => '00000000\n', 0o400);
    case 'schedstat':
      return text(() => `${Math.floor(thread?.user ?? p.user)} 0 0\n`);
    case 'stat':
      return text(() => print.stat(p, thread));
    case 'statm':
      return text(() => (p.state === 'Z' ? '0 0 0 0 0 0 0\n' : print.statm(p)));
    case 'status':
      return text(() => print.status(p, thread, source.system.cpus.length));
    case 'wchan':
      return text(() => '0');
    default:
      return undefined;
  }
}

/** The files of a process belong to whom it acts as. */
function owned<T extends SyntheticNode>(p: ProcProcess, node: T): T {
  return { ...node, uid: p.uids[1], gid: p.gids[1] };
}

const NEWLINE = 10;

function renamer(thread: ProcThread | undefined): (bytes: Uint8Array) => void {
  return (bytes) => {
    const end = bytes.findIndex((byte) => byte === 0 || byte === NEWLINE);
    thread?.rename(textOf(bytes.subarray(0, Math.min(end < 0 ? bytes.length : end, 15))));
  };
}

function placeLink(p: ProcProcess, name: 'cwd' | 'root', source: ProcSource, vfs: Vfs): SyntheticLink {
  const place = () => p.context?.[name] ?? fail('ENOENT');
  return {
    kind: 'symlink',
    mode: 0o777,
    target: () => vfs.pathOfPlace(asker(p, source), place()),
    magic: place,
  };
}

function fileLink(p: ProcProcess, file: OpenFile, source: ProcSource, vfs: Vfs): SyntheticLink {
  return {
    kind: 'symlink',
    // As Linux: the link's own bits say how the file was opened.
    mode: (file.readable ? 0o500 : 0) | (file.writable ? 0o300 : 0),
    target: () => vfs.pathOf(asker(p, source), file) || `anon_inode:[${file.kind}]`,
    magic: () => file,
  };
}

/** From whose root paths are named. */
function asker(p: ProcProcess, source: ProcSource) {
  const who = source.asking();
  const context = who === undefined ? p.context : (source.process(who.pid)?.context ?? p.context);
  return context ?? fail('ENOENT');
}

function descriptors(
  p: ProcProcess,
  node: (file: OpenFile, closeOnExec: boolean) => SyntheticNode,
): SyntheticDirectory {
  return {
    kind: 'directory',
    *names() {
      if (p.files !== undefined) for (const [fd] of p.files.entries()) yield String(fd);
    },
    find: (name) => {
      if (!/^(0|[1-9][0-9]*)$/.test(name)) return undefined;
      const file = p.files?.find(Number(name));
      return file === undefined ? undefined : owned(p, node(file, p.files!.isCloseOnExec(Number(name))));
    },
  };
}

function netDevices(): string {
  const zeroes = (width: readonly number[]) => width.map((w) => '0'.padStart(w)).join(' ');
  return (
    'Inter-|   Receive                                                |  Transmit\n' +
    ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n' +
    `    lo: ${zeroes([7, 7, 4, 4, 4, 5, 10, 9])} ${zeroes([8, 7, 4, 4, 4, 5, 7, 10])}\n`
  );
}

/** /proc/sys: settings with the values of an ordinary machine. */
function sysctl(system: ProcSystem): SyntheticDirectory {
  const fixed = (value: string | number): SyntheticFile => text(() => `${value}\n`);
  const bootId = uuid(system);
  return directory({
    fs: directory({
      'aio-max-nr': fixed(65536),
      epoll: directory({ max_user_watches: fixed(5000000) }),
      'file-max': fixed('9223372036854775807'),
      'file-nr': fixed('64\t0\t9223372036854775807'),
      inotify: directory({
        max_queued_events: fixed(16384),
        max_user_instances: fixed(128),
        max_user_watches: fixed(65536),
      }),
      nr_open: fixed(1048576),
      'pipe-max-size': fixed(1048576),
      'pipe-user-pages-soft': fixed(16384),
      protected_hardlinks: fixed(0),
      protected_symlinks: fixed(0),
    }),
    kernel: directory({
      cap_last_cap: fixed(40),
      core_pattern: fixed('core'),
      domainname: text(() => `${system.domainname()}\n`),
      hostname: {
        ...text(() => `${system.hostname()}\n`, 0o644),
        write: (bytes: Uint8Array) => system.setHostname(textOf(bytes).replace(/\n.*$/s, '')),
      },
      msgmax: fixed(8192),
      msgmnb: fixed(16384),
      msgmni: fixed(32000),
      ngroups_max: fixed(65536),
      osrelease: fixed(system.release),
      ostype: fixed(system.ostype),
      overflowgid: fixed(65534),
      overflowuid: fixed(65534),
      perf_event_paranoid: fixed(2),
      pid_max: fixed(system.pidMax),
      random: directory({
        boot_id: fixed(bootId),
        entropy_avail: fixed(256),
        poolsize: fixed(256),
        uuid: text(() => `${uuid(system)}\n`),
      }),
      randomize_va_space: fixed(0),
      sched_child_runs_first: fixed(0),
      sem: fixed('32000\t1024000000\t500\t32000'),
      shmall: fixed('18446744073692774399'),
      shmmax: fixed('18446744073692774399'),
      shmmni: fixed(4096),
      'threads-max': fixed(192730),
      version: fixed(system.version),
    }),
    net: directory({
      core: directory({ somaxconn: fixed(4096) }),
      ipv4: directory({ ip_local_port_range: fixed('32768\t60999'), tcp_fin_timeout: fixed(60) }),
      unix: directory({ max_dgram_qlen: fixed(512) }),
    }),
    vm: directory({
      max_map_count: fixed(65530),
      mmap_min_addr: fixed(65536),
      overcommit_memory: fixed(0),
      overcommit_ratio: fixed(50),
      swappiness: fixed(60),
    }),
  });
}

function uuid(system: ProcSystem): string {
  const bytes = new Uint8Array(16);
  system.random(bytes);
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const digits = [...bytes].map((b) => b.toString(16).padStart(2, '0')).join('');
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
