/** Makes small ELF files for the loader's tests: valid by default, each field open to damage. */

export interface SegmentSpec {
  type?: number;
  flags?: number;
  offset?: number;
  address?: number;
  fileSize?: number;
  memorySize?: number | bigint;
}

export interface ElfSpec {
  type?: number;
  machine?: number;
  osabi?: number;
  entry?: number;
  segments?: SegmentSpec[];
  /** Bytes placed at file offsets. */
  data?: Record<number, string | Uint8Array>;
  size?: number;
}

/** A static executable with code at 0x401000 and data with BSS at 0x402000, unless told otherwise. */
export function makeElf(spec: ElfSpec = {}): Uint8Array {
  const segments = spec.segments ?? [
    { flags: 5, offset: 0x1000, address: 0x40_1000, fileSize: 0x100, memorySize: 0x100 },
    { flags: 6, offset: 0x1100, address: 0x40_2100, fileSize: 0x80, memorySize: 0x3000 },
  ];
  const bytes = new Uint8Array(spec.size ?? 0x2000);
  const view = new DataView(bytes.buffer);
  bytes.fill(0xcc, 0x1000);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, spec.osabi ?? 0]);
  view.setUint16(16, spec.type ?? 2, true);
  view.setUint16(18, spec.machine ?? 62, true);
  view.setUint32(20, 1, true);
  view.setBigUint64(24, BigInt(spec.entry ?? 0x40_1000), true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(52, 64, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, segments.length, true);
  segments.forEach((segment, i) => {
    const at = 64 + i * 56;
    view.setUint32(at, segment.type ?? 1, true);
    view.setUint32(at + 4, segment.flags ?? 4, true);
    view.setBigUint64(at + 8, BigInt(segment.offset ?? 0), true);
    view.setBigUint64(at + 16, BigInt(segment.address ?? 0), true);
    view.setBigUint64(at + 32, BigInt(segment.fileSize ?? 0), true);
    view.setBigUint64(at + 40, BigInt(segment.memorySize ?? segment.fileSize ?? 0), true);
  });
  for (const [at, data] of Object.entries(spec.data ?? {})) {
    bytes.set(typeof data === 'string' ? new TextEncoder().encode(data) : data, Number(at));
  }
  return bytes;
}
