/** Runs the table of real programs natively (chroot) and under Hospes in every setting, compares, and closes with "N passed, N failed". */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as os from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { CASES, type Case } from './cases.ts';
import { inRoot, prepareRoot } from './root.ts';

const MODES = ['host', 'overlay', 'sandbox'] as const;
type Mode = (typeof MODES)[number];

const ENVIRONMENT = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  LC_ALL: 'C.UTF-8',
  TERM: 'dumb',
  TZ: 'UTC',
  // Else the first run leaves compiled modules in the root.
  PYTHONDONTWRITEBYTECODE: '1',
  GIT_AUTHOR_DATE: '1700000000 +0000',
  GIT_COMMITTER_DATE: '1700000000 +0000',
};

interface Outcome {
  stdout: Buffer;
  stderr: Buffer;
  status: number;
  files: string;
  milliseconds: number;
}

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string' },
    cli: { type: 'string' },
    modes: { type: 'string', default: MODES.join(',') },
    jobs: { type: 'string', default: String(Math.min(2, os.availableParallelism())) },
    engine: { type: 'string', default: 'auto' },
    quick: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
    times: { type: 'boolean', default: false },
  },
});

const project = fileURLToPath(new URL('../..', import.meta.url));
const cli = flags.cli ?? `${project}dist/cli.js`;
const root = prepareRoot(`${project}.cache/programs`, `${project}node_modules`);
const modes = flags.modes.split(',') as Mode[];
const only = flags.only ? new RegExp(flags.only) : undefined;
const cases = CASES.filter((one) => (!only || only.test(one.name)) && !(flags.quick && one.slow));
/** Runs at the same time do not meet. */
const work = `/w/${process.pid}`;
let passed = 0;
let failed = 0;

/** An empty directory in the root, the same for every run of a case. */
function workDirectory(one: Case): string {
  const name = `${work}/${CASES.indexOf(one)}`;
  fs.rmSync(root + name, { recursive: true, force: true });
  fs.mkdirSync(root + name, { recursive: true });
  return name;
}

/** The mode, size and content of everything a run left behind. */
function filesIn(dir: string): string {
  const lines: string[] = [];
  for (const entry of fs.readdirSync(dir, { withFileTypes: true, recursive: true })) {
    const path = `${entry.parentPath}/${entry.name}`;
    const stat = fs.lstatSync(path);
    const content = entry.isFile()
      ? createHash('sha256').update(fs.readFileSync(path)).digest('hex').slice(0, 16)
      : entry.isSymbolicLink()
        ? fs.readlinkSync(path)
        : '';
    lines.push(`${path.slice(dir.length)} ${stat.mode.toString(8)} ${content}`);
  }
  return lines.sort().join('\n');
}

function execute(command: readonly string[], one: Case, directory: string): Promise<Outcome> {
  return new Promise((resolve) => {
    const started = performance.now();
    const child = spawn(command[0], command.slice(1), { stdio: ['pipe', 'pipe', 'pipe'] });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    // A program that reads no input closes the pipe before all of it is written.
    child.stdin.on('error', () => {});
    child.stdin.end(one.stdin ?? '');
    const limit = setTimeout(() => child.kill('SIGKILL'), one.slow ? 900_000 : 120_000);
    child.on('close', (code, signal) => {
      clearTimeout(limit);
      resolve({
        stdout: Buffer.concat(out),
        stderr: Buffer.concat(err),
        status: signal ? 128 + os.constants.signals[signal] : (code ?? -1),
        files: one.writes ? filesIn(root + directory) : '',
        milliseconds: performance.now() - started,
      });
    });
  });
}

function native(one: Case): Promise<Outcome> {
  const directory = workDirectory(one);
  const settings = Object.entries(ENVIRONMENT).map(([name, value]) => `${name}=${value}`);
  const inside = ['/usr/bin/env', '-i', '-C', directory, ...settings];
  return execute(inRoot(root, [...inside, ...one.run]), one, directory);
}

function hospes(one: Case, mode: Mode): Promise<Outcome> {
  const directory = workDirectory(one);
  const place = {
    host: ['--root', root],
    overlay: ['--root', root, '--fs', 'overlay'],
    sandbox: ['--sandbox', '--mount', `${root}:/:cow`],
  }[mode];
  const settings = Object.entries(ENVIRONMENT).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
  const options = [...place, '--clear-env', ...settings, '--cwd', directory, '--engine', flags.engine];
  return execute([process.execPath, cli, 'run', ...options, '--', ...one.run], one, directory);
}

