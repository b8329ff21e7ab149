/** What terminals need to know of processes: whom a key's signal reaches, and what becomes of a background process that uses its terminal. */
import { fail } from '../base/failures.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { JobControl } from '../kernel/tty.ts';
import { isOrphanedGroup, kernelSignal, sendToGroup } from './signaling.ts';

export function jobControl(kernel: Kernel): JobControl {
  return {
    timers: kernel.timers,
    monotonic: () => kernel.monotonic(),
    now: () => kernel.realtime(),
    signalGroup(group, signal) {
      sendToGroup(kernel, group, kernelSignal(signal));
    },
    background(tty, signal) {
      const thread = kernel.scheduler.current;
      if (!thread) return;
      const { process } = thread;
      // Only members of the terminal's own session are subject to its job control.
      if (tty.foreground === 0 || process.session !== tty.session || process.processGroup === tty.foreground) return;
      const deaf = thread.mask.has(signal) || process.action(signal).handler === 'ignore';
      if (deaf && signal === 'SIGTTOU') return;
      if (deaf || isOrphanedGroup(kernel, process.processGroup)) fail('EIO');
      sendToGroup(kernel, process.processGroup, kernelSignal(signal));
      fail('EAGAIN');
    },
  };
}
