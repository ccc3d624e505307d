import { describe, expect, it } from 'vitest';
import { type AgentDefinition, defineAgent } from '../../../actors/agent-definition.ts';

const wrong: readonly (readonly [string, Partial<AgentDefinition>])[] = [
  ['cost.usd', { cost: { usd: -1 } }],
  ['cost.tokens', { cost: { tokens: 1.5 } }],
  ['breaker.usd', { breaker: { failures: 1, periodMs: 1, openMs: 1, usd: Number.NaN } }],
  ['cache.ttlMs', { cache: { ttlMs: 0 } }],
];

describe('The definition of an agent', () => {
  it.each(wrong)('is refused with a wrong %s', (name, more) => {
    const define = (): unknown => defineAgent({ name: 'x', version: '1.0.0', run: () => 1, ...more });
    expect(define).toThrow(`\`${name}\` must be`);
  });
});
