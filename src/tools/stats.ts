/** What a VM has done, as an object and as the text of --stats; counting is done where things happen. */
import { gapsMet } from '../base/failures.ts';
import type { Counters, SiteKind } from '../engine/counters.ts';
import type { EngineStats } from '../engine/engine.ts';
import type { KernelStats } from '../kernel/kernel.ts';
import type { CallStatistics } from '../personality/statistics.ts';

export interface Stats {
  instructions: number;
  /**
   * Wall-clock milliseconds by phase; `load` is until the first guest instruction, `translation` our own part, `compile`
   * V8's as far as it makes us wait, `background` processor time of V8's other threads (optimising, collecting garbage).
   */
  time: {
    total: number;
    load: number;
    translation: number;
    compile: number;
    background: number | undefined;
    calls: number;
    idle: number;
  };
  engine: {
    mode: string;
    decodedBlocks: number;
    copiedBlocks: number;
    translatedRegions: number;
    translatedInstructions: number;
    /** In translated code: page checks emitted, accesses that need none of their own. */
    checks: { made: number; removed: number };
    /** Places that ask for flags of a kind only known at run time. */
    flags: number;
    cache: { regions: number; instructions: number; bytes: number; emptied: number };
    exits: Record<string, number>;
    /** What generated code counted: with the option `count` only. */
    counted: Counted | undefined;
  };
  processes: { processes: number; threads: number; execs: number; switches: number };
  signals: Record<string, number>;
  /** By system, the most frequent first; milliseconds where time was measured. */
  calls: Record<string, { name: string; calls: number; milliseconds: number }[]>;
  /** Calls, flags, instructions that the guest asked for and that are not there. */
  missing: Record<string, number>;
}

export interface Counted {
  instructions: { interpreted: number; translated: number };
  /**
   * How control went on. In regions: direct (calls of known functions), calls through the jump cache, returns that came
   * back where they were expected or elsewhere, indirect jumps to a target inside, ways out. In the dispatch loop:
   * regions through the jump cache, blocks interpreted, misses.
   */
  dispatches: Record<string, number>;
  /** How often flags of a kind only known at run time were asked for. */
  flags: number;
  /** The most frequent places of each kind of exit and way out: guest PC and count. */
  sites: Record<string, { pc: number; count: number }[]>;
}

/** Places shown of each kind. */
const SITES = 5;

function countedBy(counters: Counters, total: number): Counted {
  const kinds = counters.read();
  const sum = (kind: SiteKind) => [...(kinds.get(kind)?.values() ?? [])].reduce((all, one) => all + one, 0);
  const events = (what: string) => [...(counters.events.get(what)?.values() ?? [])].reduce((all, one) => all + one, 0);
  const interpreted = sum('interpreted') + events('restart');
  const sites: Counted['sites'] = {};
  const place = (name: string, places: Map<number, number>) => {
    const top = [...places].filter(([pc]) => pc !== 0).sort((a, b) => b[1] - a[1]);
    if (top.length > 0) sites[name] = top.slice(0, SITES).map(([pc, count]) => ({ pc, count }));
  };
  for (const [name, places] of counters.events) place(name, places);
  const ways = { leave: 'region left to', 'return-miss': 'return elsewhere', flags: 'flags' } as const;
  for (const [kind, name] of Object.entries(ways)) place(name, kinds.get(kind as SiteKind) ?? new Map());
  return {
    instructions: { interpreted, translated: Math.max(0, total - interpreted) },
    dispatches: {
      direct: sum('direct'),
      'indirect call': sum('indirect-call'),
      return: sum('return'),
      'return elsewhere': sum('return-miss'),
      'inline cache': sum('inline-cache'),
      'region left': sum('leave'),
      'passed on': sum('passed'),
      'jump cache': sum('region'),
      'block interpreted': sum('block'),
      miss: events('miss'),
    },
    flags: sum('flags'),
    sites,
  };
}

export function collectStats(sources: {
  mode: string;
  instructions: number;
  engine: EngineStats;
  kernel: KernelStats;
  calls: CallStatistics;
  totalMs: number;
  loadMs: number;
  backgroundMs: number | undefined;
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
      compile: engine.compileMs,
      background: sources.backgroundMs,
      calls: counted.reduce((sum, one) => sum + one.milliseconds, 0),
      idle: kernel.idleMs,
    },
    engine: {
      mode: sources.mode,
      decodedBlocks: engine.decodedBlocks,
      copiedBlocks: engine.copiedBlocks,
      translatedRegions: engine.translatedRegions,
      translatedInstructions: engine.translatedInstructions,
      checks: { made: engine.checksMade, removed: engine.checksRemoved },
      flags: engine.flagsMade,
      cache: engine.cache,
      exits: { ...engine.exits },
      counted: engine.counters && countedBy(engine.counters, sources.instructions),
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
  const { counted } = engine;
  const tiers = counted
    ? `: ${thousands(counted.instructions.interpreted)} interpreted, ${thousands(counted.instructions.translated)} translated`
    : '';
  const { checks, cache } = engine;
  const background = time.background === undefined ? '' : ` (and ${ms(time.background)} in other threads)`;
  const lines = [
    `instructions   ${thousands(stats.instructions)}${tiers}`,
    `engine         ${engine.mode}: ${thousands(engine.decodedBlocks)} blocks decoded, ${thousands(engine.copiedBlocks)} copied, ` +
      `${thousands(engine.translatedRegions)} regions of ${thousands(engine.translatedInstructions)} instructions translated`,
    `time           ${ms(time.total)}: start ${ms(time.load)}, translation ${ms(time.translation)}, ` +
      `V8's compiling ${ms(time.compile)}${background}, ` +
      `calls ${ms(time.calls)}, waiting ${ms(time.idle)}`,
    `page checks    ${thousands(checks.made)} made, ${thousands(checks.removed)} saved`,
    `flags          ${thousands(engine.flags)} places of unknown kind${counted ? `, passed ${thousands(counted.flags)} times` : ''}`,
    `code cache     ${thousands(cache.regions)} regions, ${thousands(cache.instructions)} instructions, ` +
      `${thousands(cache.bytes / 1024)} KiB of wasm, emptied ${cache.emptied} times`,
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
  if (counted) {
    lines.push(`dispatches     ${pairs(counted.dispatches)}`);
    for (const [name, sites] of Object.entries(counted.sites)) {
      const places = sites.map(({ pc, count }) => `0x${pc.toString(16)} ${thousands(count)}`).join(', ');
      lines.push(`  ${name.padEnd(16)} ${places}`);
    }
  }
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
