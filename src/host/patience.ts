/** What V8 is told while a program runs: its compiler of JavaScript and its collector of garbage take us for a server that stays for hours. */
import { createRequire } from 'node:module';

/** A program that goes on for longer is worth optimising for, and what it leaves behind worth collecting. */
const PATIENCE_MS = 100;
const GROWN_MS = 300;

interface Flag {
  /** What V8 is told at the start, and by default. */
  readonly first: string;
  readonly usual: string;
  /** What it is told after so many milliseconds. */
  readonly later?: readonly [ms: number, flag: string];
  /** Only this version of V8 is told: others lack the flag, or have another default. */
  readonly v8?: number;
}

/** Node 20's. */
const V8_11 = 11;

const ALL: readonly Flag[] = [
  // Optimising the translator took 2 s of processor time of gcc's 18, much of it for functions with others inlined, and again after they were
  // left: with less of it, and Node 20's greater budget before, python3's and sqlite3's short benchmarks take 11 % less on Node 20 and 6 % on
  // Node 24. In bytes of bytecode.
  { first: '--max-inlined-bytecode-size-cumulative=60', usual: '--max-inlined-bytecode-size-cumulative=920' },
  { first: '--interrupt-budget=270000', usual: '--interrupt-budget=67584', v8: V8_11 },
  // busybox true takes 40 ms less of processor time, 10 to 25 ms less altogether; python3 the same as before. Node 22 and later compile such
  // code with Maglev, at a tenth of the cost.
  { first: '--no-opt', usual: '--opt', later: [PATIENCE_MS, '--opt'], v8: V8_11 },
  // By how much the space of new objects grows: what is loaded at the start stays, and to find that out is work for nothing. Then it has grown
  // enough, to twice 4 MB, for what we make dies young. As V8 would have it, up to twice 16 MB (Node 24: 64), python's and lua's benchmarks take
  // 15 MB more, on Node 24 up to 50, in the same time (settled after 100 ms, at twice 2 MB, collecting takes 2 % of gcc's).
  {
    first: '--semi-space-growth-factor=4',
    usual: '--semi-space-growth-factor=2',
    later: [GROWN_MS, '--semi-space-growth-factor=1'],
  },
  // Nor is there garbage among what is older.
  {
    first: '--no-incremental-marking',
    usual: '--incremental-marking',
    later: [GROWN_MS, '--incremental-marking'],
  },
  // What V8 has compiled of our own code is kept for the next starts when the first run ends (src/cli/start.ts): of a long one it would have thrown
  // away what only a start needs, and busybox true took 0.27 s of user time instead of 0.13 ever after (Node 24).
  { first: '--no-flush-bytecode', usual: '--flush-bytecode' },
  // All modules are our own: V8 need not check each of their functions before the first runs.
  { first: '--wasm-lazy-validation', usual: '--no-wasm-lazy-validation' },
];

const FLAGS = ALL.filter(({ v8 }) => v8 === undefined || v8 === Number.parseInt(process.versions.v8, 10));
const USUAL = FLAGS.map(({ usual }) => usual);

/** Tell V8 what suits a program that may be over soon. To be called before what a run needs is loaded. */
export function beFrugal(): void {
  told = FLAGS.map(({ first }) => first);
  set(told);
  for (const { later } of FLAGS) {
    if (!later) continue;
    const [ms, flag] = later;
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
  set(USUAL);
}

/** Do something with V8's flags as they are by default: it gives machine code back only where they are as they were. */
export function asByDefault<T>(action: () => T): T {
  if (told.length === 0) return action();
  set(USUAL);
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
  for (const flag of flags) v8.setFlagsFromString(flag);
}
