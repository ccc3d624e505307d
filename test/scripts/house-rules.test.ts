import { describe, expect, it } from 'vitest';
import { projectOf } from '../../scripts/tidy/project.ts';
import { judge, RULES } from '../../scripts/tidy/rules.ts';

/** What keeps a project of few files quiet about everything but what a case is about. */
const FRAME: Readonly<Record<string, string>> = { 'package.json': '{"name":"troupe","dependencies":{}}' };

/** The breaks of a project, as `path:line rule`. */
function breaksOf(files: Readonly<Record<string, string>>): string[] {
  const { violations } = judge(projectOf({ ...FRAME, ...files }));
  return violations.map(({ path, line, rule }) => `${path}:${line} ${rule}`);
}

/** The breaks of one rule. */
function breaksOfRule(rule: string, files: Readonly<Record<string, string>>): string[] {
  return breaksOf(files).filter((found) => found.endsWith(` ${rule}`));
}

const lines = (count: number, text = 'void 0;'): string => `${Array.from({ length: count }, () => text).join('\n')}\n`;

interface Case {
  readonly rule: string;
  readonly means: string;
  readonly breaking: Readonly<Record<string, string>>;
  readonly at: readonly string[];
  readonly conforming: Readonly<Record<string, string>>;
}

const imports = (place: string): string => `import { a } from '${place}';\n`;

/** A path of one machine, written so that this file has none. */
const elsewhere = ['', 'home', 'someone', 'project'].join('/');
const mark = `${'FIX'}ME`;

