/** The 512-byte FXSAVE image (manual, FXSAVE, 64-bit mode) built from and put back into a state block; signal frames use the same image. */
import { mxcsrField } from './soft-float.ts';
import { FIELDS, x87Offset, xmmOffset } from './state.ts';

export const FXSAVE_SIZE = 512;
/** MXCSR bits that may be set. */
export const MXCSR_MASK = 0xffff;

export function buildFxsave(view: DataView, state: number): Uint8Array {
  const image = new Uint8Array(FXSAVE_SIZE);
  const out = new DataView(image.buffer);
  const field = (name: 'fcw' | 'fsw' | 'ftag' | 'ftop' | 'fop' | 'mxcsr') =>
    view.getInt32(state + FIELDS[name].offset, true);
  const top = field('ftop') & 7;
  out.setUint16(0, field('fcw'), true);
  out.setUint16(2, (field('fsw') & ~0x3800) | (top << 11), true);
  out.setUint8(4, field('ftag'));
  out.setUint16(6, field('fop'), true);
  out.setBigInt64(8, view.getBigInt64(state + FIELDS.fip.offset, true), true);
  out.setBigInt64(16, view.getBigInt64(state + FIELDS.fdp.offset, true), true);
  out.setUint32(24, field('mxcsr') & MXCSR_MASK, true);
  out.setUint32(28, MXCSR_MASK, true);
  const bytes = new Uint8Array(view.buffer);
  for (let i = 0; i < 8; i++) {
    const from = state + x87Offset((top + i) & 7);
    image.set(bytes.subarray(from, from + 10), 32 + i * 16);
  }
  for (let i = 0; i < 16; i++) {
    const from = state + xmmOffset(i);
    image.set(bytes.subarray(from, from + 16), 160 + i * 16);
  }
  return image;
}

/** The caller has checked MXCSR for reserved bits. */
export function parseFxsave(view: DataView, state: number, image: Uint8Array): void {
  const from = new DataView(image.buffer, image.byteOffset, image.byteLength);
  const put = (name: 'fcw' | 'fsw' | 'ftag' | 'ftop' | 'fop' | 'mxcsr', v: number) =>
    view.setInt32(state + FIELDS[name].offset, v, true);
  const fsw = from.getUint16(2, true);
  const top = (fsw >> 11) & 7;
  put('fcw', from.getUint16(0, true));
  put('fsw', fsw & ~0x3800);
  put('ftop', top);
  put('ftag', from.getUint8(4));
  put('fop', from.getUint16(6, true));
  view.setBigInt64(state + FIELDS.fip.offset, from.getBigInt64(8, true), true);
  view.setBigInt64(state + FIELDS.fdp.offset, from.getBigInt64(16, true), true);
  const old = view.getInt32(state + FIELDS.mxcsr.offset, true);
  put('mxcsr', mxcsrField(from.getUint32(24, true) & MXCSR_MASK, old));
  const bytes = new Uint8Array(view.buffer);
  for (let i = 0; i < 8; i++) bytes.set(image.subarray(32 + i * 16, 42 + i * 16), state + x87Offset((top + i) & 7));
  for (let i = 0; i < 16; i++) bytes.set(image.subarray(160 + i * 16, 176 + i * 16), state + xmmOffset(i));
}
