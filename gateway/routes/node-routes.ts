/** What goes on inside: the tree of supervisors, and the nodes. Diagnostic: of now, not of what is committed. */
import { ANSWERS } from '../rest-schemas.ts';
import { API, answers, type RestApp, type RouteDeps } from '../route-deps.ts';

/** Adds the routes about the node itself. */
export function registerNodeRoutes(app: RestApp, deps: RouteDeps): void {
  const tags = ['node'];
  const supervisors = {
    tags,
    summary: 'The tree of supervisors, from its root, with states and restarts.',
    operationId: 'listSupervisors',
    response: answers({ 200: [ANSWERS.supervisors, 'The root, with all below it.'] }),
  };
  app.get(`${API}/supervisors`, { schema: supervisors }, async () => ({
    supervisors: [deps.describeTree()],
    cursor: null,
  }));

  const cluster = {
    tags,
    summary: 'The nodes, and the shards that each owns.',
    operationId: 'getCluster',
    response: answers({ 200: [ANSWERS.cluster, 'The cluster as this node sees it.'] }),
  };
  app.get(`${API}/cluster`, { schema: cluster }, async () => deps.cluster());
}
