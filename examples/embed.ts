/**
 * A node inside of a program of your own, and a client of it, in one file.
 *
 *   node scripts/setup.mjs examples/embed.ts
 *
 * It prints {"text":"HI FROM INSIDE"} and ends. What is stored is in the folder `.troupe-embedded`, or in the one given as
 * an argument.
 */
import { connect, startNode } from 'troupe';
import { shout } from './shout.ts';

const node = await startNode({
  dataDir: process.argv[2] ?? '.troupe-embedded',
  port: 0, // any free one
  logLevel: 'warn',
  agents: [shout],
});
const client = await connect(`ws://${node.host}:${node.port}/ws`);

const { status, output, error } = await client.submit({ agent: 'shout', input: { text: 'hi from inside' } }).result();
console.log(status === 'completed' ? JSON.stringify(output) : error);

await client.close();
await node.stop();
