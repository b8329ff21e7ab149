import { describe, expect, it } from 'vitest';
import { EventFile } from '../../src/kernel/eventfd.ts';
import { inetFamilies } from '../../src/kernel/inet-socket.ts';
import { HANGUP, READ_HANGUP, READABLE, WRITABLE } from '../../src/kernel/open-file.ts';
import type { Socket, SocketAddress, SocketFamily, SocketType } from '../../src/kernel/socket.ts';
import { unixFamily } from '../../src/kernel/unix-socket.ts';
import { bytes, code, read, readNow, text } from './words.ts';

const now = () => 0n;
const pairOf = (type: SocketType) => unixFamily(now).pair!(type).map((socket) => socket.retain()) as [Socket, Socket];
const receive = (socket: Socket, most = 100) => {
  const into = new Uint8Array(most);
  const got = socket.receive(into, { wantAncillary: true });
  return { ...got, text: text(into.subarray(0, got.length)) };
};

describe('a pair of streams', () => {
  it('both ways', () => {
    const [a, b] = pairOf('stream');
    a.write(bytes('to b'));
    b.write(bytes('to a'));
    expect([read(b), read(a)]).toEqual(['to b', 'to a']);
  });
  it('writes run together', () => {
    const [a, b] = pairOf('stream');
    a.write(bytes('one'));
    a.write(bytes('two'));
    expect([read(b, 4), read(b)]).toEqual(['onet', 'wo']);
  });
  it('nothing yet', () => expect(readNow(pairOf('stream')[0])).toBe('-'));
  it('the other end has gone: what is left, then the end', () => {
    const [a, b] = pairOf('stream');
    a.write(bytes('bye'));
    a.drop();
    expect([read(b), read(b), code(() => b.write(bytes('x')))]).toEqual(['bye', '', 'EPIPE']);
  });
  it('it went without reading: the connection is reset', () => {
    const [a, b] = pairOf('stream');
    b.write(bytes('unread'));
    a.drop();
    expect(b.takeError()).toBe('ECONNRESET');
  });
  it('half closed: no more writing, still reading', () => {
    const [a, b] = pairOf('stream');
    a.shutdown('write');
    b.write(bytes('answer'));
    expect([read(b), code(() => a.write(bytes('x'))), read(a)]).toEqual(['', 'EPIPE', 'answer']);
  });
  it('full: a write takes what fits, then would block', () => {
    const [a] = pairOf('stream');
    const taken = a.write(new Uint8Array(300_000));
    expect([taken, code(() => a.write(bytes('x')))]).toEqual([212_992, 'EAGAIN']);
  });
  it('SO_SNDBUF says how much is on the way', () => {
    const [a, b] = pairOf('stream');
    a.options.set('SNDBUF', 8192);
    expect([a.write(new Uint8Array(300_000)), a.readiness() & WRITABLE]).toEqual([8192, 0]);
    expect([read(b, 1).length, a.readiness() & WRITABLE, a.write(bytes('xyz'))]).toEqual([1, WRITABLE, 1]);
  });
  it('peeking leaves it there', () => {
    const [a, b] = pairOf('stream');
    a.write(bytes('seen'));
    b.receive(new Uint8Array(4), { peek: true });
    expect(read(b)).toBe('seen');
  });
  it.each([
    ['fresh', (_a: Socket, _b: Socket) => {}, WRITABLE],
    ['with bytes', (a: Socket) => void a.write(bytes('x')), WRITABLE | READABLE],
    ['half closed', (a: Socket) => a.shutdown('write'), WRITABLE | READABLE | READ_HANGUP],
    ['closed', (a: Socket) => a.drop(), WRITABLE | READABLE | READ_HANGUP | HANGUP],
  ])('readiness: %s', (_name, act, expected) => {
    const [a, b] = pairOf('stream');
    act(a, b);
    expect(b.readiness()).toBe(expected);
  });
});

describe('descriptors in messages', () => {
  const event = () => new EventFile(1n, false, 0n).retain();
  it('arrive with their bytes', () => {
    const [a, b] = pairOf('stream');
    const file = event();
    a.send(bytes('here'), undefined, { files: [file], credentials: undefined });
    expect(receive(b)).toMatchObject({ text: 'here', ancillary: { files: [file] } });
  });
  it('end a reading: later ones come with the next', () => {
    const [a, b] = pairOf('stream');
    a.send(bytes('1'), undefined, { files: [event()], credentials: undefined });
    a.send(bytes('2'), undefined, { files: [event()], credentials: undefined });
    expect([receive(b).text, receive(b).text]).toEqual(['1', '2']);
  });
  it('live on while under way', () => {
    const [a, b] = pairOf('stream');
    const file = event();
    let closed = false;
    file.releaseListeners.add(() => {
      closed = true;
    });
    a.send(bytes('x'), undefined, { files: [file], credentials: undefined });
    file.drop();
    const under = closed;
    read(b);
    expect([under, closed]).toEqual([false, true]);
  });
});

describe.each(['datagram', 'seqpacket'] as const)('a pair of %ss', (type) => {
  it('a read of nothing leaves the message alone, and finds none missing', () => {
    const [a, b] = pairOf(type);
    expect(b.read(new Uint8Array(0))).toBe(0);
    a.write(bytes('message'));
    expect([b.read(new Uint8Array(0)), read(b)]).toEqual([0, 'message']);
  });
  it('messages stay apart', () => {
    const [a, b] = pairOf(type);
    a.write(bytes('one'));
    a.write(bytes('two'));
    expect([read(b), read(b)]).toEqual(['one', 'two']);
  });
  it('what does not fit is lost, and told', () => {
    const [a, b] = pairOf(type);
    a.write(bytes('too long'));
    expect([receive(b, 3), readNow(b)]).toMatchObject([{ text: 'too', full: 8 }, '-']);
  });
  it('an empty one is a message', () => {
    const [a, b] = pairOf(type);
    a.write(new Uint8Array(0));
    expect(read(b)).toBe('');
  });
});

