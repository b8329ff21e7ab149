/**
 * A recording of a virtual machine: every input that its programs do not determine, in the order in which it was taken.
 * A Recorder lets inputs pass and notes them, a Player gives them back. What the inputs are is host.ts's business.
 *
 * Format: the line `hospes recording <version>`, then chunks: length and CRC-32 (u32 each) and as many bytes of entries,
 * each a kind (u8) and what belongs to it. The first entry is the head, the last the end; a file without an end was cut.
 */
import { crc32 } from '../../base/crc32.ts';
import { GuestError, UserError } from '../../base/failures.ts';
import { Malformed, ValueReader, ValueWriter } from './values.ts';

const FORMAT = 1;
const MAGIC = 'hospes recording ';
/** Entries are handed on in pieces of about this size. */
const CHUNK = 1 << 16;

/** Kinds of entries. */
export const HEAD = 1;
export const END = 2;
/** What a host function returned. */
export const RESULT = 3;
/** The code of the error it failed with. */
export const FAILURE = 4;
/** Something came from outside. */
export const EVENT = 5;
/** Where a slice of guest code ended: checked, not needed. */
export const SLICE = 6;

export type EventHandler = (data: unknown) => void;

export interface Tape {
  readonly replaying: boolean;
  /** The result of a host function, or its GuestError: `compute` is called only while recording. */
  take<T>(compute: () => T): T;
  /** Something that comes from outside at a time of its own: while recording it is noted and passed on; while replaying nobody calls this. */
  event(name: string, data: unknown): void;
  /** Who takes events of this name. */
  onEvent(name: string, handler: EventHandler): void;
  /** Guest code ran `executed` instructions and stopped at `pc`: must be the same again. */
  slice(executed: number, pc: number): void;
  /** Everything has ended: `summary` must be the same again. */
  end(summary: string): void;
}

export class Recorder implements Tape {
  readonly replaying = false;
  readonly #write: (bytes: Uint8Array) => void;
  readonly #entries = new ValueWriter();
  readonly #handlers = new Map<string, EventHandler>();
  #ended = false;

  /** `write` takes the file's bytes in order; `head` is what must be known to run the same again. */
  constructor(write: (bytes: Uint8Array) => void, head: unknown) {
    this.#write = write;
    write(new TextEncoder().encode(`${MAGIC}${FORMAT}\n`));
    this.#entries.byte(HEAD);
    this.#entries.value(head);
  }

  take<T>(compute: () => T): T {
    try {
      const result = compute();
      this.#entries.byte(RESULT);
      this.#entries.value(result);
      this.#flush(CHUNK);
      return result;
    } catch (error) {
      if (!(error instanceof GuestError)) throw error;
      this.#entries.byte(FAILURE);
      this.#entries.value(error.code);
      throw error;
    }
  }

  event(name: string, data: unknown): void {
    if (this.#ended) return;
    this.#entries.byte(EVENT);
    this.#entries.value([name, data]);
    this.#handlers.get(name)?.(data);
  }

  onEvent(name: string, handler: EventHandler): void {
    this.#handlers.set(name, handler);
  }

  slice(executed: number, pc: number): void {
    this.#entries.byte(SLICE);
    this.#entries.value(executed);
    this.#entries.value(pc);
    this.#flush(CHUNK);
  }

  end(summary: string): void {
    this.#entries.byte(END);
    this.#entries.value(summary);
    this.#flush(0);
    this.#ended = true;
  }

  #flush(above: number): void {
    if (this.#entries.length <= above || this.#ended) return;
    const bytes = this.#entries.take();
    const frame = new DataView(new ArrayBuffer(8));
    frame.setUint32(0, bytes.length, true);
    frame.setUint32(4, crc32(bytes), true);
    this.#write(new Uint8Array(frame.buffer));
    this.#write(bytes);
  }
}

export class Player implements Tape {
  readonly replaying = true;
  readonly #name: string;
  readonly #entries: ValueReader;
  readonly #handlers = new Map<string, EventHandler>();
  /** What was given to the Recorder. */
  readonly head: unknown;
  #instructions = 0;
  #applying = false;

