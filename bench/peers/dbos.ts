/** DBOS Transact on PostgreSQL; workflows are called directly, which is faster here than its queues. Argument: the URL of a database. */
import { DBOS } from '@dbos-inc/dbos-sdk';
import { serve } from './lane.ts';

const [systemDatabaseUrl = ''] = process.argv.slice(2);
const POOL_SIZE = 20;
const nothing = (): void => {};
const error = (...what: unknown[]): void => console.error(...what);
DBOS.setConfig({
  ...{ name: 'bench', systemDatabaseUrl, systemDatabasePoolSize: POOL_SIZE },
  logger: { info: nothing, debug: nothing, warn: nothing, error },
});
const echoes = DBOS.registerWorkflow(
  async (n: number) => {
    let value = n;
    for (const name of ['s1', 's2', 's3']) {
      const given = value;
      value = await DBOS.runStep(async () => given, { name });
    }
    return value;
  },
  { name: 'echoes' },
);
await DBOS.launch();

serve((n) => echoes(n));
