/** The version of the package, from its manifest: beside the sources in a checkout, beside dist/ in a package. */
import { readFileSync } from 'node:fs';

interface Manifest {
  readonly version: string;
}

/** As in package.json. */
export const VERSION: string = (
  JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as Manifest
).version;
