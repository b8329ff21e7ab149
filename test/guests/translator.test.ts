/** Our own guests with `engine: 'translator'`. */
import { testGuests } from './cases.ts';

testGuests('translator');
