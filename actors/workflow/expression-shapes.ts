/**
 * What is known of a value before there is one: its kind, its fields, its elements. Made from JSON Schemas (2020-12, as
 * zod writes them), looked into no further than an expression asks. What a schema leaves open, or says in a way that is
 * not understood here, is `any`: the type check never refuses what might be right.
 */
import { isMap, kindOf } from './expression-values.ts';

export type Shape =
  | { readonly kind: 'any' | 'null' | 'bool' | 'number' | 'string' }
  | { readonly kind: 'list'; readonly element: () => Shape }
  | {
      readonly kind: 'map';
      /** The shape of a field; undefined where no such field can be. */
      readonly field: (name: string) => Shape | undefined;
      /** The fields that are known. */
      readonly names: () => readonly string[];
    };

/** Nothing is known. */
export const ANY: Shape = { kind: 'any' };

/** How often a `$ref` may lead to another before it is taken for a circle. */
const REFERENCES_MAX = 16;

const KINDS: Readonly<Record<string, 'null' | 'bool' | 'number' | 'string'>> = {
  null: 'null',
  boolean: 'bool',
  integer: 'number',
  number: 'number',
  string: 'string',
};

/** The shape that a JSON Schema describes. `undefined` and what is no schema: `any`. */
export function shapeOfSchema(schema: unknown): Shape {
  return shapeWithin(schema, schema, 0);
}

/** A list of elements of one shape. */
export function listOf(element: Shape): Shape {
  return { kind: 'list', element: () => element };
}

/** A map of these fields and no others. */
export function mapOf(fields: Readonly<Record<string, Shape>>): Shape {
  return {
    kind: 'map',
    field: (name) => (Object.hasOwn(fields, name) ? fields[name] : undefined),
    names: () => Object.keys(fields),
  };
}

/** The shape of a value that has one of two shapes. */
export function eitherShape(a: Shape, b: Shape): Shape {
  if (a === b) return a;
  if (a.kind !== b.kind) return ANY;
  if (a.kind === 'list' && b.kind === 'list')
    return { kind: 'list', element: () => eitherShape(a.element(), b.element()) };
  if (a.kind === 'map' && b.kind === 'map') {
    return {
      kind: 'map',
      field: (name) => {
        const [inA, inB] = [a.field(name), b.field(name)];
        if (inA === undefined && inB === undefined) return undefined;
        return inA === undefined || inB === undefined ? ANY : eitherShape(inA, inB);
      },
      names: () => [...new Set([...a.names(), ...b.names()])],
    };
  }
  return a;
}

function shapeWithin(schema: unknown, root: unknown, references: number): Shape {
  if (!isMap(schema) || references > REFERENCES_MAX) return ANY;
  const { $ref, type, allOf, not, nullable } = schema;
  if (typeof $ref === 'string') return shapeWithin(resolved(root, $ref), root, references + 1);
  if (allOf !== undefined || not !== undefined || nullable === true) return ANY;
  const options = schema['anyOf'] ?? schema['oneOf'];
  if (Array.isArray(options)) return shapeOfOptions(options, root, references);
  if (typeof type === 'string') return shapeOfType(type, schema, root);
  if (Array.isArray(type))
    return shapeOfOptions(
      type.map((one: unknown) => ({ ...schema, type: one })),
      root,
      references,
    );
  if ('const' in schema) return shapeOfValues([schema['const']]);
  return Array.isArray(schema['enum']) ? shapeOfValues(schema['enum']) : ANY;
}

function shapeOfType(type: string, schema: Readonly<Record<string, unknown>>, root: unknown): Shape {
  const kind = Object.hasOwn(KINDS, type) ? KINDS[type] : undefined;
  if (kind !== undefined) return { kind };
  if (type === 'array') {
    const { items, prefixItems } = schema;
    return { kind: 'list', element: () => (prefixItems === undefined ? shapeWithin(items, root, 0) : ANY) };
  }
  return type === 'object' ? shapeOfFields(schema, root) : ANY;
}

function shapeOfFields(schema: Readonly<Record<string, unknown>>, root: unknown): Shape {
  const fields = isMap(schema['properties']) ? schema['properties'] : {};
  const { additionalProperties, patternProperties } = schema;
  const isOpen = additionalProperties !== false || patternProperties !== undefined;
  return {
    kind: 'map',
    field: (name) => {
      if (Object.hasOwn(fields, name)) return shapeWithin(fields[name], root, 0);
      if (!isOpen) return undefined;
      return patternProperties === undefined ? shapeWithin(additionalProperties, root, 0) : ANY;
    },
    names: () => Object.keys(fields),
  };
}

function shapeOfOptions(options: readonly unknown[], root: unknown, references: number): Shape {
  if (options.length === 0) return ANY;
  return options.map((option) => shapeWithin(option, root, references + 1)).reduce(eitherShape);
}

function shapeOfValues(values: readonly unknown[]): Shape {
  const kinds = new Set(values.map(kindOf));
  const [kind] = kinds;
  if (kinds.size !== 1 || kind === undefined || kind === 'list' || kind === 'map' || kind === 'other') return ANY;
  return { kind };
}

/** What a reference within a schema (`#`, `#/$defs/Name`) points at. */
function resolved(root: unknown, reference: string): unknown {
  if (!reference.startsWith('#')) return undefined;
  let at: unknown = root;
  for (const segment of reference.split('/').slice(1)) {
    const name = segment.replaceAll('~1', '/').replaceAll('~0', '~');
    at = isMap(at) && Object.hasOwn(at, name) ? at[name] : undefined;
  }
  return at;
}
