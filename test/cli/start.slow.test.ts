/** `troupe start`: how a node starts, what it refuses, and how it stops. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Command, freePort, NodeUnderTest, runTroupe, temporaryFolder } from '../support/node-process.ts';
import { Wire } from '../support/wire.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function freshNode(): Promise<NodeUnderTest> {
  const folder = temporaryFolder('cli-start');
  const node = new NodeUnderTest(folder.path, await freePort());
  cleanups.push(folder.clear, () => node.kill());
  await node.start();
  return node;
}

describe('a node', () => {
  it('tells people where it is, where its data are, and how to stop it', async () => {
    const folder = temporaryFolder('cli-start');
    cleanups.push(folder.clear);
    const port = await freePort();
    const command = new Command(['start', '--port', String(port), '--data', folder.path], { cwd: folder.path });
    cleanups.push(() => command.child.kill('SIGKILL'));
    await vi.waitFor(() => expect(command.out).toContain('Ctrl-C'), { timeout: 15_000 });
    expect(command.out).toContain(`is ready at http://127.0.0.1:${port}`);
    expect(command.out).toContain(folder.path);
    command.child.kill('SIGTERM');
    const { code, out } = await command.ended();
    expect(code).toBe(0);
    expect(out).toMatch(/SIGTERM: finishing .*\n[^]*Stopped\.\n$/);
  });

  it('that is stopped with Ctrl-C drains, exits 0, and goes on with its work at the next start', async () => {
    const node = await freshNode();
    const wire = await Wire.open(node.socketUrl);
    const waits = await wire.submit({ agent: 'lab.delay', input: { ms: 1_500, value: 'waited' } });
    const works = await wire.submit({
      agent: 'lab.append',
      input: { name: 'x', line: 'x', kind: 'unsafe', delayMs: 400 },
    });
    await wire.until(({ task, kind }) => task === works && kind === 'step.started');
    await node.kill(0, 'SIGINT');
    expect((await node.command.ended()).code).toBe(0);
    expect(await wire.closed).toMatchObject({ code: 1012 });
    const { resumed } = await node.start();
    expect(resumed).toBeGreaterThan(0);
    const again = await Wire.open(node.socketUrl);
    for (const task of [waits, works]) again.send({ type: 'task.watch', id: task, task, after: 0 });
    expect(await again.result(waits)).toMatchObject({ status: 'completed', output: 'waited' });
    // The call under way was let come to its end: it is not in doubt.
    expect(await again.result(works)).toMatchObject({ status: 'completed' });
    expect(again.events(works).map(({ kind }) => kind)).not.toContain('effect.unknown');
  });

  it('ends at once at the second signal, and loses nothing by that', async () => {
    const node = await freshNode();
    const wire = await Wire.open(node.socketUrl);
    const task = await wire.submit({
      agent: 'lab.append',
      input: { name: 'x', line: 'x', kind: 'keyed', delayMs: 1_500 },
    });
    await wire.until(({ kind }) => kind === 'step.started');
    const { child } = node.command;
    child.kill('SIGINT');
    await wire.closed;
    child.kill('SIGINT');
    expect((await node.command.ended()).code).toBe(130);
    await node.start();
    const again = await Wire.open(node.socketUrl);
    again.send({ type: 'task.watch', id: task, task, after: 0 });
    expect(await again.result(task)).toMatchObject({ status: 'completed' });
  });

  it('refuses a folder that another node uses, and leaves that one alone', async () => {
    const node = await freshNode();
    const port = await freePort();
    const second = await runTroupe(['start', '--port', String(port), '--data', node.dataDir]);
    expect(second.code).toBeGreaterThan(0);
    expect(second.err).toContain(node.dataDir);
    expect(second.err).toMatch(/(?:another|other) (?:node|process)|in use|already/i);
    expect(second.err).not.toMatch(/\bat .*\.ts:\d/);
    const wire = await Wire.open(node.socketUrl);
    expect(await wire.result(await wire.submit({ agent: 'lab.echo', input: 1 }))).toMatchObject({ output: 1 });
  });

  it('refuses a port that is taken, and says which', async () => {
    const node = await freshNode();
    const folder = temporaryFolder('cli-start');
    cleanups.push(folder.clear);
    const second = await runTroupe(['start', '--port', String(node.port), '--data', folder.path]);
    expect(second.code).toBe(2);
    expect(second.err).toContain(String(node.port));
    expect(second.err).not.toMatch(/\bat .*\.ts:\d/);
  });
});

describe('settings that are wrong', () => {
  it('are all told at once, each by its name, and nothing starts', async () => {
    const folder = temporaryFolder('cli-start');
    cleanups.push(folder.clear);
    const { code, out, err } = await runTroupe(['start', '--port', '99999', '--data', folder.path], {
      cwd: folder.path,
      env: { TROUPE_DURABILITY: 'maybe', TROUPE_LOG_LEVEL: 'loud', TROUPE_PROT: '1' },
    });
    expect([code, out]).toEqual([2, '']);
    for (const word of ['--port', '99999', 'TROUPE_DURABILITY', 'fsync', 'TROUPE_LOG_LEVEL', 'loud'])
      expect(err).toContain(word);
  });

  it('include listening beyond this machine without credentials', async () => {
    const folder = temporaryFolder('cli-start');
    cleanups.push(folder.clear);
    const { code, err } = await runTroupe(['start', '--host', '0.0.0.0', '--port', '0', '--data', folder.path]);
    expect(code).toBe(2);
    expect(err).toMatch(/0\.0\.0\.0/);
  });

  it('include agent files that are not there, or hold none', async () => {
    const folder = temporaryFolder('cli-start');
    cleanups.push(folder.clear);
    const args = ['start', '--port', '0', '--data', folder.path, '--agents'];
    const none = await runTroupe([...args, 'none-*.ts'], { cwd: folder.path });
    expect(none).toMatchObject({ code: 2, err: expect.stringMatching(/none-\*\.ts: no file matches/) });
  });
});
