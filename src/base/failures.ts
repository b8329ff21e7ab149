/** The four kinds of failure and the words for them; what each becomes (errno, signal, ENOSYS, dump) is the caller's business. */

/** A guest-visible error of a call, still symbolic ('EBADF'); the personality encodes it. Not an Error: it carries no stack and is cheap to throw. */
export class GuestError {
  readonly code: string;
  constructor(code: string) {
    this.code = code;
  }
}

/** A guest memory access that failed; becomes EFAULT inside a call and a signal in guest code. */
export class MemoryFault {
  readonly address: number;
  readonly access: 'read' | 'write' | 'execute';
  readonly reason: FaultReason;
  constructor(address: number, access: 'read' | 'write' | 'execute', reason: FaultReason) {
    this.address = address;
    this.access = access;
    this.reason = reason;
  }
}

/** unmapped: SEGV_MAPERR; protected: SEGV_ACCERR; beyond-file: SIGBUS; noncanonical: general protection, no address; stack: the same through the stack segment. */
export type FaultReason = 'unmapped' | 'protected' | 'beyond-file' | 'noncanonical' | 'stack';

/** A mistake of ours: stop and dump. */
export class Bug extends Error {
  override name = 'Bug';
}

/** An error the user can act on: printed as one line `hospes: …`, exit with `exitCode` (126 cannot execute, 127 not found, 2 usage). */
export class UserError extends Error {
  override name = 'UserError';
  readonly exitCode: number;
  constructor(message: string, exitCode: number) {
    super(message);
    this.exitCode = exitCode;
  }
}

export function fail(code: string): never {
  throw new GuestError(code);
}

export function fault(address: number, access: 'read' | 'write' | 'execute', reason: FaultReason): never {
  throw new MemoryFault(address, access, reason);
}

export function bug(message: string): never {
  throw new Bug(message);
}

const gaps = new Map<string, number>();

/** Count a gap of ours by name (a call, ioctl, flag or instruction that is not there); `--stats` prints the counts. */
export function missing(name: string): void {
  gaps.set(name, (gaps.get(name) ?? 0) + 1);
}

/** Every gap met so far in this Node process with how often. */
export function gapsMet(): ReadonlyMap<string, number> {
  return gaps;
}
