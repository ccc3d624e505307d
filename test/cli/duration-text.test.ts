import { expect, it } from 'vitest';
import { durationText } from '../../cli/terminal.ts';

it.each([
  [0, '0 ms'],
  [450, '450 ms'],
  [3_200, '3.2 s'],
  [59_949, '59.9 s'],
  [59_960, '1 min'],
  [119_600, '2 min'],
  [125_000, '2 min 5 s'],
  [300_000, '5 min'],
  [3_600_000, '1 h'],
  [12_030_000, '3 h 20 min'],
])('A time of %d ms is %s', (ms, text) => {
  expect(durationText(ms)).toBe(text);
});
