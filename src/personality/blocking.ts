/** The one way a handler blocks on an open file: try, and where the file would block, name its queue. */
import { GuestError } from '../base/failures.ts';
import type { OpenFile } from '../kernel/open-file.ts';
import { Wait } from '../kernel/wait.ts';
import type { Task } from './task.ts';

/** Whether an error says that the file would block and the guest has not asked to be told so. */
export function wouldBlock(error: unknown, file: OpenFile): boolean {
  return error instanceof GuestError && error.code === 'EAGAIN' && !file.nonblocking;
}

/** `attempt`, or a Wait for the file where it fails EAGAIN and the guest has not asked for O_NONBLOCK. Past `deadline` EAGAIN it is. */
export function blocking(task: Task, file: OpenFile, attempt: () => number, deadline?: bigint): number | Wait {
  try {
    return attempt();
  } catch (error) {
    if (!wouldBlock(error, file) || task.thread.timedOut) throw error;
    return new Wait([file.queue], deadline);
  }
}
