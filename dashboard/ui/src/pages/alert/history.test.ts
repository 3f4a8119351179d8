import { expect, test } from 'vitest';
import { exampleAlert } from '../../lib/example';
import { actSentence, outcomeOf, precisionSentence } from './history';

const judged = (verdict: 'true' | 'false' | 'duplicate') => exampleAlert({ feedback: [{ verdict }] });

test('precision is said with how many were judged', () => {
  expect(precisionSentence([])).toBe('None before.');
  expect(precisionSentence([exampleAlert()])).toMatch(/^None of the last 1 was judged yet/);
  expect(precisionSentence([judged('true'), judged('true'), judged('false'), judged('duplicate'), exampleAlert()])).toBe(
    '3 of the last 5 were judged; 2 of these were real (67\u202f%).',
  );
});

test('each alert says what became of it', () => {
  expect(outcomeOf(judged('false'))).toBe('not real');
  expect(outcomeOf(exampleAlert())).toBe('still open');
  expect(outcomeOf(exampleAlert({ status: 'resolved' }))).toBe('not judged');
  expect(outcomeOf(exampleAlert({ status: 'resolved', folded_into: 'al_2' }))).toBe('part of another');
});

test('acts are sentences', () => {
  const at = '2026-05-02T14:35:00Z';
  expect(actSentence({ at, what: 'opened', who: null, by_person: false })).toBe('hark raised the alert');
  expect(actSentence({ at, what: 'acknowledge', who: 'ada', by_person: true })).toBe('ada acknowledged it');
  expect(actSentence({ at, what: 'feedback', who: null, by_person: true })).toBe('Somebody judged it');
});
