/** Memory calls: flags and errors of Linux over the address space's operations. */
import { fail, MemoryFault, missing } from '../../../src/base/failures.ts';
import type { OpenFile } from '../../../src/kernel/open-file.ts';
import { RegularFile } from '../../../src/kernel/regular-file.ts';
import type { MapRequest } from '../../../src/memory/address-space.ts';
import { PROT_EXEC, PROT_READ, PROT_WRITE } from '../../../src/memory/address-space.ts';
import type { Task } from '../../../src/personality/task.ts';
import { MADV, MAP, MAP_TYPE, MREMAP, MS } from '../abi/flags.ts';
import { iovec } from '../abi/structs.ts';
import { mappedFile } from './mapped-file.ts';

const PAGE = 4096;
/** Major 1, minor 5. */
const ZERO_DEVICE = 0x105;
const ADDRESS_LIMIT = 0x7fff_ffff_f000;
const roundUp = (n: number): number => Math.ceil(n / PAGE) * PAGE;
/** What is left of prot after the bits without a meaning here; a write-only page can be read on x86. */
const protection = (prot: number): number => {
  const asked = prot & (PROT_READ | PROT_WRITE | PROT_EXEC);
  return asked & (PROT_WRITE | PROT_EXEC) ? asked | PROT_READ : asked;
};

export const brk = (t: Task, { addr }: { addr: number }) => t.space.brk(addr);

interface MmapArgs {
  addr: number;
  length: number;
  prot: number;
  flags: number;
  fd: number;
  offset: number;
}

export function mmap(t: Task, { addr, length, prot, flags, fd, offset }: MmapArgs): number {
  const file = flags & MAP.MAP_ANONYMOUS ? undefined : t.file(fd);
  const type = flags & MAP_TYPE;
  if (type !== MAP.MAP_PRIVATE && type !== MAP.MAP_SHARED && type !== MAP.MAP_SHARED_VALIDATE) fail('EINVAL');
  if (length === 0 || offset % PAGE !== 0) fail('EINVAL');
  if (length > ADDRESS_LIMIT) fail('ENOMEM');
  if (flags & MAP.MAP_HUGETLB) fail('ENOMEM');
  const fixed = (flags & (MAP.MAP_FIXED | MAP.MAP_FIXED_NOREPLACE)) !== 0;
  const request: MapRequest = { address: fixed ? addr : addr - (addr % PAGE), length, prot: protection(prot), fixed };
  if (flags & MAP.MAP_FIXED_NOREPLACE) request.noReplace = true;
  if (flags & MAP.MAP_32BIT) request.below = 0x8000_0000;
  if (flags & MAP.MAP_GROWSDOWN) request.growsDown = true;
  if (type !== MAP.MAP_PRIVATE) request.shared = true;
  if (file && !isZero(file)) fileRequest(t, request, file, prot, offset);
  return t.space.map(request);
}

/** /dev/zero: mapping it is another way to ask for anonymous memory. */
function isZero(file: OpenFile): boolean {
  if (file.kind !== 'device') return false;
  const { type, rdev } = file.stat();
  return type === 'character' && rdev === ZERO_DEVICE;
}

function fileRequest(t: Task, request: MapRequest, file: OpenFile, prot: number, offset: number): void {
  if (!file.readable) fail('EACCES');
  if (request.shared && !file.writable) {
    if (prot & PROT_WRITE) fail('EACCES');
    request.maxProt = PROT_READ | PROT_EXEC;
  }
  if (request.shared && file instanceof RegularFile && file.sealed) {
    if (prot & PROT_WRITE) fail('EPERM');
    request.maxProt = PROT_READ | PROT_EXEC;
  }
  request.file = mappedFile(file);
  request.offset = offset;
  request.name = t.vfs.pathOf(t.fs, file);
}

export const munmap = (t: Task, { addr, length }: { addr: number; length: number }) => t.space.unmap(addr, length);

export function mprotect(t: Task, { addr, length, prot }: { addr: number; length: number; prot: number }): void {
  if (addr % PAGE !== 0) fail('EINVAL');
  if (addr + length > ADDRESS_LIMIT) fail('ENOMEM');
  t.space.protect(addr, length, protection(prot));
}

interface MremapArgs {
  old_address: number;
  old_size: number;
  new_size: number;
  flags: number;
  new_address: number;
}

export function mremap(t: Task, { old_address, old_size, new_size, flags, new_address }: MremapArgs): number {
  const mayMove = (flags & MREMAP.MREMAP_MAYMOVE) !== 0;
  const fixed = (flags & MREMAP.MREMAP_FIXED) !== 0;
  if (flags & ~7 || (fixed && !mayMove) || new_size === 0) fail('EINVAL');
  if (flags & MREMAP.MREMAP_DONTUNMAP) {
    missing('linux mremap MREMAP_DONTUNMAP');
    fail('EINVAL');
  }
  if (new_size > ADDRESS_LIMIT) fail('ENOMEM');
  return t.space.remap(old_address, old_size, new_size, mayMove, fixed ? new_address : undefined);
}

