/** The index of blocks by their PC agrees with a map, whatever comes and goes. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { BlockIndex } from '../../src/engine/block-index.ts';
import { REC_PC, RECORD_SIZE } from '../../src/isa/record.ts';

/** A few PCs that meet each other often, and any. */
const pcs = fc.oneof(
  fc.integer({ min: 0, max: 40 }).map((n) => 0x40_0000 + n * 4096),
  fc.integer({ min: 0, max: 0xffff_ffff }),
);

test('what was added is found until it is deleted', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ pc: pcs, gone: fc.boolean() }), { maxLength: 3000 }), (steps) => {
      const memory = { view: new DataView(new ArrayBuffer((steps.length + 2) * RECORD_SIZE)) };
      const index = new BlockIndex(memory);
      const model = new Map<number, number>();
      steps.forEach(({ pc, gone }, i) => {
        if (gone) {
          index.delete(pc);
          model.delete(pc);
        } else if (!model.has(pc)) {
          const record = (i + 1) * RECORD_SIZE;
          memory.view.setUint32(record + REC_PC, pc, true);
          index.add(record);
          model.set(pc, record);
        }
        expect(index.get(pc)).toBe(model.get(pc) ?? 0);
      });
      expect(index.size).toBe(model.size);
      for (const { pc } of steps) expect(index.get(pc)).toBe(model.get(pc) ?? 0);
      expect([...index.records()].sort()).toEqual([...model.values()].sort());
    }),
  );
});

test('a PC above 4 GiB is nobody’s', () => {
  const memory = { view: new DataView(new ArrayBuffer(2 * RECORD_SIZE)) };
  const index = new BlockIndex(memory);
  memory.view.setUint32(RECORD_SIZE + REC_PC, 0x1000, true);
  index.add(RECORD_SIZE);
  expect(index.get(0x1000)).toBe(RECORD_SIZE);
  expect(index.get(0x1_0000_1000)).toBe(0);
  expect(index.get(-1)).toBe(0);
});
