/** Calls on the address space: mmap, mprotect, break and their kin. */
import { fail } from '../../../src/base/failures.ts';
import type { OpenFile } from '../../../src/kernel/open-file.ts';
import type { MappedFile } from '../../../src/memory/address-space.ts';
import type { GuestBuffer } from '../../../src/personality/arguments.ts';
import type { Task } from '../../../src/personality/task.ts';
import { MADV_DONTNEED, MADV_FREE, MAP } from '../abi/flags.ts';

const PAGE = 4096;
const ALIGNMENT_SHIFT = 24;

export function mmap(
  task: Task,
  a: { addr: number; len: number; prot: number; flags: number; fd: number; pos: number },
) {
  const { flags, len } = a;
  const guard = (flags & MAP.MAP_GUARD) !== 0;
  const anonymous = guard || (flags & (MAP.MAP_ANON | MAP.MAP_STACK)) !== 0;
  const shared = (flags & MAP.MAP_SHARED) !== 0;
  if (len === 0 || (shared && flags & MAP.MAP_PRIVATE)) fail('EINVAL');
  if (anonymous && (a.pos !== 0 || (a.fd !== -1 && !(flags & MAP.MAP_STACK)))) fail('EINVAL');
  const alignment = flags >>> ALIGNMENT_SHIFT;
  const request = {
    address: a.addr,
    length: len,
    prot: guard ? 0 : a.prot & 7,
    fixed: (flags & MAP.MAP_FIXED) !== 0,
    noReplace: (flags & MAP.MAP_EXCL) !== 0,
    shared,
    ...(flags & MAP.MAP_32BIT ? { below: 0x8000_0000 } : {}),
  };
  if (!anonymous) {
    const file = task.file(a.fd);
    if (!isMappable(file)) return fail('ENODEV');
    if (!file.readable || (shared && a.prot & 2 && !file.writable)) fail('EACCES');
    const maxProt = shared && !file.writable ? 5 : 7;
    return task.space.map({ ...request, file, offset: a.pos, maxProt, name: file.path });
  }
  if (alignment > 12 && !request.fixed) return mapAligned(task, request, 2 ** alignment);
  return task.space.map(request);
}

function isMappable(file: OpenFile): file is OpenFile & MappedFile {
  return 'mapKey' in file;
}

/** MAP_ALIGNED(n): a place at a multiple of 2^n. */
function mapAligned(task: Task, request: { length: number; prot: number }, alignment: number): number {
  const room = task.space.findFree(request.length + alignment, task.space.mapBase);
  const address = Math.ceil(room / alignment) * alignment;
  return task.space.map({ ...request, address, fixed: true });
}

export function munmap(task: Task, { addr, len }: { addr: number; len: number }) {
  if (len === 0 || addr % PAGE !== 0) fail('EINVAL');
  task.space.unmap(addr, len);
}

export function mprotect(task: Task, { addr, len, prot }: { addr: number; len: number; prot: number }) {
  // FreeBSD rounds an unaligned start down; Linux refuses it.
  const start = addr - (addr % PAGE);
  task.space.protect(start, len + (addr - start), prot & 7);
}

export function madvise(task: Task, { addr, len, advice }: { addr: number; len: number; advice: number }) {
  if (addr % PAGE !== 0) fail('EINVAL');
  // MADV_DONTNEED keeps the contents on FreeBSD; MADV_FREE may lose them.
  if (advice === MADV_FREE && len > 0) task.space.discard(addr, len);
  else if (advice !== MADV_DONTNEED && (advice < 0 || advice > 10)) fail('EINVAL');
}

export function msync(task: Task, { addr, len }: { addr: number; len: number }) {
  task.space.sync(addr, len);
}

/** Sets the end of the data segment; unlike Linux, failure is ENOMEM. */
export function breakCall(task: Task, { nsize }: { nsize: number }) {
  const end = task.space.brk(nsize);
  if (end !== nsize && nsize !== 0) fail('ENOMEM');
}

/** Every mapped page counts as resident. */
export function mincore(task: Task, { addr, len, vec }: { addr: number; len: number; vec: GuestBuffer }) {
  const pages = Math.ceil(len / PAGE);
  for (let i = 0; i < pages; i++) if (!task.space.mappingAt(addr + i * PAGE)) fail('ENOMEM');
  task.space.copyOut(vec.address, new Uint8Array(pages).fill(1));
}
