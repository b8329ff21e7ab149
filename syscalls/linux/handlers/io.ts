/** Moving bytes between guest memory and open files: what read, write and their vector and positional forms share. */
import { fail, GuestError, MemoryFault } from '../../../src/base/failures.ts';
import type { OpenFile } from '../../../src/kernel/open-file.ts';
import { Wait } from '../../../src/kernel/wait.ts';
import type { GuestBuffer } from '../../../src/personality/arguments.ts';
import { wouldBlock } from '../../../src/personality/blocking.ts';
import type { Task } from '../../../src/personality/task.ts';
import { sendToThread } from '../../../src/process/signaling.ts';
import type { CallState } from '../../../src/process/thread.ts';
import { iovec } from '../abi/structs.ts';

/** No call moves more (MAX_RW_COUNT). */
const MOST = 0x7fff_f000;
const MAX_VECTORS = 1024;
/** From this size on a buffer is clipped to what the file has left, so that memory is not touched for nothing. */
const LARGE = 0x10_0000;

/** A count as the kernel takes it: negative ones are EINVAL. */
export function checkedCount(count: number): number {
  if (count >= 0x8000_0000_0000_0000) fail('EINVAL');
  return Math.min(count, MOST);
}

/** Guest memory of a buffer; where only its beginning is accessible, that beginning; a bad start faults. */
function views(buffer: GuestBuffer, length: number, access: 'read' | 'write'): Uint8Array[] {
  try {
    return buffer.space.spans(buffer.address, length, access);
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    const reach = buffer.space.accessible(buffer.address, length, access);
    if (reach === 0) throw error;
    return buffer.space.spans(buffer.address, reach, access);
  }
}

function lengthOf(spans: readonly Uint8Array[]): number {
  let total = 0;
  for (const span of spans) total += span.length;
  return total;
}

/** Spread bytes over spans. */
function scatter(bytes: Uint8Array, spans: readonly Uint8Array[]): void {
  let done = 0;
  for (const span of spans) {
    if (done >= bytes.length) return;
    const piece = bytes.subarray(done, done + span.length);
    span.set(piece);
    done += piece.length;
  }
}

function gather(spans: readonly Uint8Array[]): Uint8Array {
  if (spans.length === 1) return spans[0];
  const all = new Uint8Array(lengthOf(spans));
  let done = 0;
  for (const span of spans) {
    all.set(span, done);
    done += span.length;
  }
  return all;
}

const NOTHING = new Uint8Array(0);

function readSpans(t: Task, file: OpenFile, spans: readonly Uint8Array[], at: number | undefined): number | Wait {
  try {
    if (spans.length <= 1) return file.read(spans[0] ?? NOTHING, at);
    // One read for all pieces: a datagram or a line must not be taken in two.
    const all = new Uint8Array(lengthOf(spans));
    const count = file.read(all, at);
    scatter(all.subarray(0, count), spans);
    return count;
  } catch (error) {
    if (!wouldBlock(error, file)) throw error;
    return t.thread.timedOut ? fail('EAGAIN') : new Wait([file.queue]);
  }
}

/** read and pread: at the file's position, or at `at`. */
export function readFile(t: Task, file: OpenFile, buffer: GuestBuffer, at?: number): number | Wait {
  let count = checkedCount(buffer.length);
  if (!file.readable) fail('EBADF');
  if (at !== undefined && at < 0) fail('EINVAL');
  if (count > LARGE && file.kind === 'file') {
    count = Math.max(0, Math.min(count, file.stat().size - (at ?? file.position)));
  }
  return readSpans(t, file, count === 0 ? [] : views(buffer, count, 'write'), at);
}

/** write and pwrite. A file that blocks midway keeps its progress and is waited for until all is written. */
export function writeFile(t: Task, file: OpenFile, buffer: GuestBuffer, at?: number): number | Wait {
  const count = checkedCount(buffer.length);
  if (!file.writable) fail('EBADF');
  if (at !== undefined && at < 0) fail('EINVAL');
  return writeBytes(t, file, count === 0 ? NOTHING : gather(views(buffer, count, 'read')), at);
}

export function writeBytes(t: Task, file: OpenFile, bytes: Uint8Array, at?: number): number | Wait {
  let done = (t.thread.callState as CallState | undefined)?.progress ?? 0;
  const limit = t.process.limit('FSIZE');
  if (limit !== Number.POSITIVE_INFINITY && file.kind === 'file') bytes = withinLimit(t, file, bytes, at, limit);
  try {
    do {
      const count = file.write(done === 0 ? bytes : bytes.subarray(done), at === undefined ? undefined : at + done);
      if (count === 0) break;
      done += count;
    } while (done < bytes.length);
    return done;
  } catch (error) {
    if (!(error instanceof GuestError)) throw error;
    if (wouldBlock(error, file)) {
      if (done > 0) t.thread.callState = { progress: done } satisfies CallState;
      return new Wait([file.queue]);
    }
    if (error.code === 'EPIPE') brokenPipe(t);
    if (done > 0) return done;
    throw error;
  }
}

/** RLIMIT_FSIZE: a write ends at the limit; one that begins there is a signal and an error. */
function withinLimit(t: Task, file: OpenFile, bytes: Uint8Array, at: number | undefined, limit: number): Uint8Array {
  const position = file.append ? file.stat().size : (at ?? file.position);
  if (position + bytes.length <= limit || bytes.length === 0) return bytes;
  if (position >= limit) tooLarge(t);
  return bytes.subarray(0, limit - position);
}

export function tooLarge(t: Task): never {
  const { process } = t;
  sendToThread(t.thread, { signal: 'SIGXFSZ', code: 'SI_USER', pid: process.pid, uid: process.credentials.uid });
  return fail('EFBIG');
}

/** Writing where nobody reads any more is a signal to the thread besides the error. */
export function brokenPipe(t: Task): void {
  const { process } = t;
  sendToThread(t.thread, { signal: 'SIGPIPE', code: 'SI_USER', pid: process.pid, uid: process.credentials.uid });
}

// ---- vectors

/** The buffers of an iovec array as spans of guest memory. */
export function vectorSpans(t: Task, address: number, count: number, access: 'read' | 'write'): Uint8Array[] {
  if (count < 0 || count > MAX_VECTORS) fail('EINVAL');
  const spans: Uint8Array[] = [];
  let left = MOST;
  for (const { iov_base, iov_len } of count === 0 ? [] : iovec.getArray(t.space, address, count)) {
    if (iov_len >= 0x8000_0000_0000_0000) fail('EINVAL');
    const length = Math.min(iov_len, left);
    if (length === 0) continue;
    for (const span of t.space.spans(iov_base, length, access)) spans.push(span);
    left -= length;
  }
  return spans;
}

export function readVectors(t: Task, file: OpenFile, iov: number, count: number, at?: number): number | Wait {
  if (!file.readable) fail('EBADF');
  if (at !== undefined && at < 0) fail('EINVAL');
  return readSpans(t, file, vectorSpans(t, iov, count, 'write'), at);
}

export function writeVectors(t: Task, file: OpenFile, iov: number, count: number, at?: number): number | Wait {
  if (!file.writable) fail('EBADF');
  if (at !== undefined && at < 0) fail('EINVAL');
  const spans = vectorSpans(t, iov, count, 'read');
  return writeBytes(t, file, spans.length === 0 ? NOTHING : gather(spans), at);
}
