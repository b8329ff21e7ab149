/** Where the modules made at build time lie: beside the bundle. Absent when running from source. */
import { readFileSync } from 'node:fs';

export function prebuiltFile(): Uint8Array | undefined {
  try {
    return readFileSync(new URL('./engine.bin', import.meta.url));
  } catch {
    return undefined;
  }
}
