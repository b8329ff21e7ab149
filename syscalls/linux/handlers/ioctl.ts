/** ioctl: one row for each request that some kind of file answers; everything else is ENOTTY. */
import { fail, GuestError, missing } from '../../../src/base/failures.ts';
import type { OpenFile } from '../../../src/kernel/open-file.ts';
import { PtyMaster } from '../../../src/kernel/pty.ts';
import { type Tty, TtyFile } from '../../../src/kernel/tty.ts';
import { Wait } from '../../../src/kernel/wait.ts';
import { type ArgumentType, Hex } from '../../../src/personality/arguments.ts';
import type { Task } from '../../../src/personality/task.ts';
import { O } from '../abi/flags.ts';
import { int, termios, termios2, winsize } from '../abi/structs.ts';
import { fromTermios, toTermios } from '../abi/termios.ts';
import { getOwner, setAsync, setOwner } from './file-owners.ts';
import { INTERFACE_REQUESTS } from './interfaces.ts';

type Answer = (t: Task, fd: number, arg: number) => number | Wait | undefined;
type Request = readonly [name: string, answer: Answer];

/** Programs only ask most files whether they are terminals. */
export function ioctl(t: Task, { fd, request, arg }: { fd: number; request: number; arg: number }): number | Wait {
  const file = t.file(fd);
  if (file.kind === 'path') fail('EBADF');
  const row = REQUESTS.get(request);
  if (row) return row[1](t, fd, arg) ?? 0;
  if (!QUIET.has(request)) missing(`linux ioctl 0x${request.toString(16)} on ${file.kind}`);
  return fail('ENOTTY');
}

/** A request code, shown by its name. */
export const IoctlRequest: ArgumentType<number> = {
  ...Hex,
  before: (request) => REQUESTS.get(request)?.[0] ?? `0x${request.toString(16)}`,
};

// ---- what requests act on

function terminal(t: Task, fd: number): Tty {
  const file = t.file(fd);
  return file instanceof TtyFile || file instanceof PtyMaster ? file.tty : fail('ENOTTY');
}

function master(t: Task, fd: number): PtyMaster {
  const file = t.file(fd);
  return file instanceof PtyMaster ? file : fail('ENOTTY');
}

/** The terminal must be the caller's controlling one. */
function controlling(t: Task, fd: number): Tty {
  const file = t.file(fd);
  const tty = terminal(t, fd);
  // The master answers for its other side.
  if (!(file instanceof PtyMaster) && (tty.session === 0 || tty.session !== t.process.session)) fail('ENOTTY');
  return tty;
}

/** Changing a terminal from the background stops the process first. */
function fromForeground(tty: Tty, act: () => void): Wait | undefined {
  try {
    tty.jobs.background(tty, 'SIGTTOU');
  } catch (error) {
    if (error instanceof GuestError && error.code === 'EAGAIN') return new Wait([tty.queue]);
    throw error;
  }
  act();
  return undefined;
}

// ---- settings

const getSettings: Answer = (t, fd, arg) => {
  termios.set(t.space, arg, toTermios(terminal(t, fd).settings));
  return 0;
};

const getSettings2: Answer = (t, fd, arg) => {
  const value = toTermios(terminal(t, fd).settings);
  termios2.set(t.space, arg, { ...value, c_ispeed: 38400, c_ospeed: 38400 });
  return 0;
};

const setSettings =
  (flush: boolean): Answer =>
  (t, fd, arg) => {
    const tty = terminal(t, fd);
    const value = termios.get(t.space, arg);
    return fromForeground(tty, () => tty.configure(fromTermios(value), flush));
  };

const flushQueues: Answer = (t, fd, arg) => {
  const tty = terminal(t, fd);
  if (arg > 2) fail('EINVAL');
  return fromForeground(tty, () => {
    if (arg !== 1) tty.line.flushInput();
    if (arg !== 0) tty.device.flush?.();
  });
};

