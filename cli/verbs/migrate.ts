/**
 * `troupe migrate`: takes the stored actors of a node that does not run over into the versions of its agents that are given,
 * or, with `--dry-run`, says how that would go. Each actor is written as a whole, in batches; those that are refused stay as
 * they are, and a run that was cut off is simply run again.
 */
import { join, resolve } from 'node:path';
import { analystAgent } from '../../actors/analyst/analyst.ts';
import { loadAgentFiles } from '../../actors/agent-files.ts';
import { labAgents } from '../../actors/lab/lab.ts';
import { MigrationSurvey, type SurveyLine } from '../../actors/migration-survey.ts';
import { createLevelStore } from '../../runtime/stores/level-store.ts';
import type { CellWrite, Fence, Store } from '../../runtime/stores/store.ts';
import { createWorld } from '../../runtime/world.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import type { VerbContext } from '../verb.ts';
import { assertStore } from '../store-folder.ts';
import type { Terminal } from '../terminal.ts';

/** Actors that are written together, and bytes of them. */
const BATCH_CELLS = 500;
const BATCH_BYTES = 4 * 1024 * 1024;
/** Reasons that the summary shows for one agent. */
const REASONS_MAX = 20;

/** Done (0) when nothing would be lost, or was; failed (1) otherwise. Errors: NOT_FOUND, STORE_UNAVAILABLE, STORE_CORRUPT. */
export async function migrate({ terminal }: VerbContext, options: Record<string, unknown>): Promise<ExitCode> {
  const cwd = process.cwd();
  const dataDir = resolve(String(options['data']));
  const isDry = options['dryRun'] === true;
  const { agents } = await loadAgentFiles((options['agents'] as readonly string[] | undefined) ?? [], cwd);
  const world = createWorld();
  const bundled = [analystAgent({ cwd, readable: [], tasksDir: join(dataDir, 'tasks') }), ...labAgents(dataDir)];
  const survey = new MigrationSurvey([...bundled, ...agents], world);
  const dir = join(dataDir, 'store');
  await assertStore(dir);
  const store = createLevelStore({ dir, durability: 'fsync', world });
  const fence = await store.open();
  try {
    const summary = new Summary();
    const writer = isDry ? undefined : new BatchWriter(store, fence);
    for await (const line of survey.look(store)) {
      summary.add(line);
      print(terminal, line, isDry);
      if (line.write !== undefined) await writer?.add(line.write);
    }
    await writer?.end();
    summary.print(terminal, isDry);
    return summary.refused === 0 ? EXIT.done : EXIT.failed;
  } finally {
    await store.close();
  }
}

class BatchWriter {
  readonly #store: Store;
  readonly #fence: Fence;
  #cells: CellWrite[] = [];
  #bytes = 0;

  constructor(store: Store, fence: Fence) {
    this.#store = store;
    this.#fence = fence;
  }

  async add(cell: CellWrite): Promise<void> {
    this.#cells.push(cell);
    this.#bytes += cell.head?.length ?? 0;
    if (this.#cells.length >= BATCH_CELLS || this.#bytes >= BATCH_BYTES) await this.end();
  }

  async end(): Promise<void> {
    const cells = this.#cells;
    if (cells.length === 0) return;
    this.#cells = [];
    this.#bytes = 0;
    const none = { attachments: [], tasks: [], keys: [], definitions: [], quarantine: [] };
    await this.#store.commit({ cells, ...none }, this.#fence);
  }
}

function print(terminal: Terminal, { write: _, ...line }: SurveyLine, isDry: boolean): void {
  if (terminal.isJson) return terminal.json(line);
  if (line.verdict === 'fits') return;
  const { address, agent, verdict, to, losses, reason } = line;
  const way = to === undefined ? agent : `${agent} → ${to}`;
  if (verdict === 'migrates')
    return terminal.line(
      `${terminal.style('green', '✓')} ${address}  ${way}  ${isDry ? 'would be taken over' : 'taken over'}`,
    );
  terminal.line(`${terminal.style('red', '✗')} ${address}  ${way}  refused`);
  for (const loss of losses) terminal.line(`    ${loss.kind} would be lost: ${loss.place}: ${loss.what}`);
  if (reason !== undefined) terminal.line(`    ${reason}`);
}

/** What came of all of them, by agent and by reason. */
class Summary {
  refused = 0;
  readonly #byAgent = new Map<
    string,
    { fits: number; migrates: number; refused: number; reasons: Map<string, number> }
  >();

  add({ agent, verdict, losses }: SurveyLine): void {
    let row = this.#byAgent.get(agent);
    if (row === undefined) this.#byAgent.set(agent, (row = { fits: 0, migrates: 0, refused: 0, reasons: new Map() }));
    row[verdict]++;
    if (verdict === 'refused') this.refused++;
    const reasons = verdict !== 'refused' ? [] : losses.length === 0 ? ['no way there'] : losses.map(wordsOf);
    for (const reason of new Set(reasons)) {
      if (row.reasons.has(reason) || row.reasons.size < REASONS_MAX)
        row.reasons.set(reason, (row.reasons.get(reason) ?? 0) + 1);
    }
  }

  print(terminal: Terminal, isDry: boolean): void {
    const rows = [...this.#byAgent].map(([agent, { reasons, ...counts }]) => {
      return { agent, ...counts, reasons: Object.fromEntries(reasons) };
    });
    if (terminal.isJson) return terminal.json({ summary: rows, dryRun: isDry });
    terminal.line();
    if (rows.length === 0) return terminal.line('There are no actors in the store.');
    const table = rows.map(({ agent, fits, migrates, refused, reasons }) => [
      agent,
      ...[fits, migrates, refused].map(String),
      Object.entries(reasons)
        .map(([reason, count]) => `${reason} (${count})`)
        .join('; '),
    ]);
    terminal.table(['agent', 'fit', isDry ? 'would migrate' : 'migrated', 'refused', 'why'], table);
  }
}

function wordsOf({ kind, place }: SurveyLine['losses'][number]): string {
  return place === '' ? kind : `${kind} ${place}`;
}
