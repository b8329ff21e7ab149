/** String comparison of SSE4.2: each compares two packed strings and answers an index or a mask. */
import { op } from '../row.ts';

export const SSE_STRING_ROWS = [
  op('66 0F 3A 60 /r ib', 'pcmpestrm', 'Vx,Wx,Ib', { fixed: true, needs: 'sse4_2' }),
  op('66 0F 3A 61 /r ib', 'pcmpestri', 'Vx,Wx,Ib', { fixed: true, needs: 'sse4_2' }),
  op('66 0F 3A 62 /r ib', 'pcmpistrm', 'Vx,Wx,Ib', { fixed: true, needs: 'sse4_2' }),
  op('66 0F 3A 63 /r ib', 'pcmpistri', 'Vx,Wx,Ib', { fixed: true, needs: 'sse4_2' }),
];
