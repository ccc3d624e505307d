/** Plants a bug: modules that are loaded from here on are the product with one place replaced. */
import { readdirSync, readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { PlantedBug } from './planted-bugs.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const ROOMS = ['protocol', 'runtime', 'actors', 'supervisors', 'cluster'] as const;

/** Where the place of a bug is: each file that has it, once for each time. */
export function placesOf(bug: Pick<PlantedBug, 'find'>): readonly string[] {
  const places: string[] = [];
  for (const room of ROOMS) {
    for (const name of readdirSync(join(ROOT, room), { recursive: true, encoding: 'utf8' })) {
      if (!name.endsWith('.ts')) continue;
      const path = join(ROOT, room, name);
      const times = readFileSync(path, 'utf8').split(bug.find).length - 1;
      for (let time = 0; time < times; time++) places.push(path);
    }
  }
  return places;
}

/** Plants it. Call it before the product is imported. Throws where its place is not there exactly once. */
export function plant(bug: PlantedBug): void {
  const [path, ...more] = placesOf(bug);
  if (path === undefined || more.length > 0)
    throw new RangeError(
      `The planted bug ${bug.name} has ${path === undefined ? 'no' : more.length + 1} places in the source; it must have one. ` +
        `Look for what became of this, and say it in test/simulation/planted-bugs.ts:\n${bug.find}`,
    );
  const url = pathToFileURL(path).href;
  registerHooks({
    load: (of, context, next) => {
      const loaded = next(of, context);
      if (of !== url) return loaded;
      return { ...loaded, source: readFileSync(path, 'utf8').replace(bug.find, () => bug.replace) };
    },
  });
}
