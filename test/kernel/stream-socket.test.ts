import { expect, it } from 'vitest';
import type { HostStream } from '../../src/host/host-stream.ts';
import { StreamSocket } from '../../src/kernel/stream-socket.ts';
import { bytes, code, read, text } from './words.ts';

/** A host's socket that holds one word. */
function stream(): HostStream & { out: string } {
  let word = 'input';
  return {
    kind: 'socket',
    path: 'socket:[1]',
    seekable: false,
    readable: true,
    writable: true,
    position: 0,
    out: '',
    stat: () => ({ type: 'socket' }) as ReturnType<HostStream['stat']>,
    read(into) {
      if (word === '') return undefined;
      into.set(bytes(word));
      const { length } = word;
      word = '';
      return length;
    },
    write(from) {
      this.out += text(from);
      return from.length;
    },
    canRead: () => word !== '',
    truncate() {},
    onReady() {},
    settle() {},
  };
}

it('a socket of the host answers as a connected Unix stream', () => {
  const socket = new StreamSocket(stream());
  expect([socket.family, socket.type, socket.peerAddress().family, socket.stat().type]).toEqual([
    'unix',
    'stream',
    'unix',
    'socket',
  ]);
});
it('bytes go both ways and are counted', () => {
  const host = stream();
  let counted = 0;
  const socket = new StreamSocket(host, (count) => {
    counted += count;
  });
  socket.send(bytes('out'));
  expect([host.out, counted, read(socket), code(() => read(socket))]).toEqual(['out', 3, 'input', 'EAGAIN']);
});
