/** Lays images into an address space: segments, program interpreter, heap start and stack. What goes onto the stack is the personality's business. */
import { GuestError } from '../base/failures.ts';
import type { AddressSpace, MappedFile } from '../memory/address-space.ts';
import { PROT_EXEC, PROT_READ, PROT_WRITE } from '../memory/address-space.ts';
import { PAGE_SIZE, WINDOW_SIZE } from '../memory/runtime-area.ts';
import type { Image, Segment } from './image.ts';
import { hex, LoadError } from './load-error.ts';

/** A parsed file together with its bytes. */
export interface Program {
  image: Image;
  file: MappedFile;
  /** For messages and /proc/self/maps. */
  path: string;
}

export interface Loaded {
  /** First instruction: the interpreter's entry where there is one, else the program's. */
  start: number;
  /** The program's own entry (AT_ENTRY). */
  entry: number;
  /** What was added to the program's addresses. */
  bias: number;
  /** What was added to the interpreter's addresses (AT_BASE); 0 without one. */
  interpreterBase: number;
  /** Program headers in memory (AT_PHDR, AT_PHNUM, AT_PHENT). */
  phdr: { address: number; count: number; size: number };
  /** First address above the stack. */
  stackTop: number;
}

/** Where position-independent programs go. */
const PROGRAM_BASE = 0x40_0000;
/** Room for the heap between the image and what follows; malloc falls back to mmap when it is used up. Small, because V8 takes the size of a memory for a reason to collect garbage. */
const HEAP_ROOM = 0x800_0000;
/** What is usually mapped above the stack: growing the wasm memory once is cheaper than step by step. */
const MAP_ROOM = 0x200_0000;
const INITIAL_STACK = 0x2_1000;
const MAX_STACK_RESERVE = 0x1000_0000;
const STACK_GUARD = 0x10_0000;

const roundDown = (n: number) => n - (n % PAGE_SIZE);
const roundUp = (n: number) => Math.ceil(n / PAGE_SIZE) * PAGE_SIZE;
const endOf = (segment: Segment) => segment.address + segment.memorySize;

/** Map program and interpreter into a fresh address space and prepare heap and stack. */
export function loadProgram(space: AddressSpace, program: Program, interpreter?: Program): Loaded {
  try {
    return layOut(space, program, interpreter);
  } catch (error) {
    if (!(error instanceof GuestError)) throw error;
    throw new LoadError(`${program.path}: does not fit into memory (${error.code})`, error.code);
  }
}

function layOut(space: AddressSpace, program: Program, interpreter: Program | undefined): Loaded {
  const { image } = program;
  const low = roundDown(image.segments[0].address);
  const bias = image.relocatable ? space.windowBase + PROGRAM_BASE - low : 0;
  mapSegments(space, program, bias);
  const end = roundUp(endOf(image.segments[image.segments.length - 1]) + bias);
  space.setBreakStart(end);
  const stackTop = placeStack(space, image, end);
  let interpreterBase = 0;
  if (interpreter) {
    interpreterBase = interpreter.image.relocatable ? placeInterpreter(space, interpreter.image) : 0;
    mapSegments(space, interpreter, interpreterBase);
  }
  return {
    start: interpreter ? interpreter.image.entry + interpreterBase : image.entry + bias,
    entry: image.entry + bias,
    bias,
    interpreterBase,
    phdr: { ...image.phdr, address: image.phdr.address === 0 ? 0 : image.phdr.address + bias },
    stackTop,
  };
}

function placeInterpreter(space: AddressSpace, image: Image): number {
  const low = roundDown(image.segments[0].address);
  const span = endOf(image.segments[image.segments.length - 1]) - low;
  return space.findFree(span, space.mapBase) - low;
}

/** The stack lies above the heap's room, the area for other mappings above the stack. */
function placeStack(space: AddressSpace, image: Image, imageEnd: number): number {
  const reserve = Math.max(INITIAL_STACK, Math.min(roundUp(space.stackLimit), MAX_STACK_RESERVE));
  space.stackLimit = reserve;
  const windowEnd = space.windowBase + WINDOW_SIZE;
  const room = reserve + 2 * STACK_GUARD;
  // An image that leaves less than half of the window above it lets everything else live below it.
  const above = imageEnd + HEAP_ROOM + room < space.windowBase + WINDOW_SIZE / 2;
  const from = above ? imageEnd + HEAP_ROOM : space.windowBase + PROGRAM_BASE;
  const bottom = space.findFree(room, from);
  const top = bottom + room - STACK_GUARD;
  if (top > windowEnd) throw new LoadError(`no room for a stack of ${hex(reserve)} bytes`, 'ENOMEM');
  space.map({
    address: top - INITIAL_STACK,
    length: INITIAL_STACK,
    prot: PROT_READ | PROT_WRITE | (image.executableStack ? PROT_EXEC : 0),
    fixed: true,
    name: '[stack]',
    growsDown: true,
  });
  space.mapBase = top + STACK_GUARD;
  space.reach(Math.min(windowEnd, space.mapBase + MAP_ROOM));
  return top;
}

function mapSegments(space: AddressSpace, { image, file, path }: Program, bias: number): void {
  for (const segment of image.segments) {
    const start = roundDown(segment.address + bias);
    const fileEnd = segment.address + bias + segment.fileSize;
    const end = roundUp(segment.address + bias + segment.memorySize);
    // A segment without file bytes leaves the page it shares with the one before it alone, unless it could not write there.
    const shared = segment.fileSize > 0 ? undefined : space.mappingAt(start);
    const kept = shared !== undefined && (segment.prot & PROT_WRITE & ~shared.prot) === 0;
    const anonymousFrom = segment.fileSize > 0 ? roundUp(fileEnd) : kept ? start + PAGE_SIZE : start;
    if (segment.fileSize > 0) {
      space.map({
        address: start,
        length: anonymousFrom - start,
        prot: segment.prot,
        fixed: true,
        file,
        offset: roundDown(segment.fileOffset),
        name: path,
      });
    }
    if (end > anonymousFrom) {
      space.map({ address: anonymousFrom, length: end - anonymousFrom, prot: segment.prot, fixed: true });
    }
    // What the file has after the segment's last byte is not the program's: BSS begins there.
    if (segment.memorySize > segment.fileSize && segment.prot & PROT_WRITE && anonymousFrom > fileEnd) {
      for (const span of space.spans(fileEnd, anonymousFrom - fileEnd, 'write')) span.fill(0);
    }
  }
}
