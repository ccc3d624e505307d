/**
 * A node inside of a program of your own, and a client of it, in one file.
 *
 *   node scripts/setup.mjs examples/embed.ts
 *
 * It prints {"text":"HI FROM INSIDE"} and ends. What is stored is in the folder that it is given as an argument, or else in
 * `troupe-embedded` where the system keeps temporary files.
 */
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect, startNode } from 'troupe';
import { shout } from './shout.ts';

const node = await startNode({
  dataDir: process.argv[2] ?? path.join(tmpdir(), 'troupe-embedded'),
  port: 0, // any free one
  logLevel: 'warn',
  agents: [shout],
});
const client = await connect(`ws://${node.host}:${node.port}/ws`);

const { status, output, error } = await client.submit({ agent: 'shout', input: { text: 'hi from inside' } }).result();
console.log(status === 'completed' ? JSON.stringify(output) : error);

await client.close();
await node.stop();
