/** Processor time that this process's other threads took: V8's optimising compiler and garbage collector work there. */
import { readFileSync } from 'node:fs';

/** Milliseconds; undefined where the host does not tell threads apart. */
export function backgroundMs(): number | undefined {
  try {
    // Nanoseconds on the processor, waiting for it, slices; the main thread's id is the process's.
    const [nanoseconds] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'latin1').split(' ');
    const { user, system } = process.cpuUsage();
    return Math.max(0, (user + system) / 1000 - Number(nanoseconds) / 1e6);
  } catch {
    return undefined;
  }
}
