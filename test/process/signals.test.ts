import { describe, expect, it } from 'vitest';
import { Wait, WaitQueue } from '../../src/kernel/wait.ts';
import { IntervalTimer } from '../../src/process/interval-timers.ts';
import { sendFault, sendToProcess, sendToThread } from '../../src/process/signaling.ts';
import { PendingSignals, type Signal } from '../../src/process/signals.ts';
import type { Thread } from '../../src/process/thread.ts';
import { cpuOf, exit, Machine, program, type Step, sigreturn } from './machine.ts';

const user = (signal: Signal) => ({ signal, code: 'SI_USER' });
const raise =
  (signal: Signal): Step =>
  (thread) =>
    void sendToThread(thread, user(signal));
const block =
  (...signals: Signal[]): Step =>
  (thread) => {
    thread.mask = new Set(signals);
  };

/** A machine with one process whose handler at 100 logs `handler`. */
function withHandler(
  signal: Signal,
  steps: (machine: Machine) => Step[],
  flags: Parameters<Machine['handle']>[3] = [],
) {
  const machine = new Machine();
  const code = program(...steps(machine));
  code.set(100, machine.say('handler'));
  code.set(101, sigreturn);
  const process = machine.spawn(code);
  machine.handle(process, signal, 100, flags);
  return { machine, process };
}

describe('pending signals', () => {
  const names = (pending: PendingSignals) => {
    const out: string[] = [];
    for (let info = pending.take(() => true); info; info = pending.take(() => true)) out.push(info.signal);
    return out;
  };
  const queued = (...signals: Signal[]) => {
    const pending = new PendingSignals();
    for (const signal of signals) pending.add(user(signal));
    return names(pending);
  };
  it('an ordinary signal is pending once', () => expect(queued('SIGUSR1', 'SIGUSR1')).toEqual(['SIGUSR1']));
  it('a real-time signal as often as sent', () => expect(queued('SIGRT3', 'SIGRT3')).toEqual(['SIGRT3', 'SIGRT3']));
  it('lower numbers first', () => expect(queued('SIGRT5', 'SIGTERM', 'SIGRT2', 'SIGHUP')).toEqual(['SIGHUP', 'SIGTERM', 'SIGRT2', 'SIGRT5'])); // biome-ignore format: one line
  it('faults before all', () => expect(queued('SIGHUP', 'SIGSEGV')).toEqual(['SIGSEGV', 'SIGHUP']));
});

