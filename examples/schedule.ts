/**
 * An agent that is run at times, and told which time a run is for.
 *
 *   npm start -- --agents examples/schedule.ts
 *   npm run -s troupe -- schedules add beat --every 5s --agent diary --input '{"day":"${schedule.time}"}'
 *   npm run -s troupe -- schedules show beat             # its next times, and how its last runs ended
 *   npm run -s troupe -- schedules trigger beat          # one more, now
 *   npm run -s troupe -- list --label schedule=beat      # the tasks that it has submitted
 *   npm run -s troupe -- schedules remove beat
 *
 * Stop the node for a minute and start it again: the times that it has slept through are made up for by one run (`--missed once`).
 * schedule.json is one for working days, for a node with --lab: schedules add morning --file examples/schedule.json
 */
import { defineAgent } from 'troupe';
import { z } from 'zod';

/** Writes the entry of a day. */
export const diary = defineAgent({
  name: 'diary',
  version: '1.0.0',
  input: z.object({ day: z.iso.datetime() }),
  output: z.object({ entry: z.string() }),
  run: ({ input }) => ({ entry: `Dear diary, it is ${input.day.slice(0, 10)}.` }),
});
