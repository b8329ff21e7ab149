/** The Linux personality: recognition, start-up, calls, interruption and signal frames, put together from the table and abi/. */
import { missing } from '../../src/base/failures.ts';
import type { Exit } from '../../src/engine/engine.ts';
import type { Wait } from '../../src/kernel/wait.ts';
import type { Image } from '../../src/loader/image.ts';
import { Dispatcher, type Observers } from '../../src/personality/dispatch.ts';
import type { Personality, StartUp } from '../../src/personality/personality.ts';
import { Task } from '../../src/personality/task.ts';
import type { Process } from '../../src/process/process.ts';
import type { SignalAction, SignalInfo } from '../../src/process/signals.ts';
import type { Thread } from '../../src/process/thread.ts';
import { callNumber, convention, restartCall } from './abi/convention.ts';
import { errno } from './abi/errno.ts';
import { buildFrame } from './abi/signal-frame.ts';
import { signalNumber } from './abi/signals.ts';
import { start } from './abi/start-up.ts';
import { abandonRobustList } from './handlers/futex.ts';
import { table } from './table.ts';

class Linux implements Personality {
  readonly name = 'linux';
  readonly #dispatcher: Dispatcher;

  constructor(observers: Observers) {
    this.#dispatcher = new Dispatcher(table, convention, observers);
  }

  /** Images that name no system are taken for Linux's: its linkers leave the field empty. */
  recognises(image: Image): boolean {
    return image.format === 'elf' && image.isa === 'x86-64' && (image.os === 'linux' || image.os === 'unknown');
  }

  start(process: Process, thread: Thread, what: StartUp): void {
    start(process, thread, what);
  }

  call(thread: Thread, exit: Exit): Wait | undefined {
    if (exit.gate === 'syscall') return this.#dispatcher.call(thread, callNumber(thread.cpu));
    missing('linux int 0x80');
    convention.fail(thread.cpu, 'ENOSYS');
    return undefined;
  }

  interrupt(thread: Thread, restart: boolean): void {
    const row = this.#dispatcher.row(Task.of(thread).number);
    const { progress } = thread;
    if (progress > 0) {
      this.#dispatcher.interrupted(thread, String(progress));
      convention.succeed(thread.cpu, progress);
    } else if (restart && row?.restarts) {
      this.#dispatcher.interrupted(thread, '? ERESTARTSYS (To be restarted if SA_RESTART is set)');
      restartCall(thread.cpu);
    } else {
      this.#dispatcher.interrupted(thread, 'EINTR');
      convention.fail(thread.cpu, 'EINTR');
    }
  }

  deliver(thread: Thread, info: SignalInfo, action: SignalAction): void {
    this.#dispatcher.signalled(thread, info);
    buildFrame(thread, info, action);
  }

  abandon(thread: Thread): void {
    abandonRobustList(thread);
  }

  errno(code: string): number {
    return errno(code);
  }

  signalNumber(name: string): number {
    return signalNumber(name);
  }
}

/** One for each VM: it counts and traces that VM's calls. */
export function createLinux(observers: Observers = {}): Personality {
  return new Linux(observers);
}
