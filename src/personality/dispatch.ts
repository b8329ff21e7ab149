/** Carries out calls: registers to arguments by the row's types, the handler, the result back by the system's convention; counts and traces them. The single observer of all calls. */
import { milliseconds } from '../base/clock.ts';
import { GuestError, MemoryFault, missing } from '../base/failures.ts';
import type { Cpu } from '../engine/engine.ts';
import { Wait } from '../kernel/wait.ts';
import type { SignalInfo } from '../process/signals.ts';
import type { Thread } from '../process/thread.ts';
import type { ArgumentType } from './arguments.ts';
import type { Handler, Isa, NO_RESULT, Row, Table } from './define.ts';
import type { CallStatistics } from './statistics.ts';
import { Task } from './task.ts';
import type { CallTrace, TraceMode } from './trace.ts';

/** How a system passes arguments and results in registers. */
export interface Convention {
  readonly isa: Isa;
  /** Register numbers of the arguments in order. */
  readonly registers: readonly number[];
  /** Put a successful result into the registers. */
  succeed(cpu: Cpu, result: number): void;
  /** Put an error into the registers. */
  fail(cpu: Cpu, code: string): void;
}

/** Who watches the calls of a VM. */
export interface Observers {
  statistics?: CallStatistics | undefined;
  trace?: CallTrace | undefined;
}

/** A row made ready to be called. */
interface Prepared {
  readonly row: Row;
  readonly number: number;
  readonly handler: Handler | undefined;
  readonly names: readonly string[];
  // biome-ignore lint/suspicious/noExplicitAny: arguments of any type
  readonly types: readonly ArgumentType<any>[];
  /** For a buffer, the position of the argument that says its length; -1 elsewhere. */
  readonly lengths: readonly number[];
  /** The argument object, filled anew for each call: a handler takes what it needs out of it at once. */
  readonly args: Record<string, unknown>;
  count: number;
  milliseconds: number;
  trace: TraceMode;
}

export class Dispatcher {
  readonly table: Table;
  readonly #convention: Convention;
  #rows: readonly (Row | undefined)[] | undefined;
  /** Rows that were called, by number. */
  readonly #called: (Prepared | undefined)[] = [];
  readonly #statistics: CallStatistics | undefined;
  readonly #trace: CallTrace | undefined;

