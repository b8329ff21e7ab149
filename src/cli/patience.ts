/** Puts V8's optimising compiler off while a program starts: most end before it pays. */
import { createRequire } from 'node:module';

/** A program that goes on for longer is worth it. */
const PATIENCE_MS = 100;

/**
 * Nothing is optimised until the time is up or the function given back is called, which is due before code is cached: V8
 * takes it for no other flags. On two cores and Node 20, busybox true takes 40 ms less of processor time, 10 to 25 ms
 * less altogether; python3 the same as before. Node 22 and later compile such code with Maglev, at a tenth of the cost.
 */
export function optimiseLater(): () => void {
  if (Number.parseInt(process.versions.v8, 10) >= 12) return () => {};
  const v8: typeof import('node:v8') = createRequire(import.meta.url)('node:v8');
  v8.setFlagsFromString('--no-opt');
  const now = () => v8.setFlagsFromString('--opt');
  const timer = setTimeout(now, PATIENCE_MS).unref();
  return () => {
    clearTimeout(timer);
    now();
  };
}
