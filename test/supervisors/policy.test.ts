import { describe, expect, it } from 'vitest';
import { OperatingError } from '../../protocol/errors.ts';
import { assertPolicy, type SupervisorPolicy } from '../../supervisors/policy.ts';
import { POLICIES } from '../../supervisors/tree.ts';

const { agent } = POLICIES;

describe('A policy', () => {
  it.each(Object.keys(POLICIES) as (keyof typeof POLICIES)[])('of %s in the tree is within its bounds', (name) => {
    expect(() => assertPolicy(POLICIES[name])).not.toThrow();
  });

  it.each<[string, SupervisorPolicy]>([
    ['intensity', { ...agent, intensity: -1 }],
    ['intensity', { ...agent, intensity: 1.5 }],
    ['intensity', { ...agent, intensity: 10_001 }],
    ['periodMs', { ...agent, periodMs: 0 }],
    ['periodMs', { ...agent, periodMs: Number.NaN }],
    ['backoff.firstMs', { ...agent, backoff: { ...agent.backoff, firstMs: -1 } }],
    ['backoff.maxMs', { ...agent, backoff: { ...agent.backoff, maxMs: agent.backoff.firstMs - 1 } }],
    ['backoff.factor', { ...agent, backoff: { ...agent.backoff, factor: 0.9 } }],
    ['backoff.jitter', { ...agent, backoff: { ...agent.backoff, jitter: 1.1 } }],
    ['onExcess', { ...agent, strategy: 'one-for-all' }],
    ['onExcess', { ...agent, strategy: 'one-for-one' }],
  ])('out of bounds in its %s is refused by that name', (field, policy) => {
    expect(() => assertPolicy(policy)).toThrow(OperatingError);
    expect(() => assertPolicy(policy)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT', details: { field } }));
  });
});
