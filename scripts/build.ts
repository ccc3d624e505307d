/**
 * Makes dist/, the form in which the package is published: JavaScript and declarations in the same folders as the
 * sources, and the data that belongs to them. Paths relative to a module stay right, so that code finds its data and the
 * manifest with `new URL('../examples/data/…', import.meta.url)` in both. Node.js does not run TypeScript below
 * node_modules, so that a package needs this; a checkout does not.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const ROOT = path.resolve(import.meta.dirname, '..');
const DIST = path.join(ROOT, 'dist');
const ROOMS = ['protocol', 'client', 'runtime', 'actors', 'supervisors', 'cluster', 'gateway', 'cli'];
const DATA = ['examples/data'];

const listFiles = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .map((name) => path.join(folder, name))
        .filter((file) => statSync(file).isFile())
    : [];

function compile(): boolean {
  const args = [path.join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', path.join(ROOT, 'tsconfig.build.json')];
  return spawnSync(process.execPath, args, { cwd: ROOT, stdio: 'inherit' }).status === 0;
}

/** The compiler rewrites what is imported, but not the entry of a worker: `new URL('./entry.ts', import.meta.url)`. */
function rewriteUrls(): void {
  for (const file of listFiles(DIST).filter((name) => name.endsWith('.js'))) {
    const text = readFileSync(file, 'utf8');
    const rewritten = text.replaceAll(
      /(new URL\(\s*['"]\.{1,2}\/[^'"]+)\.ts(['"]\s*,\s*import\.meta\.url)/g,
      (_, before: string, after: string) => `${before}.js${after}`,
    );
    if (rewritten !== text) writeFileSync(file, rewritten);
  }
}

function copyData(): void {
  const data = ROOMS.flatMap((room) => listFiles(path.join(ROOT, room))).filter((file) => !/\.[cm]?tsx?$/.test(file));
  for (const file of [...data, ...DATA.flatMap((folder) => listFiles(path.join(ROOT, folder)))]) {
    const target = path.join(DIST, path.relative(ROOT, file));
    mkdirSync(path.dirname(target), { recursive: true });
    cpSync(file, target);
  }
}

/** What code asks the manifest for, where it looks for it. */
function writeManifest(): void {
  const { name, version } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as Record<string, string>;
  writeFileSync(
    path.join(DIST, 'package.json'),
    `${JSON.stringify({ name, version, type: 'module' }, undefined, 2)}\n`,
  );
}

rmSync(DIST, { recursive: true, force: true });
if (compile()) {
  rewriteUrls();
  copyData();
  writeManifest();
  console.log(`built ${listFiles(DIST).length} files in dist/`);
} else {
  process.exitCode = 1;
}
