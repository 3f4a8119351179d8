// The time zone of the page: the viewer's own, or what the address says: `tz=utc`, `tz=Asia/Tokyo`.
import { here, withParameters } from './router';
import { isZone, type Zone } from './time';

// Nearly everything on a page reads it. As a value of its own it wakes its readers when the zone changes, not whenever
// anything else in the address does.
const zone = $derived.by((): Zone => {
  const wanted = here.parameters.get('tz') ?? undefined;
  if (wanted?.toLowerCase() === 'utc') return 'UTC';
  return wanted !== undefined && isZone(wanted) ? wanted : undefined;
});

export const view = {
  get zone(): Zone {
    return zone;
  },
};

/** An address inside hark that keeps the chosen zone. */
export const link = (address: string): string =>
  zone === undefined ? address : withParameters(address, { tz: zone === 'UTC' ? 'utc' : zone });
