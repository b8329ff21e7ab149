/** Turns samples into medians, ratios, spreads and tables; knows nothing of how they were measured. */
import type { Sample } from './measure.ts';
import type { Benchmark } from './programs.ts';

/** samples[runner] has one entry a round. */
export interface Result {
  name: string;
  group: string;
  time: Benchmark['time'];
  samples: Record<string, Sample[]>;
}

export interface Report {
  machine: string;
  runners: string[];
  results: Result[];
  /** Wall milliseconds of the start-up commands, a median each. */
  startUp: Record<string, number>;
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

/** Ratio of a runner to another, one for each round, since neighbours in time share the machine's mood. */
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
  const samples = result.samples[runner] ?? [];
  const bad = samples.find((sample) => !succeeded(sample));
  if (bad) return `status ${bad.status}`;
  const expected = result.samples.native?.[0]?.output;
  return expected && samples.some((sample) => sample.output !== expected) ? 'other output' : '';
}

const times = (value: number) => (Number.isFinite(value) ? value.toFixed(2) : '-');

function ratioCell(result: Result, runner: string, base: string): string {
  const all = ratios(result, runner, base);
  if (all.length === 0) return '-';
  return all.length < 2
    ? times(median(all))
    : `${times(median(all))} [${times(Math.min(...all))}–${times(Math.max(...all))}]`;
}

/** The table that README shows: user time against native and qemu, wall time, memory. */
export function table({ machine, runners, results, startUp }: Report): string {
  const others = runners.filter((runner) => runner !== 'native');
  const hospes = runners.filter((runner) => runner.startsWith('hospes'));
  const versus = runners.includes('qemu') ? hospes.map((runner) => [runner, 'qemu'] as const) : [];
  const header = [
    'benchmark',
    'native s',
    ...others.map((runner) => `${runner} × native`),
    ...versus.map(([runner]) => `${runner} × qemu`),
    ...hospes.map((runner) => `${runner} wall s`),
    ...hospes.map((runner) => `${runner} MB`),
    '',
  ];
  const lines: string[][] = [];
  for (const group of new Set(results.map((result) => result.group))) {
    const members = results.filter((result) => result.group === group);
    for (const result of members) {
      const of = (runner: string, field: (sample: Sample) => number) =>
        median((result.samples[runner] ?? []).map(field));
      lines.push([
        result.name,
        of('native', (sample) => seconds(result, sample)).toFixed(2),
        ...others.map((runner) => ratioCell(result, runner, 'native')),
        ...versus.map(([runner, base]) => times(median(ratios(result, runner, base)))),
        ...hospes.map((runner) => times(of(runner, (sample) => sample.wall))),
        ...hospes.map((runner) => (of(runner, (sample) => sample.rss) / 1024).toFixed(0)),
        runners
          .map((runner) => trouble(result, runner) && `${runner}: ${trouble(result, runner)}`)
          .filter(Boolean)
          .join('; '),
      ]);
    }
    const mean = (runner: string, base: string) =>
      times(geometricMean(members.map((r) => median(ratios(r, runner, base)))));
    lines.push([
      `**${group}: geometric mean**`,
      '',
      ...others.map((runner) => mean(runner, 'native')),
      ...versus.map(([runner, base]) => mean(runner, base)),
      ...hospes.map(() => ''),
      ...hospes.map(() => ''),
      '',
    ]);
  }
  const start = Object.entries(startUp).map(([what, ms]) => `${what}: ${ms.toFixed(0)} ms`);
  return `${machine}\n\n${markdown(header, lines)}${start.length ? `\nStart-up (wall, median): ${start.join(' · ')}\n` : ''}`;
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
        // Against native in both, so that a slower day does not look like a slower Hospes.
        const gain = median(ratios(old, runner, 'native')) / median(ratios(result, runner, 'native'));
        if (!Number.isFinite(gain)) return '-';
        gains.get(runner)?.push(gain);
        return gain.toFixed(2);
      }),
    ]);
  }
  lines.push(['**geometric mean**', ...runners.map((runner) => times(geometricMean(gains.get(runner) ?? [])))]);
  return markdown(['benchmark', ...runners.map((runner) => `${runner} speed-up`)], lines);
}

function markdown(header: readonly string[], lines: readonly (readonly string[])[]): string {
  const widths = header.map((name, i) => Math.max(name.length, ...lines.map((line) => line[i].length)));
  const row = (cells: readonly string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |\n`;
  return row(header) + row(widths.map((width) => '-'.repeat(width))) + lines.map(row).join('');
}
