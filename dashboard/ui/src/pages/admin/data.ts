// Entries of the audit in words, and where each leads; how the process is.
import type { ProcessAnswer, Status } from '../../lib/api-types';
import { bytes, fixed, percent } from '../../lib/format';
import { duration, millis } from '../../lib/time';
import { metricName } from '../../lib/words';

const SAID: Record<string, string> = {
  acknowledge: 'acknowledged',
  resolve: 'resolved',
  assign: 'gave to somebody',
  feedback: 'gave a verdict',
  silence: 'silenced',
  'end silence': 'ended a silence',
  define: 'saved a definition',
  'remove definition': 'removed a definition',
  'train model': 'had a model trained',
  'promote model': 'promoted a model',
  'roll back model': 'rolled a model back',
  'import model': 'imported a model',
  'remove model': 'removed a model',
};

/** What is done to models names the one it was done to. */
export function said(what: string): string {
  const [done = what, detector] = what.split(': ');
  const words = SAID[done] ?? done;
  return detector === undefined ? words : `${words} (${metricName(detector)})`;
}

/** Definitions are of metrics and models are listed by them, silences have one page; all else is done to alerts. */
export function subjectPath({ what, subject }: { what: string; subject: string }): string {
  if (what.endsWith('silence')) return '/silences';
  if (/ model(:|$)/.test(what)) return '/models';
  return `${what === 'define' || what === 'remove definition' ? '/registry' : '/alerts'}/${encodeURIComponent(subject)}`;
}

export interface Vital {
  label: string;
  value: string;
  note: string;
  tone: 'plain' | 'good' | 'warning' | 'critical';
}

const PART: Record<string, string> = { log: 'the log', history: 'history', models: 'models', snapshot: 'the snapshot', database: 'the database', rest: 'the rest' };
/** A stream that stands still for so long has stopped, or its senders have. */
const LAG_WARNED_MS = 15 * 60_000;
/** From this part of what may wait on, senders will soon be told to come again. */
const FULL_FROM = 0.8;

/** What the process takes, and whether it keeps up; `now` is the time on the wall. */
export function vitals(process: ProcessAnswer, status: Pick<Status, 'watermark' | 'demo'> | null, now: number): Vital[] {
  const { data, memory_bytes: memory, in_flight_bytes: waiting, in_flight_bytes_max: most, store_problem } = process;
  const disk = data.reduce((sum, part) => sum + part.bytes, 0);
  const parts = data.filter((part) => part.bytes >= disk / 100).map((part) => `${PART[part.name] ?? part.name} ${bytes(part.bytes)}`);
  const behind = status?.watermark && !status.demo ? now - millis(status.watermark) : undefined;
  return [
    { label: 'Up for', value: duration(Math.max(0, now - millis(process.started_at))), note: `version ${process.version}`, tone: 'plain' },
    { label: 'Memory', value: memory == null ? 'Not told' : bytes(memory), note: memory == null ? 'this system does not say' : 'in use by this process', tone: 'plain' },
    { label: 'Disk', value: data.length === 0 ? 'None' : bytes(disk), note: data.length === 0 ? 'nothing is kept' : parts.join(', '), tone: 'plain' },
    {
      label: 'Behind by',
      value: behind === undefined ? '–' : duration(Math.max(0, behind)),
      note: status?.demo ? `a demo: ${fixed(status.demo.minutes_per_second, 0)} minutes pass in a second` : behind === undefined ? 'no event yet' : 'from the wall clock to what is counted for good',
      tone: behind !== undefined && behind > LAG_WARNED_MS ? 'warning' : 'plain',
    },
    {
      label: 'Waiting to be stored',
      value: waiting === 0 ? 'Nothing' : bytes(waiting),
      note: `${percent(waiting / most)} of the ${bytes(most)} that may wait`,
      tone: waiting > FULL_FROM * most ? 'warning' : 'plain',
    },
    {
      label: 'Last snapshot',
      value: process.snapshot_at ? `${duration(Math.max(0, now - millis(process.snapshot_at)))} ago` : 'None yet',
      note: process.snapshot_at ? 'a restart goes on from there' : 'a restart folds the whole log',
      tone: 'plain',
    },
    { label: 'Database', value: store_problem ? 'Look' : 'Answers', note: store_problem ?? 'alerts and what people did are in it', tone: store_problem ? 'critical' : 'good' },
  ];
}