/** Output goes to its device at once: there is nothing to drain, break or hold. */
const onTerminal: Answer = (t, fd) => {
  terminal(t, fd);
  return 0;
};

const getSize: Answer = (t, fd, arg) => {
  const { rows, columns, xPixels, yPixels } = terminal(t, fd).size;
  winsize.set(t.space, arg, { ws_row: rows, ws_col: columns, ws_xpixel: xPixels, ws_ypixel: yPixels });
  return 0;
};

const setSize: Answer = (t, fd, arg) => {
  const { ws_row, ws_col, ws_xpixel, ws_ypixel } = winsize.get(t.space, arg);
  terminal(t, fd).resize({ rows: ws_row, columns: ws_col, xPixels: ws_xpixel, yPixels: ws_ypixel });
  return 0;
};

// ---- job control

/** Make a terminal without a session the controlling one of the caller's session, if the caller leads it and it has none. */
export function acquireTerminal(t: Task, tty: Tty): boolean {
  const { process, kernel } = t;
  const session = kernel.sessions.get(process.session);
  if (process.session !== process.pid || !session || session.terminal || tty.session !== 0) return false;
  session.terminal = tty;
  tty.session = session.id;
  tty.foreground = process.processGroup;
  return true;
}

const setControlling: Answer = (t, fd) => {
  const tty = terminal(t, fd);
  if (tty.session !== 0 && tty.session === t.process.session) return 0;
  if (!acquireTerminal(t, tty)) fail('EPERM');
  return 0;
};

const giveUpControlling: Answer = (t, fd) => {
  const tty = controlling(t, fd);
  const { process, kernel } = t;
  if (process.session !== process.pid) return 0;
  const session = kernel.sessions.get(process.session);
  if (session) session.terminal = undefined;
  tty.session = 0;
  tty.foreground = 0;
  return 0;
};

const getForeground: Answer = (t, fd, arg) => {
  int.set(t.space, arg, { value: controlling(t, fd).foreground });
  return 0;
};

const setForeground: Answer = (t, fd, arg) => {
  const tty = controlling(t, fd);
  const { value } = int.get(t.space, arg);
  if (value < 0) fail('EINVAL');
  return fromForeground(tty, () => {
    const members = t.kernel.processGroup(value);
    if (members.length === 0) fail('ESRCH');
    if (members.every((process) => process.session !== t.process.session)) fail('EPERM');
    tty.foreground = value;
  });
};

const getSession: Answer = (t, fd, arg) => {
  int.set(t.space, arg, { value: controlling(t, fd).session });
  return 0;
};

// ---- pseudo-terminals

const getNumber: Answer = (t, fd, arg) => {
  int.set(t.space, arg, { value: master(t, fd).number });
  return 0;
};

const setLock: Answer = (t, fd, arg) => {
  master(t, fd).locked = int.get(t.space, arg).value !== 0;
  return 0;
};

const getLock: Answer = (t, fd, arg) => {
  int.set(t.space, arg, { value: master(t, fd).locked ? 1 : 0 });
  return 0;
};

/** Open the other side, whatever the caller can see under its name. */
const getPeer: Answer = (t, fd, arg) => {
  const { tty } = master(t, fd);
  const file = t.vfs.open(t.vfs.context(), undefined, tty.name, { read: true, write: true, noctty: true });
  if (!(arg & O.O_NOCTTY)) acquireTerminal(t, tty);
  return t.files.add(file, (arg & O.O_CLOEXEC) !== 0);
};

// ---- every file

interface Counting {
  available?(): number;
}

/** What a read would find. */
function bytesWaiting(file: OpenFile): number {
  const counting = file as OpenFile & Counting;
  if (counting.available) return counting.available();
  if (file instanceof TtyFile) return file.tty.line.available;
  if (file.kind === 'file') return Math.max(0, file.stat().size - file.position);
  return fail('ENOTTY');
}

