import { describe, expect, it } from 'vitest';
import { EpollFile, type Interest } from '../../src/kernel/epoll.ts';
import { EventFile } from '../../src/kernel/eventfd.ts';
import { type OpenFile, READABLE, WRITABLE } from '../../src/kernel/open-file.ts';
import { makePipe } from '../../src/kernel/pipe.ts';
import { TimerFile } from '../../src/kernel/timerfd.ts';
import { Timers } from '../../src/kernel/timers.ts';
import { bytes, code, read } from './words.ts';

const number = (n: bigint) => new Uint8Array(new BigUint64Array([n]).buffer);
const value = (file: OpenFile) => {
  const into = new Uint8Array(8);
  file.read(into);
  return new DataView(into.buffer).getBigUint64(0, true);
};

describe('eventfd', () => {
  const make = (count: bigint, semaphore = false) => new EventFile(count, semaphore, 0n).retain();
  it('a read takes all', () => {
    const file = make(3n);
    file.write(number(4n));
    expect([value(file), code(() => value(file))]).toEqual([7n, 'EAGAIN']);
  });
  it('a semaphore is taken one by one', () => {
    const file = make(2n, true);
    expect([value(file), value(file), code(() => value(file))]).toEqual([1n, 1n, 'EAGAIN']);
  });
  it('a write that would overflow blocks', () =>
    expect(code(() => make(5n).write(number(2n ** 64n - 6n)))).toBe('EAGAIN'));
  it('the largest number is refused', () => expect(code(() => make(0n).write(number(2n ** 64n - 1n)))).toBe('EINVAL'));
  it('less than eight bytes: EINVAL', () => expect(code(() => make(1n).read(new Uint8Array(7)))).toBe('EINVAL'));
  it.each([
    [0n, WRITABLE],
    [1n, READABLE | WRITABLE],
    [2n ** 64n - 2n, READABLE],
  ])('readiness at %i', (count, ready) => expect(make(count).readiness()).toBe(ready));
});

describe('timerfd', () => {
  const clock = () => {
    const host = { timers: new Timers(), time: 100n, monotonic: () => host.time, realtime: () => host.time + 1000n };
    const advance = (by: bigint) => {
      host.time += by;
      host.timers.expire(host.time);
    };
    return { host, advance };
  };
  it('once', () => {
    const { host, advance } = clock();
    const file = new TimerFile(host, 'monotonic').retain();
    file.set(10n, 0n, false);
    advance(10n);
    expect([value(file), code(() => value(file)), file.get().value]).toEqual([1n, 'EAGAIN', 0n]);
  });
  it('again and again: a read tells how often', () => {
    const { host, advance } = clock();
    const file = new TimerFile(host, 'monotonic').retain();
    file.set(10n, 5n, false);
    advance(27n);
    expect([value(file), file.get()]).toEqual([4n, { value: 3n, interval: 5n }]);
  });
  it('at an absolute time of the wall clock', () => {
    const { host, advance } = clock();
    const file = new TimerFile(host, 'realtime').retain();
    file.set(1150n, 0n, true);
    advance(49n);
    const early = file.readiness();
    advance(1n);
    expect([early, file.readiness()]).toEqual([0, READABLE]);
  });
  it('disarmed', () => {
    const { host, advance } = clock();
    const file = new TimerFile(host, 'monotonic').retain();
    file.set(10n, 10n, false);
    file.set(0n, 0n, false);
    advance(100n);
    expect(file.readiness()).toBe(0);
  });
});

describe('timers', () => {
  it('fire in the order of their times', () => {
    const timers = new Timers();
    const order: bigint[] = [];
    for (const at of [5n, 1n, 9n, 3n, 7n, 3n]) timers.at(at, () => order.push(at));
    timers.expire(8n);
    expect([order, timers.next()]).toEqual([[1n, 3n, 3n, 5n, 7n], 9n]);
  });
  it('not when cancelled', () => {
    const timers = new Timers();
    timers.at(5n, () => expect.unreachable()).cancel();
    expect([timers.next(), timers.expire(9n)]).toEqual([undefined, 0]);
  });
});

