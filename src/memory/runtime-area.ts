/** Layout of the runtime's own area at the bottom of each process's WebAssembly.Memory; guest address A lives at A - window base + RUNTIME_SIZE. */

/** Header of the block that the interpreter ran last (i32). What is below reads as a block of nothing. */
export const LAST_BLOCK = 0x1000;
/** Not 0 (i32): an access dropped code or took a permission away, on which regions that wait for a return may rely. */
export const TAKEN_AWAY = 0x1004;
/** Accesses outside the window that interpreted code has found the place of (i32). */
export const FAR_HITS = 0x1008;

/**
 * Where pages outside the window are: those that may be read without asking, and those that may be written. Each page has one entry that may be its own, chosen
 * by the low bits of its number: one more than the number (i64; 0: nobody's) and the place of its bytes in the memory (i32).
 */
export const FAR_READS = 0x2_0000;
export const FAR_WRITES = 0x4_0000;
export const FAR_ENTRIES = 1 << 12;
export const FAR_ENTRY = 16;

/** One permission byte for each 4 KiB page of the window: see page-map.ts. */
export const PAGE_MAP = 0x10_0000;
export const PAGE_MAP_SIZE = 0x10_0000;

/** State blocks of guest threads (registers and engine scratch), STATE_SIZE bytes each. */
export const STATE_BLOCKS = 0x20_0000;
export const STATE_SIZE = 2048;
export const STATE_COUNT = 4096;

/** Jump cache: guest PC → translated function or interpreter record. */
export const JUMP_CACHE = STATE_BLOCKS + STATE_SIZE * STATE_COUNT;
export const JUMP_CACHE_ENTRIES = 1 << 18;
export const JUMP_CACHE_ENTRY = 16;
/** A PC's own place and, by exclusive or, the others that its entry may move to when another PC with the same place comes: one line of the host's cache. */
export const JUMP_CACHE_GROUP = [0, 16, 32, 48];

/** Predecoded interpreter records, allocated upward and dropped all at once when full: room for 7.6 million instructions (with 0.3 million gcc's cc1 decoded all of itself again and again: 52 s instead of 32 s). */
export const RECORDS = JUMP_CACHE + JUMP_CACHE_ENTRIES * JUMP_CACHE_ENTRY;
export const RECORDS_END = 0x0f80_0000;

/** The ends of each page of the window (u32), for reading and for writing: see page-map.ts. */
export const READ_ENDS = RECORDS_END;
export const WRITE_ENDS = READ_ENDS + 0x40_0000;

/** Size of the whole area; a constant offset of every guest access. */
export const RUNTIME_SIZE = 0x1000_0000;

/** Most pages, of 64 KiB, that a memory may have: all that 32 bits address. Modules that import one must say the same. */
export const MEMORY_LIMIT = 65536;

/** The rest of the memory, behind the window: frames for pages outside it. The first one stays zero. */
export const FAR_FRAMES = 0xc000_0000;
export const FAR_FRAMES_END = 0x1_0000_0000;

/** Bytes of guest addresses that the window can hold. */
export const WINDOW_SIZE = FAR_FRAMES - RUNTIME_SIZE;
/** Lowest address that may be mapped (vm.mmap_min_addr). Translated code relies on it for constants that it adds without a sum. */
export const MINIMUM_ADDRESS = 0x1_0000;

export const PAGE_SIZE = 4096;
export const PAGE_SHIFT = 12;
