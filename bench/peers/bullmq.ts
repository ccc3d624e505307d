/** BullMQ flows: three jobs, each the parent of the one before it. Arguments: the port of Redis; `worker` for the other process. */
import { type FlowJob, FlowProducer, QueueEvents, Worker } from 'bullmq';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { serve } from './lane.ts';

const [port = '', role = ''] = process.argv.slice(2);
const QUEUE = 'bench';
const CONCURRENCY = 256;
const connection = { host: '127.0.0.1', port: Number(port), maxRetriesPerRequest: null };
/** Some are kept, since a parent is told of its children when they are done; the rest would fill the memory of Redis. */
const opts = { removeOnComplete: { count: 5_000 } };

if (role === 'worker') {
  const worker = new Worker(QUEUE, async ({ data }) => (data as { n: number }).n, {
    connection,
    concurrency: CONCURRENCY,
  });
  await worker.waitUntilReady();
  process.on('disconnect', () => process.exit(0));
  process.send?.('ready');
} else {
  const events = new QueueEvents(QUEUE, { connection });
  events.setMaxListeners(0);
  await events.waitUntilReady();
  await once(fork(import.meta.filename, [port, 'worker']), 'message');
  const flows = new FlowProducer({ connection });
  flows.setMaxListeners(0);
  const job = (name: string, n: number, children: FlowJob[]): FlowJob => ({
    ...{ name, queueName: QUEUE, data: { n }, opts },
    ...(children.length > 0 && { children }),
  });
  serve(async (n) => {
    const flow = await flows.add(job('s3', n, [job('s2', n, [job('s1', n, [])])]));
    return await flow.job.waitUntilFinished(events);
  });
}
