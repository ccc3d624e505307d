/** How a node proves itself to others, as its settings say. */
import { readFileSync } from 'node:fs';
import { OperatingError } from '../../protocol/errors.ts';
import { meshProofOf } from '../../runtime/mesh-rules.ts';
import type { Settings } from '../../runtime/settings.ts';
import type { MeshAuth } from './proof.ts';
import type { MeshTls } from './socket-wire.ts';

/** The proof, and TLS where it has any. Errors: INVALID_INPUT for a file that cannot be read. */
export function credentialsOf(settings: Settings): { readonly auth: MeshAuth; readonly tls?: MeshTls } {
  const { meshSecret: secrets, meshTlsCert: cert, meshTlsKey: key, meshTlsCa: ca } = settings;
  const files = {
    ...(cert !== undefined && { cert: read('meshTlsCert', cert) }),
    ...(key !== undefined && { key: read('meshTlsKey', key) }),
    ...(ca !== undefined && { ca: read('meshTlsCa', ca) }),
  };
  const tls = Object.keys(files).length === 0 ? {} : { tls: files };
  const proof = meshProofOf(settings);
  if (proof === 'secret') return { auth: { mode: 'secret', secrets }, ...tls };
  return { auth: { mode: proof }, ...tls };
}

function read(setting: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new OperatingError('INVALID_INPUT', `${setting}: ${path} cannot be read: ${why}`, { cause });
  }
}
