/** The ways to run a benchmark: natively, under qemu-x86_64-static, and under a copy of the build on each Node. Runs and measures nothing itself. */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from './measure.ts';
import type { Benchmark } from './programs.ts';

/** Turns a benchmark into a command line. */
export type Runner = (benchmark: Pick<Benchmark, 'program' | 'args' | 'root' | 'cwd'>) => Command;

export interface RunnerOptions {
  project: string;
  /** Of native, qemu, hospes. */
  wanted: readonly string[];
  /** Nodes to run Hospes with. */
  nodes: readonly string[];
  /** Options for `hospes run`. */
  flags: readonly string[];
  /** Another build to measure beside this one, as `hospes-<version>-base`. */
  baseline?: string | undefined;
}

/** Real programs meet the same variables everywhere. */
const ENVIRONMENT = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  LC_ALL: 'C.UTF-8',
  TZ: 'UTC',
  GIT_PAGER: 'cat',
};

export function makeRunners({ project, wanted, nodes, flags, baseline }: RunnerOptions): Record<string, Runner> {
  const found: Record<string, Runner> = {};
  if (wanted.includes('native')) found.native = native;
  const qemu = ['/usr/bin/qemu-x86_64-static', '/usr/bin/qemu-x86_64'].find((path) => existsSync(path));
  if (wanted.includes('qemu')) {
    if (qemu) found.qemu = underQemu(qemu);
    else process.stderr.write('qemu-x86_64-static is not installed: left out\n');
  }
  if (!wanted.includes('hospes')) return found;
  const ours = copyOfBuild(`${project}dist`);
  const theirs = baseline === undefined ? undefined : copyOfBuild(baseline);
  for (const node of new Set(nodes)) {
    const version = execFileSync(node, ['-p', 'process.versions.node.split(".")[0]'], { encoding: 'utf8' }).trim();
    found[`hospes-${version}`] = underHospes(node, ours, flags, temporary('translations'));
    if (theirs) found[`hospes-${version}-base`] = underHospes(node, theirs, flags, temporary('translations'));
  }
  return found;
}

const inOwnRoot = (root: string | undefined): root is string => root !== undefined && root !== '/';

const native: Runner = ({ program, args, root, cwd }) =>
  inOwnRoot(root)
    ? {
        argv: ['chroot', root, '/bin/sh', '-c', 'cd "$0" && exec "$@"', cwd ?? '/', program, ...args],
        env: ENVIRONMENT,
      }
    : { argv: [program, ...args], cwd };

/** qemu looks for the program's libraries and files under -L first; what the program starts itself would run natively. */
const underQemu =
  (qemu: string): Runner =>
  ({ program, args, root, cwd }) => ({
    argv: [qemu, ...(inOwnRoot(root) ? ['-L', root] : []), inOwnRoot(root) ? root + program : program, ...args],
    cwd: cwd && inOwnRoot(root) ? root + cwd : cwd,
    ...(inOwnRoot(root) ? { env: ENVIRONMENT } : {}),
  });

/** `cache`: where this runner's translations are kept, empty at first. */
const underHospes =
  (node: string, build: string, flags: readonly string[], cache: string): Runner =>
  ({ program, args, root, cwd }) => ({
    argv: [
      node,
      `${build}/cli.js`,
      'run',
      ...flags,
      ...(inOwnRoot(root) ? ['--root', root] : []),
      ...(cwd ? ['--cwd', cwd] : []),
      '--',
      program,
      ...args,
    ],
    env: { ...(inOwnRoot(root) ? ENVIRONMENT : (process.env as Record<string, string>)), XDG_CACHE_HOME: cache },
  });

/** A folder that goes when we do. */
function temporary(what: string): string {
  const folder = mkdtempSync(join(tmpdir(), `hospes-${what}-`));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The build as it is now: a rebuild during the rounds would mix two programs. */
function copyOfBuild(dist: string): string {
  if (!existsSync(join(dist, 'cli.js'))) throw new Error(`${dist}/cli.js is missing: npm run build comes first`);
  const copy = temporary('build');
  cpSync(dist, copy, { recursive: true });
  return copy;
}
