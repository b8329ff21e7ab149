import { describe, expect, it } from 'vitest';
import { FutexTable } from '../../src/kernel/futex.ts';

const memory = {};
const at = (offset: number) => ({ object: memory, offset });

describe('futexes', () => {
  const table = () => {
    const futexes = new FutexTable();
    return { futexes, park: (offset: number, bits = -1) => futexes.park(at(offset), bits) };
  };
  it('wake those who came first', () => {
    const { futexes, park } = table();
    const [a, b] = [park(0), park(0)];
    expect([futexes.wake(at(0), 1), a.woken, b.woken]).toEqual([1, true, false]);
  });
  it('nobody is there', () => expect(table().futexes.wake(at(0), 1)).toBe(0));
  it('other words sleep on', () => {
    const { futexes, park } = table();
    park(4);
    expect(futexes.wake(at(0), 9)).toBe(0);
  });
  it('other memories too', () => {
    const { futexes, park } = table();
    park(0);
    expect(futexes.wake({ object: {}, offset: 0 }, 9)).toBe(0);
  });
  it('by bits', () => {
    const { futexes, park } = table();
    const [a, b] = [park(0, 1), park(0, 2)];
    expect([futexes.wake(at(0), 9, 2), a.woken, b.woken]).toEqual([1, false, true]);
  });
  it('who left is not woken', () => {
    const { futexes, park } = table();
    park(0).leave();
    expect(futexes.wake(at(0), 9)).toBe(0);
  });
  it('some are woken, some moved', () => {
    const { futexes, park } = table();
    for (let i = 0; i < 5; i++) park(0);
    expect([futexes.requeue(at(0), at(4), 1, 2), futexes.wake(at(0), 9), futexes.wake(at(4), 9)]).toEqual([[1, 2], 2, 2]); // biome-ignore format: one line
  });
  it('who was moved leaves from there', () => {
    const { futexes, park } = table();
    const waiter = park(0);
    futexes.requeue(at(0), at(4), 0, 1);
    waiter.leave();
    expect(futexes.wake(at(4), 9)).toBe(0);
  });
});
