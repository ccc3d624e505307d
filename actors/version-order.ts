/** The order of semantic versions (precedence, section 11 of that standard). Build metadata does not count. */
export function compareVersions(a: string, b: string): number {
  const [coreA, preA] = split(a);
  const [coreB, preB] = split(b);
  for (let index = 0; index < 3; index++) {
    const difference = Number(coreA[index]) - Number(coreB[index]);
    if (difference !== 0) return difference;
  }
  if (preA === undefined || preB === undefined) return preA === preB ? 0 : preA === undefined ? 1 : -1;
  return comparePrereleases(preA, preB);
}

function split(version: string): [core: string[], prerelease: string[] | undefined] {
  const [plain = ''] = version.split('+');
  const dash = plain.indexOf('-');
  if (dash < 0) return [plain.split('.'), undefined];
  return [plain.slice(0, dash).split('.'), plain.slice(dash + 1).split('.')];
}

function comparePrereleases(a: readonly string[], b: readonly string[]): number {
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const left = a[index];
    const right = b[index];
    if (left === undefined || right === undefined) return left === undefined ? -1 : 1;
    if (left === right) continue;
    const numeric = [/^\d+$/.test(left), /^\d+$/.test(right)];
    if (numeric[0] && numeric[1]) return Number(left) - Number(right);
    if (numeric[0] !== numeric[1]) return numeric[0] ? -1 : 1;
    return left < right ? -1 : 1;
  }
  return 0;
}
