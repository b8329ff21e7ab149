import { describe, expect, it } from 'vitest';
import { Wait } from '../../src/kernel/wait.ts';
import {
  becomeOnlyThread,
  clone,
  endProcess,
  newSession,
  releaseVforkParent,
  setProcessGroup,
  waitForChild,
} from '../../src/process/family.ts';
import type { Process } from '../../src/process/process.ts';
import { sendToProcess } from '../../src/process/signaling.ts';
import { compute, exit, exitThread, Machine, program, type Step } from './machine.ts';

const code = (action: () => unknown): string => {
  try {
    action();
    return 'ok';
  } catch (error) {
    return (error as { code: string }).code;
  }
};

/** Waits for any child and logs what became of it. */
const wait =
  (machine: Machine, options = { exited: true }): Step =>
  (t) => {
    const found = waitForChild(t.process, {}, options);
    if (!found) return new Wait([t.process.childQueue]);
    const { status } = found;
    machine.log.push(`${status.kind}${'code' in status ? status.code : 'signal' in status ? status.signal : ''}`);
  };

describe('fork and wait', () => {
  it('the parent learns the exit code', async () => {
    const machine = new Machine();
    machine.spawn(program(machine.fork(program(exit(7))), wait(machine)));
    expect(await machine.run()).toBe('exited7');
  });
  it('and the killing signal', async () => {
    const machine = new Machine();
    const killed = program((t) => void sendToProcess(t.process, { signal: 'SIGTERM', code: 'SI_USER' }));
    machine.spawn(program(machine.fork(killed), wait(machine)));
    expect(await machine.run()).toBe('killedSIGTERM');
  });
  it('a zombie stays until it is waited for', async () => {
    const machine = new Machine();
    let child: Process | undefined;
    const seen: unknown[] = [];
    const look: Step = () => void seen.push(machine.kernel.processes.has(child!.pid), child!.status !== undefined);
    machine.spawn(program(machine.fork(program(exit(0)), (c) => {
 child = c;
 }), compute(10_000_000), look, wait(machine), look)); // biome-ignore format: one line
    await machine.run();
    expect(seen).toEqual([true, true, false, true]);
  });
  it('a parent that ignores SIGCHLD has no zombies', async () => {
    const machine = new Machine();
    const process = machine.spawn(program(machine.fork(program(exit(0))), (t) => {
      if (t.process.children.size > 0) return new Wait([t.process.childQueue]);
      machine.log.push(code(() => waitForChild(t.process, {}, { exited: true })));
    })); // biome-ignore format: as read
    process.actions.set('SIGCHLD', { handler: 'ignore', flags: new Set(), restorer: 0, mask: new Set() });
    expect(await machine.run()).toBe('ECHILD');
  });
  it('WNOWAIT leaves the child to be waited for again', async () => {
    const machine = new Machine();
    const keep = { exited: true, keep: true };
    machine.spawn(program(machine.fork(program(exit(1))), wait(machine, keep), wait(machine)));
    expect(await machine.run()).toBe('exited1 exited1');
  });
  it('stops and continues are reported once each', async () => {
    const machine = new Machine();
    let child: Process | undefined;
    const stopped = program((t) => void sendToProcess(t.process, { signal: 'SIGSTOP', code: 'SI_USER' }), exit(2));
    const go: Step = () => void sendToProcess(child!, { signal: 'SIGCONT', code: 'SI_USER' });
    const all = { exited: true, stopped: true, continued: true };
    machine.spawn(program(machine.fork(stopped, (c) => {
 child = c;
 }), wait(machine, all), go, wait(machine, all), wait(machine, all))); // biome-ignore format: one line
    expect(await machine.run()).toBe('stoppedSIGSTOP continued exited2');
  });
  it('a child without SIGCHLD is a clone child', async () => {
    const machine = new Machine();
    const results: string[] = [];
    machine.spawn(
      program(
        machine.fork(program(exit(0)), undefined, { exitSignal: undefined }),
        (t) => void results.push(code(() => waitForChild(t.process, {}, { exited: true }))),
        (t) =>
          waitForChild(t.process, { kinds: 'all' }, { exited: true }) ? undefined : new Wait([t.process.childQueue]),
      ),
    );
    await machine.run();
    expect(results).toEqual(['ECHILD']);
  });
  it('orphans go to the subreaper', async () => {
    const machine = new Machine();
    let orphan: Process | undefined;
    const middle = program(
      machine.fork(program(compute(50_000_000), exit(5)), (c) => {
        orphan = c;
      }),
      exit(0),
    );
    const root = machine.spawn(program(machine.fork(middle), wait(machine), wait(machine)));
    root.subreaper = true;
    expect([await machine.run(), orphan?.parent]).toEqual(['exited0 exited5', root]);
  });
  it('orphans of nobody are reaped by the machine', async () => {
    const machine = new Machine();
    machine.spawn(program(machine.fork(program(compute(50_000_000), exit(5))), exit(0)));
    await machine.run();
    expect(machine.kernel.processes.size).toBe(0);
  });
  it("a child's death signal comes with its parent's end", async () => {
    const machine = new Machine();
    let child: Process | undefined;
    machine.spawn(program(machine.fork(program(() => new Wait([])), (c) => {
      child = c;
      c.parentDeathSignal = 'SIGKILL';
    }), exit(0))); // biome-ignore format: as read
    await machine.run();
    expect(child?.status).toMatchObject({ signal: 'SIGKILL' });
  });
  it('vfork: the parent goes on when the child executes or ends', async () => {
    const machine = new Machine();
    const child = program(machine.say('child'), compute(50_000_000), machine.say('still'), exit(0));
    machine.spawn(program(machine.fork(child, undefined, { vfork: true, shareMemory: true }), machine.say('parent'), wait(machine))); // biome-ignore format: one line
    expect(await machine.run()).toBe('child still parent exited0');
  });
  it('vfork: release by exec', async () => {
    const machine = new Machine();
    const child = program((t) => releaseVforkParent(t.process), compute(50_000_000), machine.say('child'), exit(0));
    machine.spawn(program(machine.fork(child, undefined, { vfork: true, shareMemory: true }), machine.say('parent'), wait(machine))); // biome-ignore format: one line
    expect(await machine.run()).toBe('parent child exited0');
  });
});

