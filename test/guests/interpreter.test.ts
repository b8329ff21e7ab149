/** Our own guests with `engine: 'interpreter'`. */
import { testGuests } from './cases.ts';

testGuests('interpreter');
