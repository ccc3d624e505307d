/** Verbs about schedules. */
import { type Command, Option } from 'commander';
import { LIMITS } from '../../protocol/limits.ts';
import { MISSED_POLICIES, OVERLAP_POLICIES } from '../../protocol/schedules.ts';
import { durationMs, wholeNumber } from '../option-values.ts';
import type { VerbAdder } from '../verb.ts';

const EXAMPLES = `
Examples:
  troupe schedules add nightly --cron '30 2 * * *' --time-zone Europe/Berlin --workflow report
  troupe schedules add beat --every 5m --agent lab.echo --input '{"at":"\${schedule.time}"}'
  troupe schedules add once --at 2026-08-01T09:00:00+02:00 --agent lab.echo
  troupe schedules show nightly              its next times, and how its last runs ended
  troupe list --label schedule=nightly       the tasks that it has submitted`;

/** Adds them. */
export function addScheduleVerbs(program: Command, verb: VerbAdder): void {
  const group = program
    .command('schedules')
    .description('tasks that are submitted at times')
    .addHelpText('after', EXAMPLES);
  const load = async () => await import('../verbs/schedules.ts');
  const one = (name: string, description: string): Command =>
    group.command(name).description(description).argument('<name>', 'the schedule');
  verb(
    group.command('list', { isDefault: true }).description('all of them, with their next times and last runs'),
    async () => (await load()).listSchedules,
  );
  addAdd(one('add', 'make one'), verb);
  verb(one('show', 'all that is known of one'), async () => (await load()).showSchedule);
  verb(one('pause', 'hold it: no run begins but those that you ask for'), async () => (await load()).pauseSchedule);
  verb(one('resume', 'let it go on, from now'), async () => (await load()).resumeSchedule);
  verb(one('trigger', 'run it now; prints the id of the task'), async () => (await load()).triggerSchedule);
  verb(one('remove', 'let it go; its tasks go on'), async () => (await load()).removeSchedule);
}

function addAdd(command: Command, verb: VerbAdder): void {
  verb(
    command
      .option('--file <file>', 'all of it from a JSON file; other options go before it')
      .option('--cron <expression>', 'five fields, or six with seconds in front: 0 9 * * 1-5')
      .option('--time-zone <zone>', 'of --cron; UTC where none is given')
      .option('--every <time>', 'an interval, such as 30s, 5m, 1h', durationMs)
      .option('--at <time>', 'once, such as 2026-08-01T09:00:00+02:00')
      .option('--start-at <time>', 'no run before it')
      .option('--end-at <time>', 'no run at it or after')
      .option('--jitter <time>', 'begin each run up to so much later, at random', durationMs)
      .addOption(
        new Option(
          '--missed <policy>',
          'what becomes of times that passed while the node was down; once where none is given',
        ).choices(MISSED_POLICIES),
      )
      .option('--missed-max <n>', 'with --missed all: the latest so many', (text) =>
        wholeNumber(text, 1, LIMITS.scheduleMissedMax),
      )
      .addOption(
        new Option(
          '--overlap <policy>',
          'what becomes of a time while an earlier run is under way; skip where none is given',
        ).choices(OVERLAP_POLICIES),
      )
      .option('--queue-max <n>', 'with --overlap queue: so many wait', (text) =>
        wholeNumber(text, 1, LIMITS.scheduleQueueMax),
      )
      .option('--agent <name>', 'submit to this agent: name or name@version')
      .option('--capability <name>', 'to any agent that offers this')
      .option('--workflow <name>', 'a registered workflow: name or name@version')
      .option('--graph <file>', 'a workflow from a JSON file')
      .option('--goal <text>', 'what is to be reached, in words')
      .option(
        '--input <json>',
        'JSON, @FILE, or -; ${schedule.at}, ${schedule.time} and ${schedule.name} say which run it is',
      )
      .option('--deadline <time>', 'of each task', durationMs)
      .option('--priority <0-9>', 'of each task', (text) => wholeNumber(text, 0, 9))
      .option('--label <k=v...>', 'labels of each task')
      .option('--paused', 'make it without running it')
      .option('--replace', 'take the place of one of that name'),
    async () => (await import('../verbs/schedules.ts')).addSchedule,
  );
}
