/** The names in /dev; what they open is devices.ts's business, and /dev/shm is a memory file system mounted there. */
import { deviceNumber } from './devices.ts';
import { directory, link, type SyntheticDevice, SyntheticFs, type SyntheticNode } from './synthetic-fs.ts';

export interface DevSource {
  now(): bigint;
  /** Pseudo-terminals in use: numbers in /dev/pts with the owner and mode of each. */
  terminals(): { number: number; mode: number; uid: number; gid: number }[];
}

/** Which devices there are. Linux's numbers are used by every guest: no other system's programs look at them. */
const DEVICES: Record<string, [major: number, minor: number, mode: number, gid?: number]> = {
  null: [1, 3, 0o666],
  zero: [1, 5, 0o666],
  full: [1, 7, 0o666],
  random: [1, 8, 0o666],
  urandom: [1, 9, 0o666],
  tty: [5, 0, 0o666, 5],
  console: [5, 1, 0o600],
  ptmx: [5, 2, 0o666, 5],
};

const LINKS: Record<string, string> = {
  fd: '/proc/self/fd',
  stdin: '/proc/self/fd/0',
  stdout: '/proc/self/fd/1',
  stderr: '/proc/self/fd/2',
};

const DEVTMPFS_MAGIC = 0x01021994;
const TERMINAL_MAJOR = 136;

export function createDevFs(source: DevSource): SyntheticFs {
  const nodes: Record<string, SyntheticNode> = {};
  for (const [name, [major, minor, mode, gid]] of Object.entries(DEVICES)) {
    nodes[name] = { kind: 'character', rdev: deviceNumber(major, minor), mode, gid };
  }
  for (const [name, target] of Object.entries(LINKS)) nodes[name] = link(() => target);
  nodes.pts = {
    kind: 'directory',
    mode: 0o755,
    names: () => [...source.terminals().map(({ number }) => String(number)), 'ptmx'],
    find: (name) => {
      if (name === 'ptmx') return { kind: 'character', rdev: deviceNumber(5, 2), mode: 0o666 };
      const terminal = source.terminals().find(({ number }) => String(number) === name);
      return terminal === undefined ? undefined : terminalNode(terminal);
    },
  };
  return new SyntheticFs('devtmpfs', directory(nodes, 0o755), DEVTMPFS_MAGIC, () => source.now());
}

function terminalNode(terminal: { number: number; mode: number; uid: number; gid: number }): SyntheticDevice {
  const { number, mode, uid, gid } = terminal;
  return { kind: 'character', rdev: deviceNumber(TERMINAL_MAJOR, number), mode, uid, gid };
}
