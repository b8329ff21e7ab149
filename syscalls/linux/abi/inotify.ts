/** Linux numbers and records of inotify, and the way between them and the kernel's words. */
import { bytesOf } from '../../../src/base/text.ts';
import type { FileEventKind } from '../../../src/kernel/file-events.ts';
import type { QueuedEvent } from '../../../src/kernel/inotify.ts';
import { i32, struct, u32 } from '../../../src/personality/struct.ts';

const KINDS: Readonly<Record<FileEventKind, number>> = {
  access: 0x1,
  modify: 0x2,
  attrib: 0x4,
  'close-write': 0x8,
  'close-nowrite': 0x10,
  open: 0x20,
  'moved-from': 0x40,
  'moved-to': 0x80,
  create: 0x100,
  delete: 0x200,
  'delete-self': 0x400,
  'move-self': 0x800,
};

export const IN = {
  ALL_EVENTS: 0xfff,
  UNMOUNT: 0x2000,
  Q_OVERFLOW: 0x4000,
  IGNORED: 0x8000,
  ONLYDIR: 0x0100_0000,
  DONT_FOLLOW: 0x0200_0000,
  EXCL_UNLINK: 0x0400_0000,
  MASK_CREATE: 0x1000_0000,
  MASK_ADD: 0x2000_0000,
  ISDIR: 0x4000_0000,
  ONESHOT: 0x8000_0000,
} as const;

export function kindsOf(mask: number): ReadonlySet<FileEventKind> {
  return new Set((Object.keys(KINDS) as FileEventKind[]).filter((kind) => (mask & KINDS[kind]) !== 0));
}

const inotify_event = struct({ wd: i32, mask: u32, cookie: u32, len: u32 });

/** struct inotify_event with its name, which is padded with zeroes to whole records. */
export function encodeEvent({ watch, kind, directory, name, cookie }: QueuedEvent): Uint8Array {
  const bytes = bytesOf(name);
  const { size } = inotify_event;
  const len = bytes.length === 0 ? 0 : Math.ceil((bytes.length + 1) / size) * size;
  const word = kind === 'ignored' ? IN.IGNORED : kind === 'overflow' ? IN.Q_OVERFLOW : KINDS[kind];
  // What ends with its directory says so without IN_ISDIR.
  const flag = directory && kind !== 'delete-self' && kind !== 'ignored' ? IN.ISDIR : 0;
  const record = new Uint8Array(size + len);
  record.set(inotify_event.encode([{ wd: watch, mask: (word | flag) >>> 0, cookie, len }]));
  record.set(bytes, size);
  return record;
}
