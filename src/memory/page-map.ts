/** Meaning of a page-map byte: what translated code may do in that page without asking; the address space owns the values. */

/** A one-byte read is allowed. */
export const READ = 1;
/** A read of up to 64 bytes starting here is allowed even where it crosses into the next page. */
export const READ_WIDE = 2;
/** A one-byte write is allowed (never set while the page holds translated code, is shared between processes, or is watched). */
export const WRITE = 4;
/** A write of up to 64 bytes starting here is allowed even where it crosses into the next page. */
export const WRITE_WIDE = 8;
/** Instruction fetch is allowed (asked by the decoder only). */
export const EXECUTE = 16;
/** Translations or predecoded records came from this page: writes take the slow path, which drops them. */
export const HAS_CODE = 32;
/** Beside HAS_CODE: what came from this page looks for itself whether it was written; writes need no slow path. */
export const OPEN = 64;
