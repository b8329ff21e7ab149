/** Build step: writes the engine's prebuilt modules to the file named by the first argument. */
import { writeFileSync } from 'node:fs';
import { encodePrebuilt, prebuild } from '../src/engine/prebuilt.ts';
import { specimens } from '../src/isa/x86/specimens.ts';
import { X86 } from '../src/isa/x86/x86.ts';

writeFileSync(process.argv[2], encodePrebuilt(prebuild(X86 as never, specimens())));
