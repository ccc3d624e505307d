#!/usr/bin/env node
/**
 * The command `troupe`. Plain JavaScript, so that an old Node.js can still say what is wrong; then the command itself:
 * from the sources in a checkout, from dist/ in an installed package.
 */
import { existsSync } from 'node:fs';

const OLDEST = [22, 18];

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
  const checkout = existsSync(new URL('../scripts/setup.mjs', import.meta.url));
  const remedy = checkout
    ? 'In this checkout, `npm run -s troupe -- VERB` brings its own.'
    : 'Install Node.js 24 (https://nodejs.org) and run this again.';
  process.stderr.write(
    `troupe: Node.js ${OLDEST.join('.')} or newer is needed; this is ${process.version}. ${remedy}\n`,
  );
  process.exitCode = 5;
} else {
  const source = new URL('../cli/main.ts', import.meta.url);
  await import(existsSync(source) ? source : new URL('../dist/cli/main.js', import.meta.url));
}
