/** Instructions that only MMX has, and those between MMX and XMM registers; the integer operations both share are in sse-int.ts, the moves in sse-move.ts. */
import { op } from '../row.ts';

export const MMX_ROWS = [
  op('NP 0F 77', 'emms', ''),
  op('NP 0F 70 /r ib', 'pshufw', 'Pq,Qq,Ib', { fixed: true }),
  op('NP 0F E7 /r', 'movntq', 'Mq,Pq'),
  op('NP 0F F7 /r', 'maskmovq', 'Pq,Nq'),
  op('F2 0F D6 /r', 'movdq2q', 'Pq,Ux'),
  op('F3 0F D6 /r', 'movq2dq', 'Vx,Nq'),
  op('NP 0F 2A /r', 'cvtpi2ps', 'Vx,Qq'),
  op('66 0F 2A /r', 'cvtpi2pd', 'Vx,Qq'),
  op('NP 0F 2C /r', 'cvttps2pi', 'Pq,Wq'),
  op('66 0F 2C /r', 'cvttpd2pi', 'Pq,Wx'),
  op('NP 0F 2D /r', 'cvtps2pi', 'Pq,Wq'),
  op('66 0F 2D /r', 'cvtpd2pi', 'Pq,Wx'),
];
