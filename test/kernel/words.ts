/** Short words for tests of kernel objects: bytes from and to text, symbolic errors, reads as text. */
import type { OpenFile } from '../../src/kernel/open-file.ts';

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (data: Uint8Array): string => new TextDecoder().decode(data);

/** 'ok', or the symbolic error. */
export function code(action: () => unknown): string {
  try {
    action();
    return 'ok';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

export function read(file: OpenFile, most = 100): string {
  const into = new Uint8Array(most);
  return text(into.subarray(0, file.read(into)));
}

/** As read; '-' where it would block. */
export function readNow(file: OpenFile, most = 100): string {
  try {
    return read(file, most);
  } catch {
    return '-';
  }
}
