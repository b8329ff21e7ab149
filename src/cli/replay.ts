/** `hospes replay`: a recorded run again, from the recording alone, to the same end. */
import * as fs from 'node:fs';
import { UserError } from '../base/failures.ts';
import { Player } from '../vm/recording/tape.ts';
import { execute, type Plan, type Watching } from './run.ts';
import { VERSION } from './version.ts';

export async function replay(file: string, options: Watching): Promise<void> {
  let bytes: Uint8Array;
  try {
    bytes = fs.readFileSync(file);
  } catch (error) {
    throw new UserError(`${file}: ${(error as Error).message}`, 2);
  }
  const player = new Player(bytes, file);
  const plan = player.head as Plan;
  if (plan.hospes !== VERSION) {
    throw new UserError(
      `${file}: recorded by hospes ${plan.hospes}; this one is ${VERSION}, and would run it differently`,
      2,
    );
  }
  await execute(plan, options, player);
}
