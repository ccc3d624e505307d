import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { correlate } from '../../../actors/analyst/correlate.ts';
import { escapeMarkdown, fileSlug } from '../../../actors/analyst/markdown.ts';
import { profileColumns } from '../../../actors/analyst/profile.ts';
import { type ReportOutput, writeReport } from '../../../actors/analyst/report.ts';
import { scanColumns } from '../../../actors/analyst/scan.ts';
import { element, svgDocument, textElement } from '../../../actors/analyst/svg.ts';
import { fitText, textWidth } from '../../../actors/analyst/svg-text.ts';
import {
  writeBytes,
  writeCoefficient,
  writeCount,
  writeList,
  writeNumber,
  writePlural,
  writeProbability,
  writeShare,
} from '../../../actors/analyst/wording.ts';
import { errorOf, makeFiles, repeatable } from './files.ts';

const files = makeFiles();
const DATA = new URL('../../../examples/data/', import.meta.url).pathname;
let count = 0;
/** A text of a chart: x, size, anchor, whether it is turned, content. */
const TEXT = new RegExp(
  '<text x="(-?[\\d.]+)" y="[\\d.]+" font-size="(\\d+)" fill="[^"]+"' +
    '( text-anchor="(\\w+)")?(?: font-weight="600")?(>| transform)([^<]*)',
  'g',
);

/** A report of a file, in a folder of its own. */
async function reportOf(
  path: string,
): Promise<{ output: ReportOutput; text: string; outDir: string; charts: Map<string, string> }> {
  count += 1;
  const outDir = join(files.folder, `report-${count}`);
  const output = await writeReport({ path, outDir });
  const charts = new Map(output.charts.map((chart) => [chart, readFileSync(join(outDir, chart), 'utf8')]));
  return { output, text: readFileSync(output.report, 'utf8'), outDir, charts };
}

