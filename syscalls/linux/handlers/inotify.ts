/** inotify: queues of file events and their watches; what is told, and when, is the kernel's. */
import { fail } from '../../../src/base/failures.ts';
import { InotifyFile } from '../../../src/kernel/inotify.ts';
import type { Task } from '../../../src/personality/task.ts';
import { O } from '../abi/flags.ts';
import { encodeEvent, IN, kindsOf } from '../abi/inotify.ts';

export function inotify_init1(t: Task, { flags }: { flags: number }): number {
  if (flags & ~(O.O_CLOEXEC | O.O_NONBLOCK)) fail('EINVAL');
  const file = new InotifyFile(t.vfs.places, encodeEvent, t.kernel.realtime());
  file.nonblocking = (flags & O.O_NONBLOCK) !== 0;
  return t.files.add(file, (flags & O.O_CLOEXEC) !== 0);
}

export const inotify_init = (t: Task): number => inotify_init1(t, { flags: 0 });

function queueOf(t: Task, fd: number): InotifyFile {
  const file = t.file(fd);
  return file instanceof InotifyFile ? file : fail('EINVAL');
}

export function inotify_add_watch(
  t: Task,
  { fd, pathname, mask }: { fd: number; pathname: string; mask: number },
): number {
  if ((mask & IN.ALL_EVENTS) === 0) fail('EINVAL');
  if (mask & IN.MASK_ADD && mask & IN.MASK_CREATE) fail('EINVAL');
  const queue = queueOf(t, fd);
  const { place, ino } = t.vfs.hold(t.fs, undefined, pathname, {
    follow: (mask & IN.DONT_FOLLOW) === 0,
    directory: (mask & IN.ONLYDIR) !== 0,
  });
  return queue.watch(place, {
    kinds: kindsOf(mask),
    add: (mask & IN.MASK_ADD) !== 0,
    fresh: (mask & IN.MASK_CREATE) !== 0,
    once: (mask & IN.ONESHOT) !== 0,
    ino,
  });
}

export function inotify_rm_watch(t: Task, { fd, wd }: { fd: number; wd: number }): void {
  queueOf(t, fd).unwatch(wd);
}
