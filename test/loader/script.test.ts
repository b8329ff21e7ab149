import { expect, test } from 'vitest';
import { parseScript } from '../../src/loader/script.ts';

const encode = (text: string) => new TextEncoder().encode(text);

function parsed(text: string): string | undefined {
  const script = parseScript(encode(text));
  if (!script) return undefined;
  return script.argument ? `${script.interpreter}|${new TextDecoder().decode(script.argument)}` : script.interpreter;
}

test('a #! line names an interpreter and at most one argument', () => {
  expect(parsed('#!/bin/sh\necho')).toBe('/bin/sh');
  expect(parsed('#! \t/bin/sh \t \n')).toBe('/bin/sh');
  expect(parsed('#!/usr/bin/env python3 -u  x \n')).toBe('/usr/bin/env|python3 -u  x');
  expect(parsed('#!/bin/sh')).toBe('/bin/sh');
  expect(parsed('#!/bin/sh\0 -x\n')).toBe('/bin/sh');
});

test('a line without a name, or one cut off at 256 bytes, is no script', () => {
  expect(parsed('#!\n')).toBeUndefined();
  expect(parsed('#!   \n/bin/sh')).toBeUndefined();
  expect(parsed('echo')).toBeUndefined();
  expect(parsed(`#!/${'a'.repeat(300)}\n`)).toBeUndefined();
  expect(parsed(`#!/bin/sh ${'a'.repeat(300)}\n`)).toBe(`/bin/sh|${'a'.repeat(246)}`);
});