/** The same conversation over every family that has names. */
const families: [string, () => { family: SocketFamily; address: SocketAddress; key: string }][] = [
  ['unix', () => ({ family: unixFamily(now), address: { family: 'unix', path: bytes('name'), abstract: true }, key: '@name' })],
  ['inet', () => ({ family: inetFamilies('loopback', now).inet, address: { family: 'inet', host: '127.0.0.1', port: 8080 }, key: '' })],
  ['inet6', () => ({ family: inetFamilies('loopback', now).inet6, address: { family: 'inet6', host: '::1', port: 8080 }, key: '' })],
]; // biome-ignore format: rows

describe.each(families)('names of %s', (name, setting) => {
  const serving = (backlog = 5) => {
    const { family, address, key } = setting();
    const server = family.socket('stream', 0).retain();
    server.bind(address, key);
    server.listen(backlog);
    const connect = () => {
      const client = family.socket('stream', 0).retain();
      client.connect(address, key);
      return client;
    };
    return { family, address, key, server, connect };
  };
  it('buffers: TCP counts both ends’, a Unix stream its sender’s', () => {
    const { server, connect } = serving();
    server.options.set('RCVBUF', 4096);
    const client = connect();
    client.options.set('SNDBUF', 8192);
    expect(client.write(new Uint8Array(300_000))).toBe(name === 'unix' ? 8192 : 12_288);
  });
  it('connect, accept, talk', () => {
    const { server, connect } = serving();
    const client = connect();
    const accepted = server.accept().retain();
    client.write(bytes('ping'));
    accepted.write(bytes('pong'));
    expect([read(accepted), read(client)]).toEqual(['ping', 'pong']);
  });
  it('words sent before accepting are not lost', () => {
    const { server, connect } = serving();
    connect().write(bytes('early'));
    expect(read(server.accept().retain())).toBe('early');
  });
  it('nobody there: refused', () => {
    const { family, address, key } = setting();
    expect(code(() => family.socket('stream', 0).connect(address, key))).toBe('ECONNREFUSED');
  });
  it('taken', () => {
    const { family, address, key } = serving();
    expect(code(() => family.socket('stream', 0).bind(address, key))).toBe('EADDRINUSE');
  });
  it('free again after closing', () => {
    const { family, address, key, server } = serving();
    server.drop();
    expect(code(() => family.socket('stream', 0).bind(address, key))).toBe('ok');
  });
  it('nobody has called: accept would block', () => expect(code(() => serving().server.accept())).toBe('EAGAIN'));
  it('a caller makes the listener readable', () => {
    const { server, connect } = serving();
    const before = server.readiness();
    connect();
    expect([before, server.readiness()]).toEqual([0, READABLE]);
  });
  it('too many callers wait', () => {
    const { connect } = serving(1);
    connect();
    connect();
    expect(code(connect)).toBe('EAGAIN');
  });
  it('the peer is known by name', () => {
    const { connect, address } = serving();
    expect(connect().peerAddress()).toEqual(address);
  });
  it('datagrams to a name, with the sender’s', () => {
    const { family, address, key } = setting();
    const receiver = family.socket('datagram', 0).retain();
    receiver.bind(address, key);
    const sender = family.socket('datagram', 0).retain();
    sender.send(bytes('hello'), address, undefined, key);
    expect(receive(receiver)).toMatchObject({ text: 'hello', from: { family: address.family } });
  });
});

describe('the network', () => {
  const elsewhere: SocketAddress = { family: 'inet', host: '192.0.2.1', port: 80 };
  it('ports are given out', () => {
    const socket = inetFamilies('loopback', now).inet.socket('stream', 0);
    socket.bind({ family: 'inet', host: '0.0.0.0', port: 0 }, '');
    expect((socket.localAddress() as { port: number }).port).toBeGreaterThanOrEqual(32768);
  });
  it('beyond the loopback nothing is reachable', () =>
    expect(code(() => inetFamilies('loopback', now).inet.socket('stream', 0).connect(elsewhere, ''))).toBe(
      'ENETUNREACH',
    ));
  it('with policy none not even that', () =>
    expect(code(() => inetFamilies('none', now).inet.socket('stream', 0).connect({ ...elsewhere, host: '127.0.0.1' }, ''))).toBe('ENETUNREACH')); // biome-ignore format: one line
  it('a foreign address cannot be bound', () =>
    expect(code(() => inetFamilies('loopback', now).inet.socket('stream', 0).bind(elsewhere, ''))).toBe('EADDRNOTAVAIL')); // biome-ignore format: one line
});

describe('a connect that must not block', () => {
  const address: SocketAddress = { family: 'inet', host: '127.0.0.1', port: 7 };
  const calling = (listening: boolean) => {
    const { inet } = inetFamilies('loopback', now);
    const server = inet.socket('stream', 0).retain();
    server.bind(address, '');
    if (listening) server.listen(1);
    const client = inet.socket('stream', 0).retain();
    client.nonblocking = true;
    return client;
  };
  it('is under way, then there, then was there already', () => {
    const client = calling(true);
    const outcomes = [1, 2, 3].map(() => code(() => client.connect(address, '')));
    expect(outcomes).toEqual(['EINPROGRESS', 'ok', 'EISCONN']);
  });
  it('leaves its failure to be asked for', () => {
    const client = calling(false);
    expect([code(() => client.connect(address, '')), client.takeError(), client.takeError()]).toEqual([
      'EINPROGRESS',
      'ECONNREFUSED',
      undefined,
    ]);
  });
});
