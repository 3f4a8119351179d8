// Instants and spans in words. A zone is an IANA name; without one it is the viewer's own.

export type Zone = string | undefined;

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sept', 'Oct', 'Nov', 'Dec'];
const WEEKDAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

interface Wall {
  year: number;
  /** From 0 on. */
  month: number;
  day: number;
  hour: number;
  minute: number;
}

// The first thing that a browser does with `Intl` takes it some 30 milliseconds, on a phone four times that. So the viewer's own zone and
// UTC, which nearly everybody reads, do without; for any other there is one formatter, which says all there is to say.
const formatters = new Map<string, Intl.DateTimeFormat>();
const EVERYTHING = {
  year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZoneName: 'short',
} satisfies Intl.DateTimeFormatOptions;
/** `02/05/2026, 14:20 CEST`. */
const SAID = /^(\d+)\D+(\d+)\D+(\d+)\D+(\d+):(\d+)\s+(.+)$/;

function formatter(zone: string): Intl.DateTimeFormat {
  let found = formatters.get(zone);
  if (found === undefined) {
    found = new Intl.DateTimeFormat('en-GB', { ...EVERYTHING, timeZone: zone });
    formatters.set(zone, found);
  }
  return found;
}

const said = (at: number, zone: string): string[] => SAID.exec(formatter(zone).format(at)) ?? [];

/** What a clock and a calendar in the zone show. */
function wall(at: number, zone: Zone): Wall {
  const date = new Date(at);
  if (zone === undefined) {
    return { year: date.getFullYear(), month: date.getMonth(), day: date.getDate(), hour: date.getHours(), minute: date.getMinutes() };
  }
  if (zone === 'UTC') {
    return { year: date.getUTCFullYear(), month: date.getUTCMonth(), day: date.getUTCDate(), hour: date.getUTCHours(), minute: date.getUTCMinutes() };
  }
  const [day = 0, month = 0, year = 0, hour = 0, minute = 0] = said(at, zone).slice(1, 6).map(Number);
  return { year, month: month - 1, day, hour, minute };
}

const two = (n: number): string => String(n).padStart(2, '0');

export const millis = (time: string): number => Date.parse(time);

/** `14:20`. */
export function clock(at: number, zone: Zone): string {
  const { hour, minute } = wall(at, zone);
  return `${two(hour)}:${two(minute)}`;
}

/** `2 May`, with the year where it is not that of `now`. */
export function dayOf(at: number, now: number, zone: Zone): string {
  const { year, month, day } = wall(at, zone);
  const named = `${day} ${MONTHS[month]}`;
  return year === wall(now, zone).year ? named : `${named} ${year}`;
}

/** `14:20` on the day of `now`, `2 May 14:20` on any other; never broken over two lines. */
export function moment(at: number, now: number, zone: Zone): string {
  return sameDay(at, now, zone) ? clock(at, zone) : `${dayOf(at, now, zone)} ${clock(at, zone)}`.replaceAll(' ', '\u00a0');
}

export const sameDay = (a: number, b: number, zone: Zone): boolean => dayKey(a, zone) === dayKey(b, zone);

/** `2026-05-02`: equal for instants of the same day. */
export function dayKey(at: number, zone: Zone): string {
  const { year, month, day } = wall(at, zone);
  return `${year}-${two(month + 1)}-${two(day)}`;
}

/** `Saturday 2 May`, after `Today` or `Yesterday` where it is. */
export function dayHeading(at: number, now: number, zone: Zone): string {
  const { year, month, day } = wall(at, zone);
  const name = `${WEEKDAYS[new Date(Date.UTC(year, month, day)).getUTCDay()]} ${dayOf(at, now, zone)}`;
  if (sameDay(at, now, zone)) return `Today, ${name}`;
  if (sameDay(at, now - DAY_MS, zone)) return `Yesterday, ${name}`;
  return name;
}

/** `CEST`, `UTC`, `GMT+2`: what the zone calls itself at that time. */
export const zoneName = (at: number, zone: Zone): string => {
  if (zone === undefined) return ownName(new Date(at));
  return zone === 'UTC' ? zone : (said(at, zone)[6] ?? zone);
};

/** Short names that mean one zone only: CST is China's and Chicago's. */
const SHORT: Record<string, string> = {
  'Coordinated Universal Time': 'UTC', 'Greenwich Mean Time': 'GMT', 'British Summer Time': 'BST',
  'Western European Standard Time': 'WET', 'Western European Summer Time': 'WEST', 'Central European Standard Time': 'CET',
  'Central European Summer Time': 'CEST', 'Eastern European Standard Time': 'EET', 'Eastern European Summer Time': 'EEST',
};

/** What the viewer's zone is called, or how far it is from Greenwich. */
export function ownName(date: Date): string {
  const short = SHORT[/\((.+)\)$/.exec(date.toString())?.[1] ?? ''];
  if (short !== undefined) return short;
  const minutes = -date.getTimezoneOffset();
  const [hours, rest] = [Math.trunc(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  return `GMT${minutes < 0 ? '-' : '+'}${hours}${rest === 0 ? '' : `:${two(rest)}`}`;
}

/** Whether the browser knows a zone of this name. */
export function isZone(name: string): boolean {
  try {
    return formatter(name).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/** `Europe/Berlin`: what the viewer's own zone is called. */
export const ownZone = (): string => new Intl.DateTimeFormat().resolvedOptions().timeZone;

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
