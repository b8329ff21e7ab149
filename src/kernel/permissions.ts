/** What mode bits allow to whom; ownership rules of single operations are with the operations. */
import type { Stat } from '../host/host.ts';

export interface Want {
  read?: boolean;
  write?: boolean;
  execute?: boolean;
}

export interface Subject {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}

/** User 0 may read and write everything, search every directory, and execute what anyone may execute. */
export function permits(who: Subject, stat: Stat, want: Want): boolean {
  if (who.uid === 0) return !want.execute || stat.type === 'directory' || (stat.mode & 0o111) !== 0;
  const shift = who.uid === stat.uid ? 6 : who.gid === stat.gid || who.groups.includes(stat.gid) ? 3 : 0;
  const needed = (want.read ? 4 : 0) | (want.write ? 2 : 0) | (want.execute ? 1 : 0);
  return ((stat.mode >> shift) & needed) === needed;
}
