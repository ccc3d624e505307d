/** `troupe checkpoints`, `fork` and `export`: what a task was at any commit while it ran, and a task that goes on from there. */
import { OperatingError } from '../../protocol/errors.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { assertWritable, writeJsonFile } from '../output-file.ts';
import type { VerbContext } from '../verb.ts';
import { fetchJson } from '../remote.ts';

interface CheckpointView {
  readonly checkpoint: string;
  readonly seq: number;
  readonly at: number;
  readonly actors: number;
  readonly bytes: number;
}

interface CheckpointDetail {
  readonly task: string;
  readonly checkpoint: string;
  readonly actors: readonly {
    readonly actor: string;
    readonly logic: string;
    readonly version: string;
    readonly state: unknown;
    readonly mail: readonly unknown[];
    readonly timers: readonly { readonly timer: string; readonly due: number }[];
  }[];
}

/** Lists the checkpoints of a task, or shows one. */
export async function checkpoints(
  { terminal, remote }: VerbContext,
  _options: Record<string, unknown>,
  task: string,
  words: readonly string[] = [],
): Promise<ExitCode> {
  const id = words[1];
  if (id !== undefined) {
    const detail = (await fetchJson(
      remote,
      `${pathOf(task)}/checkpoints/${encodeURIComponent(id)}`,
    )) as CheckpointDetail;
    if (terminal.isJson) terminal.json(detail);
    else
      for (const { actor, logic, version, state, mail, timers } of detail.actors) {
        terminal.line(`${terminal.style('bold', actor)}  ${logic} ${version}`);
        terminal.line(`  state   ${JSON.stringify(state)}`);
        if (mail.length > 0) terminal.line(`  mail    ${JSON.stringify(mail)}`);
        for (const { timer, due } of timers) terminal.line(`  timer   ${timer} at ${new Date(due).toISOString()}`);
      }
    return EXIT.done;
  }
  const { checkpoints: found } = (await fetchJson(remote, `${pathOf(task)}/checkpoints`)) as {
    readonly checkpoints: readonly CheckpointView[];
  };
  if (terminal.isJson) for (const one of found) terminal.json(one);
  else if (found.length === 0)
    terminal.line('It has none: they are kept of tasks that outlive a commit, as far as checkpointsMax allows.');
  else {
    terminal.table(
      ['CHECKPOINT', 'SEQ', 'AT', 'ACTORS', 'BYTES'],
      found.map(({ checkpoint, seq, at, actors, bytes }) => [
        checkpoint,
        String(seq),
        new Date(at).toISOString(),
        String(actors),
        String(bytes),
      ]),
    );
    terminal.note(
      `Look into one: troupe checkpoints ${task} CHECKPOINT   Go on from one: troupe fork ${task} --at CHECKPOINT`,
    );
  }
  return EXIT.done;
}

/** Makes a task that goes on from a checkpoint; prints its id first. Without `--at`: from the last. */
export async function fork(
  { terminal, remote }: VerbContext,
  options: Record<string, unknown>,
  task: string,
): Promise<ExitCode> {
  const { checkpoints: found } = (await fetchJson(remote, `${pathOf(task)}/checkpoints`)) as {
    readonly checkpoints: readonly CheckpointView[];
  };
  const checkpoint = (options['at'] as string | undefined) ?? found.at(-1)?.checkpoint;
  if (checkpoint === undefined)
    throw new OperatingError(
      'NOT_FOUND',
      `The task ${task} has no checkpoints: it ended in the commit it began in, or keeps none.`,
    );
  const made = (await fetchJson(remote, `${pathOf(task)}/fork`, 'POST', { checkpoint })) as { readonly task: string };
  if (terminal.isJson) terminal.json(made);
  else {
    terminal.line(made.task);
    terminal.note(`It goes on from ${checkpoint} of ${task}. Follow it: troupe watch ${made.task}`);
  }
  return EXIT.done;
}

/** Writes all that is known of a task into a file: its record, its log, its checkpoints with their actors. */
export async function exportTask(
  { terminal, remote }: VerbContext,
  options: Record<string, unknown>,
  task: string,
  words: readonly string[] = [],
): Promise<ExitCode> {
  const file = words[1] ?? `${task}.json`;
  await assertWritable(file, options['force'] === true);
  const record = await fetchJson(remote, pathOf(task));
  const { checkpoints: found } = (await fetchJson(remote, `${pathOf(task)}/checkpoints`)) as {
    readonly checkpoints: readonly CheckpointView[];
  };
  const details = [];
  for (const { checkpoint, seq, at } of found)
    details.push({ seq, at, ...((await fetchJson(remote, `${pathOf(task)}/checkpoints/${checkpoint}`)) as object) });
  await writeJsonFile(file, { task: record, checkpoints: details });
  if (terminal.isJson) terminal.json({ task, file, checkpoints: details.length });
  else terminal.line(`${file}  ${details.length} checkpoints`);
  return EXIT.done;
}

function pathOf(task: string): string {
  return `/api/v1/tasks/${encodeURIComponent(task)}`;
}
