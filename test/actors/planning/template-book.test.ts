import { describe, expect, it } from 'vitest';
import { BUNDLED_TEMPLATES } from '../../../actors/planning/bundled-templates.ts';
import { TemplateBook } from '../../../actors/planning/template-book.ts';
import { parsePlanTemplate, type PlanTemplate } from '../../../protocol/plan-template.ts';

const graph = { name: 'g', version: '1.0.0', steps: [{ id: 'a', agent: 'lab.echo' }] };
const templateOf = (
  fields: Partial<PlanTemplate> & { readonly name: string; readonly goals: string[] },
): PlanTemplate => parsePlanTemplate({ version: '1.0.0', type: 'test', graph, ...fields });

const translate = templateOf({
  name: 'translate',
  description: 'Translates texts between languages.',
  goals: ['translate {text} into {language}'],
  slots: { text: { kind: 'text' }, language: { kind: 'text', default: 'English' } },
});
const summarise = templateOf({
  name: 'summarise',
  description: 'Makes long documents short.',
  goals: ['summarise {path}', 'make a short version of {path}'],
  slots: { path: { kind: 'path' } },
});

function book(...templates: readonly PlanTemplate[]): TemplateBook {
  const made = new TemplateBook();
  for (const template of templates) made.add(template);
  return made;
}

describe('The book of templates', () => {
  const all = book(...BUNDLED_TEMPLATES, translate, summarise);

  it.each([
    ['analyse examples/data/penguins.json', 'analyse-dataset', 1],
    ['Please could you analyze the statistics of sales.csv?', 'analyse-dataset', 0.6],
    ['find outliers and correlations in data/x.csv', 'analyse-dataset', 0.7],
    ['profiling weather.csv', 'analyse-dataset', 0.5],
    ['summarise report.md', 'summarise', 1],
    ['summarize the document report.md', 'summarise', 0.5],
    ['translate "good morning" into French', 'translate', 1],
    ['translating this text: "good morning"', 'translate', 0.6],
  ])('knows what %j is for', (goal, name, confidence) => {
    const [first] = all.match(goal, {});
    expect(first?.template.name).toBe(name);
    expect(first?.confidence).toBeGreaterThanOrEqual(confidence);
    expect(first?.missing).toEqual([]);
  });

  it.each([
    ['anlayse sales.csv', 'analyse-dataset'],
    ['find outliersr and corelatoins in data/x.csv', 'analyse-dataset'],
    ['statistcs of weather.csv', 'analyse-dataset'],
    ['transalte "good morning"', 'translate'],
    ['sumarise the docment report.md', 'summarise'],
  ])('knows what %j is for, misspelt as it is, and is less sure', (goal, name) => {
    const [first] = all.match(goal, {});
    expect(first?.template.name).toBe(name);
    expect(first?.confidence).toBeGreaterThanOrEqual(0.6);
    expect(first?.confidence).toBeLessThan(1);
  });

  it('takes the template that has the word as it is said before one that has it nearly so', () => {
    const near = templateOf({ name: 'near', goals: ['count charms'] });
    const exact = templateOf({ name: 'exact', goals: ['count charts'] });
    for (const both of [book(near, exact), book(exact, near)]) {
      const found = both.match('charts', {}).map(({ template, confidence }) => [template.name, confidence]);
      expect(found).toEqual([
        ['exact', 1],
        ['near', 0.8],
      ]);
      expect(both.match('chartz', {}).map(({ confidence }) => confidence)).toEqual([0.8]);
    }
  });

  it('does not know words that are too short, or too far from any, for a slip of the finger', () => {
    const made = book(templateOf({ name: 'x', goals: ['plan routes', 'send documentation'] }));
    for (const goal of ['plane', 'sand', 'roads', 'domenation']) expect(made.match(goal, {})).toEqual([]);
    for (const goal of ['ruotes', 'route', 'documnetaton']) expect(made.match(goal, {})).toHaveLength(1);
  });

  it.each(['bake a cake', 'what time is it', '', '???', 'x'.repeat(8_192)])('knows nothing for %.20j', (goal) => {
    const [first] = all.match(goal, {});
    expect(first?.confidence ?? 0).toBeLessThan(0.6);
  });

  it('says which slots are missing, and takes what is given before what is said', () => {
    expect(all.match('summarise it for me', {})[0]).toMatchObject({ missing: ['path'] });
    expect(all.match('summarise it for me', { path: 'a.md' })[0]).toMatchObject({
      missing: [],
      slots: { path: 'a.md' },
    });
    expect(all.match('summarise b.md', { path: 'a.md' })[0]?.slots).toEqual({ path: 'a.md' });
    expect(all.match('translate "hi"', {})[0]?.slots).toEqual({ text: 'hi', language: 'English' });
  });

  it('takes the newest version of a template, and another when that is removed', () => {
    const made = book(summarise, { ...summarise, version: '1.2.0' }, { ...summarise, version: '1.1.0' });
    expect(made.match('summarise a.md', {}).map(({ template }) => template.version)).toEqual(['1.2.0']);
    made.remove('summarise@1.2.0');
    expect(made.match('summarise a.md', {})[0]?.template.version).toBe('1.1.0');
    made.remove('summarise');
    made.remove('summarise');
    expect(made.match('summarise a.md', {})).toEqual([]);
    expect(() => made.remove('summarise')).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }));
  });

  it('has one content for a version', () => {
    const made = book(summarise, summarise);
    expect(made.all()).toHaveLength(1);
    expect(() => made.add({ ...summarise, type: 'other' })).toThrow(
      expect.objectContaining({ code: 'STATE_CONFLICT' }),
    );
  });

  it('refuses a template out of shape, with the place of each fault', () => {
    const wrong = {
      name: 'x',
      version: '1',
      type: 'test',
      goals: ['do {it}'],
      slots: { 'not a name': { kind: 'stone' } },
      graph,
    };
    let issues: { at: string }[] = [];
    try {
      parsePlanTemplate(wrong);
    } catch (error) {
      ({ issues } = (error as { details: { issues: { at: string }[] } }).details);
    }
    expect(issues.map(({ at }) => at)).toEqual(expect.arrayContaining(['/version', '/slots/not a name']));
    expect(() => parsePlanTemplate({ ...summarise, goals: ['do {it}'] })).toThrow('{it} is not among the slots');
  });
});
