/**
 * How many distinct values a stream has, estimated in 16 KiB: HyperLogLog (Flajolet et al. 2007) with linear counting
 * where few registers are set. Standard error 0.8 %.
 */

const BITS = 14;
const REGISTERS = 1 << BITS;

/** Add values, then estimate. Equal values count once, and the order does not matter. */
export class HyperLogLog {
  private readonly registers = new Uint8Array(REGISTERS);

  add(value: string | number): void {
    const { high, low } = hash64(value);
    const index = high >>> (32 - BITS);
    // The leading zeros of the 50 bits that did not choose the register.
    const rest = (high << BITS) | (low >>> (32 - BITS));
    const rank = rest === 0 ? 33 + Math.clz32(low << BITS) : Math.clz32(rest) + 1;
    if (rank > (this.registers[index] as number)) this.registers[index] = rank;
  }

  estimate(): number {
    let sum = 0;
    let zeros = 0;
    for (const register of this.registers) {
      sum += 2 ** -register;
      if (register === 0) zeros += 1;
    }
    const raw = ((0.7213 / (1 + 1.079 / REGISTERS)) * REGISTERS * REGISTERS) / sum;
    if (raw <= 2.5 * REGISTERS && zeros > 0) return Math.round(REGISTERS * Math.log(REGISTERS / zeros));
    return Math.round(raw);
  }
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
