/** The host as a recorded machine meets it: clocks, entropy, files, streams, the event loop and the engine's slices, each passed through a tape. */
import type { CodeSpace, Cpu, Engine, Exit } from '../../engine/engine.ts';
import type { HostEnvironment, HostFile, HostFs, HostOpen, Stat } from '../../host/host.ts';
import type { HostStream } from '../../host/host-stream.ts';
import { writeFully } from '../../host/streams.ts';
import type { HostLoop } from '../../process/scheduler.ts';
import type { HostPlaces } from '../tree.ts';
import type { Tape } from './tape.ts';

export function tapedEnvironment(tape: Tape, real: HostEnvironment): HostEnvironment {
  return {
    realtime: () => tape.take(() => real.realtime()),
    monotonic: () => tape.take(() => real.monotonic()),
    random(into) {
      const bytes = tape.take(() => {
        real.random(into);
        return into;
      });
      into.set(bytes);
    },
    hostname: () => tape.take(() => real.hostname()),
  };
}

/** The scheduler's clock, and its waits: what came from outside meanwhile is noted before the wait is over. */
export function tapedLoop(tape: Tape, real: HostLoop): HostLoop {
  const over = () => tape.take(() => true);
  return {
    now: () => tape.take(() => real.now()),
    async yield() {
      // A real turn of the event loop while replaying too: what is written goes out.
      await real.yield();
      over();
    },
    sleep(ms) {
      if (!tape.replaying) {
        const { done, cancel } = real.sleep(ms);
        return { done: done.then(() => void over()), cancel };
      }
      return { done: real.yield().then(() => void over()), cancel: () => {} };
    },
  };
}

/** Where the tree of files comes from. */
export function tapedPlaces(tape: Tape, real: HostPlaces): HostPlaces {
  return {
    lookAt: (path) => tape.take(() => real.lookAt(path)),
    absolute: (path) => tape.take(() => real.absolute(path)),
    open: (path) => tapedFs(tape, tape.replaying ? undefined : real.open(path)),
    now: () => tape.take(() => real.now()),
  };
}

/** Everything a file system answers. While replaying there is none: `real` is undefined. */
export function tapedFs(tape: Tape, real: HostFs | undefined): HostFs {
  const facts = tape.take(() => ({
    name: real!.name,
    readOnly: real!.readOnly,
    checksPermissions: real!.checksPermissions,
    createsAs: real!.createsAs,
    exchanges: real!.exchange !== undefined,
  }));
  const identities = new Identities();
  const pass =
    <A extends unknown[], R>(method: (fs: HostFs) => (...args: A) => R) =>
    (...args: A): R =>
      tape.take(() => method(real!).apply(real, args));
  const fs: HostFs = {
    name: facts.name,
    readOnly: facts.readOnly,
    ...(facts.checksPermissions === undefined ? {} : { checksPermissions: facts.checksPermissions }),
    ...(facts.createsAs === undefined ? {} : { createsAs: facts.createsAs }),
    open: (path, how) => openTaped(tape, real, identities, path, how),
    lstat: pass((r) => r.lstat),
    look: pass((r) => r.look),
    // A back end may look types and inodes up when somebody asks.
    readdir: (path) => tape.take(() => real!.readdir(path).map(({ name, type, ino }) => ({ name, type, ino }))),
    readlink: pass((r) => r.readlink),
    mkdir: pass((r) => r.mkdir),
    rmdir: pass((r) => r.rmdir),
    unlink: pass((r) => r.unlink),
    rename: pass((r) => r.rename),
    link: pass((r) => r.link),
    symlink: pass((r) => r.symlink),
    mknod: pass((r) => r.mknod),
    chmod: pass((r) => r.chmod),
    chown: pass((r) => r.chown),
    utimes: pass((r) => r.utimes),
    statfs: pass((r) => r.statfs),
  };
  if (facts.exchanges) fs.exchange = pass((r) => r.exchange!);
  return fs;
}

/** Identities of files are only ever compared: numbers stand for them. */
class Identities {
  readonly #numbers = new Map<unknown, number>();
  readonly #objects = new Map<number, object>();

