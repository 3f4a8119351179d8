import { expect, test } from 'vitest';
import { said, subjectPath } from './data';

test('each entry leads to what it was done to', () => {
  expect(subjectPath({ what: 'acknowledge', subject: 'al_1' })).toBe('/alerts/al_1');
  expect(subjectPath({ what: 'define', subject: 'cancel_rate' })).toBe('/registry/cancel_rate');
  expect(subjectPath({ what: 'end silence', subject: 'si_1' })).toBe('/silences');
  expect(subjectPath({ what: 'roll back model', subject: 'response_time' })).toBe('/models');
  expect([said('define'), said('escalate')]).toEqual(['saved a definition', 'escalate']);
});
