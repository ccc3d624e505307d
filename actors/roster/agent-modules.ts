/**
 * Loads agents from modules while the node runs: only from folders that its settings name, since a module is code that runs with
 * the rights of the node. A link that leads out of them is no way in.
 */
import { realpath, stat } from 'node:fs/promises';
import { extname, isAbsolute, relative, resolve, sep } from 'node:path';
import { OperatingError } from '../../protocol/errors.ts';
import type { AgentDefinition } from '../agent-definition.ts';
import { loadModuleAgents } from '../agent-files.ts';

const ENDINGS: ReadonlySet<string> = new Set(['.ts', '.mts', '.js', '.mjs']);

/** The modules that agents may be registered from. */
export class AgentModules {
  readonly #roots: readonly string[];

  /** `roots` are absolute paths of folders; none: nothing may be loaded. */
  constructor(roots: readonly string[]) {
    this.#roots = roots;
  }

  /**
   * The file that is meant by a path: absolute, or relative to one of the folders.
   * Errors: FORBIDDEN (it lies in none of them), NOT_FOUND, INVALID_INPUT (it is no module).
   */
  async find(path: string): Promise<string> {
    if (this.#roots.length === 0) {
      throw new OperatingError(
        'FORBIDDEN',
        'This node takes no agents from modules. Its settings name no folder for them: set moduleRoots (TROUPE_MODULE_ROOTS) ' +
          'and start it again.',
      );
    }
    const inside = this.#roots
      .map((root) => ({ root, file: isAbsolute(path) ? resolve(path) : resolve(root, path) }))
      .filter(({ root, file }) => isInside(root, file));
    if (inside.length === 0) throw outside(path);
    for (const { root, file } of inside) {
      const real = await realpath(file).catch(() => undefined);
      if (real === undefined) continue;
      if (!isInside(await realpath(root), real)) throw outside(path);
      if (!ENDINGS.has(extname(real)) || !(await stat(real)).isFile()) {
        const message = `${path} is no module: expected a file that ends in ${[...ENDINGS].join(', ')}.`;
        throw new OperatingError('INVALID_INPUT', message);
      }
      return real;
    }
    throw new OperatingError('NOT_FOUND', `There is no file ${path}.`);
  }

  /** The agents that a file exports, as it is now. Errors: as `find`; INVALID_INPUT (it cannot be loaded, or exports none). */
  async load(path: string): Promise<{ readonly file: string; readonly agents: readonly AgentDefinition[] }> {
    const file = await this.find(path);
    return { file, agents: await loadModuleAgents(file, (await stat(file)).mtimeMs) };
  }
}

function isInside(root: string, file: string): boolean {
  const way = relative(root, file);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

function outside(path: string): OperatingError {
  const message = `${path} does not lie in a folder that this node takes agents from (the setting moduleRoots).`;
  return new OperatingError('FORBIDDEN', message);
}
