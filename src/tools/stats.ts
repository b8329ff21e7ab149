/** What a VM has done, as an object and as the text of --stats; counting is done where things happen. */
import { gapsMet } from '../base/failures.ts';
import type { EngineStats } from '../engine/engine.ts';
import type { KernelStats } from '../kernel/kernel.ts';
import type { CallStatistics } from '../personality/statistics.ts';

export interface Stats {
  instructions: number;
  /** Wall-clock milliseconds by phase; `load` is until the first guest instruction. */
  time: { total: number; load: number; translation: number; calls: number; idle: number };
  engine: {
    mode: string;
    interpretedBlocks: number;
    translatedRegions: number;
    translatedInstructions: number;
    exits: Record<string, number>;
  };
  processes: { processes: number; threads: number; execs: number; switches: number };
  signals: Record<string, number>;
  /** By system, the most frequent first; milliseconds where time was measured. */
  calls: Record<string, { name: string; calls: number; milliseconds: number }[]>;
  /** Calls, flags, instructions that the guest asked for and that are not there. */
  missing: Record<string, number>;
}

export function collectStats(sources: {
  mode: string;
  instructions: number;
  engine: EngineStats;
  kernel: KernelStats;
  calls: CallStatistics;
  totalMs: number;
  loadMs: number;
}): Stats {
  const { engine, kernel } = sources;
  const calls = Object.fromEntries(sources.calls.calls());
  const counted = Object.values(calls).flat();
  const unknown = [...engine.unknown].map(([bytes, count]) => [`instruction ${bytes}`, count] as const);
  return {
    instructions: sources.instructions,
    time: {
      total: sources.totalMs,
      load: sources.loadMs,
      translation: engine.translationMs,
      calls: counted.reduce((sum, one) => sum + one.milliseconds, 0),
      idle: kernel.idleMs,
    },
    engine: {
      mode: sources.mode,
      interpretedBlocks: engine.interpretedBlocks,
      translatedRegions: engine.translatedRegions,
      translatedInstructions: engine.translatedInstructions,
      exits: { ...engine.exits },
    },
    processes: {
      processes: kernel.processes,
      threads: kernel.threads,
      execs: kernel.execs,
      switches: kernel.switches,
    },
    signals: Object.fromEntries(kernel.signals),
    calls,
    missing: Object.fromEntries([...gapsMet(), ...unknown]),
  };
}

const thousands = (n: number) => Math.round(n).toLocaleString('en-US');
const ms = (n: number) => `${n.toFixed(1)} ms`;

/** Lines for a terminal. */
export function formatStats(stats: Stats): string {
  const { time, engine, processes } = stats;
  const lines = [
    `instructions   ${thousands(stats.instructions)}`,
    `engine         ${engine.mode}: ${thousands(engine.interpretedBlocks)} blocks interpreted, ` +
      `${thousands(engine.translatedRegions)} regions of ${thousands(engine.translatedInstructions)} instructions translated`,
    `time           ${ms(time.total)}: start ${ms(time.load)}, translation ${ms(time.translation)}, ` +
      `calls ${ms(time.calls)}, waiting ${ms(time.idle)}`,
    `processes      ${processes.processes} (${processes.threads} threads, ${processes.execs} programs, ` +
      `${thousands(processes.switches)} switches)`,
  ];
  const pairs = (record: Record<string, number>) =>
    Object.entries(record)
      .filter(([, count]) => count > 0)
      .sort((a, b) => b[1] - a[1])
      .map(([name, count]) => `${name} ${thousands(count)}`)
      .join(', ');
  if (Object.keys(engine.exits).length > 0) lines.push(`exits          ${pairs(engine.exits)}`);
  if (Object.keys(stats.signals).length > 0) lines.push(`signals        ${pairs(stats.signals)}`);
  for (const [os, calls] of Object.entries(stats.calls)) {
    const sum = calls.reduce((total, one) => total + one.calls, 0);
    lines.push(`${`${os} calls`.padEnd(14)} ${thousands(sum)}`);
    for (const one of calls) {
      const time = one.milliseconds > 0 ? `  ${ms(one.milliseconds).padStart(12)}` : '';
      lines.push(`  ${one.name.padEnd(24)} ${thousands(one.calls).padStart(10)}${time}`);
    }
  }
  const gaps = pairs(stats.missing);
  if (gaps) lines.push(`missing        ${gaps}`);
  return `${lines.join('\n')}\n`;
}
