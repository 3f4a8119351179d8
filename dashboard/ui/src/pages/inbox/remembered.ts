// Lists by address, so that going back from an alert shows the list as it was left.
import type { Alert } from '../../lib/api-types';

interface List {
  alerts: Alert[];
  next: string | null;
}

/** Lists held; there are few filters, and each holds up to a thousand rows. */
const LISTS_MAX = 8;
const lists = new Map<string, List>();

export const remembered = {
  get: (address: string): List | undefined => lists.get(address),
  set(address: string, list: List): void {
    lists.delete(address);
    lists.set(address, list);
    const [oldest] = lists.keys();
    if (lists.size > LISTS_MAX && oldest !== undefined) lists.delete(oldest);
  },
};
