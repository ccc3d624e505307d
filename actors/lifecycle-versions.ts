/** The versions of the product's own lifecycles, by the names of their logics: raised when a stored state no longer fits. */
export const LIFECYCLE_VERSIONS = {
  ...{ task: '1', step: '1', flow: '1' },
  ...{ question: '1', subscription: '1', group: '1' },
} as const;
