import { describe, expect, it } from 'vitest';
import type { LogRecord } from '../../runtime/log-lines.ts';
import { renderJson, renderPretty } from '../../runtime/log-lines.ts';

const record: LogRecord = {
  time: Date.UTC(2026, 0, 2, 3, 4, 5, 6),
  level: 'warn',
  message: 'slow',
  fields: { task: '01J', words: 'a b', n: 1, o: { x: [1] } },
};

describe('a line of the log', () => {
  it('as JSON has time, level and message first, and nothing can take their place', () => {
    expect(renderJson(record)).toBe(
      '{"time":"2026-01-02T03:04:05.006Z","level":"warn","message":"slow","task":"01J","words":"a b","n":1,"o":{"x":[1]}}',
    );
    expect(JSON.parse(renderJson({ ...record, fields: { level: 'x', message: 'y', time: 1 } }))).toMatchObject({
      level: 'warn',
      message: 'slow',
      level_: 'x',
      message_: 'y',
      time_: 1,
    });
  });

  it('for people is plain without colours and painted with them', () => {
    expect(renderPretty(record, false)).toBe('03:04:05.006 WARN  slow task=01J words="a b" n=1 o={"x":[1]}');
    expect(renderPretty(record, true)).toContain('\u001b[33mWARN \u001b[39m');
  });

  it('for people has the stack of an error below', () => {
    const error = {
      name: 'TypeError',
      message: 'no',
      code: 'X',
      stack: 'TypeError: no\n    at one (a.ts:1)\n    at two (b.ts:2)',
    };
    expect(renderPretty({ ...record, fields: { error } }, false).split('\n')).toEqual([
      '03:04:05.006 WARN  slow error=TypeError: no {"code":"X"}',
      '        at one (a.ts:1)',
      '        at two (b.ts:2)',
    ]);
  });

  it('cannot be faked from inside: control characters are shown', () => {
    const evil = 'x\n03:04:05 INFO all is well\u001b[2J\u009b2J\r\u2028';
    const shown = renderPretty(
      {
        ...record,
        message: evil,
        fields: { [evil]: evil, e: { name: evil, message: evil, stack: `${evil}\n at ${evil}` } },
      },
      false,
    );
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they must not be there
    expect(shown.replaceAll('\n    ', '')).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028]/);
    expect(renderJson({ ...record, message: evil })).not.toContain('\n');
  });
});
