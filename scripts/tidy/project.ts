/**
 * The checkout as the house rules see it: every source file with its room, its references and its exports, every other
 * text file, and the manifest. Reading the disk happens here alone; the rules are pure.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type ExportedName, findExports } from './exports.ts';
import { findImports, type ImportReference } from './imports.ts';
import { readSource, type SourceText } from './source-text.ts';

/** What a rule found. `advice` says what to do instead. */
export interface Violation {
  readonly path: string;
  readonly line: number;
  readonly rule: string;
  readonly advice: string;
}

/** A source file in its room. The room of a file at the root is its own name. */
export interface SourceFile extends SourceText {
  readonly room: string;
  /** Part of what is published, and so under all of the rules. */
  readonly isProduct: boolean;
  readonly imports: readonly ImportReference[];
  readonly exports: readonly ExportedName[];
}

/** A text file that is not source. */
export interface Document {
  readonly path: string;
  readonly text: string;
}

/** All that the rules look at. Paths are relative to the root, with slashes. */
export interface Project {
  readonly files: readonly SourceFile[];
  readonly byPath: ReadonlyMap<string, SourceFile>;
  readonly documents: readonly Document[];
}

/** The rooms of the product, in the order in which they may import each other: leftwards. `client` stands beside them. */
export const LAYERS = [
  'protocol',
  'runtime',
  'actors',
  'supervisors',
  'cluster',
  'gateway',
  'staff.ts',
  'node-gauges.ts',
  'worker-node.ts',
  'node.ts',
  'index.ts',
  'cli',
] as const;

const PRODUCT: ReadonlySet<string> = new Set([...LAYERS, 'client']);
const SOURCE = /\.(?:ts|tsx|mts|mjs|js|jsx)$/;
const DOCUMENT = /(?:\.(?:md|json|ya?ml|toml|sh|html|css|txt)|\/run|^Dockerfile|\.env\.example)$/;
/** Not ours to judge: made by tools, or data. Folders that begin with a dot are left out too, but `.ci`. */
const LEFT_OUT = /^(?:.*\/)?(?:node_modules|dist|coverage)$|^examples\/data$|^bench\/peers$/;
const LEFT_OUT_FILES = new Set(['package-lock.json']);

/** Makes a project of texts by path. */
export function projectOf(texts: Readonly<Record<string, string>>): Project {
  const files: SourceFile[] = [];
  const documents: Document[] = [];
  for (const [place, text] of Object.entries(texts)) {
    if (!SOURCE.test(place)) {
      documents.push({ path: place, text });
      continue;
    }
    const source = readSource(place, text);
    const room = place.split('/')[0] ?? place;
    const isProduct = PRODUCT.has(room);
    files.push({ ...source, room, isProduct, imports: findImports(source), exports: findExports(source) });
  }
  return { files, documents, byPath: new Map(files.map((file) => [file.path, file])) };
}

function listFiles(root: string, folder: string): string[] {
  const found: string[] = [];
  for (const entry of readdirSync(path.join(root, folder), { withFileTypes: true })) {
    const place = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) {
      if (LEFT_OUT.test(place) || (entry.name.startsWith('.') && place !== '.ci')) continue;
      found.push(...listFiles(root, place));
    } else if (entry.isFile() && (SOURCE.test(place) || DOCUMENT.test(place)) && !LEFT_OUT_FILES.has(place)) {
      found.push(place);
    }
  }
  return found.sort();
}

/** Reads the checkout at `root`. */
export function readProject(root: string): Project {
  return projectOf(
    Object.fromEntries(listFiles(root, '').map((place) => [place, readFileSync(path.join(root, place), 'utf8')])),
  );
}

/** The file that a relative specifier means, as a path from the root; undefined for packages and for files that do not exist. */
export function resolveReference(project: Project, from: SourceFile, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined;
  const place = path.posix.normalize(path.posix.join(path.posix.dirname(from.path), specifier.replace(/[?#].*$/, '')));
  return project.byPath.has(place) ? place : undefined;
}
