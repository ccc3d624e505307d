import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseSettingsFile } from '../../runtime/settings-file.ts';

function valuesOf(text: string): Record<string, unknown> {
  const reading = parseSettingsFile(text);
  if (!reading.ok) throw new Error(`${reading.line}: ${reading.why}`);
  return Object.fromEntries(reading.entries.map(({ key, value }) => [key, value]));
}

describe('a settings file', () => {
  it('may have comments, trailing commas and a byte order mark', () => {
    const text = '\uFEFF// top\n{ /* a /* b */ "port": 1, "agents": ["x//y", "/* z */",], // end\n}\n';
    expect(valuesOf(text)).toEqual({ port: 1, agents: ['x//y', '/* z */'] });
  });

  it('keeps quotes, backslashes and commas inside of text', () => {
    expect(valuesOf('{"a":"\\"// no\\\\","b":",}"}')).toEqual({ a: '"// no\\', b: ',}' });
  });

  it('knows the line of each key of the outer object alone', () => {
    const reading = parseSettingsFile('{\n"a": {\n"b": 1 },\n/*\n*/ "c":\n2, "d": ["e",\n"f"]}');
    expect(reading.ok && reading.entries.map(({ key, line }) => [key, line])).toEqual([
      ['a', 2],
      ['c', 5],
      ['d', 6],
    ]);
    expect(reading.ok && reading.repeated).toEqual([]);
  });

  it('does not take a text for a key', () => {
    const reading = parseSettingsFile('{"a":"b",\n"b":["a"]}');
    expect(reading).toMatchObject({ ok: true, repeated: [] });
    expect(reading.ok && reading.entries.map(({ line }) => line)).toEqual([1, 2]);
  });

  it('notes a key that is given twice', () => {
    const reading = parseSettingsFile('{"a":1,\n"b":2,\n"a":3}');
    expect(reading.ok && reading.repeated).toEqual([{ key: 'a', value: undefined, line: 3 }]);
  });

  it.each([
    ['{"a": 1\n"b": 2}', 2],
    ['{\n"a": "x\n}', 2],
    ['{\n\n/* never', 3],
    ['[1]', 1],
    ['', 1],
    ['{"a":1}\n}', 2],
    ['{,}', 1],
  ])('is refused with the line: %j', (text, line) => {
    expect(parseSettingsFile(text)).toMatchObject({ ok: false, line });
  });

  it('reads any JSON object as JSON.parse does, and never throws', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.nat(3), (object, indent) => {
        const text = JSON.stringify(object, null, indent);
        expect(valuesOf(text)).toEqual(Object.fromEntries(Object.entries(JSON.parse(text))));
      }),
    );
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('{', '}', '[', ']', '"', ',', ':', '/', '*', '\\', '\n', 'a', '1') }),
        (text) => void parseSettingsFile(text),
      ),
    );
  });
});
