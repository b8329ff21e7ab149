/** Moving bytes between guest memory and open files: short counts, blocking in the middle, scattered buffers. Which call asked is the other handlers' business. */
import { GuestError } from '../../../src/base/failures.ts';
import type { OpenFile } from '../../../src/kernel/open-file.ts';
import { Wait } from '../../../src/kernel/wait.ts';
import { wouldBlock } from '../../../src/personality/blocking.ts';
import type { Task } from '../../../src/personality/task.ts';
import { sendToThread } from '../../../src/process/signaling.ts';

/** Fill the views in order; whatever has been read when nothing more is at hand is the result. */
export function readInto(file: OpenFile, views: readonly Uint8Array[], at?: number): number | Wait {
  let done = 0;
  try {
    for (const view of views) {
      const n = file.read(view, at === undefined ? undefined : at + done);
      done += n;
      if (n < view.length) break;
    }
  } catch (error) {
    if (done > 0) return done;
    if (wouldBlock(error, file)) return new Wait([file.queue]);
    throw error;
  }
  if (views.length === 0) file.read(new Uint8Array(0), at);
  return done;
}

/** Write all the views; a file that fills up in the middle is waited for unless it is nonblocking. */
export function writeFrom(task: Task, file: OpenFile, views: readonly Uint8Array[], at?: number): number | Wait {
  const { thread } = task;
  let done = thread.progress;
  let skip = done;
  try {
    for (const view of views) {
      if (skip >= view.length && skip > 0) {
        skip -= view.length;
        continue;
      }
      for (let from = skip; from < view.length; ) {
        const n = file.write(view.subarray(from), at === undefined ? undefined : at + done);
        from += n;
        done += n;
      }
      skip = 0;
    }
  } catch (error) {
    if (wouldBlock(error, file)) {
      thread.callState = { progress: done };
      return new Wait([file.queue]);
    }
    if (done > 0) return done;
    if (error instanceof GuestError && error.code === 'EPIPE') {
      sendToThread(thread, { signal: 'SIGPIPE', code: 'SI_KERNEL' });
    }
    throw error;
  }
  if (views.length === 0) file.write(new Uint8Array(0), at);
  return done;
}
