/** How a node proves itself to others, as its settings say. */
import { readFileSync } from 'node:fs';
import { OperatingError } from '../../protocol/errors.ts';
import type { Settings } from '../../runtime/settings.ts';
import type { MeshAuth } from './proof.ts';
import type { MeshTls } from './socket-wire.ts';

/** The proof, and TLS where it has any. Errors: INVALID_INPUT for a file that cannot be read. */
export function credentialsOf(settings: Pick<Settings, 'meshSecret' | 'meshTlsCert' | 'meshTlsKey' | 'meshTlsCa'>): {
  readonly auth: MeshAuth;
  readonly tls?: MeshTls;
} {
  const { meshSecret: secrets, meshTlsCert: cert, meshTlsKey: key, meshTlsCa: ca } = settings;
  if (cert !== undefined && key !== undefined && ca !== undefined)
    return {
      auth: { mode: 'certificate' },
      tls: { cert: read('meshTlsCert', cert), key: read('meshTlsKey', key), ca: read('meshTlsCa', ca) },
    };
  return { auth: secrets.length === 0 ? { mode: 'none' } : { mode: 'secret', secrets } };
}

function read(setting: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new OperatingError('INVALID_INPUT', `${setting}: ${path} cannot be read: ${why}`, { cause });
  }
}