const CASES: readonly Case[] = [
  {
    rule: 'layer',
    means: 'imports go leftwards only',
    breaking: { 'protocol/a.ts': imports('../runtime/b.ts'), 'runtime/c.ts': imports('../node.ts') },
    at: ['protocol/a.ts:1', 'runtime/c.ts:1'],
    conforming: { 'runtime/a.ts': imports('../protocol/b.ts') + imports('./c.ts'), 'cli/d.ts': imports('../node.ts') },
  },
  {
    rule: 'layer',
    means: 'types and dynamic imports count as well',
    breaking: { 'actors/a.ts': `import type { B } from '../gateway/b.ts';\nconst c = await import('../cli/c.ts');\n` },
    at: ['actors/a.ts:1', 'actors/a.ts:2'],
    conforming: { 'gateway/a.ts': `import type { B } from '../actors/b.ts';\n` },
  },
  {
    rule: 'layer',
    means: 'an actor never imports a supervisor',
    breaking: { 'actors/deep/a.ts': imports('../../supervisors/tree.ts') },
    at: ['actors/deep/a.ts:1'],
    conforming: { 'supervisors/a.ts': imports('../actors/deep/a.ts') },
  },
  {
    rule: 'layer',
    means: 'the client library imports the protocol alone, and only the ends use it',
    breaking: { 'client/a.ts': imports('../runtime/world.ts'), 'gateway/b.ts': imports('../client/a.ts') },
    at: ['client/a.ts:1', 'gateway/b.ts:1'],
    conforming: { 'client/a.ts': imports('../protocol/b.ts'), 'cli/c.ts': imports('../client/a.ts') },
  },
  {
    rule: 'layer',
    means: 'the product imports nothing from outside of it',
    breaking: { 'runtime/a.ts': imports('../test/b.ts'), 'cli/c.ts': imports('../examples/d.ts') },
    at: ['cli/c.ts:1', 'runtime/a.ts:1'],
    conforming: { 'examples/a.ts': imports('../runtime/b.ts'), 'runtime/b.ts': `import m from '../package.json';\n` },
  },
  {
    rule: 'cycle',
    means: 'no cycles at run time',
    breaking: {
      'runtime/a.ts': imports('./b.ts'),
      'runtime/b.ts': imports('./c.ts'),
      'runtime/c.ts': imports('./a.ts'),
    },
    at: ['runtime/a.ts:1'],
    conforming: {
      'runtime/a.ts': imports('./b.ts'),
      'runtime/b.ts': `import type { A } from './a.ts';\nconst later = () => import('./a.ts');\n`,
    },
  },
  {
    rule: 'cycle',
    means: 'a file does not import itself',
    breaking: { 'test/a.ts': `export * from './a.ts';\n` },
    at: ['test/a.ts:1'],
    conforming: { 'test/a.ts': `export * from './b.ts';\n`, 'test/b.ts': '' },
  },
  {
    rule: 'file-size',
    means: 'a file has at most 500 lines',
    breaking: { 'runtime/a.ts': lines(501) },
    at: ['runtime/a.ts:1'],
    conforming: { 'runtime/a.ts': lines(500) },
  },
  {
    rule: 'function-size',
    means: 'a function has at most 70 lines',
    breaking: {
      'runtime/a.ts': `\nfunction f() {\n${lines(69)}}\n`,
      'scripts/b.ts': `const f = () => {\n${lines(69)}};\n`,
    },
    at: ['runtime/a.ts:2', 'scripts/b.ts:1'],
    conforming: {
      'runtime/a.ts': `function f() {\n${lines(68)}}\n`,
      'test/b.ts': `describe('x', () => {\n${lines(90)}});\n`,
    },
  },
  {
    rule: 'line-length',
    means: 'a line has at most 140 characters',
    breaking: { 'test/a.ts': `\n// ${'x'.repeat(138)}\n` },
    at: ['test/a.ts:2'],
    conforming: { 'test/a.ts': `// ${'x'.repeat(137)}\n` },
  },
  {
    rule: 'depth',
    means: 'a room is at most two folders deep',
    breaking: { 'runtime/a/b/c/d.ts': '' },
    at: ['runtime/a/b/c/d.ts:1'],
    conforming: { 'runtime/a/b/d.ts': '' },
  },
  {
    rule: 'exports',
    means: 'a file exports at most eight names, but doors and the table of errors',
    breaking: { 'runtime/a.ts': Array.from({ length: 9 }, (_, i) => `export type T${i} = ${i};`).join('\n') },
    at: ['runtime/a.ts:1'],
    conforming: {
      'runtime/a.ts': Array.from({ length: 8 }, (_, i) => `export type T${i} = ${i};`).join('\n'),
      'index.ts': `export { a, b, c, d, e, f, g, h, i } from './runtime/a.ts';`,
      'protocol/errors.ts': Array.from({ length: 9 }, (_, i) => `export type T${i} = ${i};`).join('\n'),
    },
  },
  {
    rule: 'file-name',
    means: 'names are kebab-case and say what is inside',
    breaking: {
      'runtime/someThing.ts': '',
      'runtime/utils.ts': '',
      'actors/helpers/a.ts': '',
      'cli/text-utils.ts': '',
    },
    at: ['actors/helpers/a.ts:1', 'cli/text-utils.ts:1', 'runtime/someThing.ts:1', 'runtime/utils.ts:1'],
    conforming: {
      'runtime/some-thing.ts': '',
      'test/a.slow.test.ts': '',
      'runtime/content-types.ts': '',
      '.ci/a.mjs': '',
    },
  },
  {
    rule: 'clock',
    means: 'time comes from the world',
    breaking: {
      'runtime/a.ts': 'Date.now();\nnew Date();\nperformance.now();\n',
      'cli/b.ts': 'process.hrtime.bigint();\n',
    },
    at: ['cli/b.ts:1', 'runtime/a.ts:1', 'runtime/a.ts:2', 'runtime/a.ts:3'],
    conforming: {
      'runtime/world.ts': 'Date.now();\n',
      'runtime/a.ts': `new Date(atMs); // Date.now()\nconst s = 'Date.now()';\n`,
      'test/a.ts': 'Date.now();\n',
    },
  },
  {
    rule: 'timer',
    means: 'timers come from the world',
    breaking: {
      'actors/a.ts': 'setTimeout(f, 1);\nglobalThis.setInterval(f, 1);\nsetImmediate(f);\n',
      'actors/b.ts': `import { setTimeout as sleep } from 'node:timers/promises';\n`,
    },
    at: ['actors/a.ts:1', 'actors/a.ts:2', 'actors/a.ts:3', 'actors/b.ts:1'],
    conforming: {
      'runtime/world.ts': 'setTimeout(f, 1);\n',
      'runtime/clock.ts':
        'const clock = {\n  setTimeout(fn, delayMs) {\n    return 1;\n  },\n};\nclock.setTimeout(f, 1);\n',
    },
  },
  {
    rule: 'random',
    means: 'randomness comes from the world',
    breaking: { 'supervisors/a.ts': 'const x = `${Math.random()}`;\n' },
    at: ['supervisors/a.ts:1'],
    conforming: { 'supervisors/a.ts': 'world.random();\n', 'bench/main.ts': 'Math.random();\n' },
  },
  {
    rule: 'id',
    means: 'ids come from the world',
    breaking: { 'gateway/a.ts': 'crypto.randomUUID();\n' },
    at: ['gateway/a.ts:1'],
    conforming: { 'gateway/a.ts': 'world.id();\n' },
  },
  {
    rule: 'environment',
    means: 'the environment is read by the settings',
    breaking: { 'cli/a.ts': 'process.env.HOME;\n' },
    at: ['cli/a.ts:1'],
    conforming: { 'runtime/settings-file.ts': 'process.env;\n', 'scripts/a.ts': 'process.env.CI;\n' },
  },
  {
    rule: 'bare-error',
    means: 'failures have a code',
    breaking: { 'runtime/a.ts': `throw new Error('x');\nreject(new TypeError('y'));\n` },
    at: ['runtime/a.ts:1', 'runtime/a.ts:2'],
    conforming: {
      'runtime/a.ts': `throw new OperatingError('BUSY', 'throw new Error');\n`,
      'test/a.ts': `throw new Error('x');\n`,
    },
  },
  {
    rule: 'console',
    means: 'only the command talks to a terminal',
    breaking: { 'gateway/a.ts': `console.error('x');\n` },
    at: ['gateway/a.ts:1'],
    conforming: {
      'cli/a.ts': `console.log('x');\n`,
      'scripts/a.ts': `console.log('x');\n`,
      'gateway/a.ts': 'own.console.log();\n',
    },
  },
  {
    rule: 'default-export',
    means: 'exports have names',
    breaking: { 'runtime/a.ts': 'export default 1;\n', 'test/b.ts': 'const b = 1;\nexport { b as default };\n' },
    at: ['runtime/a.ts:1', 'test/b.ts:2'],
    conforming: {
      'vitest.config.ts': 'export default {};\n',
      'actors/foreign.d.ts': 'export default 1;\n',
      'runtime/a.ts': `const s = 'export default 1';\n`,
    },
  },
  {
    rule: 'test-only',
    means: 'no test runs alone',
    breaking: { 'test/a.test.ts': `it.only('x', f);\ndescribe.concurrent.only('y', g);\n` },
    at: ['test/a.test.ts:1', 'test/a.test.ts:2'],
    conforming: { 'test/a.test.ts': `it('it.only', f);\n` },
  },
  {
    rule: 'test-skip',
    means: 'no test is left out without a condition',
    breaking: { 'test/a.test.ts': `it.skip('x', f);\ntest.todo('y');\n` },
    at: ['test/a.test.ts:1', 'test/a.test.ts:2'],
    conforming: { 'test/a.test.ts': `it.skipIf(!python)('x (python3 is missing)', f);\ncontext.skip('no browser');\n` },
  },
  {
    rule: 'test-sleep',
    means: 'tests do not sleep',
    breaking: {
      'test/a.test.ts': `await new Promise((resolve) => setTimeout(resolve, 5));\nAtomics.wait(a, 0, 0, 5);\n`,
      'test/b.test.ts': `import { setTimeout } from 'node:timers/promises';\n`,
    },
    at: ['test/a.test.ts:1', 'test/a.test.ts:2', 'test/b.test.ts:1'],
    conforming: { 'test/a.test.ts': `await vi.waitFor(() => f());\nsetTimeout(() => fail(), 5000);\n` },
  },
  {
    rule: 'test-mock',
    means: "tests do not replace the product's modules",
    breaking: { 'test/a.test.ts': `vi.mock('../runtime/world.ts');\nvi.doMock(place);\n` },
    at: ['test/a.test.ts:1', 'test/a.test.ts:2'],
    conforming: { 'test/a.test.ts': `vi.mock('some-package');\nvi.fn();\n` },
  },
  {
    rule: 'doc-comment',
    means: 'exports say what they are',
    breaking: {
      'runtime/a.ts': [
        '/** The module. */',
        '',
        'export function f() {}',
        '// a line comment',
        'export class C {}',
        '/* no doc comment */',
        'export interface I {}',
        '/** */',
        'export const k = 1;',
      ].join('\n'),
    },
    at: ['runtime/a.ts:3', 'runtime/a.ts:5', 'runtime/a.ts:7', 'runtime/a.ts:9'],
    conforming: {
      'runtime/a.ts':
        '/** The f. */\nexport function f() {}\n/** The C. */\n// and why\nexport abstract class C {}\nexport type T = 1;\n',
      'index.ts': `export { f } from './runtime/a.ts';\n`,
      'test/a.ts': 'export function g() {}\n',
    },
  },
  {
    rule: 'unfinished',
    means: 'no marks of unfinished work in comments',
    breaking: { 'scripts/a.ts': `a(); // ${mark}: later\n/**\n * x\n * ${mark}\n */\n` },
    at: ['scripts/a.ts:1', 'scripts/a.ts:4'],
    conforming: { 'scripts/a.ts': `const text = '${mark}';\n` },
  },
  {
    rule: 'machine-path',
    means: 'no places of one machine, in documents neither',
    breaking: {
      'runtime/a.ts': `const a = '${elsewhere}';\nconst b = '${['', 'tmp', 'x'].join('/')}';\n`,
      'README.md': `See\n${elsewhere}\n`,
    },
    at: ['README.md:2', 'runtime/a.ts:1', 'runtime/a.ts:2'],
    conforming: {
      'runtime/a.ts': `const a = './work/x';\nconst b = 'https://example.org/home/you/';\n`,
      'README.md': '`/tmp/x`\n',
    },
  },
  {
    rule: 'dead-file',
    means: 'every file is used, product code by product code',
    breaking: {
      'runtime/a.ts': '',
      'test/a.test.ts': imports('../runtime/a.ts'),
      'test/support/b.ts': '',
      'scripts/c.ts': '',
    },
    at: ['runtime/a.ts:1', 'scripts/c.ts:1', 'test/support/b.ts:1'],
    conforming: {
      'package.json': '{"name":"troupe","dependencies":{},"scripts":{"c":"node scripts/c.ts"}}',
      'index.ts': imports('./runtime/a.ts'),
      'runtime/a.ts': `new Worker(new URL('./entry.ts', import.meta.url));\n`,
      'runtime/entry.ts': '',
      'test/a.test.ts': `spawn('node', ['test/support/b.ts']);\n`,
      'test/support/b.ts': '',
      'scripts/c.ts': '',
      'examples/d.ts': '',
    },
  },
  {
    rule: 'dependency',
    means: 'packages are declared, and declared ones are used',
    breaking: {
      'package.json': '{"name":"troupe",\n"dependencies":{\n"ws":"1",\n"zod":"4"}}',
      'runtime/a.ts': `import 'zod/mini';\nimport 'level';\nimport 'fs';\nimport 'troupe';\n`,
    },
    at: ['package.json:3', 'runtime/a.ts:2', 'runtime/a.ts:3', 'runtime/a.ts:4'],
    conforming: {
      'package.json': '{"name":"troupe","dependencies":{"@a/b":"1"}}',
      'runtime/a.ts': `import '@a/b/c';\nimport 'node:fs';\n`,
      'test/a.ts': `import 'vitest';\n`,
    },
  },
];

