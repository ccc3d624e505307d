/** Verbs about a node. */
import type { Command } from 'commander';
import type { VerbAdder } from '../verb.ts';

const CLUSTER = `
How a node stands:
  active    it takes work
  suspect   no sign of life for too long; its calls are waited for
  draining  it takes nothing new, and ends what it has in hand
  lost      its calls are made elsewhere

A mesh is one owner, which keeps all state, and workers, which make calls for it and keep none. On one machine:
  troupe start --mesh-port 7601
  troupe start --join ws://127.0.0.1:7601 --agents FILE

From another machine both need the same secret, and the owner an address that can be reached:
  export TROUPE_MESH_SECRET=$(openssl rand -base64 32)                   made once, and taken to all machines
  troupe start --mesh-host 0.0.0.0 --mesh-port 7601                      the owner
  troupe start --join ws://OWNER:7601 --agents FILE                      each worker

docs/cluster.md has the rest: certificates in place of a secret, what becomes of work when a node dies.`;

/** Adds them. */
export function addNodeVerbs(program: Command, verb: VerbAdder): void {
  verb(
    program.command('tree').description('the supervision tree, or the actors of one task').argument('[id]', 'a task'),
    async () => (await import('../verbs/tree.ts')).tree,
  );
  verb(
    program
      .command('cluster')
      .description('the nodes of a mesh: how they stand, what they offer, what they have in hand')
      .addHelpText('after', CLUSTER),
    async () => (await import('../verbs/cluster.ts')).cluster,
  );
  const breakers = program.command('breakers').description('the circuit breakers in front of agents');
  verb(breakers, async () => (await import('../verbs/breakers.ts')).breakers);
  verb(
    breakers.command('reset').description('close one by hand').argument('<id>', 'the breaker, or its agent'),
    async () => (await import('../verbs/breakers.ts')).resetBreaker,
  );
  verb(
    program
      .command('doctor')
      .description('look for what could be wrong on this machine and with the node')
      .option('--data <dir>', "the node's folder", './.troupe'),
    async () => (await import('../verbs/doctor.ts')).doctor,
  );
  verb(
    program
      .command('migrate')
      .description('take the stored actors of a node that is stopped over into other versions of its agents')
      .option('--dry-run', 'write nothing; say what fits, what would be taken over and what would be lost')
      .option('--data <dir>', "the node's folder", './.troupe')
      .option('--agents <glob...>', 'files with the agents as they are to be loaded, all versions of them'),
    async () => (await import('../verbs/migrate.ts')).migrate,
  );
}
