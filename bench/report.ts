/** Turns samples into medians, ratios, spreads and tables; knows nothing of how they were measured. */
import type { Sample } from './measure.ts';
import type { Benchmark } from './programs.ts';

/** samples[runner] has one entry a round; qemu's only the first. */
export interface Result {
  name: string;
  group: string;
  time: Benchmark['time'];
  samples: Record<string, Sample[]>;
  /** Of a run before the others, which finds no translations; of Hospes only. */
  first: Record<string, Sample>;
  /** Of the shorter run, where there is one. */
  short?: Record<string, Sample[]>;
}

/** One start-up command under one runner: medians, in milliseconds and KB. */
export interface StartUp {
  what: string;
  runner: string;
  wall: number;
  user: number;
  rss: number;
}

export interface Report {
  machine: string;
  commit: string;
  date: string;
  rounds: number;
  /** Short ones (--quick) are mostly warm-up. */
  inputs?: 'full' | 'short';
  /** Load average when it began. */
  load: number;
  runners: string[];
  results: Result[];
  startUp: StartUp[];
}

export function median(values: readonly number[]): number {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  if (sorted.length === 0) return NaN;
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export function geometricMean(values: readonly number[]): number {
  const usable = values.filter((value) => value > 0);
  return Math.exp(usable.reduce((sum, value) => sum + Math.log(value), 0) / usable.length);
}

const seconds = (result: Result, sample: Sample) => sample.user + (result.time === 'user' ? 0 : sample.system);

/** Ratio of a runner to another, one for each round that both took part in, since neighbours in time share the machine's mood. */
export function ratios(result: Result, runner: string, base: string): number[] {
  const [ours, theirs] = [result.samples[runner] ?? [], result.samples[base] ?? []];
  const rounds = Math.min(ours.length, theirs.length);
  return Array.from({ length: rounds }, (_, i) => seconds(result, ours[i]) / seconds(result, theirs[i])).filter(
    (value, i) => !Number.isNaN(value) && succeeded(ours[i]) && succeeded(theirs[i]),
  );
}

const succeeded = (sample: Sample) => sample.status === 0;

/** What went wrong with a runner on this benchmark, or ''. */
function trouble(result: Result, runner: string): string {
  const first = result.first[runner];
  const samples = [...(first ? [first] : []), ...(result.samples[runner] ?? []), ...(result.short?.[runner] ?? [])];
  const bad = samples.find((sample) => !succeeded(sample));
  if (bad) return `status ${bad.status}`;
  const differs = (all: Record<string, Sample[]> | undefined) => {
    const expected = all?.native?.[0]?.output;
    return expected && (all?.[runner] ?? []).some((sample) => sample.output !== expected);
  };
  return differs(result.samples) || differs(result.short) ? 'other output' : '';
}

const times = (value: number) => (Number.isFinite(value) ? value.toFixed(2) : '-');

function ratioCell(result: Result, runner: string, base: string): string {
  const all = ratios(result, runner, base);
  if (all.length === 0) return '-';
  return all.length < 2
    ? times(median(all))
    : `${times(median(all))} [${times(Math.min(...all))}–${times(Math.max(...all))}]`;
}

/** User time of the long run without that of the short one, against native: medians of each, since differences are noisy. */
function steady(result: Result, runner: string): number {
  const { short } = result;
  if (!short || trouble(result, runner)) return NaN;
  const difference = (one: string) =>
    median((result.samples[one] ?? []).map((sample) => seconds(result, sample))) -
    median((short[one] ?? []).map((sample) => seconds(result, sample)));
  const base = difference('native');
  return base > 0 ? difference(runner) / base : NaN;
}

/** User time of the first run against native. */
function firstRun(result: Result, runner: string): number {
  const [ours, native] = [result.first[runner], result.samples.native?.[0]];
  if (!ours || !native || !succeeded(ours)) return NaN;
  return seconds(result, ours) / median(result.samples.native.map((sample) => seconds(result, sample)));
}

/** The tables that README shows: user time against native and qemu, wall time, memory; then the start-up. */
export function table(report: Report): string {
  const { machine, commit, date, rounds, inputs, load, runners, results, startUp } = report;
  const count = `${rounds} round${rounds === 1 ? '' : 's'}${rounds > 1 && runners.includes('qemu') ? ' (qemu: the first)' : ''}`;
  const head = `${machine}; ${count}${inputs === 'short' ? ' of short inputs' : ''}, ${date}${commit && `, ${commit}`}; load ${load.toFixed(1)} at the beginning`;
  return [
    head,
    ...(results.length ? [ratioTable(runners, results)] : []),
    ...(startUp.length ? [startUpTable(startUp)] : []),
  ]
    .join('\n\n')
    .concat('\n');
}

function ratioTable(runners: readonly string[], results: readonly Result[]): string {
  const others = runners.filter((runner) => runner !== 'native');
  const hospes = runners.filter((runner) => runner.startsWith('hospes'));
  const versus = runners.includes('qemu') ? hospes : [];
  const apart = results.some((result) => result.short) ? hospes : [];
  const header = [
    'benchmark',
    'native s',
    ...others.map((runner) => `${runner} × native`),
    ...hospes.map((runner) => `${runner} first run`),
    ...apart.map((runner) => `${runner} steady`),
    ...versus.map((runner) => `${runner} × qemu`),
    ...hospes.map((runner) => `${runner} wall s`),
    'native MB',
    ...hospes.map((runner) => `${runner} MB`),
    '',
  ];
  const lines: string[][] = [];
  for (const group of new Set(results.map((result) => result.group))) {
    const members = results.filter((result) => result.group === group);
    for (const result of members) {
      const of = (runner: string, field: (sample: Sample) => number) =>
        median((result.samples[runner] ?? []).map(field));
      const memory = (runner: string) => (of(runner, (sample) => sample.rss) / 1024).toFixed(0);
      lines.push([
        result.name,
        of('native', (sample) => seconds(result, sample)).toFixed(2),
        ...others.map((runner) => ratioCell(result, runner, 'native')),
        ...hospes.map((runner) => times(firstRun(result, runner))),
        ...apart.map((runner) => times(steady(result, runner))),
        ...versus.map((runner) => times(median(ratios(result, runner, 'qemu')))),
        ...hospes.map((runner) => times(of(runner, (sample) => sample.wall))),
        memory('native'),
        ...hospes.map(memory),
        runners
          .map((runner) => trouble(result, runner) && `${runner}: ${trouble(result, runner)}`)
          .filter(Boolean)
          .join('; '),
      ]);
    }
    const mean = (of: (result: Result) => number) => times(geometricMean(members.map(of)));
    lines.push([
      `**${group}: geometric mean**`,
      '',
      ...others.map((runner) => mean((result) => median(ratios(result, runner, 'native')))),
      ...hospes.map((runner) => mean((result) => firstRun(result, runner))),
      ...apart.map((runner) => mean((result) => steady(result, runner))),
      ...versus.map((runner) => mean((result) => median(ratios(result, runner, 'qemu')))),
      ...Array.from({ length: 2 * hospes.length + 2 }, () => ''),
    ]);
  }
  return markdown(header, lines);
}

/** What starting costs: wall and user time of each command under each runner, and what Hospes adds to Node alone. */
function startUpTable(list: readonly StartUp[]): string {
  const lines = list.map(({ what, runner, wall, user, rss }) => {
    const node = list.find((one) => one.what === 'node -e 0' && one.runner === runner);
    const above = node && what !== node.what ? (wall - node.wall).toFixed(0) : '';
    const name = what === 'node -e 0' ? runner.replace('hospes-', 'Node ') : runner;
    return [what, name, wall.toFixed(0), above, user.toFixed(0), (rss / 1024).toFixed(0)];
  });
  return markdown(['start-up (medians)', 'runner', 'wall ms', 'above node -e 0', 'user ms', 'MB'], lines);
}

/** Two reports: how much faster the second is, for each benchmark and each runner of ours (above 1: faster). */
export function compare(before: Report, after: Report): string {
  const runners = after.runners.filter((runner) => before.runners.includes(runner) && runner !== 'native');
  const lines: string[][] = [];
  const gains = new Map(runners.map((runner) => [runner, [] as number[]]));
  for (const result of after.results) {
    const old = before.results.find(({ name }) => name === result.name);
    if (!old) continue;
    lines.push([
      result.name,
      ...runners.map((runner) => {
        const gain = against(old, runner) / against(result, runner);
        if (!Number.isFinite(gain)) return '-';
        gains.get(runner)?.push(gain);
        return gain.toFixed(2);
      }),
    ]);
  }
  lines.push(['**geometric mean**', ...runners.map((runner) => times(geometricMean(gains.get(runner) ?? [])))]);
  for (const what of new Set(after.startUp.map((one) => one.what))) {
    const wall = (report: Report, runner: string) =>
      report.startUp.find((one) => one.what === what && one.runner === runner)?.wall ?? NaN;
    lines.push([`start-up: ${what}`, ...runners.map((runner) => times(wall(before, runner) / wall(after, runner)))]);
  }
  return markdown(['benchmark', ...runners.map((runner) => `${runner} speed-up`)], lines);
}

/** Against native where that was measured, so that a slower day does not look like a slower Hospes. */
function against(result: Result, runner: string): number {
  if (result.samples.native?.length) return median(ratios(result, runner, 'native'));
  return median((result.samples[runner] ?? []).map((sample) => seconds(result, sample)));
}

function markdown(header: readonly string[], lines: readonly (readonly string[])[]): string {
  const widths = header.map((name, i) => Math.max(name.length, ...lines.map((line) => line[i].length)));
  const row = (cells: readonly string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |\n`;
  return row(header) + row(widths.map((width) => '-'.repeat(width))) + lines.map(row).join('');
}
