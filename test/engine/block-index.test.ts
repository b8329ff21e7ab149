/** The index of blocks by their PC agrees with a map, whatever comes and goes. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { BlockIndex } from '../../src/engine/block-index.ts';
import { BLOCK_HEADER, BLOCK_HIGH, REC_PC, RECORD_SIZE } from '../../src/isa/record.ts';

const SPACING = BLOCK_HEADER + RECORD_SIZE;
function write(view: DataView, record: number, pc: number): void {
  view.setUint32(record + REC_PC, pc % 0x1_0000_0000, true);
  view.setUint16(record + BLOCK_HIGH, Math.floor(pc / 0x1_0000_0000), true);
}

/** A few PCs that meet each other often, and any. */
const pcs = fc.oneof(
  fc.integer({ min: 0, max: 40 }).map((n) => 0x40_0000 + n * 4096),
  fc.integer({ min: 0, max: 0x7fff_ffff_ffff }),
);

test('what was added is found until it is deleted', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ pc: pcs, gone: fc.boolean() }), { maxLength: 3000 }), (steps) => {
      const memory = { view: new DataView(new ArrayBuffer((steps.length + 2) * SPACING)) };
      const index = new BlockIndex(memory);
      const model = new Map<number, number>();
      steps.forEach(({ pc, gone }, i) => {
        if (gone) {
          index.delete(pc);
          model.delete(pc);
        } else if (!model.has(pc)) {
          const record = (i + 1) * SPACING;
          write(memory.view, record, pc);
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

test('PCs with the same lower half are told apart', () => {
  const memory = { view: new DataView(new ArrayBuffer(3 * SPACING)) };
  const index = new BlockIndex(memory);
  write(memory.view, SPACING, 0x1000);
  write(memory.view, 2 * SPACING, 0x7000_0000_1000);
  index.add(SPACING);
  expect(index.get(0x7000_0000_1000)).toBe(0);
  index.add(2 * SPACING);
  expect([index.get(0x1000), index.get(0x7000_0000_1000), index.get(-1)]).toEqual([SPACING, 2 * SPACING, 0]);
});
