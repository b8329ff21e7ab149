/** Our own guests with `engine: 'lockstep'`. */
import { testGuests } from './cases.ts';

testGuests('lockstep');
