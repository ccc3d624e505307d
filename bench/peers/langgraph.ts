/** LangGraph.js with its SQLite checkpointer. Arguments: a folder; `FULL` or `NORMAL`, what SQLite syncs. */
import { Annotation, END, START, StateGraph } from '@langchain/langgraph';
import { SqliteSaver } from '@langchain/langgraph-checkpoint-sqlite';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { serve } from './lane.ts';

const [dir = '.', synchronous = 'FULL'] = process.argv.slice(2);
const checkpointer = SqliteSaver.fromConnString(join(dir, 'checkpoints.sqlite'));
const State = Annotation.Root({ n: Annotation<number>() });
const echo = async ({ n }: typeof State.State): Promise<typeof State.State> => ({ n });
const graph = new StateGraph(State)
  .addNode('s1', echo)
  .addNode('s2', echo)
  .addNode('s3', echo)
  .addEdge(START, 's1')
  .addEdge('s1', 's2')
  .addEdge('s2', 's3')
  .addEdge('s3', END)
  .compile({ checkpointer });
// The first look sets the checkpointer up, journal mode included; what SQLite syncs is set behind that.
await checkpointer.getTuple({ configurable: { thread_id: 'none' } });
checkpointer.db.pragma(`synchronous = ${synchronous}`);

serve(async (n) => {
  const { n: output } = await graph.invoke({ n }, { configurable: { thread_id: randomUUID() }, durability: 'sync' });
  return output;
});
