/** What happens to the nodes of a mesh, and in which order: made from a seed, so that a round can be repeated. */
import type { Cut } from './mesh-site.ts';

/** One fault. It is over after so many ms, and what it needs to be undone. */
export interface MeshFault {
  readonly kind: 'kill' | 'freeze' | 'cut' | 'slow' | 'drain';
  readonly node: string;
  readonly forMs: number;
  readonly cut?: Cut;
  /** From its beginning to that of the next one. */
  readonly nextMs: number;
}

/** When a silent worker is lost, in the mesh under faults. */
export const LOST_MS = 4_000;
const OWNER = 'owner';
const NEXT_MS_MAX = 1_500;

type Draft = Pick<MeshFault, 'kind' | 'cut'> & { readonly ofOwner?: true; readonly isLong?: true };

/** Each of these comes once before any comes again. Long ones are past every timeout, short ones are to be waited for. */
const DRAFTS: readonly Draft[] = [
  { kind: 'kill' },
  { kind: 'kill' },
  { kind: 'kill', ofOwner: true },
  { kind: 'freeze' },
  { kind: 'freeze', isLong: true },
  { kind: 'freeze', ofOwner: true },
  { kind: 'freeze', ofOwner: true, isLong: true },
  { kind: 'cut', cut: 'both ways' },
  { kind: 'cut', cut: 'both ways', isLong: true },
  { kind: 'cut', cut: 'to the owner' },
  { kind: 'cut', cut: 'to the owner', isLong: true },
  { kind: 'cut', cut: 'from the owner' },
  { kind: 'cut', cut: 'from the owner', isLong: true },
  { kind: 'cut', cut: 'both ways', ofOwner: true },
  { kind: 'slow', isLong: true },
  { kind: 'slow', ofOwner: true },
  { kind: 'drain' },
  { kind: 'drain', ofOwner: true },
];

/** Faults without an end. `random`: numbers from 0 to 1. */
export function* faultsFrom(
  random: () => number,
  workers: readonly string[],
  canSlow: boolean,
): Generator<MeshFault, never> {
  for (;;) {
    for (const draft of shuffled(DRAFTS, random)) {
      const { kind, cut, ofOwner = false, isLong = false } = draft;
      const node = ofOwner ? OWNER : (workers[Math.floor(random() * workers.length)] ?? OWNER);
      const [chance, next] = [random(), random()];
      const forMs = isLong ? LOST_MS * (1.3 + 0.5 * chance) : LOST_MS * (0.1 + 0.5 * chance);
      const fault = { kind, node, forMs: Math.round(forMs), nextMs: Math.round(next * NEXT_MS_MAX) };
      if (kind !== 'slow' || canSlow) yield { ...fault, ...(cut !== undefined && { cut }) };
    }
  }
}

/** In words: `cut worker-2 from the owner for 512 ms`. */
export function faultText({ kind, node, cut, forMs }: MeshFault): string {
  return `${kind} ${node}${cut === undefined ? '' : ` ${cut}`} for ${forMs} ms`;
}

function shuffled<T>(all: readonly T[], random: () => number): T[] {
  return all
    .map((one) => ({ one, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ one }) => one);
}
