/** Our own guests with `engine: 'auto'`. */
import { testGuests } from './cases.ts';

testGuests('auto');
