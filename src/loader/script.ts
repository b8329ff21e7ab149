/** The `#!` line of a script, read as Linux reads it; who runs the interpreter is the caller's business. */
import { textOf } from '../base/text.ts';

/** Linux looks at this many bytes of a file. */
export const SCRIPT_HEAD = 256;
/** Scripts whose interpreters are scripts: execve gives up (ELOOP) past this depth. */
export const MAX_SCRIPT_DEPTH = 5;

export interface Script {
  interpreter: string;
  /** Everything after the interpreter's name, as one argument. */
  argument: Uint8Array | undefined;
}

const NUL = 0;
const TAB = 9;
const NEWLINE = 10;
const SPACE = 32;
const isBlank = (byte: number) => byte === SPACE || byte === TAB;

/** undefined: not a script, or one that execve refuses (ENOEXEC). */
export function parseScript(file: Uint8Array): Script | undefined {
  if (file[0] !== 0x23 || file[1] !== 0x21) return undefined;
  const head = new Uint8Array(SCRIPT_HEAD);
  head.set(file.subarray(0, SCRIPT_HEAD));
  let end = head.indexOf(NEWLINE);
  if (end < 0) {
    // Without a newline the name may be cut off: it must at least be followed by something that ends it.
    const name = skipBlanks(head, 2, head.length);
    if (name === head.length || skipName(head, name, head.length) === head.length) return undefined;
    end = head.length;
  }
  while (end > 2 && isBlank(head[end - 1])) end--;
  const name = skipBlanks(head, 2, end);
  const nameEnd = skipName(head, name, end);
  if (nameEnd === name) return undefined;
  const interpreter = textOf(head.subarray(name, nameEnd));
  if (nameEnd === end || head[nameEnd] === NUL) return { interpreter, argument: undefined };
  const rest = head.subarray(skipBlanks(head, nameEnd, end), end);
  const nul = rest.indexOf(NUL);
  const argument = nul < 0 ? rest : rest.subarray(0, nul);
  return { interpreter, argument: argument.length > 0 ? argument.slice() : undefined };
}

function skipBlanks(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && isBlank(bytes[at])) at++;
  return at;
}

function skipName(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && !isBlank(bytes[at]) && bytes[at] !== NUL) at++;
  return at;
}
