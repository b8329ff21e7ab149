/** The memory back end as users of memfs know it: an `fs` look-alike over the same volume. */
import { createFsFromVolume, type IFs } from 'memfs';
import type { MemoryFs } from './memfs.ts';

export type MemoryView = IFs;

export const viewOf = (memory: MemoryFs): MemoryView => createFsFromVolume(memory.volume);
