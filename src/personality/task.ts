/** What a handler is given: the thread that made the call, and short ways to what its process owns. */
import type { Cpu } from '../engine/engine.ts';
import type { FdTable } from '../kernel/fd-table.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { OpenFile } from '../kernel/open-file.ts';
import type { FsContext, Vfs } from '../kernel/vfs.ts';
import type { AddressSpace } from '../memory/address-space.ts';
import type { Process } from '../process/process.ts';
import type { Thread } from '../process/thread.ts';

/** One for each thread, for its whole life; everything that exec or clone may replace is looked up anew. */
export class Task {
  readonly thread: Thread;
  /** The row's number of the call in progress: restarts put it back into the number register. */
  number = -1;
  /** Trace text of the call in progress, made before it ran; undefined when it is not traced. */
  entry: string[] | undefined;

  constructor(thread: Thread) {
    this.thread = thread;
  }

  static of(thread: Thread): Task {
    const known = thread.personalityState;
    if (known instanceof Task) return known;
    const task = new Task(thread);
    thread.personalityState = task;
    return task;
  }

  get process(): Process {
    return this.thread.process;
  }
  get cpu(): Cpu {
    return this.thread.cpu;
  }
  get space(): AddressSpace {
    return this.thread.process.space;
  }
  get files(): FdTable {
    return this.thread.process.files;
  }
  get fs(): FsContext {
    return this.thread.process.fs;
  }
  get kernel(): Kernel {
    return this.thread.process.kernel;
  }
  get vfs(): Vfs {
    return this.thread.process.kernel.vfs;
  }

  /** The open file of a descriptor; EBADF. */
  file(fd: number): OpenFile {
    return this.thread.process.files.get(fd);
  }
}
