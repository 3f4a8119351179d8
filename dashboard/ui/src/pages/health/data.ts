// How a score is coloured: only by what the words beside it say too.
import type { Slice, UxScore } from '../../lib/api-types';

/** Points within a week that are worth a colour; and those that are worth the loud one. */
const WORSE_POINTS = 1;
const MUCH_WORSE_POINTS = 5;

export function toneOf(score: UxScore): 'plain' | 'warning' | 'critical' {
  if (score.score == null || score.last_week == null) return 'plain';
  const lost = score.last_week - score.score;
  if (lost >= MUCH_WORSE_POINTS) return 'critical';
  return lost >= WORSE_POINTS ? 'warning' : 'plain';
}

/** What lies in a platform or in all traffic; all of it where none is named. */
export const touching = <Row extends { slice: Slice }>(rows: Row[], id: string): Row[] =>
  rows.filter(({ slice }) => id === '' || Object.keys(slice).length === 0 || Object.values(slice).includes(id));

/** The days of this week that have a score. */
export const daysOf = (score: UxScore): UxScore['days'] => score.days.filter((day) => day.score != null);

const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

/** `Mon`: days of a report begin in UTC, as its weeks do. */
export const weekday = (at: number): string => WEEKDAYS[new Date(at).getUTCDay()] ?? '';
