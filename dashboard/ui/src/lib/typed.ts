// Traffic as people type it.
import type { Slice } from './api-types';

/** `platform:iOS, cluster:eu` as a slice; undefined where it is none. */
export function typedSlice(text: string): Slice | undefined {
  const slice: Slice = {};
  for (const part of text.split(',').map((one) => one.trim()).filter((one) => one !== '')) {
    const at = part.indexOf(':');
    const [dimension, value] = [part.slice(0, at).trim(), part.slice(at + 1).trim()];
    if (at < 1 || value === '') return undefined;
    slice[dimension] = value;
  }
  return slice;
}
