/**
 * The benchmark: `npm run bench [-- --quick]`. Figures move with the machine; ratios of one run are what counts. Each
 * comparison runs its parts in turn, several rounds, and quotes medians.
 */
import { benchActors } from './actors.ts';
import { benchParts } from './parts.ts';
import { benchLiveActors, benchSizes } from './sizes.ts';
import { benchSteps } from './steps.ts';

const isQuick = process.argv.includes('--quick');
await benchSteps(isQuick);
await benchParts(isQuick);
await benchSizes(isQuick);
await benchLiveActors(isQuick);
await benchActors(isQuick);
