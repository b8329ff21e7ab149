/** Modules of Node that most runs do not need, loaded when first asked for: each takes 1 to 10 ms of a start. */
import { createRequire } from 'node:module';

let require: NodeJS.Require | undefined;
const load = (name: string) => {
  require ??= createRequire(import.meta.url);
  return require(`node:${name}`);
};

export const crypto = (): typeof import('node:crypto') => load('crypto');
export const dgram = (): typeof import('node:dgram') => load('dgram');
export const net = (): typeof import('node:net') => load('net');
export const stream = (): typeof import('node:stream') => load('stream');
export const tty = (): typeof import('node:tty') => load('tty');
export const zlib = (): typeof import('node:zlib') => load('zlib');
