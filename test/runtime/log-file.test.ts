import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LogFile } from '../../runtime/log-file.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'troupe-log-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function open(path: string, bytesMax = 10_000, filesMax = 5) {
  const troubles: (string | undefined)[] = [];
  const file = new LogFile({
    path,
    bytesMax,
    filesMax,
    onTrouble: (error) => troubles.push(error?.message.split(':')[0]),
  });
  return { file, troubles };
}

function end(file: LogFile): Promise<void> {
  return new Promise((resolve) => void file.end(resolve));
}

function write(file: LogFile, line: string): Promise<void> {
  return new Promise((resolve) => void file.write(`${line}\n`, () => resolve()));
}

function linesOf(path: string): string[] {
  return readFileSync(path, 'utf8').split('\n').slice(0, -1);
}

describe('a log file', () => {
  it('keeps every line of a burst over many rotations, in order and whole', async () => {
    const { file } = open(join(folder, 'a/b/node.log'), 10_000, 1000);
    const count = 5000;
    for (let index = 0; index < count; index += 1) file.write(`line ${index} ${'x'.repeat(index % 90)}\n`);
    await end(file);
    const files = readdirSync(join(folder, 'a/b')).sort((a, b) => indexOf(b) - indexOf(a));
    expect(files.length).toBeGreaterThan(20);
    const lines = files.flatMap((name) => linesOf(join(folder, 'a/b', name)));
    expect(lines).toEqual(Array.from({ length: count }, (_, index) => `line ${index} ${'x'.repeat(index % 90)}`));
    for (const name of files) expect(statSync(join(folder, 'a/b', name)).size).toBeLessThanOrEqual(10_000);
    expect(file.written).toBe(count);
  });

  function indexOf(name: string): number {
    return Number(/\.(\d+)$/.exec(name)?.[1] ?? 0);
  }

  it('keeps only so many files, the newest lines in the one without a number', async () => {
    const { file } = open(join(folder, 'node.log'), 100, 3);
    for (let index = 0; index < 50; index += 1) await write(file, `line ${index} ${'x'.repeat(30)}`);
    await end(file);
    expect(readdirSync(folder).sort()).toEqual(['node.log', 'node.log.1', 'node.log.2']);
    expect(linesOf(join(folder, 'node.log')).at(-1)).toContain('line 49 ');
    expect(linesOf(join(folder, 'node.log.1')).at(-1)).toContain('line 47 ');
  });

  it('goes on with the file of an earlier run, and sets it aside when it is full', async () => {
    writeFileSync(join(folder, 'node.log'), `${'o'.repeat(95)}\n`);
    const { file } = open(join(folder, 'node.log'), 100);
    await write(file, 'new line');
    await end(file);
    expect(linesOf(join(folder, 'node.log'))).toEqual(['new line']);
    expect(linesOf(join(folder, 'node.log.1'))[0]).toMatch(/^o+$/);
  });

  it('gives a line that is longer than a file one of its own', async () => {
    const { file } = open(join(folder, 'node.log'), 100);
    for (const line of ['a', 'b'.repeat(500), 'c']) await write(file, line);
    await end(file);
    expect([
      linesOf(join(folder, 'node.log')),
      linesOf(join(folder, 'node.log.1')),
      linesOf(join(folder, 'node.log.2')),
    ]).toEqual([['c'], ['b'.repeat(500)], ['a']]);
  });

  it('can be read by its owner alone', async () => {
    const { file } = open(join(folder, 'node.log'));
    await write(file, 'x');
    await end(file);
    expect(statSync(join(folder, 'node.log')).mode & 0o777).toBe(0o600);
  });

  it.skipIf(!existsSync('/dev/full'))('counts what a full disk takes, reports it once, and never stalls', async () => {
    const { file, troubles } = open('/dev/full', 1000);
    for (let index = 0; index < 5000; index += 1) file.write(`line ${index}\n`);
    await end(file);
    expect(file.lost).toBe(5000);
    expect(troubles).toEqual(['ENOSPC']);
    expect(existsSync('/dev/full.1')).toBe(false);
  });

  it('opens again once what was in the way is gone, and says so', async () => {
    const path = join(folder, 'in-the-way/node.log');
    writeFileSync(join(folder, 'in-the-way'), '');
    const { file, troubles } = open(path);
    await write(file, 'lost');
    rmSync(join(folder, 'in-the-way'));
    await write(file, 'kept');
    await end(file);
    expect(linesOf(path)).toEqual(['kept']);
    expect([file.lost, file.written, troubles.length, troubles[1]]).toEqual([1, 1, 2, undefined]);
  });
});
