/** What a started program finds as stdin, stdout and stderr: pipes to streams of ours, this process's own descriptors, a terminal, or nothing. */
import { GuestError } from '../base/failures.ts';
import type { Ending, GuestPty } from '../host/guest-process.ts';
import { type Readable, readableFrom, SinkFile, SourceFile, type Writable, writableTo } from '../host/node-streams.ts';
import { standardStream } from '../host/streams.ts';
import { HostTerminal, isTerminal } from '../host/terminal.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { OpenFile } from '../kernel/open-file.ts';
import { makePipe } from '../kernel/pipe.ts';
import { StreamFile } from '../kernel/stream-file.ts';
import { StreamSocket } from '../kernel/stream-socket.ts';
import type { Tty } from '../kernel/tty.ts';
import { jobControl } from '../process/job-control.ts';
import type { Process } from '../process/process.ts';
import { kernelSignal, sendToGroup } from '../process/signaling.ts';
import { tapedStream } from './recording/host.ts';
import type { Tape } from './recording/tape.ts';

export type StdioOption = 'pipe' | 'inherit' | 'ignore' | string | Uint8Array | ((bytes: Uint8Array) => void);

export interface PtySize {
  columns?: number;
  rows?: number;
}

/** The guest's side and ours of what was connected. */
export interface Wires {
  files: OpenFile[];
  streams: { stdin: Writable | null; stdout: Readable | null; stderr: Readable | null };
  pty: GuestPty | undefined;
  newSession: boolean;
  /** The process exists: give it its terminal. */
  attach(process: Process): void;
  /** It has stopped: nobody but us can continue it. */
  stopped(): void;
  continued(): void;
  /** It has ended. */
  ended(ending: Ending): void;
  /** It could not be started. */
  abandon(): void;
}

const nothing = () => {};

/** `count` is told about every byte that leaves through stdout and stderr. */
export function connect(
  kernel: Kernel,
  stdio: StdioOption | readonly [StdioOption, StdioOption, StdioOption],
  pty: PtySize | boolean | undefined,
  count: (bytes: number) => void,
  tape?: Tape,
): Wires {
  if (pty) return terminal(kernel, pty === true ? {} : pty, count);
  const [input, output, errors] = Array.isArray(stdio) ? stdio : [stdio, stdio, stdio];
  const wires: Wires = {
    files: [],
    streams: { stdin: null, stdout: null, stderr: null },
    pty: undefined,
    newSession: false,
    attach: nothing,
    stopped: nothing,
    continued: nothing,
    ended: nothing,
    abandon: nothing,
  };
  const inherited = inheritedFiles(kernel, [input, output, errors], wires, count, tape);
  const toGuest = (option: StdioOption): OpenFile => {
    if (option === 'pipe') {
      const [reader, writer] = makePipe(kernel.realtime());
      wires.streams.stdin = writableTo(writer.retain());
      return reader;
    }
    return option instanceof Uint8Array ? new SourceFile(option) : nowhere(kernel);
  };
  const fromGuest = (option: StdioOption, name: 'stdout' | 'stderr'): OpenFile => {
    if (option === 'pipe') {
      const [reader, writer] = makePipe(kernel.realtime());
      wires.streams[name] = readableFrom(reader.retain(), count);
      return writer;
    }
    if (typeof option !== 'function') return nowhere(kernel);
    return new SinkFile((bytes) => {
      count(bytes.length);
      option(bytes);
    });
  };
  wires.files = [
    inherited(0) ?? toGuest(input),
    inherited(1) ?? fromGuest(output, 'stdout'),
    inherited(2) ?? fromGuest(errors, 'stderr'),
  ];
  return wires;
}

function openTerminal(kernel: Kernel, tty: Tty): OpenFile {
  return kernel.vfs.open(kernel.vfs.context(), undefined, tty.name, { read: true, write: true, noctty: true });
}

function nowhere(kernel: Kernel): OpenFile {
  return kernel.vfs.open(kernel.vfs.context(), undefined, '/dev/null', { read: true, write: true });
}