/** Hints change nothing; these change contents. */
export function madvise(t: Task, { addr, length, advice }: { addr: number; length: number; advice: number }): void {
  if (addr % PAGE !== 0) fail('EINVAL');
  if (!Object.values(MADV).includes(advice as 0)) fail('EINVAL');
  if (length === 0) return;
  switch (advice) {
    // Freed pages may be lost at any time: at once is a correct time.
    case MADV.MADV_DONTNEED:
    case MADV.MADV_DONTNEED_LOCKED:
    case MADV.MADV_FREE:
      t.space.discard(addr, length);
      return;
    case MADV.MADV_POPULATE_READ:
    case MADV.MADV_POPULATE_WRITE:
      t.space.accessible(addr, length, advice === MADV.MADV_POPULATE_READ ? 'read' : 'write');
      return;
    case MADV.MADV_REMOVE:
    case MADV.MADV_DONTFORK:
    case MADV.MADV_WIPEONFORK:
      missing(`linux madvise ${advice}`);
      fail('EINVAL');
      return;
    default:
      if (!mapped(t, addr, roundUp(length))) fail('ENOMEM');
  }
}

/** Is every page of a range mapped? */
function mapped(t: Task, start: number, length: number): boolean {
  for (let at = start; at < start + length; ) {
    const mapping = t.space.mappingAt(at);
    if (!mapping) return false;
    at = mapping.end;
  }
  return true;
}

export function msync(t: Task, { addr, length, flags }: { addr: number; length: number; flags: number }): void {
  if (flags & ~7 || (flags & MS.MS_ASYNC && flags & MS.MS_SYNC) || addr % PAGE !== 0) fail('EINVAL');
  if (!mapped(t, addr, roundUp(length))) fail('ENOMEM');
  t.space.sync(addr, length);
}

/** Every mapped page counts as resident. */
export function mincore(t: Task, { addr, length, vec }: { addr: number; length: number; vec: number }): void {
  if (addr % PAGE !== 0) fail('EINVAL');
  if (!mapped(t, addr, roundUp(length))) fail('ENOMEM');
  t.space.copyOut(vec, new Uint8Array(roundUp(length) / PAGE).fill(1));
}

/** Guest memory is never swapped by us: locking has nothing to do but to check the range. */
export function mlock(t: Task, { addr, length }: { addr: number; length: number }): void {
  const start = addr - (addr % PAGE);
  if (!mapped(t, start, roundUp(addr + length) - start)) fail('ENOMEM');
}

export function mlock2(t: Task, { addr, length, flags }: { addr: number; length: number; flags: number }): void {
  if (flags & ~1) fail('EINVAL');
  mlock(t, { addr, length });
}

export function mlockall(_t: Task, { flags }: { flags: number }): void {
  if (flags === 0 || flags & ~7 || flags === 4) fail('EINVAL');
}

export const munlockall = (): void => {};

const MEMBARRIER_COMMANDS = 0x1ff;

/** All threads share one JavaScript thread: every barrier holds already. */
export function membarrier(_t: Task, { cmd }: { cmd: number }): number {
  if (cmd === 0) return MEMBARRIER_COMMANDS;
  if (cmd < 0 || (cmd & (cmd - 1)) !== 0 || (cmd & MEMBARRIER_COMMANDS) === 0) fail('EINVAL');
  return 0;
}

// ---- another process's memory

interface ProcessVm {
  pid: number;
  local_iov: number;
  liovcnt: number;
  remote_iov: number;
  riovcnt: number;
  flags: number;
}

const MAX_VECTORS = 1024;

/** Copy between the caller's pieces and the other process's, as far as both reach; a fault after some bytes ends the call with those. */
function transferTo(
  t: Task,
  { pid, local_iov, liovcnt, remote_iov, riovcnt, flags }: ProcessVm,
  writes: boolean,
): number {
  if (flags !== 0 || liovcnt > MAX_VECTORS || riovcnt > MAX_VECTORS) fail('EINVAL');
  const target = t.kernel.processes.get(pid);
  if (!target || target.zombie) fail('ESRCH');
  const { euid } = t.process.credentials;
  if (euid !== 0 && euid !== target.credentials.uid) fail('EPERM');
  const local = iovec.getArray(t.space, local_iov, liovcnt);
  let done = 0;
  for (const { iov_base, iov_len } of iovec.getArray(t.space, remote_iov, riovcnt)) {
    for (let from = 0; from < iov_len; ) {
      while (local.length > 0 && local[0].iov_len === 0) local.shift();
      if (local.length === 0) return done;
      const [piece] = local;
      const count = Math.min(iov_len - from, piece.iov_len, 0x1_0000);
      try {
        if (writes) target.space.copyOut(iov_base + from, t.space.copyIn(piece.iov_base, count));
        else t.space.copyOut(piece.iov_base, target.space.copyIn(iov_base + from, count));
      } catch (error) {
        if (done > 0 && error instanceof MemoryFault) return done;
        throw error;
      }
      local[0] = { iov_base: piece.iov_base + count, iov_len: piece.iov_len - count };
      from += count;
      done += count;
    }
  }
  return done;
}

export const process_vm_readv = (t: Task, args: ProcessVm): number => transferTo(t, args, false);
export const process_vm_writev = (t: Task, args: ProcessVm): number => transferTo(t, args, true);

/** Without protection keys only "no key" is a key. */
export function pkey_mprotect(
  t: Task,
  { addr, length, prot, pkey }: { addr: number; length: number; prot: number; pkey: number },
): void {
  if (pkey !== -1) fail('EINVAL');
  mprotect(t, { addr, length, prot });
}
