/** Signal-driven input and output: who owns a file (F_SETOWN and its kin) and which signal tells them that it is ready (O_ASYNC, F_SETSIG). */
import { fail } from '../../../src/base/failures.ts';
import type { FileEventKind, Watcher } from '../../../src/kernel/file-events.ts';
import { FileOwner, type OwnerName } from '../../../src/kernel/file-owner.ts';
import { ERROR, HANGUP, type OpenFile, READABLE, WRITABLE } from '../../../src/kernel/open-file.ts';
import type { Task } from '../../../src/personality/task.ts';
import { sendToGroup, sendToProcess, sendToThread } from '../../../src/process/signaling.ts';
import type { SignalInfo } from '../../../src/process/signals.ts';
import { signalNumber, signalOf } from '../abi/signals.ts';
import { f_owner_ex } from '../abi/structs.ts';

const KINDS = ['thread', 'process', 'group'] as const;

const ownerOf = (file: OpenFile): FileOwner => {
  file.owner ??= new FileOwner(file);
  return file.owner;
};

/** Pipes, sockets and terminals tell; what is always ready, or only made to be polled, does not. */
const TELLING: ReadonlySet<string> = new Set(['pipe', 'fifo', 'socket', 'tty', 'pty', 'ptmx']);

export const isAsync = (file: OpenFile): boolean => file.owner?.async ?? false;

/** O_ASYNC on or off; false where the file knows nothing of it. */
export function setAsync(t: Task, fd: number, file: OpenFile, on: boolean): boolean {
  if (!TELLING.has(file.kind)) return false;
  if (!on) file.owner?.stop();
  else if (!isAsync(file)) {
    const owner = ownerOf(file);
    const { kernel } = t;
    owner.start((fresh) => notify(kernel, owner, fd, fresh));
  }
  return true;
}

function notify(kernel: Task['kernel'], { name, signal }: FileOwner, fd: number, fresh: number): void {
  if (name.id === 0) return;
  const info: SignalInfo = signal ? { signal, ...particulars(fresh), fd } : { signal: 'SIGIO', code: 'SI_KERNEL' };
  if (name.kind === 'group') sendToGroup(kernel, name.id, info);
  else if (name.kind === 'thread') {
    const thread = kernel.threads.get(name.id);
    if (thread) sendToThread(thread, info);
  } else {
    const process = kernel.processes.get(name.id);
    if (process) sendToProcess(process, info);
  }
}

/** si_code and si_band: the poll bits that go with it. */
function particulars(fresh: number): { code: string; band: number } {
  if (fresh & HANGUP) return { code: 'POLL_HUP', band: 0x11 };
  if (fresh & ERROR) return { code: 'POLL_ERR', band: 0x08 };
  if (fresh & READABLE) return { code: 'POLL_IN', band: 0x41 };
  if (fresh & WRITABLE) return { code: 'POLL_OUT', band: 0x304 };
  return { code: 'POLL_IN', band: 0 };
}

// ---- directories (dnotify)

const DN: Readonly<Record<number, readonly FileEventKind[]>> = {
  1: ['access'],
  2: ['modify'],
  4: ['create', 'moved-to'],
  8: ['delete', 'moved-from'],
  16: ['moved-from', 'moved-to'],
  32: ['attrib'],
};
const DN_MULTISHOT = 0x8000_0000;
const notifying = new WeakMap<OpenFile, () => void>();

/** F_NOTIFY: the owner is signalled when something happens to a name in the directory, once or until told otherwise. */
export function notifyOfNames(t: Task, fd: number, file: OpenFile, mask: number): number {
  const { place } = file;
  if (file.kind !== 'directory' || !place) return fail('ENOTDIR');
  notifying.get(file)?.();
  const kinds = new Set(Object.entries(DN).flatMap(([bit, some]) => (mask & Number(bit) ? some : [])));
  if (kinds.size === 0) return 0;
  const { kernel } = t;
  const owner = ownerOf(file);
  owner.name = { kind: 'process', id: t.process.pid };
  const watcher: Watcher = {
    place,
    ino: -1,
    tell(event) {
      if (event.name === '' || !kinds.has(event.kind)) return;
      if (!(mask & DN_MULTISHOT)) stop();
      notify(kernel, owner, fd, READABLE);
    },
  };
  const stop = () => {
    place.events.remove(watcher);
    file.releaseListeners.delete(stop);
    notifying.delete(file);
  };
  place.events.add(watcher);
  file.releaseListeners.add(stop);
  notifying.set(file, stop);
  return 0;
}

function exists(t: Task, { kind, id }: OwnerName): boolean {
  if (kind === 'thread') return t.kernel.threads.has(id);
  return kind === 'process' ? t.kernel.processes.has(id) : t.kernel.processGroup(id).length > 0;
}

function setName(t: Task, file: OpenFile, name: OwnerName): void {
  if (name.id !== 0 && !exists(t, name)) fail('ESRCH');
  ownerOf(file).name = name;
}

/** A negative number is a group. */
export function setOwner(t: Task, file: OpenFile, who: number): number {
  if (who === -0x8000_0000) fail('EINVAL');
  setName(t, file, who < 0 ? { kind: 'group', id: -who } : { kind: 'process', id: who });
  return 0;
}

export function getOwner(file: OpenFile): number {
  const name = file.owner?.name;
  return name === undefined ? 0 : name.kind === 'group' ? -name.id : name.id;
}

export function setOwnerEx(t: Task, file: OpenFile, at: number): number {
  const { type, pid } = f_owner_ex.get(t.space, at);
  setName(t, file, { kind: KINDS[type] ?? fail('EINVAL'), id: pid });
  return 0;
}

export function getOwnerEx(t: Task, file: OpenFile, at: number): number {
  const { kind, id } = file.owner?.name ?? { kind: 'thread' as const, id: 0 };
  f_owner_ex.set(t.space, at, { type: KINDS.indexOf(kind), pid: id });
  return 0;
}

export function setSignal(file: OpenFile, number: number): number {
  if (number < 0 || number > 64) fail('EINVAL');
  ownerOf(file).signal = number === 0 ? undefined : signalOf(number);
  return 0;
}

export const getSignal = (file: OpenFile): number => (file.owner?.signal ? signalNumber(file.owner.signal) : 0);
