import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { CODES, type CodeEntry, isErrorCode, OperatingError, toErrorBody } from '../../protocol/errors.ts';

const root = path.resolve(import.meta.dirname, '../..');
const table: readonly (readonly [string, CodeEntry])[] = Object.entries(CODES);
const ROOMS = ['protocol', 'client', 'runtime', 'actors', 'supervisors', 'cluster', 'gateway', 'cli'];

/** The chapters of docs/errors.md by their heading. */
function readChapters(): ReadonlyMap<string, string> {
  const [, ...chapters] = readFileSync(path.join(root, 'docs/errors.md'), 'utf8').split(/^### /m);
  return new Map(
    chapters.map((chapter) => {
      const [heading = '', ...lines] = chapter.split('\n');
      return [heading.trim(), lines.join('\n').split(/^## /m)[0] ?? ''];
    }),
  );
}

describe('docs/errors.md', () => {
  const chapters = readChapters();

  it('has a chapter for each code, and no other', () => {
    expect([...chapters.keys()].toSorted()).toEqual(Object.keys(CODES).toSorted());
  });

  it.each(table)('says of %s what the table says', (code, entry) => {
    const [status, ...paragraphs] = (chapters.get(code) ?? '').trim().split('\n\n');
    const facts = [`HTTP ${entry.httpStatus}`, entry.retryable ? 'retryable' : 'not retryable'];
    if (entry.closeCode !== undefined) facts.push(`closes ${entry.closeCode}`);
    expect(status).toBe(facts.join(' · '));
    const [what = '', why = '', next = ''] = paragraphs;
    expect(paragraphs).toHaveLength(3);
    expect(what.replaceAll('\n', ' ')).toBe(`**What.** ${entry.means}`);
    expect(why).toMatch(/^\*\*Why\.\*\* [A-Z`].{20,}/s);
    expect(next).toMatch(/^\*\*Next\.\*\* [A-Z`].{20,}/s);
  });
});

describe('the table', () => {
  it('has HTTP statuses and close codes that exist', () => {
    for (const [code, { httpStatus, closeCode }] of table) {
      expect(httpStatus >= 400 && httpStatus <= 599, code).toBe(true);
      if (closeCode !== undefined) expect([1009, 1012, 4401, 4403, 4406, 4429]).toContain(closeCode);
    }
  });

  it('holds every code that the product uses', () => {
    const files = ROOMS.flatMap((room) => globSync(`${room}/**/*.ts`, { cwd: root })).concat(
      globSync('*.ts', { cwd: root }),
    );
    const used = files.flatMap((file) => {
      const source = readFileSync(path.join(root, file), 'utf8');
      const pattern = /new OperatingError\(\s*'([^']*)'|'([A-Z_]+)' (?:as|satisfies) (?:ErrorCode|code)\b/g;
      return Array.from(source.matchAll(pattern), ([, raised, named]) => ({ file, code: raised ?? named ?? '' }));
    });
    expect(used.length).toBeGreaterThan(10);
    expect(used.filter(({ code }) => !isErrorCode(code))).toEqual([]);
  });
});

describe('an OperatingError', () => {
  it('crosses the wire without its stack and comes back as it was', () => {
    const error = new OperatingError('BUSY', 'full', { retryAfterMs: 5, details: { a: 1 }, cause: new Error('inner') });
    expect(error.toBody()).toStrictEqual({
      code: 'BUSY',
      message: 'full',
      retryable: true,
      retryAfterMs: 5,
      details: { a: 1 },
    });
    const back = OperatingError.fromBody(error.toBody());
    expect(back).toBeInstanceOf(OperatingError);
    expect(back.toBody()).toStrictEqual(error.toBody());
  });

  it('takes its default from the table, unless it knows better', () => {
    expect(new OperatingError('NOT_FOUND', 'x').retryable).toBe(false);
    expect(new OperatingError('NO_AGENT', 'x', { retryable: false }).retryable).toBe(false);
    expect(new OperatingError('NOT_FOUND', 'x').toBody()).toStrictEqual({
      code: 'NOT_FOUND',
      message: 'x',
      retryable: false,
    });
  });

  it('is made of anything that was thrown', () => {
    expect(toErrorBody(new OperatingError('BUSY', 'full'))).toStrictEqual({
      code: 'BUSY',
      message: 'full',
      retryable: true,
    });
    expect(toErrorBody(new TypeError('no'))).toStrictEqual({ code: 'INTERNAL', message: 'no', retryable: false });
    expect(toErrorBody('words', 'AGENT_FAILED')).toStrictEqual({
      code: 'AGENT_FAILED',
      message: 'words',
      retryable: true,
    });
    expect(isErrorCode('BUSY')).toBe(true);
    for (const value of ['busy', 'toString', 'constructor', 5, null]) expect(isErrorCode(value)).toBe(false);
  });
});
