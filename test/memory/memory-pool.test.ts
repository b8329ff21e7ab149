/** The pool of memories: what is taken reads zero, what is given back serves again unless it occupies too much. */
import { describe, expect, it, vi } from 'vitest';
import { giveMemory, type PooledMemory, takeMemory } from '../../src/memory/memory-pool.ts';
import { RUNTIME_SIZE } from '../../src/memory/runtime-area.ts';

const MB = 1 << 20;

/** Take so many memories at once. */
const take = (count: number): PooledMemory[] => Array.from({ length: count }, () => takeMemory(RUNTIME_SIZE));

describe('memories', () => {
  it('serve again, the one that is zeroed soonest first', () => {
    const [large, small] = take(2);
    const zeroed: string[] = [];
    giveMemory(small, MB, () => zeroed.push('small'));
    giveMemory(large, 100 * MB, () => zeroed.push('large'));
    expect([takeMemory(RUNTIME_SIZE) === small, takeMemory(RUNTIME_SIZE) === large]).toEqual([true, true]);
    expect(zeroed).toEqual(['small', 'large']);
  });

  it('are let go where they occupy too much together, the largest first', () => {
    const [first, second, third] = take(3);
    giveMemory(first, 120 * MB, () => {});
    giveMemory(second, 150 * MB, () => {});
    giveMemory(third, 100 * MB, () => {});
    const again = take(3);
    expect([again[0] === third, again[1] === first, again[2] === second]).toEqual([true, true, false]);
  });

  it('are not used again where nothing can zero them', () => {
    const [one] = take(1);
    giveMemory(one, MB);
    expect(takeMemory(RUNTIME_SIZE) === one).toBe(false);
  });

  it('are ENOMEM where V8 finds no addresses for them', () => {
    const none = vi.spyOn(WebAssembly, 'Memory').mockImplementation(function refuse(): never {
      throw new RangeError('could not allocate memory');
    });
    expect(() => takeMemory(RUNTIME_SIZE)).toThrow(expect.objectContaining({ code: 'ENOMEM' }));
    none.mockRestore();
  });
});
