/** Exit codes: what generated code and the dispatch loop put into the state block's `exit` field when they come back. */

export const EXIT_BUDGET = 1;
/** JavaScript must find or make code for the PC. */
export const EXIT_MISS = 2;
/** A block became hot. */
export const EXIT_HOT = 3;
/** The instruction at PC must be executed alone by the interpreter (an access that failed its fast check in a region). */
export const EXIT_RESTART = 4;
/** A memory fault: details are in the CodeSpace. */
export const EXIT_FAULT = 5;
export const EXIT_SYSCALL = 6;
export const EXIT_INT80 = 7;
export const EXIT_DIVIDE = 8;
export const EXIT_BREAKPOINT = 9;
export const EXIT_ILLEGAL = 10;
export const EXIT_PRIVILEGED = 11;
export const EXIT_FLOATING_POINT = 12;
export const EXIT_HALT = 13;
/** Single step: TF is set. */
export const EXIT_STEP = 14;
/** Code that is running was dropped: come all the way back and look up again. */
export const EXIT_UNWIND = 15;
/** An unmasked exception of a SIMD floating-point operation. */
export const EXIT_SIMD = 16;
/** A system call that nobody answers while the code waits: dispatch loops on the way pass it on. */
export const EXIT_CALL = 17;
/** Code on an open page is no longer what was decoded. */
export const EXIT_STALE = 18;
/** Regions keep leaving for memory outside the window. */
export const EXIT_FAR = 19;

/** Names of exits for statistics. */
export const EXIT_NAMES = [
  '',
  'budget',
  'miss',
  'hot',
  'restart',
  'fault',
  'syscall',
  'int80',
  'divide',
  'breakpoint',
  'illegal',
  'privileged',
  'floating-point',
  'halt',
  'step',
  'unwind',
  'simd',
  'call',
  'stale',
  'far',
];
