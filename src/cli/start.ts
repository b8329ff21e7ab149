#!/usr/bin/env node
/** What `hospes` starts: the bundled command line with the code that V8 made of it at build time, which saves most of the start-up time. */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';

const file = fileURLToPath(new URL('./main.cjs', import.meta.url));
const cache = fileURLToPath(new URL('./main.cache', import.meta.url));

function cached(): Buffer | undefined {
  try {
    return readFileSync(cache);
  } catch {
    return undefined;
  }
}

// Made by another version of Node it is rejected and nothing is lost but time.
const script = new Script(readFileSync(file, 'utf8'), { filename: file, cachedData: cached() });
// The build runs a program once and keeps what was compiled for it.
if (process.env.HOSPES_MAKE_CODE_CACHE) process.on('exit', () => writeFileSync(cache, script.createCachedData()));
script.runInThisContext()(createRequire(import.meta.url), import.meta.url, {}, {});
