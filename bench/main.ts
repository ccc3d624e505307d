/**
 * The benchmark: `npm run bench [-- --quick]`. Figures move with the machine; ratios of one run are what counts. Each
 * comparison runs its parts in turn, several rounds, and quotes medians. Beside others: `npm run bench:peers`.
 */
import { benchActors } from './actors.ts';
import { benchMesh } from './mesh.ts';
import { benchParts } from './parts.ts';
import { benchPlans } from './plans.ts';
import { benchSelector } from './selector.ts';
import { benchLiveActors, benchSizes } from './sizes.ts';
import { benchSteps } from './steps.ts';
import { benchWorkflows } from './workflows.ts';

const isQuick = process.argv.includes('--quick');
await benchSteps(isQuick);
await benchWorkflows(isQuick);
benchSelector(isQuick);
benchPlans(isQuick);
await benchMesh(isQuick);
await benchParts(isQuick);
await benchSizes(isQuick);
await benchLiveActors(isQuick);
await benchActors(isQuick);