describe('delivery', () => {
  it('a caught signal runs its handler and comes back', async () => {
    const { machine } = withHandler('SIGUSR1', (m) => [m.say('a'), raise('SIGUSR1'), m.say('b')]);
    expect(await machine.run()).toBe('a handler b');
  });
  it('a blocked one waits for its unblocking', async () => {
    const { machine } = withHandler('SIGUSR1', (m) => [block('SIGUSR1'), raise('SIGUSR1'), m.say('a'), block(), m.say('b')]); // biome-ignore format: one line
    expect(await machine.run()).toBe('a handler b');
  });
  it('the signal itself is blocked in its handler', async () => {
    const { machine, process } = withHandler('SIGUSR1', (m) => [raise('SIGUSR1'), m.say('end')]);
    const code = cpuOf(process.leader).program;
    code.set(101, (t) => void machine.log.push(String(t.mask.has('SIGUSR1'))));
    code.set(102, sigreturn);
    expect(await machine.run()).toBe('handler true end');
  });
  it('nodefer leaves it open', async () => {
    const { machine, process } = withHandler('SIGUSR1', (m) => [raise('SIGUSR1'), m.say('end')], ['nodefer']);
    const code = cpuOf(process.leader).program;
    code.set(101, (t) => void machine.log.push(String(t.mask.has('SIGUSR1'))));
    code.set(102, sigreturn);
    expect(await machine.run()).toBe('handler false end');
  });
  it('resethand: the second one has the default action', async () => {
    const { machine, process } = withHandler('SIGUSR1', () => [raise('SIGUSR1'), raise('SIGUSR1')], ['resethand']);
    const status = () => process.status;
    await machine.run();
    expect([machine.log.join(' '), status()]).toEqual(['handler', { kind: 'killed', signal: 'SIGUSR1', core: false }]);
  });
  it('an ignored signal does nothing', async () => {
    const { machine, process } = withHandler('SIGUSR1', (m) => [raise('SIGUSR2'), m.say('on')]);
    process.actions.set('SIGUSR2', { handler: 'ignore', flags: new Set(), restorer: 0, mask: new Set() });
    expect(await machine.run()).toBe('on');
  });
  it.each([
    ['SIGTERM', 'killed'],
    ['SIGKILL', 'killed'],
    ['SIGSEGV', 'killed'],
    ['SIGRT7', 'killed'],
  ])('%s by default: %s', async (signal, kind) => {
    const machine = new Machine();
    const process = machine.spawn(program(raise(signal), machine.say('alive')));
    await machine.run();
    expect([machine.log, process.status?.kind]).toEqual([[], kind]);
  });
  it.each(['SIGCHLD', 'SIGWINCH', 'SIGURG', 'SIGCONT'])('%s by default: nothing', async (signal) => {
    const machine = new Machine();
    machine.spawn(program(raise(signal), machine.say('alive')));
    expect(await machine.run()).toBe('alive');
  });
  it('SIGKILL cannot be blocked', async () => {
    const machine = new Machine();
    const process = machine.spawn(program(block('SIGKILL'), raise('SIGKILL'), machine.say('alive')));
    await machine.run();
    expect(process.status).toMatchObject({ signal: 'SIGKILL' });
  });
  it('a fault while its signal is blocked kills', async () => {
    const { machine, process } = withHandler('SIGSEGV', (m) => [
      block('SIGSEGV'),
      (t) => sendFault(t, { signal: 'SIGSEGV', code: 'SEGV_MAPERR', address: 16 }),
      m.say('alive'),
    ]);
    await machine.run();
    expect([machine.log, process.status]).toMatchObject([[], { signal: 'SIGSEGV' }]);
  });
  it.each([
    [{ kind: 'fault', reason: 'unmapped', access: 'read' }, 'SIGSEGV SEGV_MAPERR 4096 4'],
    [{ kind: 'fault', reason: 'protected', access: 'execute' }, 'SIGSEGV SEGV_ACCERR 4096 20'],
    [{ kind: 'fault', reason: 'beyond-file', access: 'write' }, 'SIGBUS BUS_ADRERR 4096 6'],
    [{ kind: 'fault', reason: 'noncanonical', access: 'read' }, 'SIGSEGV SI_KERNEL 0 0'],
    [{ kind: 'trap', trap: 'divide' }, 'SIGFPE FPE_INTDIV 7 0'],
    [{ kind: 'trap', trap: 'illegal' }, 'SIGILL ILL_ILLOPN 7 0'],
    [{ kind: 'trap', trap: 'breakpoint' }, 'SIGTRAP SI_KERNEL 0 0'],
    [{ kind: 'trap', trap: 'privileged' }, 'SIGSEGV SI_KERNEL 0 0'],
  ] as const)('%o is %s', async (fault, expected) => {
    const machine = new Machine();
    const process = machine.spawn(program());
    machine.kernel.onFatalSignal = (_p, { signal, code }) => machine.log.push(`${signal} ${code}`);
    process.leader.cpu.pc = 7;
    cpuOf(process.leader).fault = { address: 4096, ...fault };
    const taken: string[] = [];
    const take = process.leader.pending.take.bind(process.leader.pending);
    process.leader.pending.take = (wanted) => {
      const info = take(wanted);
      if (info) taken.push(`${info.signal} ${info.code} ${info.address} ${info.errorCode}`);
      return info;
    };
    await machine.run();
    expect(taken).toEqual([expected]);
  });
});