describe('threads', () => {
  const thread = { thread: true };
  it('the process lives until its last thread ends', async () => {
    const machine = new Machine();
    const second = program(compute(20_000_000), machine.say('second'), exitThread);
    machine.spawn(program(machine.fork(second, undefined, thread), machine.say('first'), exitThread));
    expect(await machine.run()).toBe('first second');
  });
  it('exit_group ends them all, sleeping ones too', async () => {
    const machine = new Machine();
    const process = machine.spawn(
      program(
        machine.fork(
          program(() => new Wait([])),
          undefined,
          thread,
        ),
        exit(4),
      ),
    );
    await machine.run();
    expect(process.status).toEqual({ kind: 'exited', code: 4 });
  });
  it('a cleared tid wakes the joiner', async () => {
    const machine = new Machine();
    const process = machine.spawn(program());
    const address = process.space.map({ address: 0, length: 4096, prot: 3 });
    process.space.writeU32(address, 99);
    const { futexes } = machine.kernel;
    const second = program((t) => {
      t.clearChildTid = address;
    }, exitThread);
    const join: Step = (t) => {
      if (process.space.readU32(address) === 0) return machine.say('joined')(t);
      return new Wait([futexes.park({ object: process.space, offset: address }, -1).queue]);
    };
    process.leader.cpu.pc = 0;
    (process.leader.cpu as unknown as { program: unknown }).program = program(machine.fork(second, undefined, thread), join); // biome-ignore format: one line
    expect(await machine.run()).toBe('joined');
  });
  it('execve by another thread takes the leader’s id', async () => {
    const machine = new Machine();
    const second = program(
      (t) => becomeOnlyThread(t),
      (t) => void machine.log.push(String(t.tid === t.process.pid)),
    );
    machine.spawn(program(machine.fork(second, undefined, thread), () => new Wait([])));
    expect(await machine.run()).toBe('true');
  });
});

