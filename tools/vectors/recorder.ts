/** Runs single instructions on this machine's CPU through recorder.c (compiled on demand): the protocol's encoding, nothing about what to run. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Case, FX_BYTES, type Result } from './case.ts';

const SOURCE = fileURLToPath(new URL('./recorder.c', import.meta.url));
const FLAGS = ['-O2', '-Wall', '-mfsgsbase', '-mno-red-zone', '-fno-stack-protector', '-static-pie'];
const HAS_FX = 1;
const HAS_BASES = 2;
const REPEATS = 4;
const PUSHES_FLAGS = 8;
const PROGRAM = 16;
/** Longer code is a program. */
const LONGEST = 16;

/** Is this machine's processor another than AMD's, which some things do differently? */
export function otherMaker(): boolean {
  return !readFileSync('/proc/cpuinfo', 'utf8').includes('AuthenticAMD');
}

/** The compiled recorder; throws where this machine is not x86-64 Linux or has no compiler. */
export function buildRecorder(): string {
  if (process.arch !== 'x64' || process.platform !== 'linux') throw new Error('recording needs x86-64 Linux');
  const directory = join(tmpdir(), 'hospes-vectors');
  const program = join(directory, 'recorder');
  if (!existsSync(program) || statSync(program).mtimeMs < statSync(SOURCE).mtimeMs) {
    mkdirSync(directory, { recursive: true });
    execFileSync('gcc', [...FLAGS, '-o', program, SOURCE], { stdio: 'inherit' });
  }
  return program;
}

/** Run every case on the CPU; about 300,000 a second. */
export function record(cases: readonly Case[]): Result[] {
  const run = spawnSync(buildRecorder(), { input: encode(cases), maxBuffer: 1 << 30 });
  if (run.status !== 0) throw new Error(`recorder ended with ${run.status ?? run.signal}: ${run.stderr}`);
  return decode(run.stdout, cases);
}

const isProgram = (c: Case) => c.code.length > LONGEST;

function encode(cases: readonly Case[]): Uint8Array {
  let size = 0;
  for (const c of cases) {
    size += (isProgram(c) ? 4 + c.code.length : 0) + 160 + (c.bases ? 16 : 0) + (c.fx ? FX_BYTES : 0);
    for (const p of c.patches) size += 4 + p.bytes.length;
  }
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const c of cases) {
    const program = isProgram(c);
    bytes[at] = program ? 0 : c.code.length;
    bytes[at + 1] =
      (c.fx ? HAS_FX : 0) |
      (c.bases ? HAS_BASES : 0) |
      (c.repeats ? REPEATS : 0) |
      (c.pushesFlags ? PUSHES_FLAGS : 0) |
      (program ? PROGRAM : 0);
    view.setUint16(at + 2, c.patches.length, true);
    view.setUint32(at + 4, c.address, true);
    if (!program) bytes.set(c.code, at + 8);
    for (let i = 0; i < 16; i++) view.setBigUint64(at + 24 + i * 8, c.gpr[i], true);
    view.setBigUint64(at + 152, BigInt(c.flags), true);
    at += 160;
    if (c.bases) {
      view.setBigUint64(at, c.bases[0], true);
      view.setBigUint64(at + 8, c.bases[1], true);
      at += 16;
    }
    if (c.fx) {
      bytes.set(c.fx, at);
      at += FX_BYTES;
    }
    for (const p of c.patches) {
      view.setUint16(at, p.offset, true);
      view.setUint16(at + 2, p.bytes.length, true);
      bytes.set(p.bytes, at + 4);
      at += 4 + p.bytes.length;
    }
    if (program) {
      view.setUint32(at, c.code.length, true);
      bytes.set(c.code, at + 4);
      at += 4 + c.code.length;
    }
  }
  return bytes;
}

function decode(bytes: Uint8Array, cases: readonly Case[]): Result[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  return cases.map((c) => {
    const changes = view.getUint16(at + 2, true);
    const gpr = new BigUint64Array(16);
    for (let i = 0; i < 16; i++) gpr[i] = view.getBigUint64(at + 16 + i * 8, true);
    const result: Result = {
      trap: bytes[at],
      error: view.getUint32(at + 4, true),
      fault: view.getBigUint64(at + 8, true),
      gpr,
      rip: view.getBigUint64(at + 144, true),
      flags: Number(view.getBigUint64(at + 152, true)),
      bases: [view.getBigUint64(at + 160, true), view.getBigUint64(at + 168, true)],
      fx: undefined,
      changes: [],
    };
    at += 176;
    if (c.fx) {
      result.fx = bytes.slice(at, at + FX_BYTES);
      at += FX_BYTES;
    }
    for (let i = 0; i < changes; i++) {
      const length = view.getUint16(at + 2, true);
      result.changes.push({ offset: view.getUint16(at, true), bytes: bytes.slice(at + 4, at + 4 + length) });
      at += 4 + length;
    }
    return result;
  });
}
