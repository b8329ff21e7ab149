#!/usr/bin/env node
/** What `hospes` starts: the bundled command line with the code that V8 made of it before, which saves most of the start-up time. */
import { readFileSync, writeFileSync } from 'node:fs';
import * as module from 'node:module';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';

const file = fileURLToPath(new URL('./main.cjs', import.meta.url));
/** Made at build time by one version of V8, and of no use to any other. */
const cache = fileURLToPath(new URL(`./main-${process.versions.v8}.cache`, import.meta.url));
const require = module.createRequire(import.meta.url);

function cached(): Buffer | undefined {
  try {
    return readFileSync(cache);
  } catch {
    return undefined;
  }
}

const cachedData = cached();
const making = process.env.HOSPES_MAKE_CODE_CACHE !== undefined;
// Node 22.1 and later keep compiled code themselves, in a folder of their own (NODE_COMPILE_CACHE).
const { enableCompileCache } = module as { enableCompileCache?: () => unknown };
if (cachedData || making || !enableCompileCache) {
  // The bundle is ASCII, which is read fastest so.
  const source = `(function (require, module, exports, __filename) {${readFileSync(file, 'latin1')}\n})`;
  const script = new Script(source, { filename: file, ...(cachedData ? { cachedData } : {}) });
  // The build runs a program once and keeps what was compiled for it.
  if (making) process.on('exit', () => writeFileSync(cache, script.createCachedData()));
  script.runInThisContext()(require, { exports: {} }, {}, file);
} else {
  enableCompileCache();
  require(file);
}
