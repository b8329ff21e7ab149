/** What V8 is told while a program runs: its compiler of JavaScript and its collector of garbage take us for a server that stays for hours. */
import { createRequire } from 'node:module';

/** A program that goes on for longer is worth optimising for, and what it leaves behind worth collecting. */
const PATIENCE_MS = 100;
const GROWN_MS = 300;

/** What V8 may inline into a function it optimises, in bytes of bytecode, and Node 20's budget before it does. */
const INLINED = '--max-inlined-bytecode-size-cumulative=';
const BUDGET = '--interrupt-budget=';
/** By how much the space of new objects grows, up to twice 16 MB (Node 24: 64) as V8 would have it, and when it has grown enough, which is to twice 4. */
const GROW = '--semi-space-growth-factor=';

const FRUGAL = [
  `${INLINED}60`,
  `${BUDGET}270000`,
  '--no-opt',
  '--no-incremental-marking',
  `${GROW}4`,
  '--wasm-lazy-validation',
];
const LATER = [
  [PATIENCE_MS, '--opt'],
  [GROWN_MS, `${GROW}1`],
  [GROWN_MS, '--incremental-marking'],
] as const;
const DEFAULT = [
  `${INLINED}920`,
  `${BUDGET}67584`,
  '--opt',
  '--incremental-marking',
  `${GROW}2`,
  '--no-wasm-lazy-validation',
];

/** What only Node 20 is told. */
const NODE_20 = [BUDGET, '--opt', '--no-opt'];

/**
 * Optimising the translator took 2 s of processor time of gcc's 18, much of it for functions with others inlined, and again after they were
 * left: with less of it python3's and sqlite3's short benchmarks take 11 % less on Node 20 and 6 % on Node 24.
 *
 * At first nothing is optimised until the time is up. On two cores and Node 20, busybox true takes 40 ms less of processor time, 10 to 25 ms
 * less altogether; python3 the same as before. Node 22 and later compile such code with Maglev, at a tenth of the cost, and know no such budget.
 *
 * What we make dies young. Without more room than that for it, python's and lua's benchmarks take 15 MB less, on Node 24 up to 50, in the same
 * time (settled after 100 ms, at twice 2 MB, collecting takes 2 % of gcc's).
 *
 * What is loaded at the start stays: looking for garbage then finds none. And the modules that are loaded are our own, whose functions V8 need
 * not all check before the first runs.
 *
 * To be called before what a run needs is loaded.
 */
export function beFrugal(): void {
  told = FRUGAL;
  set(told);
  for (const [ms, flag] of LATER) {
    const tell = () => {
      told = [...told, flag];
      set([flag]);
    };
    timers.push(setTimeout(tell, ms).unref());
  }
}

/** Set all as it was, which is due before code is cached: V8 takes it for no other flags. */
export function beLavish(): void {
  for (const timer of timers.splice(0)) clearTimeout(timer);
  told = [];
  set(DEFAULT);
}

/** Do something with V8's flags as they are by default: it gives machine code back only where they are as they were. */
export function asByDefault<T>(action: () => T): T {
  if (told.length === 0) return action();
  set(DEFAULT);
  try {
    return action();
  } finally {
    set(told);
  }
}

/** What V8 was told, in order. */
let told: readonly string[] = [];
const timers: NodeJS.Timeout[] = [];

function set(flags: readonly string[]): void {
  const v8: typeof import('node:v8') = createRequire(import.meta.url)('node:v8');
  const old = Number.parseInt(process.versions.v8, 10) < 12;
  for (const flag of flags) if (old || !NODE_20.some((one) => flag.startsWith(one))) v8.setFlagsFromString(flag);
}
