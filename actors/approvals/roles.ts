/** Who holds which role. A node of this version has no keys: whoever reaches it is the one principal there is, and holds all. */
import type { Principal } from '../desk.ts';

/** Whether a principal may act in a role. */
export type HoldsRole = (principal: Principal, role: string) => boolean;

const LOOPBACK: Principal = 'loopback';

/** The roles of a node without keys. */
export const holdsRole: HoldsRole = (principal) => principal === LOOPBACK;
