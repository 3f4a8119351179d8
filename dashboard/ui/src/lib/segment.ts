// The part of the alert that is looked at: `seg=cluster:eu` in the address.
import type { Slice } from './api-types';
import { here } from './router';
import { sliceOf } from './slice';

export const segment = (): Slice => sliceOf(here.parameters.get('seg'));
