// The time zone of the page: the viewer's own, or what the address says: `tz=utc`, `tz=Asia/Tokyo`.
import { here, withParameters } from './router';
import { isZone, type Zone } from './time';

const parameter = (): string | undefined => here.parameters.get('tz') ?? undefined;

export const view = {
  get zone(): Zone {
    const wanted = parameter();
    if (wanted?.toLowerCase() === 'utc') return 'UTC';
    return wanted !== undefined && isZone(wanted) ? wanted : undefined;
  },
};

/** An address inside hark that keeps the chosen zone. */
export const link = (address: string): string =>
  withParameters(address, view.zone === undefined ? {} : { tz: view.zone === 'UTC' ? 'utc' : view.zone });
