import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bytesOf, isEscaped, textOf } from '../../src/base/text.ts';

const bytes = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

test.each([
  ['', ''],
  ['612f62', 'a/b'],
  ['c3a9f09f9880', 'é😀'],
  ['efbbbf61', '\ufeffa'],
  ['efbfbd', '\ufffd'],
  ['ff', '\udcff'],
  ['efbfbdff', '\ufffd\udcff'],
  ['c328', '\udcc3('],
  ['c3a9c3', 'é\udcc3'],
  ['edb280', '\udced\udcb2\udc80'],
  ['c0af', '\udcc0\udcaf'],
  ['f09f98', '\udcf0\udc9f\udc98'],
  ['f4908080', '\udcf4\udc90\udc80\udc80'],
])('%s is %j', (hex, text) => {
  expect(textOf(bytes(hex))).toBe(text);
  expect(bytesOf(text)).toEqual(bytes(hex));
});

test('any bytes come out as they went in', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 12 }), (some) => {
      expect(bytesOf(textOf(some))).toEqual(some);
    }),
  );
});

test('escapes are lone surrogates only', () => {
  expect([isEscaped('a\udc80'), isEscaped('\u{1f480}'), isEscaped('é')]).toEqual([true, false, false]);
});
