/** The stack a fresh program finds on the System V ABIs: argc, argv, envp, auxiliary vector, and above them the strings; which entries the vector has is the system's business. */
import { bytesOf } from '../base/text.ts';
import type { AddressSpace } from '../memory/address-space.ts';

/** The value of an auxiliary entry: a number, or bytes to lie on the stack with the entry pointing at them. */
export type AuxValue = number | Uint8Array;

export interface StartStack {
  /** Where argc is: the first stack pointer, 16-byte aligned. */
  pointer: number;
  argv: number;
  envp: number;
  /** The auxiliary vector as it lies there, for /proc/self/auxv. */
  auxv: Uint8Array;
}

/** Lay everything out below `top`. The vector is ended with a null entry. */
export function buildStartStack(
  space: AddressSpace,
  top: number,
  argv: readonly Uint8Array[],
  envp: readonly Uint8Array[],
  auxiliary: readonly (readonly [number, AuxValue])[],
): StartStack {
  let at = top - 8;
  const push = (bytes: Uint8Array, align: number): number => {
    at = Math.floor((at - bytes.length) / align) * align;
    space.copyOut(at, bytes);
    return at;
  };
  const string = (bytes: Uint8Array): number => {
    const terminated = new Uint8Array(bytes.length + 1);
    terminated.set(bytes);
    return push(terminated, 1);
  };
  // Strings ascend in memory in the order of the vectors, as ps and setproctitle expect.
  const envPointers = [...envp].reverse().map(string).reverse();
  const argPointers = [...argv].reverse().map(string).reverse();
  const entries = auxiliary.map(([key, value]) => [key, typeof value === 'number' ? value : push(value, 16)] as const);

  const words = 1 + argv.length + 1 + envp.length + 1 + (entries.length + 1) * 2;
  const pointer = Math.floor((at - words * 8) / 16) * 16;
  const block = new Uint8Array(words * 8);
  const view = new DataView(block.buffer);
  let offset = 0;
  const word = (value: number): void => {
    view.setUint32(offset, value % 0x1_0000_0000, true);
    view.setUint32(offset + 4, Math.floor(value / 0x1_0000_0000), true);
    offset += 8;
  };
  word(argv.length);
  for (const each of argPointers) word(each);
  word(0);
  const envAt = pointer + offset;
  for (const each of envPointers) word(each);
  word(0);
  const auxAt = offset;
  for (const [key, value] of entries) {
    word(key);
    word(value);
  }
  word(0);
  word(0);
  space.copyOut(pointer, block);
  return { pointer, argv: pointer + 8, envp: envAt, auxv: block.slice(auxAt) };
}

/** Text as the bytes of a C string, its NUL included. */
export function cString(text: string): Uint8Array {
  return bytesOf(`${text}\0`);
}
