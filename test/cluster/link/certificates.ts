/** Certificates for tests, made by openssl where the machine has it. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Whether there is an openssl to make them with. */
export const hasOpenssl = ((): boolean => {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

/** One that can sign others, or a pair of a certificate and its key. */
export interface Authority {
  readonly ca: Buffer;
  /** A certificate for nodes of these names. */
  issue(...names: readonly string[]): { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer };
}

/** Makes an authority of its own; `remove` takes its files away. */
export function makeAuthority(): Authority & { readonly remove: () => void } {
  const folder = mkdtempSync(path.join(tmpdir(), 'troupe-certificates-'));
  const at = (name: string): string => path.join(folder, name);
  const openssl = (...args: readonly string[]): void => {
    execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  };
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl('req', '-x509', ...curve, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=Troupe test');
  const ca = readFileSync(at('ca.pem'));
  let made = 0;
  return {
    ca,
    issue(...names) {
      const name = `node-${++made}`;
      writeFileSync(at(`${name}.ext`), `subjectAltName=${names.map((one) => `DNS:${one}`).join(',')}\n`);
      openssl('req', ...curve, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
      const signing = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', `${name}.ext`];
      openssl('x509', '-req', '-in', `${name}.csr`, ...signing, '-out', `${name}.pem`);
      return { ca, cert: readFileSync(at(`${name}.pem`)), key: readFileSync(at(`${name}.key`)) };
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
