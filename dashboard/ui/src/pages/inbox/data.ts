// The list of alerts: what the address asks for, what a row says, how news are worked in.
import type { AlertQuery } from '../../lib/api';
import type { Alert, AlertStatus, FrozenChart, Severity } from '../../lib/api-types';
import { percent } from '../../lib/format';
import { withParameters } from '../../lib/router';
import { isTotal, sameSlice, sliceLabel, sliceText } from '../../lib/slice';
import { clock, dayHeading, dayKey, millis, moment, sameDay, type Zone } from '../../lib/time';
import { claimedCauses, type Headline, headline, lasting, metricName, SEVERITY_WORD, STATUS_WORD } from '../../lib/words';

export const STATUSES: AlertStatus[] = ['firing', 'acknowledged', 'resolved', 'silenced'];

/** Always offered to filter by; others join as their alerts are seen. */
const BUILT_IN_METRICS = ['response_time', 'failure_rate', 'requests', 'ux_score'];

/** Rows held at most; beyond it a filter serves better than more rows. */
export const ROWS_MAX = 1000;

/** Mine, my team's, or all. */
export const WHOSE = ['me', 'team'] as const;
export type Whose = (typeof WHOSE)[number];

export interface Filter {
  status?: AlertStatus | undefined;
  metric?: string | undefined;
  whose?: Whose | undefined;
  /** Words that have to be in what is told of an alert, as they were typed. */
  words?: string | undefined;
}

/** Who looks at the list. */
export interface Viewer {
  name: string;
  team: string;
}

export function filterOf(parameters: URLSearchParams): Filter {
  return {
    status: STATUSES.find((status) => status === parameters.get('status')),
    metric: parameters.get('metric') || undefined,
    whose: WHOSE.find((whose) => whose === parameters.get('whose')),
    words: parameters.get('q') || undefined,
  };
}

export const filterAddress = (filter: Filter): string =>
  withParameters('/', { whose: filter.whose, status: filter.status, metric: filter.metric, q: filter.words });

/** What the server is asked for: a blank after the last word asks for nothing new. */
export const askedAddress = (filter: Filter): string => filterAddress({ ...filter, words: filter.words?.trim() || undefined });

/** The same list without words. */
export const wholeAddress = (filter: Filter): string => filterAddress({ ...filter, words: undefined });

export const isFiltered = ({ status, metric, whose }: Filter): boolean => status !== undefined || metric !== undefined || whose !== undefined;

/** What the list needs to know of its reader and does not: without it there is nothing to ask for. */
export const isUnknown = ({ whose }: Filter, { name, team }: Viewer): boolean => (whose === 'me' && name === '') || (whose === 'team' && team === '');

/** The filter as the server takes it. */
export const queryOf = ({ status, metric, whose, words }: Filter, { name, team }: Viewer): Pick<AlertQuery, 'status' | 'metric' | 'owner' | 'assignee' | 'q'> => ({
  status,
  metric,
  owner: whose === 'team' ? team : undefined,
  assignee: whose === 'me' ? name : undefined,
  q: words,
});

const passes = (alert: Alert, { status, metric, whose }: Filter, { name, team }: Viewer): boolean =>
  (status === undefined || alert.status === status) &&
  (metric === undefined || alert.metric === metric) &&
  (whose !== 'me' || alert.assignee === name) &&
  (whose !== 'team' || alert.owner === team);

/** Everything that is told of an alert in the list, for words to be looked for. */
function toldOf(alert: Alert): string {
  const { subject, move, values } = headline(alert);
  const slices = [alert.slice, ...alert.causes.map(({ slice }) => slice)].flatMap((slice) => [sliceLabel(slice), sliceText(slice)]);
  const people = [alert.owner, alert.assignee];
  const rest = [metricName(alert.metric), alert.metric, SEVERITY_WORD[alert.severity], STATUS_WORD[alert.status], alert.id, alert.incident_id];
  return [subject, move, values, ...slices, ...alert.suspects.map(({ title }) => title), ...people, ...rest].join(' ').toLowerCase();
}

/** The alerts that have every word in them, anywhere and in any case: what the server does with all of them, for those that come
 * by themselves and while it is being asked. */
export function withWords(alerts: Alert[], words: string | undefined): Alert[] {
  const wanted = (words ?? '').toLowerCase().split(/\s+/).filter((word) => word !== '');
  if (wanted.length === 0) return alerts;
  return alerts.filter((alert) => {
    const told = toldOf(alert);
    return wanted.every((word) => told.includes(word));
  });
}

/** The list with the news in it: a known alert takes its new state, a new one its place by time of opening. */
export function withNews(alerts: Alert[], news: Alert, filter: Filter, viewer: Viewer): Alert[] {
  const others = alerts.filter((alert) => alert.id !== news.id);
  // What the server found stays: it may have been found by more than is told here.
  const isFound = others.length < alerts.length || withWords([news], filter.words).length > 0;
  if (!passes(news, filter, viewer) || !isFound) return others.length === alerts.length ? alerts : others;
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
  assignee: string | undefined;
  chart: FrozenChart | undefined;
}

export function rowOf(alert: Alert, now: number, zone: Zone): Row {
  const first = claimedCauses(alert)[0];
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
    assignee: alert.assignee ?? undefined,
    chart: alert.evidence.chart ?? undefined,
  };
}

/** Alerts that belong together: one row, and the others folded beneath it. */
export interface Incident {
  id: string;
  lead: Row;
  others: Row[];
}

export interface Day {
  key: string;
  heading: string;
  incidents: Incident[];
}

const WEIGHT: Record<Severity, number> = { critical: 2, warning: 1, info: 0 };
const isOpen = ({ status }: Row): boolean => status === 'firing' || status === 'acknowledged';

/** Of an incident the alert to look at first: an open one before a closed one, then the graver, then the newer. */
function leadOf(rows: Row[]): Row | undefined {
  return rows.toSorted((a, b) => Number(isOpen(b)) - Number(isOpen(a)) || Number(a.isFolded) - Number(b.isFolded) || WEIGHT[b.severity] - WEIGHT[a.severity])[0];
}

/** Incidents under the day that their newest alert opened on, in the order of the list. */
export function daysOf(alerts: Alert[], now: number, zone: Zone): Day[] {
  const together = new Map<string, Alert[]>();
  for (const alert of alerts) {
    const key = alert.incident_id || alert.id;
    together.set(key, [...(together.get(key) ?? []), alert]);
  }
  const days: Day[] = [];
  for (const [id, members] of together) {
    const opened = millis(members[0]?.opened_at ?? '');
    const key = dayKey(opened, zone);
    let day = days.at(-1);
    if (day?.key !== key) {
      day = { key, heading: dayHeading(opened, now, zone), incidents: [] };
      days.push(day);
    }
    const rows = members.map((alert) => rowOf(alert, now, zone));
    const lead = leadOf(rows);
    if (lead) day.incidents.push({ id, lead, others: rows.filter((row) => row !== lead) });
  }
  return days;
}

/** Rows as they stand on the screen. */
export const shownRows = (days: Day[], isUnfolded: (incident: string) => boolean): Row[] =>
  days.flatMap(({ incidents }) => incidents.flatMap(({ id, lead, others }) => [lead, ...(isUnfolded(id) ? others : [])]));
