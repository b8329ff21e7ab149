/** The view of an open file that a mapping of it takes: reads and writes by position, without a descriptor. */
import { fail } from '../../../src/base/failures.ts';
import type { OpenFile } from '../../../src/kernel/open-file.ts';
import type { MappedFile } from '../../../src/memory/address-space.ts';

/** Files that can be mapped say so by being a MappedFile themselves or by handing one out. */
interface Mappable {
  mapped?(): MappedFile;
  readAt?: MappedFile['readAt'];
}

export function mappedFile(file: OpenFile): MappedFile {
  const candidate = file as OpenFile & Mappable;
  if (candidate.mapped) return candidate.mapped();
  if (candidate.readAt) return candidate as unknown as MappedFile;
  return fail('ENODEV');
}