/** This process's descriptors; those that are a terminal share one guest terminal. */
function inheritedFiles(
  kernel: Kernel,
  options: readonly StdioOption[],
  wires: Wires,
  count: (bytes: number) => void,
  tape: Tape | undefined,
): (fd: number) => OpenFile | undefined {
  const wanted = [0, 1, 2].filter((fd) => options[fd] === 'inherit');
  // A recording knows no terminal: what is one is a device like others then.
  const terminals = tape ? [] : wanted.filter(isTerminal);
  let shared: OpenFile | undefined;
  if (terminals.length > 0) {
    const host = new HostTerminal(terminals, jobControl(kernel), kernel.ptys);
    shared = openTerminal(kernel, host.tty);
    wires.attach = (process) => controlBy(kernel, host.tty, process);
    wires.ended = () => host.close();
    wires.abandon = () => host.close();
    wires.stopped = () => host.restore();
    wires.continued = () => host.resume();
  }
  return (fd) => {
    if (!wanted.includes(fd)) return undefined;
    if (terminals.includes(fd)) return shared;
    const real = standardStream(fd);
    const stream = tape ? tapedStream(tape, real, fd) : real;
    const before = wires.ended;
    wires.ended = (ending) => {
      stream.settle();
      before(ending);
    };
    const told = fd === 0 ? () => {} : count;
    return stream.kind === 'socket' ? new StreamSocket(stream, told) : new StreamFile(stream, told);
  };
}

/** Make a terminal the controlling one of the process's session, with its group in the foreground. */
function controlBy(kernel: Kernel, tty: Tty, process: Process): void {
  const session = kernel.sessions.get(process.session);
  if (session) session.terminal = tty;
  tty.session = process.session;
  tty.foreground = process.processGroup;
}

/** A terminal of the VM's own, whose other side is an object like node-pty's. */
function terminal(kernel: Kernel, size: PtySize, count: (bytes: number) => void): Wires {
  const data = new Set<(data: string) => void>();
  const exits = new Set<(event: { exitCode: number; signal: string | undefined }) => void>();
  // A character may be split between two writes.
  const decoder = new TextDecoder('utf-8');
  const waiting: string[] = [];
  const master = kernel.ptys.create();
  master.locked = false;
  master.retain();
  const { tty } = master;
  const buffer = new Uint8Array(16_384);
  const drain = () => {
    for (;;) {
      let length: number;
      try {
        length = master.read(buffer);
      } catch (error) {
        // Nothing more for now, or the guest's side has been closed.
        if (error instanceof GuestError) return;
        throw error;
      }
      if (length === 0) return;
      count(length);
      const text = decoder.decode(buffer.subarray(0, length), { stream: true });
      if (data.size === 0) waiting.push(text);
      for (const listener of data) listener(text);
    }
  };
  // Not inside the wake: the kernel is then in the middle of something.
  master.queue.subscribe(() => queueMicrotask(drain));
  const resize = (columns: number, rows: number) => {
    tty.resize({ columns, rows, xPixels: 0, yPixels: 0 });
    kernel.scheduler.poke();
  };
  resize(size.columns ?? 80, size.rows ?? 24);
  const encoder = new TextEncoder();
  /** What was typed and not yet taken: a program that reads slowly gets all of it. */
  const typed: Uint8Array[] = [];
  const type = () => {
    while (typed.length > 0) {
      const taken = tty.type(typed[0]);
      if (taken < typed[0].length) {
        typed[0] = typed[0].subarray(taken);
        return;
      }
      typed.shift();
    }
  };
  tty.queue.subscribe(() => {
    if (typed.length > 0) queueMicrotask(type);
  });
  const pty: GuestPty = {
    get columns() {
      return tty.size.columns;
    },
    get rows() {
      return tty.size.rows;
    },
    onData(listener) {
      data.add(listener);
      for (const text of waiting.splice(0)) listener(text);
      return { dispose: () => void data.delete(listener) };
    },
    onExit(listener) {
      exits.add(listener);
      return { dispose: () => void exits.delete(listener) };
    },
    write(text) {
      typed.push(typeof text === 'string' ? encoder.encode(text) : text);
      type();
      kernel.scheduler.poke();
    },
    resize,
    kill(signal = 'SIGHUP') {
      if (signal === 'SIGHUP') tty.hangUp();
      else if (tty.session > 0) sendToGroup(kernel, tty.session, kernelSignal(signal));
      kernel.scheduler.poke();
    },
  };
  const file = openTerminal(kernel, tty);
  return {
    files: [file, file, file],
    streams: { stdin: null, stdout: null, stderr: null },
    pty,
    newSession: true,
    attach: (process) => controlBy(kernel, tty, process),
    stopped: nothing,
    continued: nothing,
    ended(ending) {
      drain();
      for (const listener of exits) listener({ exitCode: ending.exitCode ?? 0, signal: ending.signal ?? undefined });
    },
    abandon: nothing,
  };
}
