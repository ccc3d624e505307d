import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Cell, CellReader, KIND } from '../../../actors/analyst/cells.ts';
import { readDate, slashOrder, writeDate } from '../../../actors/analyst/dates.ts';

const plain = { decimal: '.', dayFirst: false } as const;

/** The kind by name, and the value where there is one. */
function read(cell: Cell, dialect: { decimal: '.' | ','; dayFirst: boolean } = plain): readonly [string, number?] {
  const reader = new CellReader(dialect);
  const kind = reader.read(cell);
  const name = Object.entries(KIND).find(([, code]) => code === kind)?.[0] ?? '?';
  return kind === KIND.missing || kind === KIND.text || kind === KIND.none ? [name] : [name, reader.value];
}

describe('a cell', () => {
  it.each(['', ' ', 'NA', 'N/A', 'null', 'NULL', 'NaN', 'nan', '#N/A', '<NA>', ' NA '])('%j is missing', (cell) => {
    expect(read(cell)).toEqual(['missing']);
  });

  it.each([null, undefined])('%j of JSON is missing', (cell) => {
    expect(read(cell)).toEqual(['missing']);
  });

  it.each([
    ['0', 0],
    ['7', 7],
    ['-12', -12],
    ['+3', 3],
    ['1e3', 1000],
    ['1,234', 1234],
    ['-1,234,567', -1234567],
    [' 42 ', 42],
    ['$1,200', 1200],
    ['12%', 12],
    ['1’000', 1000],
    ['9007199254740993', 9007199254740992],
    [5, 5],
  ])('%j is a whole number', (cell, value) => {
    expect(read(cell)).toEqual(['integer', value]);
  });

  it.each([
    ['1.5', 1.5],
    ['-.5', -0.5],
    ['2.', 2],
    ['3.0', 3],
    ['1e-3', 0.001],
    ['1,234.56', 1234.56],
    ['€ 2.50', 2.5],
    ['2.50 €', 2.5],
    ['-$3.25', -3.25],
    ['12.5 %', 12.5],
    [0.25, 0.25],
  ])('%j is a number', (cell, value) => {
    expect(read(cell)).toEqual(['number', value]);
  });

  it.each([
    '0x1F',
    '0b11',
    '1_000',
    '1,23',
    '12,34,567',
    '--1',
    '1-2',
    'Infinity',
    '1e999',
    '2e100',
    Number.POSITIVE_INFINITY,
    1e200,
    '007',
    '00501',
    '12abc',
    '1.2.3',
    '5 apples',
    '192.168.0.1',
    '12:30',
    '2020-13-01',
    '2021-02-29',
    'x',
    'not a number at all',
    '555-1234',
    '1.2.20',
  ])('%j is text', (cell) => {
    expect(read(cell)).toEqual(['text']);
  });

  it.each([
    ['true', 1],
    ['TRUE', 1],
    ['yes', 1],
    ['y', 1],
    ['T', 1],
    ['false', 0],
    ['No', 0],
    ['f', 0],
    [true, 1],
    [false, 0],
  ])('%j is a boolean', (cell, value) => {
    expect(read(cell)).toEqual(['boolean', value]);
  });

  it('None is neither missing nor text by itself', () => {
    expect(read('None')).toEqual(['none']);
    expect(read('none')).toEqual(['text']);
  });

  it.each([
    ['1,5', ['number', 1.5]],
    ['1.234,5', ['number', 1234.5]],
    ['1.234', ['integer', 1234]],
    ['12', ['integer', 12]],
    ['1.5', ['text']],
    ['3,2 %', ['number', 3.2]],
  ] as const)('with a decimal comma, %j reads as %j', (cell, expected) => {
    expect(read(cell, { decimal: ',', dayFirst: false })).toEqual(expected);
  });
});