  number(identity: unknown): number {
    let n = this.#numbers.get(identity);
    if (n === undefined) {
      n = this.#numbers.size;
      this.#numbers.set(identity, n);
    }
    return n;
  }
  object(number: number): object {
    let found = this.#objects.get(number);
    if (!found) {
      found = { number };
      this.#objects.set(number, found);
    }
    return found;
  }
}

function openTaped(tape: Tape, fs: HostFs | undefined, identities: Identities, path: string, how: HostOpen): HostFile {
  let real: HostFile | undefined;
  const number = tape.take(() => {
    real = fs!.open(path, how);
    return identities.number(real.identity);
  });
  const nothing =
    <A extends unknown[]>(method: (file: HostFile) => (...args: A) => void) =>
    (...args: A): void =>
      tape.take(() => void method(real!).apply(real, args));
  return {
    identity: identities.object(number),
    read: (into, position) =>
      give(
        into,
        tape.take(() => got(into, real!.read(into, position))),
      ) as number,
    write: (from, position) => tape.take(() => real!.write(from, position)),
    size: () => tape.take(() => real!.size()),
    stat: () => tape.take(() => real!.stat()),
    truncate: nothing((file) => file.truncate),
    chmod: nothing((file) => file.chmod),
    chown: nothing((file) => file.chown),
    utimes: nothing((file) => file.utimes),
    sync: nothing((file) => file.sync),
    close: nothing((file) => file.close),
  };
}

/** A read's outcome as what was read: undefined stays undefined. */
const got = (into: Uint8Array, count: number | undefined) =>
  count === undefined ? undefined : into.subarray(0, count);

function give(into: Uint8Array, bytes: Uint8Array | undefined): number | undefined {
  if (bytes === undefined) return undefined;
  into.set(bytes);
  return bytes.length;
}

/** One of our own stdin, stdout and stderr. While replaying nothing is read from `real`; what is written to stdout and stderr goes out again. */
export function tapedStream(tape: Tape, real: HostStream, fd: number): HostStream {
  const { kind, path, seekable, readable, writable } = tape.take(() => ({
    kind: real.kind,
    path: real.path,
    seekable: real.seekable,
    readable: real.readable,
    writable: real.writable,
  }));
  const name = `stream ${fd}`;
  const stream: HostStream = {
    kind,
    path,
    seekable,
    readable,
    writable,
    onReady: () => {},
    get position() {
      return tape.take(() => real.position);
    },
    set position(to) {
      tape.take(() => {
        real.position = to;
      });
    },
    stat: () => tape.take<Stat>(() => real.stat()),
    read: (into, at) =>
      give(
        into,
        tape.take(() => got(into, real.read(into, at))),
      ),
    write(from, at) {
      const count = tape.take(() => real.write(from, at));
      if (tape.replaying && count !== undefined && fd !== 0) writeFully(fd, from.subarray(0, count));
      return count;
    },
    canRead: () => tape.take(() => real.canRead()),
    truncate: (size) => tape.take(() => real.truncate(size)),
    settle: () => tape.take(() => real.settle()),
  };
  if (!tape.replaying) real.onReady = () => tape.event(name, undefined);
  tape.onEvent(name, () => stream.onReady());
  return stream;
}

/** The engine, with where every slice ended noted or compared. */
export function tapedEngine(tape: Tape, engine: Engine): Engine {
  return {
    mode: engine.mode,
    attach: (space) => new TapedCodeSpace(tape, engine.attach(space)),
    get stats() {
      return engine.stats;
    },
  };
}

class TapedCodeSpace implements CodeSpace {
  readonly #tape: Tape;
  readonly #code: CodeSpace;

  constructor(tape: Tape, code: CodeSpace) {
    this.#tape = tape;
    this.#code = code;
  }
  get executed(): number {
    return this.#code.executed;
  }
  createCpu(): Cpu {
    return this.#code.createCpu();
  }
  releaseCpu(cpu: Cpu): void {
    this.#code.releaseCpu(cpu);
  }
  run(cpu: Cpu, budget: number): Exit {
    const exit = this.#code.run(cpu, budget);
    this.#tape.slice(this.#code.executed, cpu.pc);
    return exit;
  }
  dispose(): void {
    this.#code.dispose();
  }
}
