import { expect, it } from 'vitest';
import { compareVersions } from '../../actors/version-order.ts';

it('Versions are ordered as the standard has it, and build metadata does not count', () => {
  const ascending = [
    '0.9.10',
    '1.0.0-alpha',
    '1.0.0-alpha.1',
    '1.0.0-alpha.beta',
    '1.0.0-beta',
    '1.0.0-beta.2',
    '1.0.0-beta.11',
    '1.0.0-rc.1',
    '1.0.0',
    '1.0.1',
    '1.2.0',
    '1.10.0',
    '2.0.0',
  ];
  ascending.forEach((a, i) =>
    ascending.forEach((b, j) => expect([a, b, Math.sign(compareVersions(a, b))]).toEqual([a, b, Math.sign(i - j)])),
  );
  expect(compareVersions('1.0.0+a-b', '1.0.0+c')).toBe(0);
  expect(compareVersions('1.0.0-x+1', '1.0.0-x')).toBe(0);
});