const countWaiting: Answer = (t, fd, arg) => {
  int.set(t.space, arg, { value: bytesWaiting(t.file(fd)) });
  return 0;
};

const setNonblocking: Answer = (t, fd, arg) => {
  t.file(fd).nonblocking = int.get(t.space, arg).value !== 0;
  return 0;
};

const setSignalled: Answer = (t, fd, arg) =>
  setAsync(t, fd, t.file(fd), int.get(t.space, arg).value !== 0) ? 0 : fail('ENOTTY');

const setFileOwner: Answer = (t, fd, arg) => setOwner(t, t.file(fd), int.get(t.space, arg).value);

const getFileOwner: Answer = (t, fd, arg) => {
  int.set(t.space, arg, { value: getOwner(t.file(fd)) });
  return 0;
};

const setCloseOnExec =
  (on: boolean): Answer =>
  (t, fd) => {
    t.files.setCloseOnExec(fd, on);
    return 0;
  };

const blockSize: Answer = (t, fd, arg) => {
  int.set(t.space, arg, { value: t.file(fd).stat().blksize });
  return 0;
};

const REQUESTS: ReadonlyMap<number, Request> = new Map<number, Request>([
  [0x2, ['FIGETBSZ', blockSize]],
  [0x5401, ['TCGETS', getSettings]],
  [0x5402, ['TCSETS', setSettings(false)]],
  [0x5403, ['TCSETSW', setSettings(false)]],
  [0x5404, ['TCSETSF', setSettings(true)]],
  [0x5409, ['TCSBRK', onTerminal]],
  [0x540a, ['TCXONC', onTerminal]],
  [0x540b, ['TCFLSH', flushQueues]],
  [0x540e, ['TIOCSCTTY', setControlling]],
  [0x540f, ['TIOCGPGRP', getForeground]],
  [0x5410, ['TIOCSPGRP', setForeground]],
  [0x5413, ['TIOCGWINSZ', getSize]],
  [0x5414, ['TIOCSWINSZ', setSize]],
  [0x541b, ['FIONREAD', countWaiting]],
  [0x5421, ['FIONBIO', setNonblocking]],
  [0x5422, ['TIOCNOTTY', giveUpControlling]],
  [0x5425, ['TCSBRKP', onTerminal]],
  [0x5429, ['TIOCGSID', getSession]],
  [0x802c542a, ['TCGETS2', getSettings2]],
  [0x402c542b, ['TCSETS2', setSettings(false)]],
  [0x402c542c, ['TCSETSW2', setSettings(false)]],
  [0x402c542d, ['TCSETSF2', setSettings(true)]],
  [0x80045430, ['TIOCGPTN', getNumber]],
  [0x40045431, ['TIOCSPTLCK', setLock]],
  [0x80045439, ['TIOCGPTLCK', getLock]],
  [0x5441, ['TIOCGPTPEER', getPeer]],
  [0x40049409, ['FICLONE', () => fail('EOPNOTSUPP')]],
  [0x4020940d, ['FICLONERANGE', () => fail('EOPNOTSUPP')]],
  [0x5450, ['FIONCLEX', setCloseOnExec(false)]],
  [0x5451, ['FIOCLEX', setCloseOnExec(true)]],
  [0x5452, ['FIOASYNC', setSignalled]],
  [0x8901, ['FIOSETOWN', setFileOwner]],
  [0x8902, ['SIOCSPGRP', setFileOwner]],
  [0x8903, ['FIOGETOWN', getFileOwner]],
  [0x8904, ['SIOCGPGRP', getFileOwner]],
  ...INTERFACE_REQUESTS,
]);

/** Asked of files that rightly say no: inode flags, block devices' sizes, extents. */
const QUIET: ReadonlySet<number> = new Set([0x80086601, 0x40086602, 0x1260, 0x80081272, 0xc020660b]);
