/** Stands in for src/host/prebuilt.ts in tests: the modules that prebuilt-setup.ts made. */
import { readFileSync } from 'node:fs';

const file = readFileSync(new URL('../.cache/test/engine.bin', import.meta.url));

export const prebuiltFile = (): Uint8Array => file;
