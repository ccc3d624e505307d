import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** A product of two doors and two packages, and a folder far from it: nothing above the one leads to the other. */
let root: string;
let product: string;
let guest: string;

function write(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}

/** Loads a guest's file the way a node does, and prints what it exports as `seen`. */
function load(file: string): unknown {
  const args = [path.join(product, 'load.ts'), path.join(guest, file)];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' }));
}

beforeAll(() => {
  root = mkdtempSync(path.join(tmpdir(), 'troupe-resolver-'));
  product = path.join(root, 'product');
  guest = path.join(root, 'guest');
  write(product, {
    'package.json': '{"name":"troupe","type":"module","exports":{".":"./index.ts"}}',
    'index.ts': `export const name: string = 'door'; export const token = Symbol('one');`,
    'client/index.ts': `export const name: string = 'client door';`,
    'node_modules/zod/package.json': '{"name":"zod","type":"module","exports":{".":"./z.js","./mini":"./mini.js"}}',
    'node_modules/zod/z.js': `export const z = 'lent zod';`,
    'node_modules/zod/mini.js': `export const z = 'lent mini';`,
    'node_modules/other/package.json': '{"name":"other","type":"module","exports":"./o.js"}',
    'node_modules/other/o.js': `export const o = 1;`,
    'load.ts': `
      import { registerSourceResolver } from './runtime/source-resolver.ts';
      import { pathToFileURL } from 'node:url';
      import { token } from './index.ts';
      registerSourceResolver();
      registerSourceResolver();
      const loaded = await import(pathToFileURL(process.argv[2]!).href);
      console.log(JSON.stringify(loaded.token === undefined ? loaded.seen : loaded.token === token));
    `,
  });
  mkdirSync(path.join(product, 'runtime'));
  const resolver = path.resolve(import.meta.dirname, '../../runtime/source-resolver.ts');
  cpSync(resolver, path.join(product, 'runtime/source-resolver.ts'));
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

describe('a file from elsewhere', () => {
  it('gets the copy of troupe that runs, and no second one', () => {
    write(guest, { 'same.ts': `export { token } from 'troupe';` });
    expect(load('same.ts')).toBe(true);
  });

  it('gets that copy even where another one is installed beside it', () => {
    write(guest, {
      'own/node_modules/troupe/package.json': '{"name":"troupe","type":"module","exports":"./t.js"}',
      'own/node_modules/troupe/t.js': `export const token = 'another';`,
      'own/agent.ts': `export { token } from 'troupe';`,
    });
    expect(load('own/agent.ts')).toBe(true);
  });

  it('gets the client library', () => {
    write(guest, { 'client.ts': `import { name } from 'troupe/client'; export const seen = name;` });
    expect(load('client.ts')).toBe('client door');
  });

  it('borrows zod where it has none of its own, in the files it imports too', () => {
    write(guest, {
      'schema.ts': `import { z } from 'zod'; import * as mini from 'zod/mini'; export const both: string[] = [z, mini.z];`,
      'zod.ts': `import { both } from './schema.ts'; export const seen = both;`,
    });
    expect(load('zod.ts')).toEqual(['lent zod', 'lent mini']);
  });

  it('keeps its own zod', () => {
    write(guest, {
      'has/node_modules/zod/package.json': '{"name":"zod","type":"module","exports":"./z.js"}',
      'has/node_modules/zod/z.js': `export const z = 'own zod';`,
      'has/agent.ts': `import { z } from 'zod'; export const seen = z;`,
    });
    expect(load('has/agent.ts')).toBe('own zod');
  });

  it('may be plain JavaScript', () => {
    write(guest, { 'plain.mjs': `import { name } from 'troupe'; export const seen = name;` });
    expect(load('plain.mjs')).toBe('door');
  });

  it('is not lent other packages, and the error names what is missing', () => {
    write(guest, { 'other.ts': `export { o as seen } from 'other';` });
    const args = [path.join(product, 'load.ts'), path.join(guest, 'other.ts')];
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    expect(status).not.toBe(0);
    expect(stderr).toMatch(/Cannot find package 'other'/);
  });

  it('loads without a word on stderr, though its package.json does not give it a type', () => {
    write(guest, { 'quiet/package.json': '{"name":"quiet"}', 'quiet/agent.ts': `export const seen: number = 1;` });
    const args = [path.join(product, 'load.ts'), path.join(guest, 'quiet/agent.ts')];
    expect(spawnSync(process.execPath, args, { encoding: 'utf8' })).toMatchObject({
      status: 0,
      stdout: '1\n',
      stderr: '',
    });
  });
});
