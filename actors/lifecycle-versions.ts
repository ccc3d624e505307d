/** The versions of the product's own lifecycles, by the names of their logics: raised when a stored state no longer fits. */
export const LIFECYCLE_VERSIONS = {
  task: '1',
  step: '1',
  flow: '2',
  chain: '1',
  stage: '1',
  approval: '1',
  schedule: '1',
  state: '1',
  goal: '1',
  question: '1',
  subscription: '1',
  group: '1',
  budget: '1',
  cached: '1',
} as const;