/** What differs, in words; undefined when nothing does. */
function difference(one: Case, mode: Mode, wanted: Outcome, got: Outcome): string | undefined {
  const text = (bytes: Buffer) => {
    const plain = one.normalise ? one.normalise(bytes.toString('latin1')) : bytes.toString('latin1');
    return one.unordered ? plain.split('\n').sort().join('\n') : plain;
  };
  if (got.status !== wanted.status) {
    return `status ${got.status} instead of ${wanted.status}; stderr: ${got.stderr.toString().trim().slice(-300)}`;
  }
  if (text(got.stdout) !== text(wanted.stdout)) return firstDifference(text(wanted.stdout), text(got.stdout), 'stdout');
  if (one.stderr && text(got.stderr) !== text(wanted.stderr)) {
    return firstDifference(text(wanted.stderr), text(got.stderr), 'stderr');
  }
  if (mode === 'host' && got.files !== wanted.files) {
    return firstDifference(
      one.normalise?.(wanted.files) ?? wanted.files,
      one.normalise?.(got.files) ?? got.files,
      'files',
    );
  }
  return undefined;
}

function firstDifference(wanted: string, got: string, what: string): string | undefined {
  if (wanted === got) return undefined;
  const a = wanted.split('\n');
  const b = got.split('\n');
  const at = a.findIndex((line, i) => line !== b[i]);
  const line = at < 0 ? a.length : at;
  const show = (text: string | undefined) => (text === undefined ? 'nothing' : JSON.stringify(text.slice(0, 160)));
  return `${what} line ${line + 1}: ${show(b[line])} instead of ${show(a[line])}`;
}

function record(name: string, problem: string | undefined, detail = ''): void {
  if (problem === undefined) {
    passed++;
    if (flags.verbose || flags.times) console.log(`ok    ${name}${detail}`);
  } else {
    failed++;
    console.log(`FAIL  ${name}${detail}\n      ${problem.replaceAll('\n', '\n      ')}`);
  }
}

/** A tree's names with sizes and times: equal before and after means untouched. */
function fingerprint(): string {
  const hash = createHash('sha256');
  const visit = (dir: string) => {
    for (const entry of fs.readdirSync(dir, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = `${dir}/${entry.name}`;
      if (path === `${root}/w` || path === `${root}/proc` || path === `${root}/dev` || path === `${root}/tmp`) continue;
      const stat = fs.lstatSync(path);
      // Directories' times tell of names made and removed in /w and /tmp too: their lists of names are enough.
      const time = entry.isDirectory() ? '' : stat.mtimeMs;
      hash.update(`${path} ${stat.mode} ${entry.isDirectory() ? '' : stat.size} ${time}\n`);
      if (entry.isDirectory()) visit(path);
    }
  };
  visit(root);
  return hash.digest('hex');
}

async function runCase(one: Case): Promise<void> {
  const wanted = await native(one);
  for (const mode of one.slow ? modes.slice(0, 1) : modes) {
    const got = await hospes(one, mode);
    let problem = difference(one, mode, wanted, got);
    const untouched = mode === 'host' || fs.readdirSync(`${root}${work}/${CASES.indexOf(one)}`).length === 0;
    if (!problem && !untouched) problem = 'the host’s directory was written to';
    const times = flags.times
      ? ` (${got.milliseconds.toFixed(0)} ms, native ${wanted.milliseconds.toFixed(0)} ms)`
      : '';
    record(`${mode.padEnd(7)} ${one.name}`, problem, times);
  }
}

fs.mkdirSync(root + work, { recursive: true });
const pristine = fingerprint();
const queue = [...cases];
const worker = async () => {
  for (let one = queue.shift(); one; one = queue.shift()) await runCase(one);
};
await Promise.all(Array.from({ length: Number(flags.jobs) }, worker));

if (!only) {
  record('the root is as it was before all runs', fingerprint() === pristine ? undefined : 'something in it changed');
  // A sandbox without mounts shows nothing of the host, not even through the program itself.
  const busybox = `${root}/bin/busybox`;
  const probe = async (...args: string[]) => {
    const command = [process.execPath, cli, 'run', '--sandbox', '--', busybox, ...args];
    return execute(command, { name: '', run: [] }, work);
  };
  const seen = (await probe('find', '/', '-xdev')).stdout.toString();
  const foreign = seen
    .split('\n')
    .filter(
      (path) =>
        /^\/(etc|usr|home|var|lib)\/./.test(path) && !busybox.startsWith(path) && !/^\/etc\/(passwd|group)$/.test(path),
    );
  record('sandbox: nothing of the host is listed', foreign.length === 0 ? undefined : foreign.slice(0, 5).join(' '));
  const hidden = await probe('cat', '/etc/hostname');
  record('sandbox: a host file cannot be read', hidden.status === 1 ? undefined : `status ${hidden.status}`);
}
fs.rmSync(root + work, { recursive: true, force: true });
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
