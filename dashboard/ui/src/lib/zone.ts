// The time zone of the page: the viewer's own, or UTC where the address says `tz=utc`.
import { here, withParameters } from './router';
import type { Zone } from './time';

export const view = {
  get zone(): Zone {
    return here.parameters.get('tz') === 'utc' ? 'UTC' : undefined;
  },
};

/** An address inside hark that keeps the chosen zone. */
export const link = (address: string): string =>
  withParameters(address, view.zone === undefined ? {} : { tz: 'utc' });
