/** What every guest OS supplies to the process side: recognition, start-up, calls, signal frames. Implementations live in syscalls/<os>/. */

import type { Exit } from '../engine/engine.ts';
import type { Wait } from '../kernel/wait.ts';
import type { Image } from '../loader/image.ts';
import type { Loaded } from '../loader/load.ts';
import type { Process } from '../process/process.ts';
import type { SignalAction, SignalInfo } from '../process/signals.ts';
import type { Thread } from '../process/thread.ts';

export interface StartUp {
  image: Image;
  /** Where the loader put its pieces: entry points, biases, program headers, the top of the (mapped, empty) stack. */
  loaded: Loaded;
  argv: readonly Uint8Array[];
  envp: readonly Uint8Array[];
  /** As execve was given it (AT_EXECFN). */
  execPath: Uint8Array;
}

export interface Personality {
  readonly name: string;
  recognises(image: Image): boolean;
  /** Lay out stack and registers of a fresh process. */
  start(process: Process, thread: Thread, what: StartUp): void;
  /**
   * Carry out the system call the thread just made (registers untouched since the exit) and put its result into the registers.
   * Returns a Wait when it must block: nothing has changed, and it will be called again for the same call.
   */
  call(thread: Thread, exit: Exit): Wait | undefined;
  /** The blocked call of this thread was interrupted by a signal: arrange EINTR or a restart in the registers. `restart`: the action had SA_RESTART. */
  interrupt(thread: Thread, restart: boolean): void;
  /** Build the frame of a caught signal on the guest's stack (or alternate stack) and point the registers at the handler. A bad stack: throws MemoryFault. */
  deliver(thread: Thread, info: SignalInfo, action: SignalAction): void;
  /** The thread ends or executes another program: what it leaves behind in memory (robust mutexes). Its memory is still there. */
  abandon?(thread: Thread): void;
  /** Symbolic errno or signal of this system as its number. */
  errno(code: string): number;
  signalNumber(name: string): number;
}
