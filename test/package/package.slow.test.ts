/**
 * The package as others get it: packed from a copy of the checkout, installed into an empty project, and used there by a
 * program, by the compiler and by the command line. Nothing of the checkout can be reached from that project.
 */
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '../..');
const NOT_COPIED = new Set(['node_modules', 'dist', 'coverage', '.git', '.troupe']);
const MINUTES_MS = 60_000;

const run = promisify(execFile);
let temporary: string;
let consumer: string;
let contents: string[];
/** The manifest of the copy after packing. */
let manifestAfter: string;

function inConsumer(command: string, ...args: string[]): Promise<{ stdout: string; stderr: string }> {
  return run(command, args, { cwd: consumer, timeout: 2 * MINUTES_MS });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return address !== null && typeof address === 'object' ? address.port : 0;
}

beforeAll(async () => {
  temporary = mkdtempSync(path.join(tmpdir(), 'troupe-package-'));
  const copy = path.join(temporary, 'checkout');
  cpSync(ROOT, copy, {
    recursive: true,
    filter: (source) => !NOT_COPIED.has(path.relative(ROOT, source).split(path.sep)[0] ?? ''),
  });
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(copy, 'node_modules'), 'junction');
  const packed = await run('npm', ['pack', '--json', '--pack-destination', temporary], { cwd: copy });
  manifestAfter = readFileSync(path.join(copy, 'package.json'), 'utf8');
  const [tarball] = JSON.parse(packed.stdout) as [{ filename: string; files: { path: string }[] }];
  contents = tarball.files.map((file) => file.path);

  consumer = path.join(temporary, 'consumer');
  mkdirSync(consumer);
  writeFileSync(path.join(consumer, 'package.json'), '{ "name": "consumer", "private": true, "type": "module" }\n');
  const nodeTypes = (JSON.parse(manifestAfter) as { devDependencies: Record<string, string> }).devDependencies[
    '@types/node'
  ];
  const wanted = [path.join(temporary, tarball.filename), `@types/node@${nodeTypes}`];
  await inConsumer('npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', ...wanted);
}, 5 * MINUTES_MS);

afterAll(() => rmSync(temporary, { recursive: true, force: true }));

describe('the packed package', () => {
  it('holds the built form, the command and the licence, and no sources', () => {
    expect(contents).toEqual(
      expect.arrayContaining([
        'package.json',
        'LICENSE',
        'bin/troupe.mjs',
        'dist/index.js',
        'dist/index.d.ts',
        'dist/cli/main.js',
      ]),
    );
    expect(contents.filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))).toEqual([]);
    expect(contents.filter((file) => /^(?:test|scripts|tools|bench|node_modules)\//.test(file))).toEqual([]);
  });

  it('has doors to the built form, and nothing that only a checkout needs', () => {
    const manifest = JSON.parse(
      readFileSync(path.join(consumer, 'node_modules/troupe/package.json'), 'utf8'),
    ) as object;
    expect(manifest).toMatchObject({
      exports: { '.': { types: './dist/index.d.ts', default: './dist/index.js' } },
      bin: { troupe: 'bin/troupe.mjs' },
    });
    for (const field of ['scripts', 'workspaces', 'devDependencies', 'overrides'])
      expect(manifest).not.toHaveProperty(field);
  });

  it('leaves package.json of the checkout as it was', () => {
    expect(manifestAfter).toBe(readFileSync(path.join(ROOT, 'package.json'), 'utf8'));
  });
});

describe('a project that installed it', () => {
  it('starts a node, defines an agent and gets a result through the client', async () => {
    const port = await freePort();
    const program = `
      import { connect, defineAgent, defineWorkflow, startNode } from 'troupe';
      import { connect as connectAlone } from 'troupe/client';
      import { z } from 'zod';
      const shout = defineAgent({
        name: 'shout', version: '1.0.0', capabilities: ['text.upper'],
        input: z.object({ text: z.string() }), output: z.object({ text: z.string() }),
        run: async ({ input }) => ({ text: input.text.toUpperCase() }),
      });
      const node = await startNode({ dataDir: './data', port: ${port}, agents: [shout], workflows: [] });
      const client = await connect('ws://127.0.0.1:${port}/ws');
      const result = await client.submit({ agent: 'shout', input: { text: 'hi' } }).result();
      const { status, output } = result;
      console.log(JSON.stringify({ status, output, workflow: typeof defineWorkflow, same: connect === connectAlone }));
      await client.close();
      await node.stop();
    `;
    writeFileSync(path.join(consumer, 'program.mjs'), program);
    const { stdout } = await inConsumer(process.execPath, 'program.mjs');
    expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toEqual({
      status: 'completed',
      output: { text: 'HI' },
      workflow: 'function',
      same: true,
    });
  });

  it('is checked by the compiler: right uses pass, wrong ones are found', async () => {
    writeFileSync(
      path.join(consumer, 'types.ts'),
      `import { defineAgent, startNode } from 'troupe';
      import { connect } from 'troupe/client';
      import { z } from 'zod';
      const input = z.object({ text: z.string() });
      const output = z.object({ length: z.number() });
      export const measure = defineAgent({
        name: 'measure', version: '1.0.0', capabilities: ['text.measure'], input, output,
        run: async ({ input: given }) => ({ length: given.text.length }),
      });
      export const wrong = defineAgent({
        name: 'wrong', version: '1.0.0', capabilities: ['text.measure'], input, output,
        // @ts-expect-error the output has a number
        run: async ({ input: given }) => ({ length: given.text }),
      });
      export async function use(): Promise<string> {
        const node = await startNode({ dataDir: './data', port: 0, agents: [measure] });
        const client = await connect('ws://127.0.0.1:7600/ws');
        const result = await client.submit({ agent: 'measure', input: { text: 'hi' } }).result();
        await node.stop();
        return result.status;
      }\n`,
    );
    const options = {
      module: 'nodenext',
      target: 'es2024',
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      types: ['node'],
    };
    writeFileSync(
      path.join(consumer, 'tsconfig.json'),
      JSON.stringify({ compilerOptions: options, files: ['types.ts'] }),
    );
    const compiler = path.join(ROOT, 'node_modules/typescript/bin/tsc');
    const { stdout } = await inConsumer(process.execPath, compiler, '-p', '.').catch(
      (error: { stdout: string }) => error,
    );
    expect(stdout).toBe('');
  });

  it('has the command', async () => {
    const { stdout } = await inConsumer('npx', '--no-install', 'troupe', '--help');
    expect(stdout).toMatch(/start/);
    expect(stdout).toMatch(/submit/);
  });

  it('is told what to do where Node.js is too old', async () => {
    const pretend = `data:text/javascript,Object.defineProperty(process,'versions',{value:{...process.versions,node:'20.19.0'}})`;
    const launcher = path.join(consumer, 'node_modules/troupe/bin/troupe.mjs');
    const failed = inConsumer(process.execPath, '--import', pretend, launcher, '--help');
    await expect(failed).rejects.toMatchObject({ code: 5, stderr: expect.stringMatching(/Install Node\.js 24/) });
  });
});
