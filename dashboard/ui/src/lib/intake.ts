// How much of what was sent could not be taken.
import type { Status } from './api-types';
import { percent } from './format';

type Counts = Pick<Status, 'events' | 'rejected'>;

/** A few broken lines come with every sender; from this part on somebody should look. */
const MUCH_FROM = 0.01;

const share = ({ events, rejected }: Counts): number => (events + rejected === 0 ? 0 : rejected / (events + rejected));

export const isMuchRefused = (counts: Counts): boolean => share(counts) >= MUCH_FROM;

/** `0.2 % of all`; a trace is said as such. */
export function refusedShare(counts: Counts): string {
  const part = share(counts);
  if (part === 0) return 'none';
  return part < 0.0005 ? 'less than 0.1 % of all' : `${percent(part)} of all`;
}
