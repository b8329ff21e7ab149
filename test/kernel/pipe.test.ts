import { describe, expect, it } from 'vitest';
import { ERROR, HANGUP, READABLE, WRITABLE } from '../../src/kernel/open-file.ts';
import { Fifos, makePipe, PIPE_CAPACITY, type PipeEnd } from '../../src/kernel/pipe.ts';
import { bytes, code, read } from './words.ts';

const pair = () => {
  const [reader, writer] = makePipe(0n);
  return { reader: reader.retain(), writer: writer.retain() };
};

describe('a pipe', () => {
  it('gives bytes back in order', () => {
    const { reader, writer } = pair();
    writer.write(bytes('one '));
    writer.write(bytes('two'));
    expect([read(reader, 5), read(reader, 5)]).toEqual(['one t', 'wo']);
  });
  it('empty: a read would block', () => expect(code(() => read(pair().reader))).toBe('EAGAIN'));
  it('empty, nobody writes: end of file', () => {
    const { reader, writer } = pair();
    writer.drop();
    expect(read(reader)).toBe('');
  });
  it('what was written is read after the writer has gone', () => {
    const { reader, writer } = pair();
    writer.write(bytes('last words'));
    writer.drop();
    expect([read(reader), read(reader)]).toEqual(['last words', '']);
  });
  it('nobody reads: EPIPE', () => {
    const { reader, writer } = pair();
    reader.drop();
    expect(code(() => writer.write(bytes('x')))).toBe('EPIPE');
  });
  it('holds 64 KiB', () => expect(pair().writer.write(new Uint8Array(100_000))).toBe(PIPE_CAPACITY));
  it('full: a write would block', () => {
    const { writer } = pair();
    writer.write(new Uint8Array(PIPE_CAPACITY));
    expect(code(() => writer.write(bytes('x')))).toBe('EAGAIN');
  });
  it('a small write is whole or not at all', () => {
    const { writer } = pair();
    writer.write(new Uint8Array(PIPE_CAPACITY - 10));
    expect([code(() => writer.write(new Uint8Array(11))), writer.write(new Uint8Array(10))]).toEqual(['EAGAIN', 10]);
  });
  it('a large one takes what fits', () => {
    const { writer } = pair();
    writer.write(new Uint8Array(PIPE_CAPACITY - 10));
    expect(writer.write(new Uint8Array(5000))).toBe(10);
  });
  it('keeps its bytes over many wraps', () => {
    const { reader, writer } = pair();
    let sent = '';
    let got = '';
    for (let i = 0; i < 300; i++) {
      const word = `${i},`.repeat((i % 50) + 1);
      sent += word;
      writer.write(bytes(word));
      got += read(reader, (i * 7) % 90);
    }
    expect(got + read(reader, 1e6)).toBe(sent);
  });
  it('no position', () => expect(code(() => pair().reader.seek(0, 'set'))).toBe('ESPIPE'));
  it('no pread', () => expect(code(() => pair().reader.read(new Uint8Array(1), 0))).toBe('ESPIPE'));
  it('can be made smaller and larger', () => {
    const { pipe } = pair().writer;
    expect([pipe.resize(1), pipe.resize(5000), code(() => pipe.resize(2 ** 21))]).toEqual([4096, 8192, 'EPERM']);
  });
  it('but not smaller than what it holds', () => {
    const { writer } = pair();
    writer.write(new Uint8Array(9000));
    expect(code(() => writer.pipe.resize(4096))).toBe('EBUSY');
  });
});

describe('readiness of a pipe', () => {
  const state = ({ reader, writer }: ReturnType<typeof pair>) => [reader.readiness(), writer.readiness()];
  it('fresh', () => expect(state(pair())).toEqual([0, WRITABLE]));
  it('with bytes', () => {
    const p = pair();
    p.writer.write(bytes('x'));
    expect(state(p)).toEqual([READABLE, WRITABLE]);
  });
  it('full', () => {
    const p = pair();
    p.writer.write(new Uint8Array(PIPE_CAPACITY));
    expect(state(p)).toEqual([READABLE, 0]);
  });
  it('without a writer: hang-up alone', () => {
    const p = pair();
    p.writer.drop();
    expect(p.reader.readiness()).toBe(HANGUP);
  });
  it('without a reader: error', () => {
    const p = pair();
    p.reader.drop();
    expect(p.writer.readiness()).toBe(WRITABLE | ERROR);
  });
  it('readers hear of what comes, writers of room, both of ends', () => {
    const p = pair();
    const wakes = { reader: 0, writer: 0 };
    p.reader.queue.subscribe(() => wakes.reader++);
    p.writer.queue.subscribe(() => wakes.writer++);
    p.writer.write(bytes('x'));
    read(p.reader);
    const before = { ...wakes };
    p.writer.drop();
    expect([before, wakes]).toEqual([
      { reader: 1, writer: 1 },
      { reader: 2, writer: 2 },
    ]);
  });
});

describe('a named pipe', () => {
  const open = (fifos: Fifos, how: Parameters<Fifos['open']>[1]): PipeEnd => fifos.open('1:2', how, 0n).retain();
  it('both sides meet', () => {
    const fifos = new Fifos();
    const reader = open(fifos, { read: true });
    open(fifos, { write: true }).write(bytes('hello'));
    expect(read(reader)).toBe('hello');
  });
  it('the reader waits for a writer to open', () => {
    const fifos = new Fifos();
    const reader = open(fifos, { read: true });
    const before = reader.waiting?.();
    open(fifos, { write: true });
    expect([before, reader.waiting?.()]).toEqual([true, false]);
  });
  it('also when that writer has gone again', () => {
    const fifos = new Fifos();
    const reader = open(fifos, { read: true });
    open(fifos, { write: true }).drop();
    expect(reader.waiting?.()).toBe(false);
  });
  it('a nonblocking writer without a reader: ENXIO', () =>
    expect(code(() => open(new Fifos(), { write: true, nonblock: true }))).toBe('ENXIO'));
  it('a nonblocking reader does not wait and is not hung up', () => {
    const reader = open(new Fifos(), { read: true, nonblock: true });
    expect([reader.waiting, reader.readiness(), read(reader)]).toEqual([undefined, 0, '']);
  });
  it('other names, other pipes', () => {
    const fifos = new Fifos();
    open(fifos, { read: true, nonblock: true });
    expect(code(() => fifos.open('1:3', { write: true, nonblock: true }, 0n))).toBe('ENXIO');
  });
});
