/** Hand-written actions: the built-in ones can be called as they stand, and a definition with a wrong one is refused by field. */
import { describe, expect, it } from 'vitest'
import type { Action } from '../../src/actions/action.ts'
import { buildRequest } from '../../src/actions/build-request.ts'
import { catalogActions } from '../../src/actions/catalog-actions.ts'
import { prepareInput } from '../../src/actions/input.ts'
import { checkInput } from '../../src/actions/validate.ts'
import { Catalog } from '../../src/catalog/catalog.ts'
import { parseIntegration } from '../../src/catalog/parse.ts'
import { applySettings } from '../../src/catalog/settings.ts'
import { refusal } from '../auth/refusal.ts'
import { definition } from './definition.ts'

const entries = Catalog.load().list()
const builtIn = entries.flatMap(entry =>
  [...catalogActions(entry).values()].map((action): [string, Action] => [`${entry.slug} ${action.name}`, action]),
)

describe('the built-in actions', () => {
  it('are those of the examples', () => {
    const names = builtIn.map(([name]) => name)
    expect(names).toEqual(
      expect.arrayContaining([
        'hubspot create_contact',
        'mailchimp create_list',
        'mailchimp get_lists',
        'pipedrive create_person',
        'salesforce create_account',
        'sandbox create_contact',
        'slack conversations.create',
        'slack conversations.list',
      ]),
    )
  })

  it.each(builtIn)('%s has an example that its schema takes and a request can be built of', async (_name, action) => {
    const whole = await action.definition()
    const { example = {} } = whole
    expect(whole.example).toBeDefined()
    expect(checkInput(whole.input, example, 1000)).toEqual([])
    const { request } = buildRequest(action, whole, prepareInput(whole.input, example).values, 'repeat')
    expect(request.method).toBe(action.method)
    expect(request.path).toMatch(/^\//)
  })

  it.each(builtIn)('%s describes each of its fields and closes its input', async (_name, action) => {
    const { input } = await action.definition()
    expect(input.additionalProperties).toBe(false)
    for (const [name, field] of Object.entries(Object(input.properties)))
      expect([name, Reflect.get(Object(field), 'description')]).toEqual([name, expect.stringMatching(/\.$/)])
  })
})

const input = {
  type: 'object',
  properties: { id: { type: 'string' }, name: { type: 'string' } },
  required: ['id'],
  additionalProperties: false,
}
const action = { description: 'Does it.', method: 'POST', path: '/things/{id}', input, body: '{*}' }
const withAction = (changes: object, name = 'do_it') => definition({ actions: { [name]: { ...action, ...changes } } })

describe('an action of a definition', () => {
  it.each<[string, object]>([
    ['a whole body', {}],
    ['a template with what is always sent', { body: { kind: 'thing', list: ['{name}', 1], rest: '{*}' } }],
    [
      'fields named one by one',
      { body: undefined, query: { n: '{name}', v: 2, on: true }, headers: { 'x-version': '1' } },
    ],
    ['a form', { contentType: 'application/x-www-form-urlencoded' }],
    ['a sign of failure', { failure: { path: "$.errors[0]['code']", equals: null } }],
    ['an open input', { input: { ...input, additionalProperties: { type: 'string' } } }],
  ])('may have %s, and stays as it is when a workspace configures its integration', (_what, changes) => {
    const parsed = parseIntegration(withAction(changes))
    expect(parsed.actions?.do_it).toMatchObject({
      contentType: 'application/json',
      ...JSON.parse(JSON.stringify(changes)),
    })
    expect(applySettings(parsed, { baseUrl: 'https://mock.example' }).actions).toEqual(parsed.actions)
  })

  it('without an input takes none', () => {
    const { actions } = parseIntegration(withAction({ path: '/things', input: undefined, body: undefined }))
    expect(actions?.do_it?.input).toEqual({ type: 'object', properties: {}, additionalProperties: false })
    expect(checkInput(actions?.do_it?.input ?? {}, { name: 'x' }, 1000)).toMatchObject([{ field: 'input.name' }])
  })

  const wrongPath = (path: string, message: string): [string, object, string, string] => [
    `the path ${path}`,
    { path },
    'path',
    message,
  ]
  const takes = (path: string, text: string) =>
    expect.stringMatching(new RegExp(`^definition\\.actions\\.do_it\\.${path} got .*; it takes ${text}`, 's'))

  it.each<[string, object, string, string]>([
    wrongPath('things/{id}', 'a path below the base URL'),
    wrongPath('//evil.example/{id}', 'a path below the base URL'),
    wrongPath('/things/{id}?a=b', 'a path without query or fragment'),
    wrongPath('/a/../{id}', 'a path without "\\." and "\\.\\." segments'),
    wrongPath('/a/%2E%2e/{id}', 'a path without "\\." and "\\.\\." segments'),
    wrongPath('/things/{name}', 'required fields as placeholders: \\{name\\} is none'),
    wrongPath('/things/{id}/{', 'braces of placeholders only'),
    ['a method', { method: 'TRACE' }, 'method', 'an HTTP method in upper case'],
    ['a field that is none', { body: { a: '{nope}', b: '{*}' } }, 'body', 'placeholders of fields: \\{nope\\} is none'],
    [
      'a field inside a text',
      { body: { a: 'Hello {name}', b: '{*}' } },
      'body',
      'whole placeholders: Hello \\{name\\} is none',
    ],
    ['the rest in a query', { query: { a: '{*}' } }, 'query', 'placeholders of fields: \\{\\*\\} is for the body'],
    ['a field that goes nowhere', { body: undefined }, 'input.properties', 'fields that are used: name goes nowhere'],
    [
      'an open input without a place',
      { body: { n: '{name}' }, input: { ...input, additionalProperties: true } },
      'input.additionalProperties',
      'false, since',
    ],
    [
      'a required field that is none',
      { input: { ...input, required: ['id', 'nope'] } },
      'input.required',
      'fields of properties: nope is none',
    ],
    [
      'a pattern that is not linear',
      { input: { ...input, properties: { id: { pattern: '(?=a)' }, name: {} } } },
      'input.properties.id.pattern',
      'a pattern in RE2 syntax',
    ],
    [
      'a credential’s header',
      { headers: { Authorization: '{name}' } },
      'headers.Authorization',
      'any header but authorization',
    ],
    ['a failure that searches', { failure: { path: '$..ok', equals: false } }, 'failure.path', 'a singular JSONPath'],
    [
      'a schema without end',
      { input: { ...input, properties: { id: { description: 'x'.repeat(70_000) }, name: {} } } },
      'input',
      'a JSON Schema of at most 65536 characters',
    ],
  ])('may not have %s', (_what, changes, path, message) => {
    const { code, details } = refusal(() => parseIntegration(JSON.parse(JSON.stringify(withAction(changes)))))
    expect(code).toBe('INVALID_INPUT')
    expect(details?.map(detail => detail.field)).toContain(`definition.actions.do_it.${path}`)
    expect(details?.map(detail => detail.message)).toContainEqual(takes(path.replaceAll('.', '\\.'), message))
  })

  it.each(['', 'a b', '.x', 'x'.repeat(129), 'größe'])('may not be called "%s"', name => {
    expect(refusal(() => parseIntegration(withAction({}, name))).details?.[0]?.message).toContain(
      'letters, digits and _.-/',
    )
  })

  it('may be deep, but not without end, and not one of more than 200', () => {
    let deep: unknown = 'x'
    for (let depth = 0; depth < 80; depth += 1) deep = [deep]
    expect(refusal(() => parseIntegration(withAction({ body: [deep, '{*}'] }))).details?.[0]?.message).toContain(
      'at most 64 levels',
    )
    const many = Object.fromEntries(Array.from({ length: 201 }, (_, index) => [`a${index}`, action]))
    expect(refusal(() => parseIntegration(definition({ actions: many }))).details?.[0]?.message).toContain(
      'at most 200 actions',
    )
  })
})

describe('the input of an action', () => {
  it('is a schema of what is known, whatever the definition says', async () => {
    const properties = {
      id: { type: 'string', 'x-own': 1, $async: true, $id: 'https://x.example' },
      name: { $ref: 'https://evil.example/s' },
    }
    const parsed = parseIntegration(withAction({ input: { ...input, properties, $async: true } }))
    const whole = await catalogActions(parsed).get('do_it')?.definition()
    expect(whole?.input).toEqual({
      type: 'object',
      properties: { id: { type: 'string' }, name: {} },
      required: ['id'],
      additionalProperties: false,
    })
  })

  it('may go round without end: then it has no example, and what is sent for it is refused', async () => {
    const $defs = { node: { type: 'object', allOf: [{ $ref: '#/$defs/node' }] } }
    const properties = { id: { $ref: '#/$defs/node' }, name: { $ref: '#/$defs/none' } }
    const whole = await catalogActions(parseIntegration(withAction({ input: { ...input, properties, $defs } })))
      .get('do_it')
      ?.definition()
    expect(whole?.example).toBeUndefined()
    expect(whole?.input.properties).toEqual({ id: { $ref: '#/$defs/node' }, name: {} })
    expect(refusal(() => checkInput(whole?.input ?? {}, { id: {} }, 1000)).code).toBe('BUDGET_EXCEEDED')
  })

  it('may refer to its own definitions, also in circles', async () => {
    const $defs = {
      node: { type: 'object', properties: { next: { $ref: '#/$defs/node' } }, additionalProperties: false },
    }
    const properties = { id: { type: 'string' }, name: { $ref: '#/$defs/node' } }
    const parsed = parseIntegration(withAction({ input: { ...input, properties, $defs } }))
    const whole = await catalogActions(parsed).get('do_it')?.definition()
    const check = (name: object) => checkInput(whole?.input ?? {}, { id: '1', name }, 1000).map(({ field }) => field)
    expect([check({ next: { next: {} } }), check({ next: { next: { x: 1 } } })]).toEqual([
      [],
      ['input.name.next.next.x'],
    ])
  })
})
