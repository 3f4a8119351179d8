// What the self-test says of detection.
import type { SelfTestState } from './api-types';

/** What the self-test says of detection, in a word or two. */
export const SELF_TEST_WORD: Record<SelfTestState, string> = {
  off: 'not tested',
  learning: 'learning',
  working: 'working',
  blind: 'blind',
  crying: 'crying wolf',
  backwards: 'backwards',
  stale: 'stale',
};

/** Whether detection is broken. */
export const isFault = (state: SelfTestState): boolean => !['off', 'learning', 'working'].includes(state);