/** Fails unless a text is one well-formed XML element: tags balance, attributes are quoted, ampersands and brackets are escaped. */
function expectXml(text: string): void {
  const open: string[] = [];
  const rest = text.replace(
    /<(\/?)([a-z]+)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/g,
    (_, closing: string, name: string, attributes: string, empty: string) => {
      if (closing === '/') expect(open.pop()).toBe(name);
      else if (empty === '') open.push(name);
      expect(attributes).not.toMatch(/\bon\w+=|href|javascript:/i);
      expect(attributes.replace(/&(amp|lt|gt|quot|#39);/g, '')).not.toContain('&');
      return '';
    },
  );
  expect(open).toEqual([]);
  expect(rest.replace(/&(amp|lt|gt|quot|#39);/g, '')).not.toMatch(/[<>&]/);
}

describe('the report of bird strikes', async () => {
  const { output, text, outDir, charts } = await reportOf(`${DATA}birdstrikes.csv`);

  it('says what an analyst would forward', () => {
    expect(text).toMatch(/^# Analysis of birdstrikes\.csv\n/);
    expect(text).toContain('10,000 rows and 14 columns');
    expect(text).toContain('Flight Date runs from 1990-01-08 to 2002-07-25');
    for (const heading of [
      'Key findings',
      'Quality of the data',
      'Columns',
      'Numbers',
      'Over time',
      'Differences between groups',
      'How this was computed',
      'To reproduce',
    ]) {
      expect(text).toContain(`\n## ${heading}\n`);
    }
    expect(text).toMatch(/1\. The number of rows per month follows the month of the year: highest in October/);
    expect(text).toMatch(
      /Speed IAS in knots differs strongly between the groups of Phase of flight: median 250 for “Descent”/,
    );
    expect(text).toContain('Each Airport Name belongs to one Origin State, in all 10,000 rows');
    expect(text).toContain('24 of 10,000 rows repeat an earlier row in every column.');
    expect(text).toContain('45777edf69984b37599e73dbfb34dbc976055243547407214261a4fcb9466462');
    expect(text).not.toContain(DATA);
    expect(text).not.toMatch(/undefined|NaN|\[object|null/);
  });

  it('orders its findings by strength and gives every one its numbers', () => {
    expect(output.findings.length).toBeGreaterThan(5);
    expect(
      output.findings.every(({ strength }, at) => at === 0 || strength <= (output.findings[at - 1]?.strength ?? 0)),
    ).toBe(true);
    for (const { text: sentence, kind } of output.findings) {
      if (kind !== 'structure') expect(sentence).toMatch(/q (<|=) [\d.]+/);
      expect(sentence).toMatch(/\d/);
    }
  });

  it('links every chart that it wrote, and no other file', () => {
    const linked = [...text.matchAll(/!\[[^\]]*\]\(([^)]+)\)/g)].map((match) => match[1]);
    expect(new Set(linked)).toEqual(new Set(output.charts));
    expect(linked).toHaveLength(output.charts.length);
    expect(readdirSync(join(outDir, 'charts')).map((name) => `charts/${name}`)).toEqual([...output.charts].sort());
    expect(output.charts.every((path) => /^charts\/\d\d-[a-z0-9-]+\.svg$/.test(path))).toBe(true);
    expect(new Set(output.charts.map((path) => path.split(/[-.]/)[1]))).toEqual(
      new Set(['missing', 'time', 'correlations', 'scatter', 'boxes', 'cross', 'values', 'histogram']),
    );
  });

  it('draws charts that are well-formed, titled, described, and opaque', () => {
    for (const svg of charts.values()) {
      expectXml(svg);
      expect(svg).toMatch(/^<svg [^>]*role="img"/);
      expect(svg).toMatch(/<title>.+<\/title><desc>.+<\/desc>/);
      expect(svg).toContain('fill="#ffffff"');
      expect(svg).not.toMatch(/NaN|undefined|Infinity/);
    }
  });

  it('keeps all text of a chart within it', () => {
    for (const [path, svg] of charts) {
      const width = Number(/width="([\d.]+)"/.exec(svg)?.[1]);
      for (const match of svg.matchAll(TEXT)) {
        const [, x = '0', size = '12', , anchor, turned, content = ''] = match;
        if (turned !== '>') continue;
        const length = textWidth(content.replace(/&\w+;/g, 'x'), Number(size));
        const start = Number(x) - (anchor === 'end' ? length : anchor === 'middle' ? length / 2 : 0);
        expect(`${path} ${content} ${start >= -1 && start + length <= width + 1}`).toBe(`${path} ${content} true`);
      }
    }
  });

  it('is the same, byte for byte, when it is written again, and leaves nothing else behind', async () => {
    const again = await reportOf(`${DATA}birdstrikes.csv`);
    expect(again.text).toBe(text);
    expect([...again.charts]).toEqual([...charts]);
    expect(
      readdirSync(again.outDir)
        .filter((name) => !name.startsWith('relations-'))
        .sort(),
    ).toEqual(['charts', 'findings.json', 'report.md']);
  });

  it('keeps all findings as JSON', () => {
    const all = JSON.parse(readFileSync(output.findingsFile, 'utf8')) as { relations: unknown[]; quality: unknown[] };
    expect(all.relations.length + all.quality.length).toBe(output.findingsTotal);
    expect(output.findingsTotal).toBeGreaterThan(output.findings.length);
  });
});

describe('a report', () => {
  it.each(['seattle-weather.csv', 'penguins.json'])('is written of %s too', async (name) => {
    const { text, charts } = await reportOf(`${DATA}${name}`);
    expect(text).not.toMatch(/undefined|NaN|\[object/);
    for (const svg of charts.values()) expectXml(svg);
  });

  it('is the same from the answers of the steps as from the file', async () => {
    const path = `${DATA}penguins.json`;
    const workDir = join(files.folder, 'steps-work');
    const outDir = join(files.folder, 'steps');
    const scan = await scanColumns({ path, groupSize: 2 });
    const profiles = await Promise.all(
      scan.groups.map(({ columns }) => profileColumns({ path, dialect: scan.dialect, columns, workDir })),
    );
    const correlations = await correlate({ path, dialect: scan.dialect, profiles, workDir });
    const parts = JSON.parse(JSON.stringify({ scan, profiles, correlations })) as {
      scan: typeof scan;
      profiles: typeof profiles;
      correlations: typeof correlations;
    };
    const output = await writeReport({ outDir, ...parts });
    const { text, charts } = await reportOf(path);
    expect(readFileSync(output.report, 'utf8')).toBe(text);
    expect(output.charts).toEqual([...charts.keys()]);
    expect(JSON.stringify(parts).length).toBeLessThan(64 * 1024);
  });

  it('of a file with little in it is short and whole', async () => {
    for (const content of ['v\n1\n2\n3\n', 'a,b\n', 'a,b\nx,\ny,\n']) {
      const { text } = await reportOf(files.write(`little-${count}.csv`, content));
      expect(text).toContain('No relation between columns is both strong enough');
      expect(text).not.toMatch(/undefined|NaN/);
    }
  });

  it('of a large file says what is estimated and what is sampled', async () => {
    const random = repeatable(6);
    const rows = Array.from({ length: 70_000 }, (_, index) => `${random()},${random() + index / 70_000},${index % 7}`);
    const { text } = await reportOf(files.write('large.csv', `a,b,c\n${rows.join('\n')}\n`));
    expect(text).toContain('| a | number | 0 | ≈ ');
    expect(text).toMatch(
      /Figures marked ≈ \(quantiles, median, MAD, distinct values of 2 columns\) are estimates from every row/,
    );
    expect(text).toContain('a uniform random sample of 50,000 of 70,000 rows (seed 1)');
  });

  it('of yearly figures names their years', async () => {
    const rows = Array.from({ length: 40 }, (_, index) => `${1980 + index},${index * 2 + (index % 3)}`);
    const { text } = await reportOf(files.write('years.csv', `Year,value\n${rows.join('\n')}\n`));
    expect(text).toContain('Year runs from 1980 to 2019.');
    expect(text).toContain('value rises over time (means per year): +2 a year');
  });

  it('has the title and the time that it is given, and no other time', async () => {
    const outDir = join(files.folder, 'titled');
    const { report } = await writeReport({
      path: `${DATA}penguins.json`,
      outDir,
      title: 'Penguins *of* Palmer',
      generatedAt: '2024-05-06',
    });
    expect(readFileSync(report, 'utf8')).toMatch(/^# Penguins \\\*of\\\* Palmer\n[\s\S]*\nGenerated 2024-05-06\.\n/);
  });

  it('refuses parts of different files, parts alone, and files that are not what they should be', async () => {
    const outDir = join(files.folder, 'refused');
    const path = files.write('one.csv', 'a,b\n1,2\n');
    const scan = await scanColumns({ path });
    const profiles = [await profileColumns({ path })];
    const correlations = await correlate({ path });
    const other = await correlate({ path: files.write('two.csv', 'a,b\n3,4\n') });
    expect((await errorOf(writeReport({ outDir, scan, profiles, correlations: other }))).message).toMatch(
      /different files/,
    );
    expect((await errorOf(writeReport({ outDir, scan, profiles }))).code).toBe('INVALID_INPUT');
    expect((await errorOf(writeReport({ outDir }))).code).toBe('INVALID_INPUT');
    const file = files.write('odd.json', '{"a":1}');
    expect(
      (await errorOf(writeReport({ outDir, scan, profiles, correlations: { ...correlations, file } }))).message,
    ).toMatch(/does not hold these relations/);
    const { details: _, ...bare } = profiles[0] as (typeof profiles)[number];
    expect((await errorOf(writeReport({ outDir, scan, profiles: [{ ...bare, file }], correlations }))).message).toMatch(
      /does not hold this profile/,
    );
    expect((await errorOf(writeReport({ outDir, scan, profiles: [bare], correlations }))).code).toBe('INVALID_INPUT');
    expect(
      (
        await errorOf(
          writeReport({ outDir, scan, profiles: [{ ...bare, file: files.write('no.json', 'no') }], correlations }),
        )
      ).message,
    ).toMatch(/is not JSON/);
    expect(existsSync(join(outDir, 'report.md'))).toBe(false);
  });

  it('writes nowhere but below its folder, even where a link leads out', async () => {
    const outDir = join(files.folder, 'linked');
    const outside = join(files.folder, 'outside');
    mkdirSync(outDir);
    mkdirSync(outside);
    symlinkSync(outside, join(outDir, 'charts'));
    expect((await errorOf(writeReport({ path: `${DATA}penguins.json`, outDir }))).code).toBe('FORBIDDEN');
    expect(readdirSync(outside)).toEqual([]);
    rmSync(join(outDir, 'charts'));
  });
});

describe('hostile names and values', async () => {
  const evil = [
    '<script>alert(1)</script>',
    '![x](http://evil.test/x.png)',
    '[click](javascript:alert(1))',
    '| cell | `code` |',
    '"><svg onload=alert(1)>',
    '\u202ereversed',
    '# heading',
    '</text></svg>',
  ];
  const rows = Array.from({ length: 60 }, (_, index) =>
    evil.map((text, at) =>
      at < 5 ? `${evil[(index + at) % 3] ?? ''}` : String(((index * 7 + at) % 20) + (text === '# heading' ? index : 0)),
    ),
  );
  const quote = (cell: string): string => `"${cell.replaceAll('"', '""')}"`;
  const content = [evil, ...rows].map((row) => row.map(quote).join(',')).join('\n');
  const { text, charts, output } = await reportOf(files.write('evil.csv', `${content}\n`));

  it('cannot put HTML, links or images into the report', () => {
    const images = [...text.matchAll(/(?<!\\)!\[/g)].length;
    expect(images).toBe(output.charts.length);
    expect(text).not.toMatch(/<(script|svg|img|\/text)/i);
    // A bracket that could begin a link is always escaped, but in the images of the report itself.
    expect(text.replace(/!\[[^\n]*\]\(charts\/[^)]+\)/g, '')).not.toMatch(/(?<!\\)\](\(|\[)/);
    expect(text).not.toMatch(/(?<!`)https?:\/\//);
    expect(text).not.toContain('\u202e');
  });

  it('cannot break a table: every line of one has as many cells as its head', () => {
    const cells = (line: string): number => line.replaceAll('\\|', '').split('|').length;
    let width = 0;
    for (const line of text.split('\n')) {
      if (!line.startsWith('|')) width = 0;
      else if (width === 0) width = cells(line);
      else expect(`${cells(line)} ${line}`).toBe(`${width} ${line}`);
    }
  });

  it('cannot put elements into a chart, or names into paths', () => {
    for (const [path, svg] of charts) {
      expectXml(svg);
      expect(svg).not.toMatch(/<script|\u202e/);
      expect(path).toMatch(/^charts\/\d\d-[a-z0-9-]+\.svg$/);
    }
  });
});

describe('text for people', () => {
  it.each([
    [0, '0'],
    [1234567.8, '1,234,568'],
    [-1234, '−1,234'],
    [12.345, '12.3'],
    [123.456, '123.5'],
    [0.00123456, '0.00123'],
    [1e-7, '1.00e-7'],
    [3e20, '3.00e20'],
    [42, '42'],
    [-0.5, '−0.5'],
    [Number.NaN, '–'],
    [999.96, '1,000'],
  ])('writes %j as %j', (value, written) => {
    expect(writeNumber(value)).toBe(written);
  });

  it('writes shares, coefficients and probabilities never more extreme than they are', () => {
    expect([0, 0.0004, 0.0236, 0.53, 0.9996, 0.994, 1].map(writeShare)).toEqual([
      '0 %',
      '< 0.1 %',
      '2.4 %',
      '53 %',
      '> 99.9 %',
      '99 %',
      '100 %',
    ]);
    expect([1, 0.9999, -0.9999, 0.5, -0.004, -0.25].map(writeCoefficient)).toEqual([
      '1.00',
      '> 0.99',
      '< −0.99',
      '0.50',
      '0.00',
      '−0.25',
    ]);
    expect([writeProbability('q', 0.0004), writeProbability('p', 0.0304)]).toEqual(['q < 0.001', 'p = 0.030']);
  });

  it('writes counts, sizes and lists', () => {
    expect([
      writeCount(1_000_000),
      writePlural(1, 'row'),
      writePlural(2, 'stretch', 'stretches'),
      writeBytes(1_223_329),
      writeBytes(12),
      writeList(['a']),
      writeList(['a', 'b', 'c']),
    ]).toEqual(['1,000,000', '1 row', '2 stretches', '1.22 MB', '12 bytes', 'a', 'a, b and c']);
  });

  it('is escaped for Markdown where it must be, and left alone where it need not', () => {
    expect(escapeMarkdown('snake_case of 5 < 6 & 2 - 1 (x)')).toBe('snake_case of 5 < 6 & 2 - 1 (x)');
    expect(escapeMarkdown('_a_ *b* `c` [d](e) ~f~ $g$ | h \\')).toBe(
      '\\_a\\_ \\*b\\* \\`c\\` \\[d\\](e) \\~f\\~ \\$g\\$ \\| h \\\\',
    );
    expect(escapeMarkdown('<b>&lt; a@b.c www.x http://y')).toBe('&lt;b>&amp;lt; a&#64;b.c www&#46;x http&#58;//y');
    expect(['- a', '1. b', '# c', '> d', '+e', '=== f'].map((line) => escapeMarkdown(line))).toEqual([
      '\\- a',
      '1\\. b',
      '\\# c',
      '\\> d',
      '\\+e',
      '\\=== f',
    ]);
    expect([escapeMarkdown('line\nbreak\u0000'), escapeMarkdown('abcdef', 4)]).toEqual(['line break', 'abc…']);
  });

  it('makes names of files', () => {
    expect(['Cost Total $', 'Größe (cm)', '../../etc/passwd', '日本', `${'x'.repeat(39)} y`].map(fileSlug)).toEqual([
      'cost-total',
      'gro-e-cm',
      'etc-passwd',
      'x',
      'x'.repeat(39),
    ]);
  });

  it('is cut to fit', () => {
    expect(fitText('short', 200)).toBe('short');
    expect(fitText('a very long label that does not fit', 80)).toMatch(/^a very.*…$/);
    expect(textWidth(fitText('日本語の長いラベル', 60), 12)).toBeLessThanOrEqual(60);
  });

  it('is escaped in SVG', () => {
    expect(textElement(1, 2.345, '<a> & "b"')).toBe(
      '<text x="1" y="2.35" font-size="12" fill="#1f2933">&lt;a&gt; &amp; &quot;b&quot;</text>',
    );
    expect(element('g', { a: '"<' })).toBe('<g a="&quot;&lt;"/>');
    expectXml(svgDocument({ width: 10, height: 10, title: '<t>', subtitle: '&', description: '"', body: [] }).trim());
  });
});
