/**
 * Who asks. A node of this version has no keys: the settings let it listen on loopback, or behind a proxy that checks
 * credentials itself, and whoever reaches it is the one principal there is.
 */
import type { IncomingMessage } from 'node:http';
import type { OperatingError } from '../protocol/errors.ts';
import type { Principal } from '../actors/desk.ts';

/** What came of looking at a request. */
export type Identity = { readonly principal: Principal } | { readonly refusal: OperatingError };

/** Looks at a request before anything is done for it: an upgrade, or a request to the HTTP routes. */
export type Authenticate = (request: IncomingMessage) => Identity;

const LOOPBACK: Identity = Object.freeze({ principal: 'loopback' });

/** Lets everyone in who reaches the node. */
export const authenticateAnyone: Authenticate = () => LOOPBACK;
