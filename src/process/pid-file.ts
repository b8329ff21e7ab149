/** A descriptor that stands for a process (pidfd): readable once it has ended. */
import { AnonymousFile } from '../kernel/anonymous-file.ts';
import { READABLE } from '../kernel/open-file.ts';
import type { WaitQueue } from '../kernel/wait.ts';
import type { Process } from './process.ts';

export class PidFile extends AnonymousFile {
  readonly kind = 'pidfd';
  override path = 'anon_inode:[pidfd]';
  readonly process: Process;
  override readonly queue: WaitQueue;

  constructor(process: Process) {
    super(process.kernel.realtime());
    this.process = process;
    this.queue = process.endQueue;
  }

  override readiness(): number {
    return this.process.status ? READABLE : 0;
  }
}
