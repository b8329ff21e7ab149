/** What V8's compiler of JavaScript is told while a program runs: this is no server that stays for hours. */
import { createRequire } from 'node:module';

/** A program that goes on for longer is worth optimising for. */
const PATIENCE_MS = 100;

/** What V8 may inline into a function it optimises, in bytes of bytecode, and Node 20's budget before it does: here, and by default. */
const INLINED = '--max-inlined-bytecode-size-cumulative=';
const BUDGET = '--interrupt-budget=';
const FRUGAL = [`${INLINED}60`, `${BUDGET}270000`];
const DEFAULT = [`${INLINED}920`, `${BUDGET}67584`];

/**
 * Optimising the translator took 2 s of processor time of gcc's 18, much of it for functions with others inlined, and again after they were
 * left: with less of it python3's and sqlite3's short benchmarks take 11 % less on Node 20 and 6 % on Node 24.
 *
 * At first nothing is optimised until the time is up. On two cores and Node 20, busybox true takes 40 ms less of processor time, 10 to 25 ms
 * less altogether; python3 the same as before. Node 22 and later compile such code with Maglev, at a tenth of the cost, and know no such budget.
 *
 * The function given back sets all as it was, which is due before code is cached: V8 takes it for no other flags.
 */
export function optimiseLess(): () => void {
  const v8: typeof import('node:v8') = createRequire(import.meta.url)('node:v8');
  const old = Number.parseInt(process.versions.v8, 10) < 12;
  const set = (flags: readonly string[]) => {
    for (const flag of flags) if (old || !flag.startsWith(BUDGET)) v8.setFlagsFromString(flag);
  };
  set(FRUGAL);
  if (!old) return () => set(DEFAULT);
  v8.setFlagsFromString('--no-opt');
  const optimise = () => v8.setFlagsFromString('--opt');
  const timer = setTimeout(optimise, PATIENCE_MS).unref();
  return () => {
    clearTimeout(timer);
    optimise();
    set(DEFAULT);
  };
}