describe('groups and sessions', () => {
  const child = async (act: (parent: Process, child: Process) => unknown) => {
    const machine = new Machine();
    let born: Process | undefined;
    const parent = machine.spawn(program(machine.fork(program(() => new Wait([])), (c) => {
 born = c;
 }), () => new Wait([]))); // biome-ignore format: one line
    await machine.run(() => born !== undefined);
    return act(parent, born!);
  };
  it('a child into a group of its own', () =>
    child((p, c) => expect([setProcessGroup(p, c.pid, 0), c.processGroup]).toEqual([undefined, c.pid])));
  it('not into a group that is not there', () =>
    child((p, c) => expect(code(() => setProcessGroup(p, c.pid, 9999))).toBe('EPERM')));
  it('not after it has executed a program', () => child((p, c) => expect(code(() => { c.executed = true; setProcessGroup(p, c.pid, 0); })).toBe('EACCES'))); // biome-ignore format: one line
  it('not a stranger', () => child((_p, c) => expect(code(() => setProcessGroup(c, 12345, 0))).toBe('ESRCH')));
  it('a session of its own', () =>
    child((_p, c) => expect([newSession(c), c.session, c.processGroup]).toEqual([c.pid, c.pid, c.pid])));
  it('not for the leader of a group', () => child((p) => expect(code(() => newSession(p))).toBe('EPERM')));
  it('an orphaned group that is stopped is hung up', async () => {
    const machine = new Machine();
    let grandchild: Process | undefined;
    const stopped = program((t) => void sendToProcess(t.process, { signal: 'SIGSTOP', code: 'SI_USER' }));
    const middle = program(machine.fork(stopped, (c) => {
      grandchild = c;
      c.processGroup = c.pid;
    }), compute(50_000_000), exit(0)); // biome-ignore format: as read
    machine.spawn(program(machine.fork(middle), wait(machine)));
    await machine.run(() => grandchild?.status !== undefined);
    expect(grandchild?.status).toMatchObject({ signal: 'SIGHUP' });
  });
});

describe('limits', () => {
  it('instructions', async () => {
    const machine = new Machine({ instructions: 1_000_000 });
    const process = machine.spawn(program(compute(1e12)));
    await machine.run();
    expect([machine.kernel.violation?.limit, process.status?.kind]).toEqual(['instructions', 'killed']);
  });
  it('processes', async () => {
    const machine = new Machine({ processes: 1 });
    machine.spawn(program((t) => void machine.log.push(code(() => machine.fork(program())(t)))));
    expect(await machine.run()).toBe('EAGAIN');
  });
  it.each([
    ['a process of a user who is not root', 1000, {}, 'EAGAIN'],
    ['a thread of a user who is not root', 1000, { thread: true }, 'EAGAIN'],
    ['a process of root', 0, {}, 'ok'],
  ])('NPROC and %s', (_what, uid, options, outcome) => {
    const process = new Machine().spawn(program());
    process.credentials.uid = uid;
    process.limits.set('NPROC', { soft: 0, hard: 0 });
    expect(code(() => clone(process.leader, options))).toBe(outcome);
  });
});

describe('the scheduler', () => {
  it('shares the time between busy threads', async () => {
    const machine = new Machine();
    const busy = (name: string) => program(compute(100_000_000), machine.say(`${name}1`), compute(100_000_000), machine.say(`${name}2`)); // biome-ignore format: one line
    machine.spawn(busy('a'));
    machine.spawn(busy('b'));
    const log = (await machine.run()).split(' ');
    expect(log.indexOf('b1')).toBeLessThan(log.indexOf('a2'));
  });
  it('a deadline wakes with timedOut set', async () => {
    const machine = new Machine();
    machine.spawn(program((t) => (t.timedOut ? machine.say(`at ${machine.time}`)(t) : new Wait([], t.deadlineAfter(3_000_000_000n))))); // biome-ignore format: one line
    expect(await machine.run()).toBe('at 4000000000');
  });
  it('sleeps once when nothing can run', async () => {
    const machine = new Machine();
    const process = machine.spawn(program(() => new Wait([])));
    machine.whenAsleep(() => endProcess(process, { kind: 'exited', code: 0 }));
    await machine.run();
    expect(machine.slept).toBe(1);
  });
});