describe('a house rule', () => {
  for (const { rule, means, breaking, at, conforming } of CASES) {
    it(`${rule}: ${means}`, () => {
      expect(breaksOfRule(rule, breaking)).toEqual(at.map((place) => `${place} ${rule}`));
      expect(breaksOfRule(rule, conforming)).toEqual([]);
    });
  }

  it('has a case here, each of them', () => {
    expect(new Set(CASES.map(({ rule }) => rule))).toEqual(new Set(RULES.keys()));
  });

  it('says what to do instead', () => {
    const { violations } = judge(projectOf({ ...FRAME, 'runtime/a.ts': 'Date.now();\n' }));
    const clock = violations.find(({ rule }) => rule === 'clock');
    expect(clock?.advice).toMatch(/World.*nowMs\(\)/);
  });
});

describe('an exception', () => {
  const judged = (text: string): { breaks: string[]; count: number } => {
    const { violations, allowanceCount } = judge(projectOf({ ...FRAME, 'index.ts': text }));
    return { breaks: violations.map(({ line, rule, advice }) => `${line} ${rule}: ${advice}`), count: allowanceCount };
  };

  it('is for its own line, or for the next line of code', () => {
    const above = '// tidy-allow clock: the start of the process itself\n// and more words\nDate.now();\n';
    expect(judged('Date.now(); // tidy-allow clock: the start of the process itself\n')).toEqual({
      breaks: [],
      count: 1,
    });
    expect(judged(above)).toEqual({ breaks: [], count: 1 });
  });

  it('is for no other line, and for no other rule', () => {
    const { breaks } = judged('Date.now(); // tidy-allow random: the start of the process itself\nDate.now();\n');
    expect(breaks).toHaveLength(3);
    expect(breaks[0]).toMatch(/^1 allowance: nothing here breaks the rule "random"/);
    expect(breaks.slice(1).map((text) => text.split(':')[0])).toEqual(['1 clock', '2 clock']);
  });

  it('from a rule about whole files may stand anywhere in the file', () => {
    expect(judged(`${lines(510)}// tidy-allow file-size: one table, better read in one piece\n`)).toEqual({
      breaks: [],
      count: 1,
    });
  });

  it('needs a reason and a rule that exists', () => {
    expect(judged('Date.now(); // tidy-allow clock\n').breaks).toEqual([
      '1 allowance: an exception needs its reason: // tidy-allow RULE: reason',
    ]);
    expect(judged('// tidy-allow everything: because I may do so\n').breaks[0]).toMatch(
      /there is no rule "everything"; .*layer, cycle/,
    );
  });

  it('is none in a string', () => {
    expect(judged(`Date.now(); const text = '// tidy-allow clock: the start of the process';\n`).count).toBe(0);
  });
});
