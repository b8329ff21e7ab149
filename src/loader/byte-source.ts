/** Bounded little-endian reading of a file that may lie about itself: every answer is in range or undefined. */
import { textOf } from '../base/text.ts';

/** What a loader reads from; a MappedFile is one. */
export interface ByteSource {
  readAt(into: Uint8Array, position: number): number;
  size(): number;
}

export function bytesAsSource(bytes: Uint8Array): ByteSource {
  return {
    size: () => bytes.length,
    readAt(into, position) {
      const part = bytes.subarray(position, position + into.length);
      into.set(part);
      return part.length;
    },
  };
}

/** `length` bytes at `position`, or undefined when the file does not have them. */
export function readBytes(source: ByteSource, position: number, length: number): Uint8Array | undefined {
  if (!(position >= 0 && length >= 0 && position + length <= source.size())) return undefined;
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const count = source.readAt(bytes.subarray(done), position + done);
    if (count <= 0) return undefined;
    done += count;
  }
  return bytes;
}

export const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** A 64-bit field as a number; values from 2^53 on lose low bits, which range checks refuse anyway. */
export function word(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x1_0000_0000;
}

/** A NUL-terminated latin1 string in `bytes`, empty when out of range. */
export function stringAt(bytes: Uint8Array, at: number): string {
  if (!(at >= 0 && at < bytes.length)) return '';
  const nul = bytes.indexOf(0, at);
  return textOf(bytes.subarray(at, nul < 0 ? bytes.length : nul));
}
