/** The rows of the table of settings that are about the mesh: nodes that join others (docs/cluster.md). */
import { LIMITS } from '../protocol/limits.ts';
import { row } from './setting-row.ts';
import { kinds } from './settings-kinds.ts';

/** Where an owner listens for other nodes if it is told that there are some, and not where. */
export const MESH_PORT = 7601;

const SECOND_MS = 1000;
const HOUR_MS = 3_600_000;

/** By name, in the order of the page. */
export const MESH_SETTINGS = {
  join: row({
    group: 'Mesh',
    kind: kinds.url(['ws', 'wss']),
    fallback: undefined,
    flag: 'join',
    doc: 'The mesh address of an owner node, such as ws://owner:7601; with it the node is a worker of that mesh, and keeps nothing itself.',
  }),
  meshPort: row({
    group: 'Mesh',
    kind: kinds.optional(kinds.port()),
    fallback: undefined,
    fallbackText: `no door for other nodes; ${MESH_PORT} where meshSecret or one of meshTls* is given and join is not`,
    flag: 'mesh-port',
    ofOwner: true,
    doc: 'The port for other nodes; with it the node is the owner of a mesh. 0 takes any free one.',
  }),
  meshHost: row({
    group: 'Mesh',
    kind: kinds.host(),
    fallback: '127.0.0.1',
    flag: 'mesh-host',
    ofOwner: true,
    doc: 'The address to listen on for other nodes. Beyond loopback a mesh wants meshSecret, or meshTlsCert, meshTlsKey and meshTlsCa.',
  }),
  meshSecret: row({
    group: 'Mesh',
    kind: kinds.strongSecrets(2),
    fallback: [],
    flag: null,
    secret: true,
    doc:
      'The secret that all nodes of a mesh share. While it is changed there are two, with a comma between them: ' +
      'a node proves itself with the first and accepts both (docs/cluster.md).',
  }),
  meshTlsCert: row({
    group: 'Mesh',
    kind: kinds.path(),
    fallback: undefined,
    flag: 'mesh-tls-cert',
    doc: 'The certificate chain (PEM) that the node shows to other nodes; goes with meshTlsKey and meshTlsCa.',
  }),
  meshTlsKey: row({
    group: 'Mesh',
    kind: kinds.path(),
    fallback: undefined,
    flag: 'mesh-tls-key',
    doc: 'The private key (PEM) of that certificate; goes with meshTlsCert and meshTlsCa.',
  }),
  meshTlsCa: row({
    group: 'Mesh',
    kind: kinds.path(),
    fallback: undefined,
    flag: 'mesh-tls-ca',
    doc: 'The certificates (PEM) of who signs for the nodes of the mesh; goes with meshTlsCert and meshTlsKey.',
  }),
  nodeName: row({
    group: 'Mesh',
    kind: kinds.nodeName(),
    fallback: undefined,
    fallbackText:
      'of an owner made at each start; of a worker the name of its machine and a random part, made at each start',
    flag: 'name',
    doc:
      'The name of the node. No two nodes of a mesh may have the same. ' +
      'Where certificates are the proof, it is one of the names in its own.',
  }),
  labels: row({
    group: 'Mesh',
    kind: kinds.labels(),
    fallback: {},
    flag: 'labels',
    doc: 'What is said of the node in lists, such as zone=a,gpu=yes.',
  }),
  meshLostMs: row({
    group: 'Mesh',
    kind: kinds.durationMs(SECOND_MS, HOUR_MS),
    fallback: LIMITS.meshLostMs,
    flag: 'mesh-lost-ms',
    doc: 'How long an owner waits for a worker that gives no sign of life; then its calls are made elsewhere.',
  }),
} as const;
