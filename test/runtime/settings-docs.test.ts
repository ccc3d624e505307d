import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { describe, expect, it } from 'vitest';
import { loadSettings } from '../../runtime/settings.ts';
import { renderEnvExample, renderSettingsPage, settingFlags } from '../../runtime/settings-docs.ts';
import { SETTING_NAMES, variableOf } from '../../runtime/settings-table.ts';

// `npx vitest run test/runtime/settings-docs.test.ts -u` writes both files anew.
describe('what is written about settings', () => {
  it('in .env.example agrees with the table', async () => {
    await expect(renderEnvExample()).toMatchFileSnapshot('../../.env.example');
  });

  it('in docs/settings.md agrees with the table', async () => {
    await expect(renderSettingsPage()).toMatchFileSnapshot('../../docs/settings.md');
  });

  it('in .env.example is a file that gives the defaults when everything in it is taken', () => {
    const text = readFileSync(new URL('../../.env.example', import.meta.url), 'utf8');
    const env = parseEnv(text.replaceAll(/^#(TROUPE_)/gm, '$1'));
    expect(Object.keys(env).sort()).toEqual(SETTING_NAMES.map(variableOf).sort());
    const outcome = loadSettings({ cwd: '/x', env });
    const bare = loadSettings({ cwd: '/x' });
    expect(outcome.ok && outcome.settings).toEqual(bare.ok && bare.settings);
    expect(parseEnv(text)).toEqual({});
  });

  it('as flags names those of the command', () => {
    const flags = settingFlags().map((flag) => flag.flags);
    for (const flag of [
      '--port <N>',
      '--host <HOST>',
      '--data <DIR>',
      '--agents <GLOB>',
      '--config <FILE>',
      '--lab',
      '--mesh-port <N>',
      '--join <URL>',
    ]) {
      expect(flags).toContain(flag);
    }
  });
});
