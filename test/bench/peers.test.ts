import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../support/node-process.ts';

interface Manifest {
  readonly private?: boolean;
  readonly workspaces?: readonly string[];
  readonly dependencies: Readonly<Record<string, string>>;
}

const PEERS = path.join(ROOT, 'bench/peers');
const manifestAt = (place: string): Manifest => JSON.parse(readFileSync(path.join(ROOT, place), 'utf8')) as Manifest;

describe('The package of the peers', () => {
  const manifest = manifestAt('bench/peers/package.json');

  it('names the exact version of each, as its lock file has it', () => {
    const lock = manifestAt('bench/peers/package-lock.json') as unknown as { packages: { '': Manifest } };
    expect(Object.values(manifest.dependencies).filter((version) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
    expect(lock.packages[''].dependencies).toEqual(manifest.dependencies);
  });

  it('is no part of the product, and is not installed with it', () => {
    const root = manifestAt('package.json');
    expect([manifest.private, root.workspaces]).toEqual([true, ['tools']]);
    const own = Object.keys(manifest.dependencies).filter((name) => name !== 'zod');
    expect(own.filter((name) => Object.hasOwn(root.dependencies, name))).toEqual([]);
  });

  it('has a program for each peer that the driver names, and no other', () => {
    const driver = readFileSync(path.join(ROOT, 'bench/contestants.ts'), 'utf8');
    const programs = readdirSync(PEERS).filter((name) => name.endsWith('.ts') && name !== 'lane.ts');
    expect(programs.filter((name) => !driver.includes(`'${name}'`))).toEqual([]);
    expect(
      [...driver.matchAll(/'(\w+\.ts)'/g)].map(([, name]) => name).filter((name) => !programs.includes(name ?? '')),
    ).toEqual([]);
  });
});
