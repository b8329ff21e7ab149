/**
 * What may be done in each page of the window without asking; the address space owns the values. For JavaScript a byte of the bits below, for accesses
 * its two ends: the offset in the window up to which bytes from this page on may be read, or written, where the page ends or the following one if that
 * allows as much; 0 where none may. So one comparison answers for an access of up to PAGE_SIZE bytes, and refuses addresses above 4 GiB with it: no end is there.
 */

/** Reads are allowed: the page has an end for reading. */
export const READ = 1;
/** Writes are allowed: it has one for writing (never while the page holds translated code, is shared between processes, or is watched). */
export const WRITE = 2;
/** Instruction fetch is allowed (asked by the decoder only). */
export const EXECUTE = 4;
/** Translations or predecoded records came from this page: writes take the slow path, which drops them. */
export const HAS_CODE = 8;
/** Beside HAS_CODE: what came from this page looks for itself whether it was written; writes need no slow path. */
export const OPEN = 16;
