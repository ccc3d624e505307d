/**
 * Whether what a call is given can fit what its agent takes, as far as schemas and expressions say before there is any data. What is
 * not known is not refused: only what could not be right whatever the data is.
 */
import { ANY, type Shape, shapeOfSchema } from './expression-shapes.ts';
import { isMap, kindOf } from './expression-values.ts';
import { pointerSegment } from './template.ts';

/** A misfit: its JSON pointer, and a sentence without its full stop. */
export type Misfit = (at: string, message: string) => void;

/** One template, held against one schema. */
export interface Fitting {
  /** Of the agent, for messages. */
  readonly taker: string;
  /** What the one expression that a text is made of gives, by the pointer of the text; undefined for other texts. */
  readonly givenAt: (at: string) => { readonly text: string; readonly shape: Shape } | undefined;
  readonly misfit: Misfit;
}

/** Values that shapes are compared in, inside of one another: schemas may refer to themselves. */
const DEPTH_MAX = 8;

/** Holds a template against a JSON Schema. */
export function checkFit(value: unknown, schema: unknown, at: string, fitting: Fitting, path = ''): void {
  const want = shapeOfSchema(schema);
  if (want.kind === 'any') return;
  const { taker, givenAt, misfit } = fitting;
  const place = path === '' ? 'as its input' : `as \`${path}\``;
  const given = typeof value === 'string' ? givenAt(at) : undefined;
  if (given !== undefined) {
    const why = misfitOf(given.shape, schema, path, 0);
    if (why !== undefined) misfit(at, `\`${given.text}\` does not fit ${taker}: ${why}`);
    return;
  }
  const kind = kindOf(value);
  if (kind === 'other') return;
  if (kind !== want.kind) return misfit(at, `${taker} takes a ${want.kind} ${place}, not a ${kind}`);
  if (Array.isArray(value)) {
    const items = itemsOf(schema);
    for (const [index, one] of value.entries())
      checkFit(one, items, at + pointerSegment(index), fitting, `${path}[${index}]`);
    return;
  }
  if (want.kind !== 'map' || !isMap(value)) return;
  for (const name of requiredOf(schema))
    if (!Object.hasOwn(value, name)) misfit(at, `${taker} needs \`${within(path, name)}\` in its input`);
  for (const [name, one] of Object.entries(value)) {
    if (want.field(name) === undefined)
      misfit(at + pointerSegment(name), `${taker} takes no \`${within(path, name)}\` in its input`);
    else checkFit(one, propertyOf(schema, name), at + pointerSegment(name), fitting, within(path, name));
  }
}

/** Why a value of this shape cannot fit. */
function misfitOf(have: Shape, schema: unknown, path: string, depth: number): string | undefined {
  const want = shapeOfSchema(schema);
  if (have.kind === 'any' || want.kind === 'any' || depth > DEPTH_MAX) return undefined;
  const what = path === '' ? 'it' : `\`${path}\``;
  if (have.kind !== want.kind) return `${what} is a ${want.kind}, not a ${have.kind}`;
  if (have.kind === 'list') return misfitOf(have.element(), itemsOf(schema), `${path}[]`, depth + 1);
  if (have.kind !== 'map') return undefined;
  for (const name of requiredOf(schema)) {
    const field = have.field(name);
    if (field === undefined) return `there is no \`${within(path, name)}\``;
  }
  for (const name of have.names()) {
    const why = misfitOf(have.field(name) ?? ANY, propertyOf(schema, name), within(path, name), depth + 1);
    if (why !== undefined) return why;
  }
  return undefined;
}

/** Fields that must be there, and of which something is known: one that may be anything may be left out. */
function requiredOf(schema: unknown): readonly string[] {
  const required = isMap(schema) && Array.isArray(schema['required']) ? (schema['required'] as unknown[]) : [];
  return required.filter(
    (name): name is string => typeof name === 'string' && shapeOfSchema(propertyOf(schema, name)).kind !== 'any',
  );
}

function propertyOf(schema: unknown, name: string): unknown {
  const properties = isMap(schema) ? schema['properties'] : undefined;
  return isMap(properties) && Object.hasOwn(properties, name) ? properties[name] : undefined;
}

function itemsOf(schema: unknown): unknown {
  return isMap(schema) && schema['prefixItems'] === undefined ? schema['items'] : undefined;
}

function within(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}
