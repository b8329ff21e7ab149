/** The FreeBSD personality: recognises its programs, starts them, carries out their calls and delivers their signals; the calls themselves are in table.ts. */
import { RAX } from '../../src/isa/x86/state.ts';
import { Dispatcher } from '../../src/personality/dispatch.ts';
import type { Personality } from '../../src/personality/personality.ts';
import type { CallStatistics } from '../../src/personality/statistics.ts';
import type { CallTrace } from '../../src/personality/trace.ts';
import { convention, restartCall } from './abi/convention.ts';
import { errnoNumber } from './abi/errno.ts';
import { deliver } from './abi/signal-frame.ts';
import { signalNumber } from './abi/signals.ts';
import { type ProcessState, start } from './abi/start-up.ts';
import { table } from './table.ts';

/** syscall and __syscall take the number as their first argument. */
const SYSCALL = 0;
const __SYSCALL = 198;

export interface Observers {
  statistics?: CallStatistics | undefined;
  trace?: CallTrace | undefined;
}

export function createFreebsd(observers: Observers = {}): Personality {
  const dispatcher = new Dispatcher(table, convention, observers);
  return {
    name: 'freebsd',
    recognises: (image) => image.os === 'freebsd' && image.isa === 'x86-64',
    start,
    call(thread) {
      const number = thread.cpu.getInt(RAX);
      if (number === SYSCALL || number === __SYSCALL) {
        return dispatcher.call(thread, thread.cpu.getInt(convention.registers[0]), 1);
      }
      return dispatcher.call(thread, number);
    },
    interrupt(thread, restart) {
      if (restart) restartCall(thread.cpu);
      else convention.fail(thread.cpu, 'EINTR');
      dispatcher.interrupted(thread, restart ? 'ERESTART' : 'EINTR');
    },
    deliver(thread, info, action) {
      deliver(thread, info, action, (thread.process.personalityState as ProcessState).trampoline);
    },
    errno: errnoNumber,
    signalNumber,
  };
}
