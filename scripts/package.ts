/**
 * Turns package.json into the manifest that is published, and back. npm runs it around `npm pack` and `npm publish`.
 *
 * In a checkout `exports` names the sources, so that `import … from 'troupe'` works in every file of it without a build
 * and without flags. The published package has no sources, so that its `exports` names dist/. Scripts, development
 * dependencies and the workspace that brings Node.js stay at home.
 *
 *     node scripts/package.ts prepare     builds, keeps package.json aside, writes the published form
 *     node scripts/package.ts restore     puts package.json back
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const ROOT = path.resolve(import.meta.dirname, '..');
const MANIFEST = path.join(ROOT, 'package.json');
const KEPT = path.join(ROOT, 'node_modules', '.troupe-package.json');
const AT_HOME = new Set(['scripts', 'workspaces', 'devDependencies', 'devEngines', 'allowScripts', 'overrides']);

/** The door of the published package for a source: its declarations and its JavaScript. */
function door(source: string): unknown {
  if (!source.endsWith('.ts')) return source;
  const built = source.replace(/^\.\//, './dist/').replace(/\.ts$/, '');
  return { types: `${built}.d.ts`, default: `${built}.js` };
}

/** The published form of a manifest. Pure. */
function published(manifest: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const doors = manifest['exports'] as Readonly<Record<string, string>>;
  const exports = Object.fromEntries(Object.entries(doors).map(([name, source]) => [name, door(source)]));
  const kept = Object.entries(manifest).filter(([field]) => !AT_HOME.has(field));
  return { ...Object.fromEntries(kept), types: './dist/index.d.ts', exports };
}

function prepare(): boolean {
  const build = spawnSync(process.execPath, [path.join(ROOT, 'scripts/build.ts')], {
    cwd: ROOT,
    stdio: ['ignore', 2, 2],
  });
  if (build.status !== 0) return false;
  // Without scripts it is the published form already, left by a run that was cut off: then what was kept is the true one.
  const current = readFileSync(MANIFEST, 'utf8');
  if ('scripts' in (JSON.parse(current) as object)) writeFileSync(KEPT, current);
  const manifest = JSON.parse(readFileSync(KEPT, 'utf8')) as Record<string, unknown>;
  writeFileSync(MANIFEST, `${JSON.stringify(published(manifest), undefined, 2)}\n`);
  return true;
}

function restore(): boolean {
  if (existsSync(KEPT)) renameSync(KEPT, MANIFEST);
  return true;
}

const steps: Readonly<Record<string, () => boolean>> = { prepare, restore };
const step = steps[process.argv[2] ?? ''];
if (step === undefined) process.stderr.write('usage: node scripts/package.ts prepare|restore\n');
process.exitCode = step?.() === true ? 0 : 1;