describe('a blocked call', () => {
  const never = new WaitQueue();
  const sleep: Step = () => new Wait([never]);

  it('is ended by a caught signal', async () => {
    const { machine, process } = withHandler('SIGUSR1', (m) => [sleep, m.say('after')]);
    machine.whenAsleep(() => sendToProcess(process, user('SIGUSR1')));
    expect(await machine.run()).toBe('handler after');
  });
  it('is made again with SA_RESTART', async () => {
    let attempts = 0;
    const counted: Step = () => (attempts++ < 2 ? new Wait([never]) : undefined);
    const { machine, process } = withHandler('SIGUSR1', (m) => [counted, m.say('after')], ['restart']);
    machine.whenAsleep(() => sendToProcess(process, user('SIGUSR1')));
    expect(await machine.run()).toBe('handler after');
  });
  it('goes on after an ignored signal', async () => {
    const machine = new Machine();
    const queue = new WaitQueue();
    let open = false;
    const process = machine.spawn(program(() => (open ? undefined : new Wait([queue])), machine.say('after')));
    machine.whenAsleep(() => {
      sendToProcess(process, user('SIGWINCH'));
      machine.whenAsleep(() => {
        open = true;
        queue.wake();
      });
    });
    expect(await machine.run()).toBe('after');
  });
  it('that can finish as the signal comes, finishes', async () => {
    const queue = new WaitQueue();
    let open = false;
    const { machine, process } = withHandler('SIGUSR1', (m) => [
      () => {
        if (!open) return new Wait([queue]);
        m.log.push('done');
      },
      m.say('after'),
    ]);
    machine.whenAsleep(() => {
      sendToProcess(process, user('SIGUSR1'));
      open = true;
    });
    expect(await machine.run()).toBe('done handler after');
  });
  it('is told when it is given up', async () => {
    const { machine, process } = withHandler('SIGUSR1', (m) => [
      (t) => {
        t.callState = { cancel: (why: string) => m.log.push(`cancelled by ${why}`) };
        return new Wait([never]);
      },
    ]);
    machine.whenAsleep(() => sendToProcess(process, user('SIGUSR1')));
    expect(await machine.run()).toBe('cancelled by signal handler');
  });
  it('sigsuspend: its mask holds while it lasts, the old one comes back after the handler', async () => {
    const masks: string[] = [];
    const show = (t: Thread) => masks.push([...t.mask].join('+'));
    const { machine, process } = withHandler('SIGUSR1', () => [
      block('SIGUSR1'),
      (t) => {
        t.maskDuringCall(new Set(['SIGUSR2']));
        return new Wait([]);
      },
      (t) => void show(t),
    ]);
    cpuOf(process.leader).program.set(101, (t) => void show(t));
    cpuOf(process.leader).program.set(102, sigreturn);
    machine.whenAsleep(() => sendToProcess(process, user('SIGUSR1')));
    await machine.run();
    expect(masks).toEqual(['SIGUSR2+SIGUSR1', 'SIGUSR1']);
  });
});

describe('stopping', () => {
  it('a stopped process runs nothing until SIGCONT', async () => {
    const machine = new Machine();
    const process = machine.spawn(program(raise('SIGSTOP'), machine.say('on')));
    machine.whenAsleep(() => {
      machine.log.push('stopped');
      sendToProcess(process, user('SIGCONT'));
    });
    expect(await machine.run()).toBe('stopped on');
  });
  it('SIGKILL ends a stopped one', async () => {
    const machine = new Machine();
    const process = machine.spawn(program(raise('SIGSTOP'), machine.say('on')));
    machine.whenAsleep(() => void sendToProcess(process, user('SIGKILL')));
    await machine.run();
    expect([machine.log, process.status]).toMatchObject([[], { signal: 'SIGKILL' }]);
  });
  it('SIGCONT takes pending stops away', async () => {
    const machine = new Machine();
    machine.spawn(program(block('SIGTSTP'), raise('SIGTSTP'), raise('SIGCONT'), block(), machine.say('on')));
    expect(await machine.run()).toBe('on');
  });
});

describe('interval timers', () => {
  it('fire once', async () => {
    const never = new WaitQueue();
    const { machine, process } = withHandler('SIGALRM', (m) => [() => new Wait([never]), m.say('after')]);
    const timer = new IntervalTimer(process, 'monotonic', () => sendToProcess(process, user('SIGALRM')));
    timer.set(5_000_000_000n, 0n);
    expect([await machine.run(), machine.time, timer.remaining()]).toEqual(['handler after', 6_000_000_000n, 0n]);
  });
  it('repeat, and count what was missed', () => {
    const machine = new Machine();
    const fired: number[] = [];
    const timer = new IntervalTimer(machine.spawn(program(exit(0))), 'monotonic', (t) => fired.push(t.overrun));
    timer.set(10n, 10n);
    machine.time += 35n;
    machine.kernel.timers.expire(machine.time);
    expect([fired, timer.remaining()]).toEqual([[2], 5n]);
  });
});
