import { beforeEach, describe, expect, it } from 'vitest';
import { type AgentOptions, defineAgent } from '../../actors/agent-definition.ts';
import { Registry } from '../../actors/registry.ts';
import { parseGraph } from '../../protocol/graph.ts';
import type { InstalledLogic } from '../../runtime/cell.ts';
import { createRegisters } from '../../runtime/registers.ts';

let installed: string[] = [];
let registers = createRegisters();
let registry: Registry;

beforeEach(() => {
  installed = [];
  registers = createRegisters();
  const book = {
    install: ({ name }: InstalledLogic) => void installed.push(name),
    uninstall: (name: string) => void installed.splice(installed.indexOf(name), 1),
  };
  registry = new Registry(
    book,
    registers,
    ({ name, version }) => ({ name: `agent:${name}@${version}` }) as InstalledLogic,
  );
});

const add = (name: string, version: string, more: Partial<AgentOptions> = {}): void =>
  registry.registerAgent(defineAgent({ name, version, run: () => 1, ...more }));
const listed = (): string[] => Object.keys(registers.getSnapshot().context.agents);

describe('The registry', () => {
  it('gives the newest version that is no pre-release, or the one that was named', () => {
    for (const version of ['1.9.0', '1.10.0', '2.0.0-rc.1']) add('x', version);
    expect(registry.agent('x')?.version).toBe('1.10.0');
    expect(registry.agent('x@1.9.0')?.version).toBe('1.9.0');
    expect([registry.agent('x@3.0.0'), registry.agent('y'), registry.agent('x@')]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    add('y', '1.0.0-a');
    expect(registry.agent('y')?.version).toBe('1.0.0-a');
  });

  it('takes a version once, and lets it go with all that led to it', () => {
    add('x', '1.0.0', { capabilities: ['c', 'd'] });
    add('x', '2.0.0', { capabilities: ['c'] });
    expect(() => add('x', '1.0.0')).toThrow(expect.objectContaining({ code: 'STATE_CONFLICT' }));
    expect(registry.withCapability('c').map(({ version }) => version)).toEqual(['2.0.0', '1.0.0']);
    registry.unregisterAgent('x@1.0.0');
    expect([registry.withCapability('d'), registry.agent('x')?.version]).toEqual([[], '2.0.0']);
    expect([installed, listed()]).toEqual([['agent:x@2.0.0'], ['x@2.0.0']]);
    registry.unregisterAgent('x');
    expect([registry.agents(), registry.names(), registry.withCapability('c')]).toEqual([[], [], []]);
    expect(() => registry.unregisterAgent('x')).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }));
  });

  it('takes a workflow again only if it is the same', () => {
    const graph = (agent: string) => parseGraph({ name: 'w', version: '1.0.0', steps: [{ id: 'a', agent }] });
    registry.registerWorkflow(graph('x'), 'registered');
    registry.registerWorkflow(graph('x'), 'registered');
    expect(() => registry.registerWorkflow(graph('y'), 'registered')).toThrow(
      expect.objectContaining({ code: 'STATE_CONFLICT' }),
    );
    expect([registry.workflows().length, registry.workflow('w')?.version]).toEqual([1, '1.0.0']);
  });
});

describe('The definition of an agent', () => {
  it('has defaults for all that is left out', () => {
    expect(defineAgent({ name: 'x', version: '1.0.0', run: () => 1, retry: { attempts: 7 } })).toMatchObject({
      capabilities: [],
      kind: 'keyed',
      keyed: false,
      concurrency: 16,
      timeoutMs: 60_000,
      retry: { attempts: 7, backoffMs: 200, factor: 2, maxBackoffMs: 30_000, jitter: true },
      breaker: { failures: 5, periodMs: 30_000, openMs: 10_000 },
    });
  });

  it.each<[string, object]>([
    ['`name`', { name: 'no name' }],
    ['`version`', { version: '1' }],
    ['exactly one', { run: undefined }],
    ['keyed', { keyed: true }],
    ['capability', { capabilities: ['not one!'] }],
    ['`concurrency`', { concurrency: 0 }],
    ['`timeoutMs`', { timeoutMs: -1 }],
    ['`retry.attempts`', { retry: { attempts: 0 } }],
    ['`retry.factor`', { retry: { factor: Number.NaN } }],
    ['`breaker.openMs`', { breaker: { openMs: -1 } }],
    ['`kind`', { kind: 'maybe' }],
  ])('is refused for its %s', (words, fault) => {
    expect(() => defineAgent({ name: 'x', version: '1.0.0', run: () => 1, ...fault })).toThrow(
      expect.objectContaining({
        code: 'INVALID_INPUT',
        details: { faults: [expect.stringContaining(words)] },
      }),
    );
  });
});
