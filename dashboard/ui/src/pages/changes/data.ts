// The kinds of changes there are.
import type { ChangeKind } from '../../lib/api-types';

export const KINDS: { kind: ChangeKind; label: string }[] = [
  { kind: 'deploy', label: 'Deploy' },
  { kind: 'config', label: 'Configuration' },
  { kind: 'model', label: 'Model' },
  { kind: 'experiment', label: 'Experiment' },
  { kind: 'holiday', label: 'Holiday' },
  { kind: 'incident', label: 'Incident' },
];
