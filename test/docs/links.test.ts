/** What the documents say of the repository is there: links, commands, files, numbers. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../support/node-process.ts';

const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8');

/** Markdown without code, in which brackets mean something else. */
const proseOf = (text: string): string => text.replaceAll(/^ *```[\s\S]*?^ *```/gm, '').replaceAll(/`[^`\n]*`/g, '');

const documents = globSync('**/*.md', { cwd: ROOT, exclude: ['**/node_modules', 'dist', 'coverage'] })
  .map((file) => file.replaceAll(path.sep, '/'))
  .toSorted();

/** The anchor of a heading, as GitHub makes it. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(' ', '-');

const anchorsIn = (text: string): string[] =>
  [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchorOf(heading));

const linksIn = (text: string): string[] =>
  [...proseOf(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);

/** Why a link of a document leads nowhere; undefined where it leads somewhere, or out of the repository. */
function faultOf(document: string, link: string): string | undefined {
  if (/^[a-z]+:/.test(link)) return undefined;
  const [file = '', anchor] = link.split('#');
  const target = file === '' ? document : path.posix.join(path.posix.dirname(document), file);
  if (!existsSync(path.join(ROOT, target))) return `${document}: there is no ${link}`;
  if (anchor === undefined || anchorsIn(read(target)).includes(anchor)) return undefined;
  return `${document}: ${target} has no heading #${anchor}`;
}

describe('The documents', () => {
  it('are found', () => {
    expect(documents).toEqual(expect.arrayContaining(['README.md', 'ARCHITECTURE.md', 'docs/protocol.md']));
  });

  it('have no relative link that leads nowhere', () => {
    const faults = documents.flatMap((document) => linksIn(read(document)).map((link) => faultOf(document, link)));
    expect(faults.filter((fault) => fault !== undefined)).toEqual([]);
  });

  it('are all named in the index of docs/, and no two decisions have one number', () => {
    const index = linksIn(read('docs/README.md'));
    const texts = documents.filter((file) => /^docs\/[^/]+\.md$/.test(file) && file !== 'docs/README.md');
    expect(texts.filter((file) => !index.includes(path.basename(file)))).toEqual([]);

    const decisions = documents.filter((file) => /^docs\/adr\/\d/.test(file)).map((file) => path.basename(file));
    const numbers = decisions.map((file) => file.slice(0, 4));
    expect(numbers.toSorted()).toEqual(numbers.map((_, place) => String(place + 1).padStart(4, '0')));
    expect(linksIn(read('docs/adr/README.md'))).toEqual(expect.arrayContaining(decisions));
  });

  it.each(documents.filter((file) => /^docs\/adr\/\d/.test(file)))('has in %s what a decision needs', (file) => {
    const text = read(file);
    expect(text).toMatch(new RegExp(`^# ${path.basename(file).slice(0, 4)}: `));
    expect(anchorsIn(text)).toEqual(expect.arrayContaining(['context', 'decision']));
    expect(text).toMatch(/^## (?:Price|Consequences)$/m);
    expect(text).toMatch(/would change our mind/i);
  });
});

describe('The commands', () => {
  const scripts = new Set(Object.keys((JSON.parse(read('package.json')) as { scripts: object }).scripts));

  it.each(['README.md', 'CONTRIBUTING.md', 'ARCHITECTURE.md', 'UPGRADING.md'])('that %s names are there', (file) => {
    const named = [...read(file).matchAll(/\bnpm (?:run (?:-s )?([a-z:]+)|(start|test)\b)/g)];
    expect(named.map(([, script, short]) => script ?? short).filter((name) => !scripts.has(name ?? ''))).toEqual([]);
  });

  it('of the README are the two that it promises', () => {
    const [, block = ''] = /## Two commands[\s\S]*?```sh\n([\s\S]*?)```/.exec(read('README.md')) ?? [];
    const commands = block
      .trim()
      .split('\n')
      .map((line) => line.replace(/\s+#.*/, ''));
    expect(commands).toEqual(['npm run demo', 'npm test']);
  });
});

describe('The route in ARCHITECTURE.md', () => {
  const rows = read('ARCHITECTURE.md')
    .split('## The route of a task')[1]
    ?.split('\n## ')[0]
    ?.split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| Station'));

  it('goes from the frame to the reply', () => {
    const stations = rows?.map((row) => row.split('|')[1]?.trim());
    expect(stations?.[0]).toBe('frame');
    expect(stations?.at(-1)).toBe('reply');
    expect(stations?.length).toBeGreaterThan(8);
  });

  it('names source files alone, each of which is there', () => {
    const files = (rows ?? []).flatMap((row) => linksIn(row));
    expect(files.length).toBeGreaterThan(20);
    expect(files.filter((file) => !file.endsWith('.ts') || !existsSync(path.join(ROOT, file)))).toEqual([]);
  });

  it('is followed by invariants, each of which says what guards it', () => {
    const table = read('ARCHITECTURE.md').split('## Invariants')[1]?.split('\n## ')[0] ?? '';
    const guards = [...table.matchAll(/^\| (\d+) \|[^|]+\|([^|]+)\|$/gm)];
    expect(guards.map(([, number]) => Number(number))).toEqual(Array.from({ length: 12 }, (_, place) => place + 1));
    expect(guards.filter(([, , guard = '']) => !guard.includes('](test/') && !guard.includes('not guarded'))).toEqual(
      [],
    );
  });
});
