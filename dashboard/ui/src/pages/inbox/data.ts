// The list of alerts: what the address asks for, what a row says, how news are worked in.
import type { Alert, AlertStatus, FrozenChart, Severity } from '../../lib/api-types';
import { percent } from '../../lib/format';
import { withParameters } from '../../lib/router';
import { isTotal, sameSlice, sliceLabel } from '../../lib/slice';
import { clock, dayHeading, dayKey, millis, moment, sameDay, type Zone } from '../../lib/time';
import { type Headline, headline, lasting } from '../../lib/words';

export const STATUSES: AlertStatus[] = ['firing', 'acknowledged', 'resolved', 'silenced'];

/** Always offered to filter by; others join as their alerts are seen. */
const BUILT_IN_METRICS = ['response_time', 'failure_rate', 'requests', 'ux_score'];

/** Rows held at most; beyond it a filter serves better than more rows. */
export const ROWS_MAX = 1000;

export interface Filter {
  status?: AlertStatus | undefined;
  metric?: string | undefined;
}

export function filterOf(parameters: URLSearchParams): Filter {
  return {
    status: STATUSES.find((status) => status === parameters.get('status')),
    metric: parameters.get('metric') || undefined,
  };
}

export const filterAddress = (filter: Filter): string =>
  withParameters('/', { status: filter.status, metric: filter.metric });

export const isFiltered = ({ status, metric }: Filter): boolean => status !== undefined || metric !== undefined;

const passes = (alert: Alert, { status, metric }: Filter): boolean =>
  (status === undefined || alert.status === status) && (metric === undefined || alert.metric === metric);

/** The list with the news in it: a known alert takes its new state, a new one its place by time of opening. */
export function withNews(alerts: Alert[], news: Alert, filter: Filter): Alert[] {
  const others = alerts.filter((alert) => alert.id !== news.id);
  if (!passes(news, filter)) return others.length === alerts.length ? alerts : others;
  const opened = millis(news.opened_at);
  const place = others.findIndex((alert) => millis(alert.opened_at) < opened);
  // Below the last row that was loaded it belongs to a page that nobody has asked for yet.
  if (place === -1 && others.length === alerts.length && alerts.length > 0) return alerts;
  return others.toSpliced(place === -1 ? others.length : place, 0, news).slice(0, ROWS_MAX);
}

/** The list with an older page after it; an alert that is on both is kept once. */
export function withOlder(alerts: Alert[], older: Alert[]): Alert[] {
  const known = new Set(alerts.map((alert) => alert.id));
  return [...alerts, ...older.filter((alert) => !known.has(alert.id))].slice(0, ROWS_MAX);
}

export const metricsOf = (alerts: Alert[], chosen: string | undefined): string[] =>
  [...new Set([...BUILT_IN_METRICS, ...alerts.map((alert) => alert.metric), ...(chosen ? [chosen] : [])])].sort();

export interface Row {
  id: string;
  severity: Severity;
  status: AlertStatus;
  /** It turned out to be part of another alert, and ended in that one. */
  isFolded: boolean;
  headline: Headline;
  since: string;
  lasting: string;
  isOver: boolean;
  onset: number;
  end: number;
  /** `iOS 26.1 83 %`; undefined where no slice stands out, and where it is the one the headline names. */
  cause: string | undefined;
  isSpread: boolean;
  suspect: string | undefined;
  owner: string | undefined;
  chart: FrozenChart | undefined;
}

export function rowOf(alert: Alert, now: number, zone: Zone): Row {
  const first = alert.causes[0];
  const cause = first && !isTotal(first.slice) ? first : undefined;
  const onset = millis(alert.onset);
  const isSameDay = sameDay(onset, millis(alert.opened_at), zone);
  return {
    id: alert.id,
    severity: alert.severity,
    status: alert.status,
    isFolded: alert.folded_into != null,
    headline: headline(alert),
    since: isSameDay ? clock(onset, zone) : moment(onset, now, zone),
    lasting: lasting(alert, now),
    isOver: alert.status === 'resolved',
    onset,
    end: alert.resolved_at ? millis(alert.resolved_at) : Infinity,
    cause: cause && !sameSlice(cause.slice, alert.slice) ? `${sliceLabel(cause.slice)} ${percent(cause.share)}` : undefined,
    isSpread: cause === undefined,
    suspect: alert.suspects[0]?.title,
    owner: alert.owner ?? undefined,
    chart: alert.evidence.chart ?? undefined,
  };
}

export interface Day {
  key: string;
  heading: string;
  rows: Row[];
}

/** Rows under the day that their alert opened on, in the order of the list. */
export function daysOf(alerts: Alert[], now: number, zone: Zone): Day[] {
  const days: Day[] = [];
  for (const alert of alerts) {
    const opened = millis(alert.opened_at);
    const key = dayKey(opened, zone);
    let day = days.at(-1);
    if (day?.key !== key) {
      day = { key, heading: dayHeading(opened, now, zone), rows: [] };
      days.push(day);
    }
    day.rows.push(rowOf(alert, now, zone));
  }
  return days;
}
