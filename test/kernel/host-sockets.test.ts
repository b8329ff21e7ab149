import { afterEach, describe, expect, it } from 'vitest';
import { nodeNetwork } from '../../src/host/node-network.ts';
import { hostFamilies } from '../../src/kernel/host-socket.ts';
import { ERROR, READ_HANGUP, READABLE, WRITABLE } from '../../src/kernel/open-file.ts';
import type { Socket, SocketAddress } from '../../src/kernel/socket.ts';
import { Wait } from '../../src/kernel/wait.ts';
import { bytes, code, read } from './words.ts';

const { inet, inet6 } = hostFamilies(nodeNetwork, () => 0n);
const at = (port: number): SocketAddress => ({ family: 'inet', host: '127.0.0.1', port });
const portOf = (socket: Socket) => (socket.localAddress() as { port: number }).port;

const open: Socket[] = [];
const make = (type: 'stream' | 'datagram', family = inet) => {
  const socket = family.socket(type, 0).retain();
  socket.nonblocking = true;
  open.push(socket);
  return socket;
};
afterEach(() => {
  for (const socket of open.splice(0)) socket.drop();
});

/** Once one of the socket's wakes has made it true. */
function until(socket: Socket, condition: () => unknown): Promise<void> {
  return new Promise((resolve) => {
    if (condition()) return resolve();
    const leave = socket.queue.subscribe(() => {
      if (!condition()) return;
      leave();
      resolve();
    });
  });
}

async function serving(family = inet, address = at(0)): Promise<Socket> {
  const server = make('stream', family);
  await until(server, () => !(server.bind(address) instanceof Wait));
  server.listen(5);
  return server;
}

async function joined(): Promise<[client: Socket, server: Socket]> {
  const listener = await serving();
  const client = make('stream');
  const first = code(() => client.connect(at(portOf(listener))));
  expect(first).toBe('EINPROGRESS');
  await until(client, () => client.readiness() & WRITABLE);
  await until(listener, () => listener.readiness() & READABLE);
  const server = listener.accept().retain();
  open.push(server);
  return [client, server];
}

describe('streams of the host', () => {
  it('connect, talk, end', async () => {
    const [client, server] = await joined();
    client.write(bytes('ping'));
    client.shutdown('write');
    await until(server, () => server.readiness() & READ_HANGUP);
    expect([read(server), read(server), client.peerAddress()]).toEqual(['ping', '', server.localAddress()]);
  });
  it('more than fits at once arrives whole', async () => {
    const [client, server] = await joined();
    let left = 1_000_000;
    let got = 0;
    const push = () => {
      while (left > 0 && client.readiness() & WRITABLE) left -= client.write(new Uint8Array(left));
      return left === 0;
    };
    const into = new Uint8Array(100_000);
    const sent = until(client, push);
    await until(server, () => {
      while (server.available() > 0) got += server.read(into);
      return got === 1_000_000;
    });
    await sent;
    expect(got).toBe(1_000_000);
  });
  it('the outcome of connecting is told once', async () => {
    const [client] = await joined();
    const { port } = client.peerAddress() as { port: number };
    expect([1, 2].map(() => code(() => client.connect(at(port))))).toEqual(['ok', 'EISCONN']);
  });
  it('nobody there: refused', async () => {
    const listener = await serving();
    const port = portOf(listener);
    listener.drop();
    open.splice(open.indexOf(listener), 1);
    const client = make('stream');
    code(() => client.connect(at(port)));
    await until(client, () => client.readiness() & ERROR);
    expect(client.takeError()).toBe('ECONNREFUSED');
  });
  it('a taken name', async () => {
    const listener = await serving();
    const other = make('stream');
    let outcome = '';
    await until(other, () => {
      outcome = code(() => {
        if (other.bind(at(portOf(listener))) instanceof Wait) throw { code: 'wait' };
      });
      return outcome !== 'wait';
    });
    expect(outcome).toBe('EADDRINUSE');
  });
  it('IPv4 callers of an IPv6 name', async () => {
    const listener = await serving(inet6, { family: 'inet6', host: '::', port: 0 });
    const client = make('stream');
    code(() => client.connect(at(portOf(listener))));
    await until(listener, () => listener.readiness() & READABLE);
    const server = listener.accept().retain();
    open.push(server);
    expect(server.peerAddress()).toMatchObject({ family: 'inet6', host: '::ffff:127.0.0.1' });
  });
});

describe('datagrams of the host', () => {
  it('there and back', async () => {
    const one = make('datagram');
    const other = make('datagram');
    one.bind(at(0));
    other.send(bytes('hello'), at(portOf(one)));
    await until(one, () => one.readiness() & READABLE);
    const into = new Uint8Array(10);
    const { length, from } = one.receive(into, {});
    one.send(bytes('back'), from);
    await until(other, () => other.readiness() & READABLE);
    expect([length, read(other)]).toEqual([5, 'back']);
  });
  it('nobody there: whoever is connected is told', async () => {
    const gone = make('datagram');
    gone.bind(at(0));
    const port = portOf(gone);
    open.pop();
    gone.drop();
    const socket = make('datagram');
    socket.connect(at(port));
    socket.write(bytes('x'));
    await until(socket, () => socket.readiness() & ERROR);
    expect(code(() => socket.write(bytes('x')))).toBe('ECONNREFUSED');
  });
});
