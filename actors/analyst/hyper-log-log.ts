/**
 * How many distinct values a stream has, estimated in 16 KiB: HyperLogLog with the estimator of Ertl 2017, which has no
 * bias for small numbers or between. Standard error 0.8 %.
 */

const BITS = 14;
const REGISTERS = 1 << BITS;
const RANK_MAX = 64 - BITS + 1;

/** Add values, then estimate. Equal values count once, and the order does not matter. */
export class HyperLogLog {
  private readonly registers = new Uint8Array(REGISTERS);

  add(value: string | number): void {
    const { high, low } = hash64(value);
    const index = high >>> (32 - BITS);
    // The leading zeros of the 50 bits that did not choose the register.
    const rest = (high << BITS) | (low >>> (32 - BITS));
    const rank = rest === 0 ? Math.min(RANK_MAX, 33 + Math.clz32(low << BITS)) : Math.clz32(rest) + 1;
    if (rank > (this.registers[index] as number)) this.registers[index] = rank;
  }

  estimate(): number {
    const counts = new Float64Array(RANK_MAX + 1);
    for (const register of this.registers) counts[register] = (counts[register] as number) + 1;
    let sum = REGISTERS * tau(1 - (counts[RANK_MAX] as number) / REGISTERS);
    for (let rank = RANK_MAX - 1; rank >= 1; rank--) sum = (sum + (counts[rank] as number)) / 2;
    sum += REGISTERS * sigma((counts[0] as number) / REGISTERS);
    return Math.round((REGISTERS * REGISTERS) / (2 * Math.LN2 * sum));
  }
}

/** The part of registers that were never set; both series end where a term no longer changes the sum. */
function sigma(share: number): number {
  if (share === 1) return Number.POSITIVE_INFINITY;
  let power = share;
  let sum = share;
  for (let factor = 1, before = -1; sum !== before; factor *= 2) {
    power *= power;
    before = sum;
    sum += power * factor;
  }
  return sum;
}

/** The part of registers that are full. */
function tau(share: number): number {
  if (share === 0 || share === 1) return 0;
  let root = share;
  let sum = 1 - share;
  for (let factor = 0.5, before = -1; sum !== before; factor /= 2) {
    root = Math.sqrt(root);
    before = sum;
    sum -= (1 - root) ** 2 * factor;
  }
  return sum / 3;
}

const scratch = new DataView(new ArrayBuffer(8));

/** Two independent 32-bit halves. A number and its text are different values. */
export function hash64(value: string | number): { readonly high: number; readonly low: number } {
  let a = 0xdeadbeef;
  let b = 0x41c6ce57;
  if (typeof value === 'number') {
    scratch.setFloat64(0, value === 0 ? 0 : value);
    a = Math.imul(a ^ scratch.getUint32(0), 2654435761);
    b = Math.imul(b ^ scratch.getUint32(4), 1597334677);
    a = Math.imul(a ^ (a >>> 15) ^ scratch.getUint32(4), 2246822519);
    b = Math.imul(b ^ (b >>> 13) ^ scratch.getUint32(0), 3266489917);
  } else {
    for (let index = 0; index < value.length; index++) {
      const code = value.charCodeAt(index);
      a = Math.imul(a ^ code, 2654435761);
      b = Math.imul(b ^ code, 1597334677);
    }
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
  return { high: a >>> 0, low: b >>> 0 };
}
