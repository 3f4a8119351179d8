// Entries of the audit in words, and where each leads.

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
};

export const said = (what: string): string => SAID[what] ?? what;

/** Definitions are of metrics and models are listed by them, silences have one page; all else is done to alerts. */
export function subjectPath({ what, subject }: { what: string; subject: string }): string {
  if (what.endsWith('silence')) return '/silences';
  if (what.endsWith('model')) return '/models';
  return `${what === 'define' || what === 'remove definition' ? '/registry' : '/alerts'}/${encodeURIComponent(subject)}`;
}
