/** Guest text, such as file names, is bytes: what is not UTF-8 lives in strings as U+DC80..U+DCFF, one for each such byte (Python's surrogateescape), and comes out as it went in. */

// A byte order mark is part of a name, too.
const lenient = new TextDecoder('utf-8', { ignoreBOM: true });
const strict = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });
const encoder = new TextEncoder();

/** Lone surrogates only: under the flag u those of a pair do not match. */
const ESCAPE = /[\udc80-\udcff]/u;

export function textOf(bytes: Uint8Array): string {
  const text = lenient.decode(bytes);
  return text.includes('\ufffd') ? withEscapes(bytes) : text;
}

export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return ESCAPE.test(text) ? withoutEscapes(text) : encoder.encode(text);
}

/** Whether the text stands for bytes that are not UTF-8. */
export const isEscaped = (text: string): boolean => ESCAPE.test(text);

function withEscapes(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const lead = bytes[at];
    const length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    try {
      text += strict.decode(bytes.subarray(at, at + length));
      at += length;
    } catch {
      text += String.fromCharCode(0xdc00 | lead);
      at++;
    }
  }
  return text;
}

function withoutEscapes(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length * 3);
  let length = 0;
  for (const character of text) {
    if (ESCAPE.test(character)) bytes[length++] = character.charCodeAt(0) & 0xff;
    else length += encoder.encodeInto(character, bytes.subarray(length)).written;
  }
  return bytes.slice(0, length);
}
