/** The set-up, on small checkouts of its own: the same file, a lock file with one local package, no network. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const SETUP = path.resolve(import.meta.dirname, '../../scripts/setup.mjs');

let root: string;
const children = new Set<ChildProcess>();

function write(name: string, text: string): void {
  const file = path.join(root, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** The lock file of a project that depends on `package` by folder. */
function writeLock(folder: string): void {
  const dependencies = { part: `file:${folder}` };
  write(`${folder}/package.json`, '{ "name": "part", "version": "1.0.0" }');
  write('package.json', JSON.stringify({ name: 'small', version: '1.0.0', dependencies }));
  const packages = {
    '': { name: 'small', version: '1.0.0', dependencies },
    [folder]: { name: 'part', version: '1.0.0' },
    'node_modules/part': { resolved: folder, link: true },
  };
  write(
    'package-lock.json',
    JSON.stringify({ name: 'small', version: '1.0.0', lockfileVersion: 3, requires: true, packages }),
  );
}

function setUp(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  // A NODE_OPTIONS of the test runner is none of the child's business.
  const env = { ...process.env, NODE_OPTIONS: '' };
  return spawnSync(process.execPath, [path.join(root, 'scripts/setup.mjs'), ...args], {
    encoding: 'utf8',
    cwd: root,
    env,
  });
}

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'troupe-setup-'));
  mkdirSync(path.join(root, 'scripts'));
  cpSync(SETUP, path.join(root, 'scripts/setup.mjs'));
  writeLock('part');
});

afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  children.clear();
  rmSync(root, { recursive: true, force: true });
});

describe('setting up', () => {
  it('installs where nothing is installed, and says so in two lines', () => {
    const { status, stdout, stderr } = setUp();
    expect(status).toBe(0);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^setup: installing dependencies \(npm ci\)\nsetup: installed in [\d.]+ s\n$/);
    expect(existsSync(path.join(root, 'node_modules/part/package.json'))).toBe(true);
  });

  it('does nothing and says nothing when it is done already', () => {
    setUp();
    write('node_modules/witness', 'npm ci would remove this');
    expect(setUp()).toMatchObject({ status: 0, stdout: '', stderr: '' });
    expect(existsSync(path.join(root, 'node_modules/witness'))).toBe(true);
  });

  it('installs again when the lock file changed', () => {
    setUp();
    writeLock('other');
    expect(setUp().stderr).toMatch(/the dependencies changed/);
    expect(realpathSync(path.join(root, 'node_modules/part'))).toBe(realpathSync(path.join(root, 'other')));
  });

  it('installs again when node_modules is gone', () => {
    setUp();
    rmSync(path.join(root, 'node_modules'), { recursive: true });
    expect(setUp().stderr).toMatch(/installing dependencies/);
  });

  it('takes what npm installed by hand, where it is what the lock file says', () => {
    setUp();
    rmSync(path.join(root, 'node_modules/.troupe-setup.json'));
    write('node_modules/witness', 'npm ci would remove this');
    expect(setUp()).toMatchObject({ status: 0, stderr: '' });
    expect(existsSync(path.join(root, 'node_modules/witness'))).toBe(true);
  });

  it('says what went wrong and what to look at when npm fails, and tries again the next time', () => {
    write('package.json', '{ "name": "small", "version": "1.0.0", "dependencies": { "missing": "file:missing" } }');
    const { status, stderr } = setUp('program.mjs');
    expect(status).toBe(1);
    expect(stderr).toMatch(/setup: npm ci failed with exit code 1:\n[\s\S]*Missing: missing[\s\S]*npm registry/);
    expect(stderr).not.toMatch(/at .*setup\.mjs/);
    writeLock('part');
    expect(setUp().stderr).toMatch(/installed in/);
  });

  it('says so when there is no lock file', () => {
    rmSync(path.join(root, 'package-lock.json'));
    expect(setUp()).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^setup: package-lock\.json is missing/),
    });
  });

  it('installs once where two start at the same time', async () => {
    const outputs = await Promise.all(
      [1, 2].map(
        () =>
          new Promise<string>((resolve) => {
            const child = spawn(process.execPath, [path.join(root, 'scripts/setup.mjs')], { cwd: root });
            children.add(child);
            let text = '';
            child.stderr.on('data', (chunk: Buffer) => {
              text += chunk.toString();
            });
            child.on('close', (code) => resolve(`${code} ${text}`));
          }),
      ),
    );
    expect(outputs.every((text) => text.startsWith('0 '))).toBe(true);
    expect(outputs.filter((text) => text.includes('(npm ci)'))).toHaveLength(1);
  });
});

describe('running a program after the set-up', () => {
  it('becomes the program: its arguments, its output, its exit code, its Node.js', () => {
    write('program.mjs', `console.log(process.argv.slice(2).join(), process.execPath); process.exitCode = 7;`);
    setUp();
    expect(setUp('program.mjs', 'a', '--b=c')).toEqual(
      expect.objectContaining({ status: 7, stdout: `a,--b=c ${process.execPath}\n`, stderr: '' }),
    );
  });

  it('has the installed programs on its PATH, first', () => {
    write('program.mjs', `console.log(process.env.PATH.split(${JSON.stringify(path.delimiter)})[0]);`);
    expect(setUp('program.mjs').stdout).toBe(`${path.join(root, 'node_modules', '.bin')}\n`);
  });

  it('prefers the Node.js that was installed to the one that runs the set-up', () => {
    setUp();
    // Stands for the platform package: it says that it is Node.js 24 and shows what it is given.
    write(
      'node_modules/.bin/node',
      `#!/bin/sh\nif [ "$1" = --version ]; then echo v24.1.0; else echo "installed $2"; fi\n`,
    );
    spawnSync('chmod', ['+x', path.join(root, 'node_modules/.bin/node')]);
    rmSync(path.join(root, 'node_modules/.troupe-setup.json'));
    write('program.mjs', '');
    expect(setUp('program.mjs', 'argument')).toMatchObject({ status: 0, stdout: 'installed argument\n' });
  });

  it('says each time where it has to run on another Node.js than the wanted one', () => {
    setUp();
    const stamp = path.join(root, 'node_modules/.troupe-setup.json');
    writeFileSync(stamp, readFileSync(stamp, 'utf8').replace(/"v\d+/, '"v22'));
    expect(setUp().stderr).toMatch(/^setup: running on Node\.js v22\.[\d.]+, not on the wanted 24\n$/);
  });

  it('names a program that does not exist', () => {
    expect(setUp('nowhere.mjs')).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/nowhere\.mjs does not exist/),
    });
  });

  it('passes a signal on, so that the program can end in its own way', async () => {
    write(
      'program.mjs',
      `process.on('SIGTERM', () => { console.log('ended well'); process.exit(3); }); console.log('up'); setInterval(() => {}, 1000);`,
    );
    setUp();
    const child = spawn(process.execPath, [path.join(root, 'scripts/setup.mjs'), 'program.mjs'], { cwd: root });
    children.add(child);
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text === 'up\n') child.kill('SIGTERM');
    });
    const code = await new Promise((resolve) => child.on('close', resolve));
    expect([code, text]).toEqual([3, 'up\nended well\n']);
  });
});
