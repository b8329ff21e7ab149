/** Whether this machine's own floating point chooses NaNs as x86 does, so that translated code need not look for them. */

const I64 = 0x7e;
/** A module of four functions (i64, i64) → i64: the bits of the sum, difference, product and quotient of two doubles. */
const PROBE = [
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...[1, 7, 1, 0x60, 2, I64, I64, 1, I64],
  ...[3, 5, 4, 0, 0, 0, 0],
  ...[7, 17, 4, 1, 0x61, 0, 0, 1, 0x73, 0, 1, 1, 0x6d, 0, 2, 1, 0x64, 0, 3],
  ...[10, 45, 4, ...[0xa0, 0xa1, 0xa2, 0xa3].flatMap((op) => [10, 0, 0x20, 0, 0xbf, 0x20, 1, 0xbf, op, 0xbd, 0x0b])],
];

type Operation = (x: bigint, y: bigint) => bigint;

function probe(): boolean {
  const { a, s, m, d } = new WebAssembly.Instance(new WebAssembly.Module(Uint8Array.from(PROBE))).exports as Record<
    string,
    Operation
  >;
  const bits = (f: Operation, x: bigint, y: bigint) => BigInt.asUintN(64, f(x, y));
  const [one, signalling, quiet] = [0x3ff0_0000_0000_0000n, 0x7ff0_0000_0000_1234n, 0xfff8_0000_0000_0001n];
  const invalid = bits(d, 0n, 0n) === 0xfff8_0000_0000_0000n;
  const first = [s, d].every((f) => bits(f, signalling, quiet) === 0x7ff8_0000_0000_1234n);
  const either = [a, s, m, d].every((f) => bits(f, one, quiet) === quiet && bits(f, quiet, one) === quiet);
  return invalid && first && either;
}

let known: boolean | undefined;

/**
 * True on x86-64 hosts: the default NaN is negative, the first of two NaN operands wins, quieted. There regions skip the test of every
 * result (30 to 45 % of the time of floating-point loops). What remains open is which of two different NaNs a sum or a product takes,
 * since the compiler below may exchange the operands.
 */
export const hostNans = {
  get native(): boolean {
    known ??= probe();
    return known;
  },
  set native(value: boolean) {
    known = value;
  },
};
