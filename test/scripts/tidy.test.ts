/** The program itself, on a small checkout: what it prints and how it exits. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const SCRIPTS = path.resolve(import.meta.dirname, '../../scripts');
let root: string;

function write(name: string, text: string): void {
  const file = path.join(root, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
}

function tidy(...args: string[]): { status: number | null; lines: string[] } {
  const { status, stdout } = spawnSync(process.execPath, ['scripts/tidy.ts', ...args], { cwd: root, encoding: 'utf8' });
  return { status, lines: stdout.trimEnd().split('\n') };
}

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'troupe-tidy-'));
  cpSync(path.join(SCRIPTS, 'tidy.ts'), path.join(root, 'scripts/tidy.ts'));
  cpSync(path.join(SCRIPTS, 'tidy'), path.join(root, 'scripts/tidy'), { recursive: true });
  write('package.json', '{ "name": "troupe", "type": "module", "scripts": { "tidy": "node scripts/tidy.ts" } }');
  write('index.ts', `export { a } from './runtime/a.ts';\n`);
  write('runtime/a.ts', '/** What a is. */\nexport const a = 1;\n');
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('tidy', () => {
  it('is content with a tidy checkout, and with itself', () => {
    const { status, lines } = tidy();
    expect(lines).toEqual([expect.stringMatching(/^tidy: \d+ files, 0 violations, \d+ exceptions? with a reason$/)]);
    expect(status).toBe(0);
  });

  it('prints a line for each violation, by place, and fails', () => {
    write('runtime/a.ts', 'export const a = 1;\nDate.now();\n');
    write('client/index.ts', 'Math.random();\n');
    const { status, lines } = tidy();
    expect(status).toBe(1);
    expect(lines.slice(0, -1)).toEqual([
      expect.stringMatching(/^client\/index\.ts:1 {2}random {2}take a World/),
      expect.stringMatching(/^runtime\/a\.ts:1 {2}doc-comment {2}a has no doc comment/),
      expect.stringMatching(/^runtime\/a\.ts:2 {2}clock {2}take a World/),
    ]);
    expect(lines.at(-1)).toMatch(/ 3 violations, /);
  });

  it('reports what lies below the given paths only', () => {
    write('runtime/a.ts', 'export const a = 1;\n');
    write('client/index.ts', 'Math.random();\n');
    expect(tidy('client').lines).toHaveLength(2);
    expect(tidy('./runtime/a.ts').lines[0]).toMatch(/^runtime\/a\.ts:1/);
    expect(tidy('gateway').status).toBe(0);
  });

  it('leaves out what is not ours', () => {
    write('node_modules/x/index.ts', 'Date.now();\n');
    write('dist/x.ts', 'Date.now();\n');
    write('examples/data/x.md', ['', 'home', 'you', 'x'].join('/'));
    write('.cache/x.ts', 'export default 1;\n');
    expect(tidy().status).toBe(0);
  });
});
