import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fillInput } from '../../../actors/schedules/schedule-input.ts';

const facts = { name: 'nightly', atMs: Date.UTC(2026, 0, 2, 3) };

describe('The input of a run', () => {
  it('has the time that the run is for where a text asks for it', () => {
    const input = {
      at: '${schedule.at}',
      list: ['for ${schedule.time}', { deep: '${ schedule.name }' }],
      other: '${input.x} and ${steps.a}',
      n: 1,
    };
    expect(fillInput(input, facts)).toEqual({
      at: facts.atMs,
      list: ['for 2026-01-02T03:00:00.000Z', { deep: 'nightly' }],
      other: '${input.x} and ${steps.a}',
      n: 1,
    });
    expect(fillInput('${schedule.name}: ${schedule.at}', facts)).toBe(`nightly: ${facts.atMs}`);
  });

  it('is refused where a run does not have what it asks for', () => {
    for (const text of ['${schedule.day}', 'on ${schedule.day}'])
      expect(() => fillInput({ text }, facts)).toThrow(/no \$\{schedule\.day\}; there are at, time and name/);
  });

  it('is as it was where it asks for nothing', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        fc.pre(!JSON.stringify(value).includes('schedule.'));
        expect(fillInput(value, facts)).toEqual(value);
      }),
    );
  });
});