  constructor(table: Table, convention: Convention, observers: Observers = {}) {
    this.table = table;
    this.#convention = convention;
    this.#statistics = observers.statistics;
    this.#trace = observers.trace;
    this.#statistics?.register(table.os, () =>
      this.#called.flatMap((p) =>
        p && p.count > 0 ? [{ name: p.row.name, calls: p.count, milliseconds: p.milliseconds }] : [],
      ),
    );
  }

  #prepare(number: number): Prepared | undefined {
    this.#rows ??= this.table.byNumber(this.#convention.isa);
    const row = this.#rows[number];
    if (!row) return undefined;
    const names = Object.keys(row.args);
    const types = Object.values(row.args);
    const lengths = types.map((type) => {
      if (type.lengthOf === undefined) return -1;
      const at = names.indexOf(type.lengthOf);
      if (at < 0) throw new RangeError(`${row.name}: no argument named ${type.lengthOf}`);
      return at;
    });
    if (names.length > this.#convention.registers.length) throw new RangeError(`${row.name}: too many arguments`);
    const args: Record<string, unknown> = {};
    for (const name of names) args[name] = undefined;
    const trace = this.#trace?.mode(this.table.os, row) ?? 'off';
    const { handler } = row;
    const prepared = { row, number, handler, names, types, lengths, args, count: 0, milliseconds: 0, trace };
    this.#called[number] = prepared;
    return prepared;
  }

  /** The row of a number, for restarts and reports. */
  row(number: number): Row | undefined {
    return (this.#called[number] ?? this.#prepare(number))?.row;
  }

  /** Carry out call `number` of this thread. A Wait: it blocks, nothing has changed, and the same call comes again. `shift`: arguments start that many registers later (indirect calls). */
  call(thread: Thread, number: number, shift = 0): Wait | undefined {
    const task = Task.of(thread);
    const prepared = this.#called[number] ?? this.#prepare(number);
    task.number = number;
    if (prepared === undefined) return this.#unknown(task, number);
    if (prepared.trace !== 'off') return this.#traced(task, prepared, shift);
    const result = this.#statistics?.timed ? this.#timed(task, prepared, shift) : this.#attempt(task, prepared, shift);
    return this.#finish(thread, result);
  }

  #finish(thread: Thread, result: number | string | Wait | typeof NO_RESULT): Wait | undefined {
    if (typeof result === 'number') this.#convention.succeed(thread.cpu, result);
    else if (typeof result === 'string') this.#convention.fail(thread.cpu, result);
    else if (result instanceof Wait) return result;
    return undefined;
  }

  /** The handler's result, or its error as a string. */
  #attempt(task: Task, prepared: Prepared, shift: number): number | string | Wait | typeof NO_RESULT {
    // A blocked call comes again: it is counted once.
    if (task.thread.call === undefined) prepared.count++;
    if (prepared.handler === undefined) return this.#without(prepared);
    try {
      this.#decode(task, prepared, shift);
      const result = prepared.handler(task, prepared.args as never);
      if (typeof result === 'number') return result;
      if (result instanceof GuestError) return result.code;
      return result === undefined ? 0 : result;
    } catch (error) {
      if (error instanceof GuestError) return error.code;
      if (error instanceof MemoryFault) return 'EFAULT';
      throw error;
    }
  }

  #timed(task: Task, prepared: Prepared, shift: number) {
    const start = milliseconds();
    const result = this.#attempt(task, prepared, shift);
    prepared.milliseconds += milliseconds() - start;
    return result;
  }

  #decode(task: Task, prepared: Prepared, shift: number): void {
    const { names, types, lengths, args } = prepared;
    const cpu = task.thread.cpu;
    const registers = this.#convention.registers;
    for (let i = 0; i < names.length; i++) {
      const at = lengths[i];
      const length = at < 0 ? 0 : types[at].decode(task, cpu, registers[at + shift], 0);
      args[names[i]] = types[i].decode(task, cpu, registers[i + shift], length);
    }
  }

  #without(prepared: Prepared): string {
    const { row } = prepared;
    if (row.status === 'missing') missing(`${this.table.os} ${row.name}`);
    return row.error;
  }

  #unknown(task: Task, number: number): undefined {
    missing(`${this.table.os} call ${number}`);
    this.#trace?.line(task, `call_${number}()`, 'ENOSYS');
    this.#convention.fail(task.thread.cpu, 'ENOSYS');
    return undefined;
  }

  /** As the plain way, with texts made before and after. */
  #traced(task: Task, prepared: Prepared, shift: number): Wait | undefined {
    const trace = this.#trace!;
    if (task.entry === undefined) {
      task.entry = this.#describe(task, prepared, shift);
      if (prepared.trace === 'entry') trace.enter(task, prepared.row, task.entry);
    }
    const result = this.#timed(task, prepared, shift);
    if (result instanceof Wait) return result;
    const texts = task.entry;
    task.entry = undefined;
    trace.leave(task, prepared.row, texts, prepared.args, typeof result === 'object' ? undefined : result);
    return this.#finish(task.thread, result);
  }

  /** Trace texts of the arguments at entry; empty where only the call's end will tell. */
  #describe(task: Task, prepared: Prepared, shift: number): string[] {
    const { types, lengths } = prepared;
    const cpu = task.thread.cpu;
    const registers = this.#convention.registers;
    return types.map((type, i) => {
      const raw = `0x${cpu.get(registers[i + shift]).toString(16)}`;
      const at = lengths[i];
      try {
        const length = at < 0 ? 0 : types[at].decode(task, cpu, registers[at + shift], 0);
        const value = type.decode(task, cpu, registers[i + shift], length);
        return type.before ? type.before(value, task) : '';
      } catch {
        return raw;
      }
    });
  }

  /** The thread's blocked call was given up: close its trace line. */
  interrupted(thread: Thread, text: string): void {
    const task = Task.of(thread);
    const row = this.row(task.number);
    if (task.entry !== undefined && row) this.#trace?.leave(task, row, task.entry, {}, text);
    task.entry = undefined;
  }

  /** A handler is about to run: the trace says so between the calls. */
  signalled(thread: Thread, info: SignalInfo): void {
    const { signal, code, pid, address } = info;
    const from =
      address !== undefined ? `, si_addr=0x${address.toString(16)}` : pid !== undefined ? `, si_pid=${pid}` : '';
    this.#trace?.event(Task.of(thread), `${signal} {si_code=${code}${from}}`);
  }
}
