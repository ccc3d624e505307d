import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findExports } from '../../scripts/tidy/exports.ts';
import { findFunctions } from '../../scripts/tidy/functions.ts';
import { findImports } from '../../scripts/tidy/imports.ts';
import { readSource } from '../../scripts/tidy/source-text.ts';

/** The code that is left of a text, with its spaces run together. */
const codeOf = (text: string): string => readSource('x.ts', text).code.replaceAll(/\s+/g, ' ').trim();
const commentsOf = (text: string): string[] => readSource('x.ts', text).comments.map((comment) => comment.text.trim());

describe('a source text', () => {
  it('keeps code and blanks what is inside of strings', () => {
    expect(codeOf(`call('Date.now()', "it's", x)`)).toBe(`call(' ', " ", x)`);
  });

  it('knows escaped quotes', () => {
    expect(codeOf(String.raw`a('it\'s // no comment', b)`)).toBe(`a(' ', b)`);
  });

  it('blanks comments and keeps their text', () => {
    const text = `a(); // one 'quote\n/* two\n lines */ b(); /** three */ c();`;
    expect(codeOf(text)).toBe('a(); b(); c();');
    expect(commentsOf(text)).toEqual([`one 'quote`, 'two\n lines', 'three']);
    expect(readSource('x.ts', text).comments.map(({ kind }) => kind)).toEqual(['line', 'block', 'doc']);
  });

  it('blanks templates, but keeps the code inside of them, nested ones too', () => {
    expect(codeOf('a(`x ${b({ c: `y ${d} // z` })} Date.now()`); e()')).toBe('a(` ${b({ c: ` ${d} ` })} `); e()');
  });

  it('tells a regular expression from a division', () => {
    expect(codeOf(String.raw`x = /['"\/[/]]/g; y = a / b / c; z = (a) / "s".length`)).toBe(
      `x = / /g; y = a / b / c; z = (a) / " ".length`,
    );
    expect(codeOf(`return /'/.test(a)`)).toBe('return / /.test(a)');
  });

  it('ends an unclosed string with its line', () => {
    expect(codeOf(`a = 'open\nDate.now()`)).toBe(`a = ' Date.now()`);
  });

  it('takes a first line for the shell as a comment', () => {
    expect(codeOf('#!/usr/bin/env node\na();')).toBe('a();');
  });

  it('keeps every offset and every line, whatever the text', () => {
    const piece = fc.constantFrom(...`'"\`/\\*\n{}$()[]=>ax `.split(''), '${', '//', '/*', '*/', '`');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        const text = pieces.join('');
        const { code } = readSource('x.ts', text);
        expect(code).toHaveLength(text.length);
        for (let i = 0; i < text.length; i += 1) {
          if (text[i] === '\n') expect(code[i]).toBe('\n');
          else expect([text[i], ' ']).toContain(code[i]);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('finds the line of an offset', () => {
    const source = readSource('x.ts', 'a\nbc\n\nd');
    expect([0, 1, 2, 4, 5, 6].map((offset) => source.lineOf(offset))).toEqual([1, 1, 2, 2, 3, 4]);
  });
});

describe('the references of a source', () => {
  const referencesOf = (text: string): [string, string][] =>
    findImports(readSource('x.ts', text)).map(({ specifier, kind }) => [kind, specifier]);

  it('are imports, re-exports, dynamic imports and entries of workers', () => {
    const text = `
      import a from './a.ts';
      import './b.ts';
      import {
        c,
      } from './c.ts';
      export * from './d.ts';
      export { e } from './e.ts';
      const f = await import('./f.ts');
      new Worker(new URL('./g.ts', import.meta.url));
      fetch(new URL('https://example.org/h.ts'));
      const from = Array.from('i.ts');
    `;
    expect(referencesOf(text)).toEqual([
      ['static', './a.ts'],
      ['static', './b.ts'],
      ['static', './c.ts'],
      ['static', './d.ts'],
      ['static', './e.ts'],
      ['dynamic', './f.ts'],
      ['url', './g.ts'],
    ]);
  });

  it('are of types only where all of the statement is erased', () => {
    const text = `
      import type { A } from './a.ts';
      export type { B } from './b.ts';
      import { type C } from './c.ts';
      import type from './d.ts';
    `;
    expect(referencesOf(text)).toEqual([
      ['type', './a.ts'],
      ['type', './b.ts'],
      ['static', './c.ts'],
      ['static', './d.ts'],
    ]);
  });

  it('are not those in comments and strings', () => {
    expect(referencesOf(`// import './a.ts'\nconst text = "import './b.ts'";`)).toEqual([]);
  });
});

describe('the exports of a source', () => {
  const exportsOf = (text: string): string[] =>
    findExports(readSource('x.ts', text)).map(({ name, form }) => `${form} ${name}`);

  it('are declarations, lists and re-exports, each name once', () => {
    const text = `
      export function f(a: string): void;
      export function f(a: number): void;
      export async function* g() {}
      export abstract class C {}
      export interface I {}
      export type T = string;
      export const { length } = 'x', k = 1;
      export let l = 2;
      export { m, n as o };
      export type { P } from './p.ts';
      export * from './q.ts';
      export * as r from './r.ts';
      const inner = 'export const s = 1';
    `;
    expect(exportsOf(text)).toEqual([
      'function f',
      'function g',
      'class C',
      'interface I',
      'type T',
      'const l',
      'list m',
      'list o',
      'list P',
      'list *',
      'list r',
    ]);
  });

  it('show default exports, hidden ones too', () => {
    expect(exportsOf('export default class X {}')).toEqual(['default default']);
    expect(exportsOf('export { x as default };')).toEqual(['default default']);
  });
});

describe('the functions of a source', () => {
  const functionsOf = (text: string): string[] =>
    findFunctions(readSource('x.ts', text)).map(({ name, line, lineCount }) => `${name} ${line}+${lineCount}`);

  it('are declared ones, methods, arrows and constructors', () => {
    const text = [
      'export function declared<T>(a: T): T {',
      '  return a;',
      '}',
      'class C {',
      '  constructor() {',
      '  }',
      '  async method(a: { b: string }): Promise<{',
      '    c: number;',
      '  }> {',
      '    return 1;',
      '  }',
      '}',
      'const arrow = async (a: string): Promise<void> => {',
      '};',
      'list.map((item) => {',
      '  return item;',
      '});',
    ].join('\n');
    expect(functionsOf(text)).toEqual([
      'declared 1+3',
      'constructor 5+2',
      'method 7+5',
      'arrow 13+2',
      'anonymous 15+3',
    ]);
  });

  it('may return an object type or a union', () => {
    expect(functionsOf('function a(): { b: string } | undefined {\n}')).toEqual(['a 1+2']);
    expect(functionsOf('function a(x: unknown): x is { b: string } {\n}')).toEqual(['a 1+2']);
    expect(functionsOf('const a = (): { b: string } => {\n};')).toEqual(['a 1+2']);
  });

  it('are not control statements, calls, signatures or ternaries', () => {
    const text = `
      if (a) { b(); }
      for (const c of d(e)) { f(); }
      while (g()) { h(); }
      switch (i) { case (j): { break; } }
      try { k(); } catch (l) { m(); }
      const n = o(p) ? (q) : { r: 1 };
      interface S { t(u: string): { v: string }; w: (x: string) => void; }
      declare function y(z: string): void;
    `;
    expect(functionsOf(text)).toEqual([]);
  });
});
