/** Strings as a trace shows them: quoted, escaped, cut. */
import { bytesOf } from '../base/text.ts';

const LIMIT = 32;
const ESCAPES: Readonly<Record<number, string>> = { 9: '\\t', 10: '\\n', 11: '\\v', 12: '\\f', 13: '\\r', 34: '\\"', 92: '\\\\' }; // biome-ignore format: one row

/** Bytes or text in double quotes with C escapes; cut after 32 bytes, which `…` marks. File names are never cut. */
export function quote(what: Uint8Array | string, cut = false): string {
  const bytes = typeof what === 'string' ? bytesOf(what) : what;
  const shown = typeof what === 'string' ? bytes.length : Math.min(bytes.length, LIMIT);
  let out = '"';
  for (let i = 0; i < shown; i++) out += escaped(bytes[i], bytes[i + 1]);
  return `${out}"${cut || shown < bytes.length ? '...' : ''}`;
}

function escaped(byte: number, next: number | undefined): string {
  const known = ESCAPES[byte];
  if (known) return known;
  if (byte >= 32 && byte < 127) return String.fromCharCode(byte);
  const digitFollows = next !== undefined && next >= 48 && next <= 57;
  return `\\${byte.toString(8).padStart(digitFollows ? 3 : 1, '0')}`;
}
