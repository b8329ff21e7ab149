/** The frame of every OS's table of calls: verbs that state how far a call is supported, rows that carry its whole truth, and the table made of them. Argument types are in arguments.ts, carrying calls out in dispatch.ts. */
import type { GuestError } from '../base/failures.ts';
import type { Wait } from '../kernel/wait.ts';
import type { ArgumentType } from './arguments.ts';
import type { Task } from './task.ts';

/** Returned by a handler that has put the registers in order itself (execve, sigreturn) or whose thread is over (exit). */
export const NO_RESULT = { noResult: true } as const;

/** What a handler returns: a number, nothing (0), what to wait for, or NO_RESULT. Errors are thrown: fail('EBADF'); where programs meet one all the time it is returned, for a throw costs as much as ten such calls. */
// biome-ignore lint/suspicious/noConfusingVoidType: a handler without a result simply ends
export type Result = number | GuestError | Wait | typeof NO_RESULT | void;

// biome-ignore lint/suspicious/noExplicitAny: a row may take arguments of any type
export type Arguments = Record<string, ArgumentType<any>>;

/** The argument object that a row's types decode to. */
export type Values<A extends Arguments> = {
  [K in keyof A]: A[K] extends ArgumentType<infer T> ? T : never;
};

export type Status = 'full' | 'partial' | 'missing' | 'refused';

/** Columns of call numbers; null where the system has no such call on that ISA. */
export const ISAS = ['x86-64', 'arm64'] as const;
export type Isa = (typeof ISAS)[number];

export type Handler = (task: Task, args: never) => Result;

export interface Options {
  /** How the trace shows a result; a number when absent. */
  returns?: 'address' | 'octal';
  note?: string;
  /** Whether a signal whose action says so starts the call again after its handler; default true. */
  restarts?: boolean;
}

/** One call: numbers, typed arguments, support status, handler, note. The name is the key in the table. */
export class Row {
  name = '';
  /** The section of the table that it stands in. */
  area: string | undefined;
  readonly numbers: Readonly<Record<Isa, number | null>>;
  readonly args: Arguments;
  readonly handler: Handler | undefined;
  readonly status: Status;
  readonly note: string;
  /** refused: the symbolic error. */
  readonly error: string;
  readonly returns: 'number' | 'address' | 'octal';
  readonly restarts: boolean;

  constructor(row: {
    numbers: Record<Isa, number | null>;
    args: Arguments;
    handler?: Handler | undefined;
    status: Status;
    note?: string;
    error?: string;
    returns?: 'number' | 'address' | 'octal';
    restarts?: boolean;
  }) {
    this.numbers = row.numbers;
    this.args = row.args;
    this.handler = row.handler;
    this.status = row.status;
    this.note = row.note ?? '';
    this.error = row.error ?? 'ENOSYS';
    this.returns = row.returns ?? 'number';
    this.restarts = row.restarts ?? true;
  }

  /** What trace filters and the matrix call it by: its section, and what its arguments are. */
  get groups(): Set<string> {
    const groups = [this.area, ...Object.values(this.args).map((type) => type.group)];
    return new Set(groups.filter((group) => group !== undefined));
  }
}

/** A call that does all its manual page says. */
export function call<const A extends Arguments>(
  x86: number | null,
  arm64: number | null,
  args: A,
  handler: (task: Task, args: Values<A>) => Result,
  options: Options = {},
): Row {
  return new Row({
    numbers: { 'x86-64': x86, arm64 },
    args,
    handler: handler as Handler,
    status: 'full',
    note: options.note ?? '',
    returns: options.returns ?? 'number',
    restarts: options.restarts ?? true,
  });
}

/** A call of which a part is there: the note says which. */
export function partial(row: Row, note: string): Row {
  return new Row({ ...row, status: 'partial', note });
}

/** A call that is not there yet: ENOSYS, counted and named. */
export function missing(x86: number | null, arm64: number | null, args: Arguments = {}): Row {
  return new Row({ numbers: { 'x86-64': x86, arm64 }, args, status: 'missing' });
}

/** A call that answers with an error by design: another kernel's configuration answers the same. */
export function refused(x86: number | null, arm64: number | null, error: string, args: Arguments = {}, note = ''): Row {
  return new Row({ numbers: { 'x86-64': x86, arm64 }, args, status: 'refused', error, note });
}

/** A section of a table: its rows belong to this group in trace filters and in the matrix. */
export function area<R extends Record<string, Row>>(group: string, rows: R): R {
  for (const row of Object.values(rows)) row.area = group;
  return rows;
}

/** Its rows are made when first asked for: most virtual machines run programs of one system. */
export class Table {
  readonly os: string;
  readonly #make: () => Record<string, Row>;
  #rows: readonly Row[] | undefined;

  constructor(os: string, make: () => Record<string, Row>) {
    this.os = os;
    this.#make = make;
  }

  get rows(): readonly Row[] {
    this.#rows ??= Object.entries(this.#make()).map(([name, row]) => {
      row.name = name;
      return row;
    });
    return this.#rows;
  }

  /** Rows indexed by the call's number on this ISA; two rows with one number are a mistake. */
  byNumber(isa: Isa): (Row | undefined)[] {
    const index: (Row | undefined)[] = [];
    for (const row of this.rows) {
      const number = row.numbers[isa];
      if (number === null) continue;
      if (index[number]) throw new RangeError(`${this.os}: ${index[number].name} and ${row.name} are both ${number}`);
      index[number] = row;
    }
    for (let i = 0; i < index.length; i++) index[i] ??= undefined;
    return index;
  }

  find(name: string): Row | undefined {
    return this.rows.find((row) => row.name === name);
  }
}

export function defineTable(os: string, make: () => Record<string, Row>): Table {
  return new Table(os, make);
}
