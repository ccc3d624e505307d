/**
 * What the operators of expressions do.
 *
 * CEL has int, uint and double and no operators between them; JSON has numbers. Here `2` and `2.0` are the same, `/`
 * always divides (`7 / 2` is 3.5), and arithmetic whose whole result cannot be told exactly from its neighbour (beyond
 * ±(2^53 - 1)) is refused rather than rounded.
 */
import { charge, chargeText, ExpressionFault, type Meter } from './expression-meter.ts';
import { entering, exact, fieldOf, isMap, kindOf } from './expression-values.ts';

/** Lists and maps inside of one another that are compared. */
const DEPTH_MAX = 100;

/** `left + right` of two numbers, strings or lists. */
export function add(left: unknown, right: unknown, meter: Meter): unknown {
  if (typeof left === 'number' && typeof right === 'number') return exact(left + right);
  if (typeof left === 'string' && typeof right === 'string') {
    chargeText(meter, left.length + right.length);
    return left + right;
  }
  if (Array.isArray(left) && Array.isArray(right)) {
    charge(meter, left.length + right.length);
    return [...(left as unknown[]), ...(right as unknown[])];
  }
  throw operandFault('+', left, right);
}

/** `left OP right` of two numbers, for the four operators that know nothing else. */
export function calculate(op: '-' | '*' | '/' | '%', left: unknown, right: unknown): number {
  if (typeof left !== 'number' || typeof right !== 'number') throw operandFault(op, left, right);
  switch (op) {
    case '-':
      return exact(left - right);
    case '*':
      return exact(left * right);
    default:
      if (right === 0) throw new ExpressionFault(op === '/' ? 'division by zero' : 'remainder of a division by zero');
      return exact(op === '/' ? left / right : left % right);
  }
}

/** `left OP right` of two numbers, strings or bools. */
export function compare(op: '<' | '<=' | '>' | '>=', left: unknown, right: unknown, meter: Meter): boolean {
  const kind = typeof left;
  if (kind !== typeof right || (kind !== 'number' && kind !== 'string' && kind !== 'boolean'))
    throw operandFault(op, left, right);
  if (kind === 'string') chargeText(meter, Math.min((left as string).length, (right as string).length));
  const [a, b] = [left as number, right as number];
  if (op === '<') return a < b;
  if (op === '<=') return a <= b;
  return op === '>' ? a > b : a >= b;
}

/**
 * JSON equality, through lists and maps. Values of different kinds are not equal. Throws an ExpressionFault for the
 * budget, for values that are too deep, and for a BigInt that is no JSON number.
 */
export function equal(left: unknown, right: unknown, meter: Meter, depth = 0): boolean {
  if (left === right) {
    if (typeof left === 'string') chargeText(meter, left.length);
    return true;
  }
  if (typeof left === 'bigint' || typeof right === 'bigint') return entering(left) === entering(right);
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) {
    if (typeof left === 'string' && typeof right === 'string') chargeText(meter, Math.min(left.length, right.length));
    return (left ?? null) === (right ?? null);
  }
  if (depth > DEPTH_MAX) throw new ExpressionFault(`values deeper than ${DEPTH_MAX} are not compared`);
  if (Array.isArray(left) && Array.isArray(right)) return equalLists(left, right, meter, depth);
  return isMap(left) && isMap(right) && equalMaps(left, right, meter, depth);
}

function equalLists(left: readonly unknown[], right: readonly unknown[], meter: Meter, depth: number): boolean {
  if (left.length !== right.length) return false;
  for (let i = 0; i < left.length; i++) {
    charge(meter, 1);
    if (!equal(left[i], right[i], meter, depth + 1)) return false;
  }
  return true;
}

function equalMaps(
  left: Readonly<Record<string, unknown>>,
  right: Readonly<Record<string, unknown>>,
  meter: Meter,
  depth: number,
): boolean {
  const names = Object.keys(left);
  charge(meter, names.length);
  const otherNames = Object.keys(right);
  charge(meter, otherNames.length);
  if (names.length !== otherNames.length) return false;
  for (const name of names) {
    charge(meter, 1);
    if (!Object.hasOwn(right, name) || !equal(left[name], right[name], meter, depth + 1)) return false;
  }
  return true;
}

/** `value in collection`: an element of a list, or a field name of a map. */
export function isIn(value: unknown, collection: unknown, meter: Meter): boolean {
  if (Array.isArray(collection)) {
    for (const element of collection as unknown[]) {
      charge(meter, 1);
      if (equal(value, element, meter)) return true;
    }
    return false;
  }
  if (isMap(collection) && typeof value === 'string') return fieldOf(collection, value) !== undefined;
  if (isMap(collection))
    throw new ExpressionFault(`the left side of \`in\` is a ${kindOf(value)}; field names are strings`);
  throw new ExpressionFault(`the right side of \`in\` is a ${kindOf(collection)}, not a list or map`);
}

function operandFault(op: string, left: unknown, right: unknown): ExpressionFault {
  const hint =
    op === '+' && (typeof left === 'string' || typeof right === 'string')
      ? '; use string() to make text of a value'
      : '';
  return new ExpressionFault(`\`${op}\` does not take ${kindOf(left)} and ${kindOf(right)}${hint}`);
}
