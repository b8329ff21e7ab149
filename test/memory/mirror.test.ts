import { expect, test } from 'vitest';
import { AddressSpace } from '../../src/memory/address-space.ts';
import { fileOf } from './files.ts';

const AT = 0x40_0000;
const PAGE = 4096;
const request = { address: AT, length: 4 * PAGE, prot: 3, fixed: true };

test('what a mirror writes reaches neither the original nor the file', () => {
  const file = fileOf(4 * PAGE);
  const space = new AddressSpace();
  space.map({ ...request, shared: true, file });
  space.map({ ...request, address: AT + 8 * PAGE, shared: true });
  const mirror = space.mirror();
  const was = file.bytes[5];
  for (const at of [AT + 5, AT + 8 * PAGE]) mirror.writeU8(at, was ^ 0xff);
  mirror.sync(AT, 4 * PAGE);
  mirror.dispose();
  expect([space.readU8(AT + 5), file.bytes[5], space.readU8(AT + 8 * PAGE)]).toEqual([was, was, 0]);
});

test('a mirror leaves the original its shared pages in the window', () => {
  const space = new AddressSpace();
  space.map({ ...request, shared: true });
  space.writeU8(AT, 1);
  space.mirror();
  expect(space.placeOf(AT, 1, 'write')).toBeGreaterThan(0);
});

test('a mirror that loads a private page late does not see what was written to the file since', () => {
  const file = fileOf(PAGE);
  const space = new AddressSpace();
  space.map({ ...request, length: PAGE, file });
  space.map({ ...request, address: AT + PAGE, length: PAGE, shared: true, file });
  const mirror = space.mirror();
  for (const one of [space, mirror]) {
    one.writeU8(AT, 0x50);
    one.writeU8(AT + PAGE + 1, 0x53);
  }
  expect(mirror.differenceFrom(space)).toBeUndefined();
});

test('what was written to a shared file is in its mirror, though writing it back made the page clean', () => {
  const file = fileOf(PAGE);
  const space = new AddressSpace();
  space.map({ ...request, length: PAGE, shared: true, file });
  const mirror = space.mirror();
  const was = mirror.readU8(AT);
  space.writeU8(AT, was ^ 0xff);
  space.sync(AT, PAGE);
  mirror.follow(space);
  expect(mirror.readU8(AT)).toBe(was ^ 0xff);
});

test('pages that a call brought into the original are in the mirror as well', () => {
  const file = fileOf(4 * PAGE);
  const space = new AddressSpace();
  space.map({ ...request, file });
  const mirror = space.mirror();
  space.copyIn(AT, PAGE);
  mirror.follow(space);
  expect(mirror.placeOf(AT, PAGE, 'read')).toBe(space.placeOf(AT, PAGE, 'read'));
});

test('the difference says where and what', () => {
  const space = new AddressSpace();
  space.map(request);
  const mirror = space.mirror();
  space.writeU32(AT + PAGE + 8, 0x0102_0304);
  mirror.writeU32(AT + PAGE + 8, 0x0102_ff04);
  expect(mirror.differenceFrom(space)).toEqual({ address: AT + PAGE + 9, theirs: 0x03, ours: 0xff });
  mirror.follow(space);
  expect(mirror.differenceFrom(space)).toBeUndefined();
});

test('code stays where the original has code from the same page, for a REP instruction to go as far', () => {
  const space = new AddressSpace();
  space.map({ ...request, prot: 7 });
  const mirror = space.mirror();
  const dropped: number[] = [];
  mirror.onCodeChanged = (start) => dropped.push(start);
  for (const one of [space, mirror]) one.copyOut(AT, Uint8Array.of(0x90));
  for (const one of [space, mirror]) for (const page of [AT, AT + PAGE]) one.markCode(page, page + 1);
  space.copyOut(AT + PAGE, Uint8Array.of(0x90));
  mirror.follow(space);
  expect(dropped).toEqual([AT + PAGE]);
  // Written again as it was: no code from it any more.
  space.copyOut(AT, Uint8Array.of(0x90));
  mirror.follow(space);
  expect(dropped).toEqual([AT + PAGE, AT]);
});
