// What people write of a change, read into what the server takes.
import type { ChangeKind, Slice } from '../../lib/api-types';

export const KINDS: { kind: ChangeKind; label: string }[] = [
  { kind: 'deploy', label: 'Deploy' },
  { kind: 'config', label: 'Configuration' },
  { kind: 'model', label: 'Model' },
  { kind: 'experiment', label: 'Experiment' },
  { kind: 'holiday', label: 'Holiday' },
];

/** `platform:iOS, cluster:eu` as a slice; undefined where it is none. */
export function sliceOf(text: string): Slice | undefined {
  const slice: Slice = {};
  for (const part of text.split(',').map((one) => one.trim()).filter((one) => one !== '')) {
    const at = part.indexOf(':');
    const [dimension, value] = [part.slice(0, at).trim(), part.slice(at + 1).trim()];
    if (at < 1 || value === '') return undefined;
    slice[dimension] = value;
  }
  return slice;
}