describe('a date', () => {
  const utc = (...parts: [number, number, number?, number?, number?, number?, number?]): number => Date.UTC(...parts);

  it.each([
    ['2020-03-14', utc(2020, 2, 14)],
    ['2020-3-4', utc(2020, 2, 4)],
    ['2020-03', utc(2020, 2)],
    ['2020/03/14', utc(2020, 2, 14)],
    ['03/14/2020', utc(2020, 2, 14)],
    ['3/4/2020', utc(2020, 2, 4)],
    ['14.03.2020', utc(2020, 2, 14)],
    ['14.03.20', utc(2020, 2, 14)],
    ['03/14/69', utc(1969, 2, 14)],
    ['03/14/68', utc(2068, 2, 14)],
    ['14 Mar 2020', utc(2020, 2, 14)],
    ['14-Mar-20', utc(2020, 2, 14)],
    ['March 14, 2020', utc(2020, 2, 14)],
    ['Mar 14 2020', utc(2020, 2, 14)],
    ['Sept 1st, 2020', utc(2020, 8, 1)],
    ['Jan 2000', utc(2000, 0)],
    ['2020-02-29', utc(2020, 1, 29)],
    ['0099-01-02', new Date(0).setUTCFullYear(99, 0, 2)],
  ])('%j is read to the day', (text, ms) => {
    expect(read(text)).toEqual(['date', ms]);
  });

  it.each([
    ['2020-03-14T15:09:26Z', utc(2020, 2, 14, 15, 9, 26)],
    ['2020-03-14 15:09', utc(2020, 2, 14, 15, 9)],
    ['2020-03-14T15:09:26.535', utc(2020, 2, 14, 15, 9, 26, 535)],
    ['2020-03-14T15:09:26+02:00', utc(2020, 2, 14, 13, 9, 26)],
    ['2020-03-14T15:09:26-0530', utc(2020, 2, 14, 20, 39, 26)],
    ['3/14/2020 3:09 PM', utc(2020, 2, 14, 15, 9)],
    ['3/14/2020 12:00 am', utc(2020, 2, 14)],
  ])('%j is read to the time', (text, ms) => {
    expect(read(text)).toEqual(['datetime', ms]);
  });

  it.each([
    '2020-02-30',
    '31/12/2020',
    '2020-00-01',
    '2020-03-14T25:00',
    '2020-03-14 10:60',
    'Foo 3, 2020',
    '32 Jan 2020',
    '13:00 PM',
    'Mayor 5, 2020',
  ])('%j is none', (text) => {
    expect(readDate(text, false)).toBeUndefined();
  });

  it('is read the same by its digits and by its pattern', () => {
    const part = fc.integer({ min: -1, max: 70 });
    const year = fc.integer({ min: 0, max: 3_000 });
    const two = (value: number): string => String(value).padStart(2, '0');
    fc.assert(
      fc.property(
        year,
        part,
        part,
        part,
        part,
        part,
        fc.constantFrom('T', ' ', 'x'),
        (y, month, day, hour, minute, second, mark) => {
          const days = `${String(y).padStart(4, '0')}-${two(month)}-${two(day)}`;
          const time = `${days}${mark}${two(hour)}:${two(minute)}:${two(second)}`;
          // Slashes for dashes take the longer way.
          const slow = (text: string): unknown => readDate(text.replace('-', '/').replace('-', '/'), false);
          expect(readDate(days, false)).toEqual(slow(days));
          expect(readDate(time, false)).toEqual(slow(time));
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('reads day first where told so, and only then', () => {
    expect(readDate('03/04/2020', true)).toEqual({ ms: utc(2020, 3, 3), timed: false });
    expect(readDate('03/04/2020', false)).toEqual({ ms: utc(2020, 2, 4), timed: false });
    expect(readDate('31/12/2020', true)).toEqual({ ms: utc(2020, 11, 31), timed: false });
  });

  it('tells which part of a date cannot be the month', () => {
    expect([
      slashOrder('31/12/2020'),
      slashOrder('12/31/2020'),
      slashOrder('01/02/2020'),
      slashOrder('1.2.2020'),
      slashOrder('2020-01-02'),
    ]).toEqual(['first', 'second', 'open', 'first', undefined]);
  });

  it('is written as it is sorted', () => {
    expect([writeDate(utc(2020, 2, 14, 15, 9)), writeDate(utc(2020, 2, 14, 15, 9), true)]).toEqual([
      '2020-03-14',
      '2020-03-14 15:09',
    ]);
  });
});