  /** `name` is for messages. Throws UserError where the file is damaged or of another version. */
  constructor(file: Uint8Array, name: string) {
    this.#name = name;
    this.#entries = new ValueReader(unpack(file, name));
    if (this.#entries.done || this.#entries.byte() !== HEAD) throw damaged(name, 'it has no head');
    this.head = this.#value();
  }

  take<T>(): T {
    this.#expect(RESULT, FAILURE);
    if (this.#entries.byte() === FAILURE) throw new GuestError(String(this.#value()));
    return this.#value() as T;
  }

  event(): void {}

  onEvent(name: string, handler: EventHandler): void {
    this.#handlers.set(name, handler);
  }

  slice(executed: number, pc: number): void {
    this.#expect(SLICE);
    this.#entries.byte();
    const [wanted, place] = [Number(this.#value()), Number(this.#value())];
    if (wanted !== executed || place !== pc) {
      this.#diverged(
        `${executed} instructions up to 0x${pc.toString(16)} instead of ${wanted} up to 0x${place.toString(16)}`,
      );
    }
    this.#instructions += executed;
  }

  end(summary: string): void {
    this.#expect(END);
    this.#entries.byte();
    const wanted = this.#value();
    if (wanted !== summary) this.#diverged(`it ended with ${summary} instead of ${wanted}`);
  }

  /** Let happen what happened here. */
  #drain(): void {
    // An event's handler may take inputs itself.
    if (this.#applying) return;
    this.#applying = true;
    while (!this.#entries.done && this.#entries.peek() === EVENT) {
      this.#entries.byte();
      const [name, data] = this.#value() as [string, unknown];
      this.#handlers.get(name)?.(data);
    }
    this.#applying = false;
  }

  #expect(...kinds: number[]): void {
    this.#drain();
    if (this.#entries.done) throw damaged(this.#name, 'it ends before the program does');
    if (!kinds.includes(this.#entries.peek())) this.#diverged('it asks for something else');
  }

  #value(): unknown {
    try {
      return this.#entries.value();
    } catch (error) {
      if (error instanceof Malformed) throw damaged(this.#name, error.message);
      throw error;
    }
  }

  #diverged(how: string): never {
    throw new UserError(
      `${this.#name}: the program goes another way than when it was recorded, after ${this.#instructions} instructions: ${how}`,
      1,
    );
  }
}

const damaged = (name: string, how: string) => new UserError(`${name}: the recording is damaged: ${how}`, 2);

/** The entries of a file, every chunk checked. */
function unpack(file: Uint8Array, name: string): Uint8Array {
  const newline = file.indexOf(10);
  const line = new TextDecoder('latin1').decode(file.subarray(0, Math.min(Math.max(newline, 0), 64)));
  if (!line.startsWith(MAGIC)) throw new UserError(`${name}: not a recording of hospes`, 2);
  const version = line.slice(MAGIC.length);
  if (version !== String(FORMAT)) {
    throw new UserError(`${name}: a recording of format ${version}; this hospes plays format ${FORMAT}`, 2);
  }
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const parts: Uint8Array[] = [];
  let total = 0;
  for (let at = newline + 1; at < file.length; ) {
    const length = at + 8 <= file.length ? view.getUint32(at, true) : Number.POSITIVE_INFINITY;
    if (at + 8 + length > file.length) throw damaged(name, `it was cut at byte ${file.length}`);
    const part = file.subarray(at + 8, at + 8 + length);
    if (crc32(part) !== view.getUint32(at + 4, true)) throw damaged(name, `the checksum at byte ${at} is wrong`);
    parts.push(part);
    total += length;
    at += 8 + length;
  }
  const all = new Uint8Array(total);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
