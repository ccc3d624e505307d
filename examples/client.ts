/**
 * The client library: submit, follow, ask.
 *
 *   npm start -- --agents examples/shout.ts examples/counter.ts
 *   node scripts/setup.mjs examples/client.ts
 *
 * The second command prints the events of a task with their numbers, its output {"text":"HI"}, the same task again under
 * its key, and the counter's {"total":2} (more with each run). TROUPE_URL names a node elsewhere.
 */
import { connect } from 'troupe/client';

const url = process.env['TROUPE_URL'] ?? 'http://127.0.0.1:7600';
const client = await connect(`${url.replace(/^http/, 'ws')}/ws`);

// The key makes it safe to send again: the same key is the same task, for 24 hours.
const key = `client-example-${process.pid}`;
const task = client.submit({ agent: 'shout', input: { text: 'hi' }, key });
for await (const news of task.events()) {
  if (news.type === 'task.event') console.log(news.seq, news.kind);
  if (news.type === 'task.result') console.log(news.seq, news.status, JSON.stringify(news.output ?? news.error));
}
const again = await client.submit({ agent: 'shout', input: { text: 'hi' }, key }).accepted;
console.log(again.duplicate ? 'the same task' : 'another task');

await client.tell('counter', 'visits', { type: 'add', n: 2 });
console.log(JSON.stringify(await client.ask('counter', 'visits', { type: 'get' })));

await client.close();
