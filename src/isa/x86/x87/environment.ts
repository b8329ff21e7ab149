/** Control and status as a whole: FNINIT, FNCLEX, FLDCW, and the memory images of FNSTENV, FLDENV, FNSAVE and FRSTOR (32-bit protected-mode layout, which 64-bit mode uses; with an operand-size prefix the 16-bit one). */
import { FIELDS, x87Offset } from '../state.ts';
import { ES } from './fpu.ts';

const BUSY = 0x8000;
type Word = 'fcw' | 'fsw' | 'ftag' | 'ftop' | 'fop';

const read = (view: DataView, state: number, name: Word): number => view.getInt32(state + FIELDS[name].offset, true);
const write = (view: DataView, state: number, name: Word, v: number): void =>
  view.setInt32(state + FIELDS[name].offset, v, true);

/** The exception summary follows from exceptions and masks. */
function summarise(fsw: number, fcw: number): number {
  const rest = fsw & ~(ES | BUSY);
  return rest & ~fcw & 0x3f ? rest | ES | BUSY : rest;
}

export function statusWord(view: DataView, state: number): number {
  return (read(view, state, 'fsw') & ~0x3800) | ((read(view, state, 'ftop') & 7) << 11);
}

export function initialise(view: DataView, state: number): void {
  write(view, state, 'fcw', 0x37f);
  write(view, state, 'fsw', 0);
  write(view, state, 'ftop', 0);
  write(view, state, 'ftag', 0);
  write(view, state, 'fop', 0);
  view.setBigInt64(state + FIELDS.fip.offset, 0n, true);
  view.setBigInt64(state + FIELDS.fdp.offset, 0n, true);
}

export function clearExceptions(view: DataView, state: number): void {
  write(view, state, 'fsw', read(view, state, 'fsw') & 0x7f00);
}

/** Bit 6 always reads as set, the others beyond the fields as clear. */
export function loadControl(view: DataView, state: number, fcw: number): void {
  const value = (fcw & 0x1f3f) | 0x40;
  write(view, state, 'fcw', value);
  write(view, state, 'fsw', summarise(read(view, state, 'fsw'), value));
}

/** FNSTENV masks every exception once it has stored the old masks. */
export function maskAll(view: DataView, state: number): void {
  const fcw = read(view, state, 'fcw') | 0x3f;
  write(view, state, 'fcw', fcw);
  write(view, state, 'fsw', summarise(read(view, state, 'fsw'), fcw));
}

/** Bring the exception summary and the fixed bits up to date after a whole image was loaded. */
export function refresh(view: DataView, state: number): void {
  loadControl(view, state, read(view, state, 'fcw'));
}

/** The two-bit tags, which the state block does not keep: 0 valid, 1 zero, 2 special, 3 empty. */
function fullTags(view: DataView, state: number): number {
  const used = read(view, state, 'ftag');
  let tags = 0;
  for (let i = 0; i < 8; i++) {
    let tag = 3;
    if ((used >> i) & 1) {
      const at = state + x87Offset(i);
      const e = view.getUint16(at + 8, true) & 0x7fff;
      const high = view.getUint32(at + 4, true);
      if (e === 0) tag = high === 0 && view.getUint32(at, true) === 0 ? 1 : 2;
      else tag = e === 0x7fff || high >>> 31 === 0 ? 2 : 0;
    }
    tags |= tag << (i * 2);
  }
  return tags;
}

/** 28 or 14 bytes. */
export function storeEnvironment(view: DataView, state: number, wide: boolean): Uint8Array {
  const image = new Uint8Array(wide ? 28 : 14);
  const out = new DataView(image.buffer);
  const step = wide ? 4 : 2;
  const put = (index: number, v: number, reserved = 0xffff) => {
    out.setUint16(index * step, v, true);
    if (wide) out.setUint16(index * step + 2, reserved, true);
  };
  put(0, read(view, state, 'fcw'));
  put(1, statusWord(view, state));
  put(2, fullTags(view, state));
  const fip = view.getUint32(state + FIELDS.fip.offset, true);
  const fdp = view.getUint32(state + FIELDS.fdp.offset, true);
  put(3, fip, fip >>> 16);
  put(4, 0, read(view, state, 'fop') & 0x7ff);
  put(5, fdp, fdp >>> 16);
  put(6, 0);
  return image;
}

export function loadEnvironment(view: DataView, state: number, image: Uint8Array, wide: boolean): void {
  const from = new DataView(image.buffer, image.byteOffset, image.byteLength);
  const step = wide ? 4 : 2;
  const fcw = (from.getUint16(0, true) & 0x1f3f) | 0x40;
  const fsw = from.getUint16(step, true);
  const tags = from.getUint16(2 * step, true);
  let used = 0;
  for (let i = 0; i < 8; i++) if (((tags >> (i * 2)) & 3) !== 3) used |= 1 << i;
  write(view, state, 'fcw', fcw);
  write(view, state, 'fsw', summarise(fsw & ~0x3800, fcw));
  write(view, state, 'ftop', (fsw >> 11) & 7);
  write(view, state, 'ftag', used);
}

/** Environment and the eight registers from ST(0) on; then the FPU is initialised. */
export function saveAll(view: DataView, state: number, wide: boolean): Uint8Array {
  const head = storeEnvironment(view, state, wide);
  const image = new Uint8Array(head.length + 80);
  image.set(head);
  const top = read(view, state, 'ftop');
  const bytes = new Uint8Array(view.buffer);
  for (let i = 0; i < 8; i++) {
    const at = state + x87Offset((top + i) & 7);
    image.set(bytes.subarray(at, at + 10), head.length + i * 10);
  }
  initialise(view, state);
  return image;
}

export function restoreAll(view: DataView, state: number, image: Uint8Array, wide: boolean): void {
  loadEnvironment(view, state, image, wide);
  const start = wide ? 28 : 14;
  const top = read(view, state, 'ftop');
  const bytes = new Uint8Array(view.buffer);
  for (let i = 0; i < 8; i++) {
    bytes.set(image.subarray(start + i * 10, start + i * 10 + 10), state + x87Offset((top + i) & 7));
  }
}
