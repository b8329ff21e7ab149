/** Making pipes. Reading, writing and closing them is as with any file. */
import { fail } from '../../../src/base/failures.ts';
import { makePipe } from '../../../src/kernel/pipe.ts';
import type { Place } from '../../../src/personality/arguments.ts';
import type { Task } from '../../../src/personality/task.ts';

const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
/** Packet mode: accepted, though writes keep no boundaries. */
const O_DIRECT = 0o40000;

type Pair = Place<{ first: number; second: number }>;

export function pipe2(t: Task, { pipefd, flags }: { pipefd: Pair; flags: number }): void {
  if (flags & ~(O_NONBLOCK | O_CLOEXEC | O_DIRECT)) fail('EINVAL');
  const closeOnExec = (flags & O_CLOEXEC) !== 0;
  const [reader, writer] = makePipe(t.kernel.realtime());
  reader.nonblocking = writer.nonblocking = (flags & O_NONBLOCK) !== 0;
  const first = t.files.add(reader, closeOnExec);
  let second = -1;
  try {
    second = t.files.add(writer, closeOnExec);
    pipefd.set({ first, second });
  } catch (error) {
    t.files.close(first);
    if (second >= 0) t.files.close(second);
    throw error;
  }
}

export const pipe = (t: Task, { pipefd }: { pipefd: Pair }): void => pipe2(t, { pipefd, flags: 0 });
