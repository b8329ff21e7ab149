/** The strace-like log of calls: which calls it shows (a small filter language) and how a line looks. */
import { UserError } from '../base/failures.ts';
import type { Row } from './define.ts';
import { messageOf } from './error-messages.ts';
import type { Task } from './task.ts';

/** entry: shown when it starts too, for calls that may never return. */
export type TraceMode = 'off' | 'on' | 'entry';

interface Term {
  /** An OS, or any. */
  os: string | undefined;
  /** A call's name or a group; '*' is every call. */
  word: string;
  mode: TraceMode;
}

/**
 * The filter: terms with commas between them; the last one that fits a call decides.
 * `read` a call, `file` a group, `linux/memory` of one system only, `-read` not this one, `^wait4` also at entry, `*` all.
 * A filter that starts by taking away starts from all; an empty filter is all.
 */
export class TraceFilter {
  readonly #terms: Term[] = [];

  constructor(text: string) {
    const words = text.split(',').map((word) => word.trim()).filter((word) => word !== ''); // biome-ignore format: one sentence
    if (words.length === 0 || words[0].startsWith('-') || words.every((word) => word === '^')) {
      this.#terms.push({ os: undefined, word: '*', mode: words.includes('^') ? 'entry' : 'on' });
    }
    for (const word of words) if (word !== '^') this.#terms.push(parseTerm(word));
    const everywhere = words.includes('^');
    if (everywhere) for (const term of this.#terms) if (term.mode === 'on') term.mode = 'entry';
  }

  mode(os: string, row: Row): TraceMode {
    let mode: TraceMode = 'off';
    for (const term of this.#terms) {
      if (term.os !== undefined && term.os !== os) continue;
      if (term.word === '*' || term.word === row.name || row.groups.has(term.word)) mode = term.mode;
    }
    return mode;
  }

  /** Words that name neither a call nor a group of any of these rows, for a warning. */
  unknown(rows: readonly Row[]): string[] {
    const known = new Set(['*', ...rows.flatMap((row) => [row.name, ...row.groups])]);
    return this.#terms.map((term) => term.word).filter((word) => !known.has(word));
  }
}

function parseTerm(text: string): Term {
  const match = /^([-^]?)(?:([a-z]+)\/)?([\w*]*)$/.exec(text);
  if (!match || (match[2] === undefined && match[3] === '')) throw new UserError(`--trace: cannot read '${text}'`, 2);
  const mode = match[1] === '-' ? 'off' : match[1] === '^' ? 'entry' : 'on';
  return { os: match[2], word: match[3] || '*', mode };
}

export class CallTrace {
  readonly #filter: TraceFilter;
  readonly #write: (line: string) => void;
  #first: number | undefined;
  #several = false;

  /** `write` takes one line, its end included. */
  constructor(filter: TraceFilter, write: (line: string) => void) {
    this.#filter = filter;
    this.#write = write;
  }

  mode(os: string, row: Row): TraceMode {
    return this.#filter.mode(os, row);
  }

  /** A call starts. */
  enter(task: Task, row: Row, texts: readonly string[]): void {
    this.#write(`${this.#who(task)}${row.name}(${texts.map((text) => text || '?').join(', ')}) ...\n`);
  }

  /** A call ends with a number, a symbolic error, or in a way that has no result. */
  leave(
    task: Task,
    row: Row,
    texts: readonly string[],
    args: Readonly<Record<string, unknown>>,
    result: number | string | undefined,
  ): void {
    const types = Object.entries(row.args);
    const parts = texts.map((text, i) => text || after(task, row, types[i][0], args, result));
    const line = `${row.name}(${parts.join(', ')})`;
    this.#write(`${this.#who(task)}${line.padEnd(39)} = ${showResult(row, result)}\n`);
  }

  /** A line made elsewhere, with its error: calls without a row. */
  line(task: Task, text: string, error: string): void {
    this.#write(`${this.#who(task)}${text.padEnd(39)} = ${showError(error)}\n`);
  }

  /** A signal or the end of a process, between the calls. */
  event(task: Task, text: string): void {
    this.#write(`${this.#who(task)}--- ${text} ---\n`);
  }

  /** As strace: nothing until a second thread appears. */
  #who(task: Task): string {
    const { tid } = task.thread;
    this.#first ??= tid;
    if (tid !== this.#first) this.#several = true;
    return this.#several ? `[pid ${String(tid).padStart(5)}] ` : '';
  }
}

function after(
  task: Task,
  row: Row,
  name: string,
  args: Readonly<Record<string, unknown>>,
  result: number | string | undefined,
): string {
  const value = args[name];
  const type = row.args[name];
  try {
    if (typeof result === 'number' && type.after && value !== undefined) return type.after(value, result, task);
  } catch {
    // The output lies where nothing can be read any more: its address must do.
  }
  const at = (value as { address?: number } | undefined)?.address;
  return at === undefined ? '?' : at === 0 ? 'NULL' : `0x${at.toString(16)}`;
}

function showResult(row: Row, result: number | string | undefined): string {
  if (result === undefined) return '?';
  if (typeof result === 'string') return showError(result);
  if (row.returns === 'address') return `0x${result.toString(16)}`;
  if (row.returns === 'octal') return `0${result.toString(8)}`;
  return String(result);
}

function showError(code: string): string {
  if (!code.startsWith('E')) return code;
  const message = messageOf(code);
  return message ? `-1 ${code} (${message})` : `-1 ${code}`;
}
