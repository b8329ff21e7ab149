/** What Node tells of the host: clocks, entropy, names, identity, where a path leads; files themselves are node.ts's. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { textOf } from '../base/text.ts';
import { crypto } from './builtins.ts';
import type { HostEnvironment } from './host.ts';

/** Date.now has milliseconds; the monotonic clock supplies what is between them. */
const clockBase = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();

export const hostEnvironment: HostEnvironment = {
  realtime() {
    const wall = BigInt(Date.now()) * 1_000_000n;
    const fine = process.hrtime.bigint() + clockBase;
    // The host's clock was set, or drifts: believe it.
    return fine - wall > 2_000_000n || wall - fine > 2_000_000n ? wall : fine;
  },
  monotonic: () => process.hrtime.bigint(),
  random: fillRandomly,
  hostname: () => os.hostname(),
};

let entropy: number | undefined;

/** From the system's device where there is one: loading node:crypto costs a start-up 10 ms. */
function fillRandomly(into: Uint8Array): void {
  try {
    entropy ??= fs.openSync('/dev/urandom', 'r');
    let done = 0;
    while (done < into.length) done += fs.readSync(entropy, into, done, into.length - done, null);
  } catch {
    crypto().randomFillSync(into);
  }
}

/** As whom this process acts on files. */
export function hostIdentity(): { uid: number; gid: number; groups: number[] } {
  return {
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    groups: supplementaryGroups(),
  };
}

/** Node adds the effective group to the list; the kernel's own answer is without it. */
function supplementaryGroups(): number[] {
  try {
    const line = /^Groups:(.*)$/m.exec(fs.readFileSync('/proc/self/status', 'latin1'))?.[1] ?? '';
    return line.trim().split(/\s+/).filter(Boolean).map(Number);
  } catch {
    return process.getgroups?.() ?? [];
  }
}

/** Node puts it in the place of what is not UTF-8; on Linux the bytes can still be had. */
const LOST = '\ufffd';

/** The NUL-terminated words of a file such as /proc/self/cmdline, none where there is no such file. */
function ownWords(file: string): string[] {
  try {
    return textOf(fs.readFileSync(file)).split('\0').slice(0, -1);
  } catch {
    return [];
  }
}

/** The arguments that this process was given for its script. */
export function hostArguments(): string[] {
  const decoded = process.argv.slice(2);
  if (!decoded.some((text) => text.includes(LOST))) return decoded;
  const words = ownWords('/proc/self/cmdline').slice(-decoded.length);
  return words.length === decoded.length ? words : decoded;
}

export function hostCwd(): string {
  const decoded = process.cwd();
  if (!decoded.includes(LOST)) return decoded;
  try {
    return textOf(fs.readlinkSync('/proc/self/cwd', 'buffer'));
  } catch {
    return decoded;
  }
}

/** This process's variables. */
export function hostVariables(): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) if (value !== undefined) variables[name] = value;
  if (Object.values(variables).some((value) => value.includes(LOST))) {
    for (const word of ownWords('/proc/self/environ')) {
      const [name] = word.split('=', 1);
      if (variables[name]?.includes(LOST)) variables[name] = word.slice(name.length + 1);
    }
  }
  return variables;
}

/** An absolute host path with its links followed, and what is there. */
export function lookAt(hostPath: string): { path: string; type: 'file' | 'directory' | 'other' } | undefined {
  try {
    const real = fs.realpathSync(path.resolve(hostPath));
    const stat = fs.statSync(real);
    return { path: real, type: stat.isFile() ? 'file' : stat.isDirectory() ? 'directory' : 'other' };
  } catch {
    return undefined;
  }
}

/** A program's name looked up as a shell of the host would. */
export function findOnHost(name: string): string | undefined {
  const candidates = name.includes('/')
    ? [name]
    : (process.env.PATH ?? '').split(path.delimiter).map((dir) => path.join(dir || '.', name));
  return candidates.find((one) => lookAt(one)?.type === 'file');
}

export const absolute = (hostPath: string): string => path.resolve(hostPath);
export const directoryOf = (hostPath: string): string => path.dirname(hostPath);
export const baseOf = (hostPath: string): string => path.basename(hostPath);
