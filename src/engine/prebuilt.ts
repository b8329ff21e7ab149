/** The engine's own modules made at build time: generating them at every start would cost more than the rest of the start. Optional: what is absent is generated. */
import { bug } from '../base/failures.ts';
import type { Instruction, Isa } from '../isa/isa.ts';
import { commonShapes, handlerModule, lowerHandler, type Shape } from './interpreter/handlers.ts';
import { runtimeModule } from './runtime-module.ts';
import { Func } from './wasm/encoder.ts';

export interface Prebuilt {
  readonly runtime: Uint8Array;
  readonly handlers: Uint8Array;
  /** How many handlers there are. */
  readonly count: number;
  /** Their shapes, in table order from 1; those that share one in one string, with spaces between. */
  shapes(): readonly string[];
}

/** Make the modules for these instructions' shapes. Many encodings mean the same and share a handler. */
export function prebuild(isa: Isa, instructions: readonly Instruction[]): Prebuilt {
  const common = commonShapes(isa);
  const functions: string[] = [];
  const indexOf = (name: string): number =>
    functions.includes(name) ? functions.indexOf(name) : functions.push(name) - 1;
  const shared = new Map<string, Shape[]>();
  const all: Shape[] = [...common, ...instructions.map((i) => ({ key: i.shape, instruction: i }))];
  for (const shape of all) {
    const f = new Func(2);
    lowerHandler(f, isa, shape, indexOf);
    // Pairs are told apart by the loop alone.
    const meaning = shape.second ? shape.key : f.view().join();
    shared.set(meaning, [...(shared.get(meaning) ?? []), shape]);
  }
  const shapes = [...shared.values()];
  // The interpreter's switch goes by their places in the table.
  if (common.some((shape, i) => shapes[i][0] !== shape)) bug('two common shapes mean the same');
  return {
    runtime: runtimeModule(isa),
    handlers: handlerModule(
      isa,
      1,
      shapes.map(([first]) => first),
    ),
    count: shapes.length,
    shapes: () => shapes.map((same) => [...new Set(same.map((s) => s.key))].join(' ')),
  };
}

/** Bytes of the head. */
const HEAD = 12;

/** One file: size of the shapes' text, size of the runtime and count of shapes (u32 each), shapes by line, runtime, handlers. */
export function encodePrebuilt(p: Prebuilt): Uint8Array {
  const text = new TextEncoder().encode(p.shapes().join('\n'));
  const out = new Uint8Array(HEAD + text.length + p.runtime.length + p.handlers.length);
  const view = new DataView(out.buffer);
  view.setUint32(0, text.length, true);
  view.setUint32(4, p.runtime.length, true);
  view.setUint32(8, p.count, true);
  out.set(text, HEAD);
  out.set(p.runtime, HEAD + text.length);
  out.set(p.handlers, HEAD + text.length + p.runtime.length);
  return out;
}

export function decodePrebuilt(file: Uint8Array): Prebuilt {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const [runtime, handlers] = [
    HEAD + view.getUint32(0, true),
    HEAD + view.getUint32(0, true) + view.getUint32(4, true),
  ];
  return {
    count: view.getUint32(8, true),
    shapes: () => new TextDecoder().decode(file.subarray(HEAD, runtime)).split('\n'),
    runtime: file.subarray(runtime, handlers),
    handlers: file.subarray(handlers),
  };
}
