import { expect, test } from 'vitest';
import { overlaps, sliceLabel, slicePhrase, sliceText, sliceOf, toggled } from './slice';

test('a slice is spelled for the API in order of dimension', () => {
  expect(sliceText({ os_version: '26.1', locale: 'de_DE' })).toBe('locale:de_DE,os_version:26.1');
  expect(sliceText({})).toBe('');
});

test('a slice reads as a phrase', () => {
  expect(slicePhrase({ cluster: 'eu-central-1' })).toBe('in eu-central-1');
  expect(slicePhrase({ os_version: '26.1', platform: 'iOS', locale: 'de_DE' })).toBe('on iOS 26.1 in de_DE');
  expect(slicePhrase({ os_version: '26.1' })).toBe('on OS 26.1');
  expect(slicePhrase({ feature: 'timers', network: 'wifi' })).toBe('for timers over wifi');
  expect(slicePhrase({ wake_word: 'hey' })).toBe('where wake word is hey');
  expect(slicePhrase({})).toBe('');
});

test('a label names a dimension only where the value alone would not tell', () => {
  expect(sliceLabel({ os_version: '26.1', platform: 'iOS' })).toBe('iOS 26.1');
  expect(sliceLabel({ os_version: '26.1', locale: 'de_DE' })).toBe('OS 26.1, de_DE');
  expect(sliceLabel({ wake_word: 'hey' })).toBe('wake word hey');
  expect(sliceLabel({})).toBe('all traffic');
});

test('slices overlap unless a dimension has two values', () => {
  expect(overlaps({ platform: 'iOS' }, { locale: 'de_DE' })).toBe(true);
  expect(overlaps({ platform: 'iOS' }, { platform: 'macOS', locale: 'de_DE' })).toBe(false);
  expect(overlaps({}, { platform: 'iOS' })).toBe(true);
});

test('a slice in the address is read, and gains and loses a value', () => {
  expect(sliceOf('os_version:26.1,locale:de_DE,broken,:x')).toEqual({ os_version: '26.1', locale: 'de_DE' });
  expect(sliceOf(null)).toEqual({});
  expect(toggled({ locale: 'de_DE' }, 'cluster', 'eu')).toBe('cluster:eu,locale:de_DE');
  expect(toggled({ locale: 'de_DE' }, 'locale', 'de_DE')).toBe('');
});
