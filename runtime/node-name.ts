/** What a node is called. */
import type { Settings } from './settings.ts';
import type { Fence } from './stores/store.ts';
import type { World } from './world.ts';

const CHARACTERS = 'abcdefghijklmnopqrstuvwxyz0123456789';
const RANDOM_CHARACTERS = 6;
/** Longer host names are cut: the random part is what tells two nodes apart. */
const HOST_CHARACTERS_MAX = 40;

/** The name of a node with a store: the one that it was given, or one of its own with each start. */
export function ownerName({ nodeName }: Pick<Settings, 'nodeName'>, { owner, epoch }: Fence): string {
  return nodeName ?? `${owner}-${epoch}`;
}

/** The name of a worker: the one that it was given, or that of its machine and a random part, another one with each start. */
export function workerName(
  { nodeName }: Pick<Settings, 'nodeName'>,
  hostName: string,
  world: Pick<World, 'random'>,
): string {
  if (nodeName !== undefined) return nodeName;
  const host = hostName
    .replaceAll(/[^A-Za-z0-9-]/g, '-')
    .replaceAll(/^-+/g, '')
    .slice(0, HOST_CHARACTERS_MAX);
  const letter = (): string => CHARACTERS[Math.floor(world.random() * CHARACTERS.length)] ?? 'a';
  return `${host === '' ? 'worker' : host}-${Array.from({ length: RANDOM_CHARACTERS }, letter).join('')}`;
}
