// Instants and spans in words. A zone is an IANA name; without one it is the viewer's own.

export type Zone = string | undefined;

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const WAYS = {
  plain: {},
  clock: { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
  year: { year: 'numeric' },
  day: { day: 'numeric', month: 'short' },
  dayOfYear: { day: 'numeric', month: 'short', year: 'numeric' },
  digits: { year: 'numeric', month: '2-digit', day: '2-digit' },
  weekday: { weekday: 'long' },
  zone: { timeZoneName: 'short' },
} satisfies Record<string, Intl.DateTimeFormatOptions>;

// Making a formatter takes far longer than using one, and a list has hundreds of times in it.
const formatters = new Map<string, Intl.DateTimeFormat>();

function formatter(zone: Zone, way: keyof typeof WAYS): Intl.DateTimeFormat {
  const key = way + (zone ?? '');
  let found = formatters.get(key);
  if (found === undefined) {
    found = new Intl.DateTimeFormat('en-GB', { ...WAYS[way], ...(zone === undefined ? {} : { timeZone: zone }) });
    formatters.set(key, found);
  }
  return found;
}

export const millis = (time: string): number => Date.parse(time);

/** `14:20`. */
export const clock = (at: number, zone: Zone): string =>
  formatter(zone, 'clock').format(at);

/** `2 May`, with the year where it is not that of `now`. */
export function dayOf(at: number, now: number, zone: Zone): string {
  const year = formatter(zone, 'year');
  const sameYear = year.format(at) === year.format(now);
  return formatter(zone, sameYear ? 'day' : 'dayOfYear').format(at);
}

/** `14:20` on the day of `now`, `2 May 14:20` on any other; never broken over two lines. */
export function moment(at: number, now: number, zone: Zone): string {
  return sameDay(at, now, zone) ? clock(at, zone) : `${dayOf(at, now, zone)} ${clock(at, zone)}`.replaceAll(' ', '\u00a0');
}

export const sameDay = (a: number, b: number, zone: Zone): boolean => dayKey(a, zone) === dayKey(b, zone);

/** `2026-05-02`: equal for instants of the same day. */
export function dayKey(at: number, zone: Zone): string {
  return formatter(zone, 'digits').format(at).split('/').reverse().join('-');
}

/** `Saturday 2 May`, after `Today` or `Yesterday` where it is. */
export function dayHeading(at: number, now: number, zone: Zone): string {
  const name = `${formatter(zone, 'weekday').format(at)} ${dayOf(at, now, zone)}`;
  if (sameDay(at, now, zone)) return `Today, ${name}`;
  if (sameDay(at, now - DAY_MS, zone)) return `Yesterday, ${name}`;
  return name;
}

/** `CEST`, `UTC`, `GMT+2`: what the zone calls itself at that time. */
export function zoneName(at: number, zone: Zone): string {
  const parts = formatter(zone, 'zone').formatToParts(at);
  return parts.find((part) => part.type === 'timeZoneName')?.value ?? 'UTC';
}

/** Whether the browser knows a zone of this name. */
export function isZone(name: string): boolean {
  try {
    return formatter(name, 'plain').resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/** `Europe/Berlin`. */
export const zoneId = (zone: Zone): string => formatter(zone, 'plain').resolvedOptions().timeZone;

/** `2 h 10 min`, `3 d 4 h`, `under a minute`. */
export function duration(ms: number): string {
  if (ms < MINUTE_MS) return 'under a minute';
  const days = Math.floor(ms / DAY_MS);
  const hours = Math.floor((ms % DAY_MS) / HOUR_MS);
  const minutes = Math.floor((ms % HOUR_MS) / MINUTE_MS);
  const parts = days > 0 ? [[days, 'd'], [hours, 'h']] : [[hours, 'h'], [minutes, 'min']];
  return parts.filter(([n]) => n !== 0).map(([n, unit]) => `${n}\u00a0${unit}`).join(' ');
}

/** The API's spelling of an instant. */
export const rfc3339 = (at: number): string => new Date(at).toISOString();
