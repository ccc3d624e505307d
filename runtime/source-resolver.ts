/**
 * Lets a file from anywhere on the disk import `troupe` while a node loads it: an agent file given with `--agents`, and
 * what it imports itself.
 *
 * `troupe` and `troupe/client` always mean the copy that runs (in a checkout its sources, in a package its dist/), so that
 * there are never two of them in one process. `zod` and `xstate` are lent where the file has none of its own. Every
 * other package is the file's own business. TypeScript without a `type` in a package.json is taken for a module.
 *
 * Hooks belong to one thread: each thread that loads such files registers for itself. Outside of this process nothing is
 * changed. It imports nothing of the product.
 */
import { registerHooks, type ResolveFnOutput, type ResolveHookContext } from 'node:module';

/** Same folders in a checkout and in dist/, another ending. */
const EXTENSION = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
const DOORS: ReadonlyMap<string, string> = new Map([
  ['troupe', new URL(`../index${EXTENSION}`, import.meta.url).href],
  ['troupe/client', new URL(`../client/index${EXTENSION}`, import.meta.url).href],
]);
const LENT = /^(?:zod|xstate)(?:\/|$)/;
const MISSING = new Set(['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND']);

type Next = (specifier: string, context?: Partial<ResolveHookContext>) => ResolveFnOutput;

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && MISSING.has(error.code);
}

function resolveLent(specifier: string, context: ResolveHookContext, next: Next): ResolveFnOutput {
  try {
    return next(specifier, context);
  } catch (error) {
    if (!isMissing(error)) throw error;
    return next(specifier, { ...context, parentURL: import.meta.url });
  }
}

function resolve(specifier: string, context: ResolveHookContext, next: Next): ResolveFnOutput {
  const door = DOORS.get(specifier);
  if (door !== undefined) return next(door, context);
  if (LENT.test(specifier)) return resolveLent(specifier, context, next);
  const found = next(specifier, context);
  // Without a format Node.js would read the file twice, and warn about it.
  const isUntyped = (found.format ?? undefined) === undefined && /^file:.*\.ts(?:\?|$)/.test(found.url);
  return isUntyped ? { ...found, format: 'module-typescript' } : found;
}

let isRegistered = false;

/** Starts to resolve for this thread, until it ends. Further calls do nothing. Call it before the first such import. */
export function registerSourceResolver(): void {
  if (isRegistered) return;
  isRegistered = true;
  registerHooks({ resolve });
}
