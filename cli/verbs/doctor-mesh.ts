/** What `troupe doctor` says of a mesh, where the settings make the node an owner or a worker of one. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { meshDoorOf, meshProofOf } from '../../runtime/mesh-rules.ts';
import type { Settings } from '../../runtime/settings.ts';
import type { Finding } from './finding.ts';

const REACH_MS = 3_000;
const DAY_MS = 86_400_000;
const RENEW_DAYS = 14;

/** Nothing where the node has neither a door for others nor an owner to join. `nowMs` since the epoch. */
export async function checkMesh(settings: Settings, nowMs: number): Promise<readonly Finding[]> {
  const { join } = settings;
  const door = meshDoorOf(settings);
  if (join === undefined && door === undefined) return [];
  return [
    ...(door === undefined ? [] : [await checkDoor(door)]),
    ...(join === undefined ? [] : [await checkOwner(join)]),
    await checkProof(settings, nowMs),
  ];
}

async function checkDoor({ host, port }: { readonly host: string; readonly port: number }): Promise<Finding> {
  const check = 'mesh port';
  if (port === 0) return { check, state: 'ok', found: `any free port on ${host}` };
  const code = await new Promise<string | undefined>((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
  if (code === undefined) return { check, state: 'ok', found: `${host}:${port} is free` };
  if (code === 'EADDRINUSE') {
    const advice = 'Where that is not the node itself, give another one with TROUPE_MESH_PORT.';
    return { check, state: 'note', found: `${host}:${port} is in use`, advice };
  }
  const advice = 'Give an address of this machine with TROUPE_MESH_HOST, and a port above 1023.';
  return { check, state: 'wrong', found: `${host}:${port} cannot be listened on (${code})`, advice };
}

/** Whether anything answers there at all: whether it is an owner, and lets this node in, shows when it joins. */
async function checkOwner(join: string): Promise<Finding> {
  const check = 'mesh owner';
  const url = new URL(join);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? (url.protocol === 'wss:' ? 443 : 80) : Number(url.port);
  const code = await new Promise<string | undefined>((resolve) => {
    const socket = connect({ host, port });
    const end = (why?: string): void => {
      socket.destroy();
      resolve(why);
    };
    socket.once('connect', () => end());
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
    socket.setTimeout(REACH_MS, () => end(`no answer within ${REACH_MS / 1_000} s`));
  });
  if (code === undefined) return { check, state: 'ok', found: `${host}:${port} can be reached` };
  const advice =
    'Start the owner with --mesh-port, and with a --mesh-host that this machine can reach; see to firewalls between.';
  return { check, state: 'wrong', found: `${host}:${port} cannot be reached (${code})`, advice };
}

/** By what nodes prove to each other who they are. Weak secrets are mistakes of the settings, and said there. */
async function checkProof(settings: Settings, nowMs: number): Promise<Finding> {
  const check = 'mesh proof';
  if (settings.meshTlsCert !== undefined) return await checkCertificate(settings, nowMs);
  const { length } = settings.meshSecret;
  if (length === 1) return { check, state: 'ok', found: 'a secret, which is long enough' };
  if (length === 2) {
    const advice = 'Once all nodes have the first one, take the second away.';
    return { check, state: 'note', found: 'two secrets are accepted', advice };
  }
  const advice =
    'Anybody on this machine can join. To keep them out: openssl rand -base64 32, as TROUPE_MESH_SECRET of all nodes.';
  return { check, state: 'note', found: 'none', advice };
}

async function checkCertificate(settings: Settings, nowMs: number): Promise<Finding> {
  const check = 'mesh proof';
  const { meshTlsCert = '', meshTlsKey = '', meshTlsCa = '' } = settings;
  const wrong = (found: string, advice: string): Finding => ({ check, state: 'wrong', found, advice });
  let certificate: X509Certificate | undefined;
  try {
    const chain = certificatesIn(await readFile(meshTlsCert, 'utf8'));
    const authorities = certificatesIn(await readFile(meshTlsCa, 'utf8'));
    [certificate] = chain;
    if (certificate?.checkPrivateKey(createPrivateKey(await readFile(meshTlsKey))) !== true)
      return wrong(`${meshTlsKey} is not the key of ${meshTlsCert}`, 'Name the key that it was made with.');
    if (!chain.some((one) => authorities.some((ca) => one.checkIssued(ca) && one.verify(ca.publicKey))))
      return wrong(`${meshTlsCert} was not signed by ${meshTlsCa}`, 'Let it be signed by that, or name who signed it.');
    const { nodeName = '' } = settings;
    if (meshProofOf(settings) === 'certificate' && !namesOf(certificate).includes(nodeName))
      return wrong(`${meshTlsCert} does not name the node ${nodeName}`, 'Have one signed with that among its names.');
  } catch (error) {
    return wrong(
      error instanceof Error ? error.message : String(error),
      'docs/cluster.md shows how certificates are made.',
    );
  }
  const days = Math.floor((Date.parse(certificate.validTo) - nowMs) / DAY_MS);
  if (days < 0) return wrong(`${meshTlsCert} was valid until ${certificate.validTo}`, 'Have a new one signed.');
  const found = `a certificate, valid for ${days} days`;
  if (days >= RENEW_DAYS) return { check, state: 'ok', found };
  return { check, state: 'note', found, advice: 'Have a new one signed, and start the node again with it.' };
}

function namesOf({ subjectAltName = '' }: X509Certificate): readonly string[] {
  return subjectAltName.split(', ').flatMap((name) => /^DNS:(.+)$/.exec(name)?.[1] ?? []);
}

/** The certificates of a file, in its order. Errors: of the library, for what is none. */
function certificatesIn(pem: string): readonly X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [pem];
  return blocks.map((block) => new X509Certificate(block));
}