describe('epoll', () => {
  const level = { asked: 1, edge: false, oneShot: false, exclusive: false };
  const watching = (how: Partial<Interest> = {}) => {
    const [reader, writer] = makePipe(0n).map((end) => end.retain());
    const epoll = new EpollFile(0n).retain();
    epoll.add(3, reader, { ...level, events: READABLE, data: 7n, ...how });
    return { reader, writer, epoll, ready: () => epoll.collect(10).length };
  };
  it('nothing is ready', () => expect(watching().ready()).toBe(0));
  it('an event comes with its data', () => {
    const { writer, epoll } = watching();
    writer.write(bytes('x'));
    expect(epoll.collect(10)).toMatchObject([{ events: READABLE, data: 7n }]);
  });
  it('by level: as long as it lasts', () => {
    const { reader, writer, ready } = watching();
    writer.write(bytes('x'));
    expect([ready(), ready(), read(reader), ready()]).toEqual([1, 1, 'x', 0]);
  });
  it('by edge: once for each change', () => {
    const { writer, ready } = watching({ edge: true });
    writer.write(bytes('x'));
    const first = [ready(), ready()];
    writer.write(bytes('y'));
    expect([...first, ready()]).toEqual([1, 0, 1]);
  });
  it('by edge: what was ready before counts', () => {
    const { reader, writer, epoll } = watching();
    writer.write(bytes('x'));
    epoll.remove(3, reader);
    epoll.add(3, reader, { ...level, edge: true, events: READABLE, data: 1n });
    expect(epoll.collect(10).length).toBe(1);
  });
  it('one shot: silent until armed again', () => {
    const { reader, writer, epoll, ready } = watching({ oneShot: true });
    writer.write(bytes('x'));
    const before = [ready(), ready()];
    epoll.modify(3, reader, { ...level, oneShot: true, events: READABLE, data: 7n });
    expect([...before, ready(), ready()]).toEqual([1, 0, 1, 0]);
  });
  it('hang-ups come unasked', () => {
    const { writer, epoll } = watching({ events: 0 });
    writer.drop();
    expect(epoll.collect(10).length).toBe(1);
  });
  it('the same file twice by two descriptors', () => {
    const { reader, writer, epoll, ready } = watching();
    epoll.add(4, reader, { ...level, events: READABLE, data: 8n });
    writer.write(bytes('x'));
    expect(ready()).toBe(2);
  });
  it('twice by one: EEXIST', () => {
    const { reader, epoll } = watching();
    expect(code(() => epoll.add(3, reader, { ...level, events: READABLE, data: 0n }))).toBe('EEXIST');
  });
  it('what is not watched cannot be changed', () => {
    const { reader, epoll } = watching();
    expect(code(() => epoll.remove(9, reader))).toBe('ENOENT');
  });
  it('a closed file is forgotten', () => {
    const { reader, writer, epoll, ready } = watching();
    writer.write(bytes('x'));
    reader.drop();
    expect([ready(), epoll.watches().length]).toEqual([0, 0]);
  });
  it('nested: the outer one is readable with the inner', () => {
    const { writer, epoll } = watching();
    const outer = new EpollFile(0n).retain();
    outer.add(5, epoll, { ...level, events: READABLE, data: 9n });
    const before = outer.collect(10).length;
    writer.write(bytes('x'));
    expect([before, outer.collect(10)]).toMatchObject([0, [{ data: 9n }]]);
  });
  it('no circles', () => {
    const [a, b] = [new EpollFile(0n).retain(), new EpollFile(0n).retain()];
    a.add(1, b, { ...level, events: READABLE, data: 0n });
    expect(code(() => b.add(2, a, { ...level, events: READABLE, data: 0n }))).toBe('ELOOP');
  });
  it('all get their turn', () => {
    const epoll = new EpollFile(0n).retain();
    for (let fd = 0; fd < 4; fd++) epoll.add(fd, new EventFile(1n, false, 0n).retain(), { ...level, events: READABLE, data: BigInt(fd) }); // biome-ignore format: one line
    const seen = [epoll.collect(2), epoll.collect(2)].flat().map(({ data }) => Number(data));
    expect(seen.sort()).toEqual([0, 1, 2, 3]);
  });
});
