/**
 * Shared state: what several tasks know together. Each of these tasks takes the next ticket, and nobody gets one twice, however
 * many run at the same time and whenever the node is killed.
 *
 *   npm start -- --agents examples/state.ts
 *   npm run -s troupe -- submit --agent tickets --wait
 *
 * prints {"ticket":1}; run again, {"ticket":2}. `npm run -s troupe -- state get global tickets` shows how many there were.
 */
import { defineAgent } from 'troupe';

/** Gives the next ticket. */
export const tickets = defineAgent({
  name: 'tickets',
  version: '1.0.0',
  run: async ({ ctx }) => ({ ticket: await ctx.state('global').update<number>('tickets', (last = 0) => last + 1) }),
});
