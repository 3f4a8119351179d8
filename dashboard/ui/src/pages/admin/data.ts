// Entries of the audit in words, and where each leads.

const SAID: Record<string, string> = {
  acknowledge: 'acknowledged',
  resolve: 'resolved',
  feedback: 'gave a verdict',
  define: 'saved a definition',
  'remove definition': 'removed a definition',
};

export const said = (what: string): string => SAID[what] ?? what;

/** Definitions are of metrics; all else is done to alerts. */
export const subjectPath = (entry: { what: string; subject: string }): string =>
  `${entry.what === 'define' || entry.what === 'remove definition' ? '/registry' : '/alerts'}/${encodeURIComponent(entry.subject)}`;
