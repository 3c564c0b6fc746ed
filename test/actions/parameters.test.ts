/** Parameters are fields of a flat input, each under a name of its own; credentials and the gateway's headers are none. */
import { describe, expect, test } from 'vitest'
import { acme, importInto, only, operation } from './document.ts'

const text = { type: 'string' }
const fieldsOf = (action: { definition: { input: object } }) =>
  Object.keys(Object(Reflect.get(action.definition.input, 'properties')))

/** `GET /x/{id}` with these parameters, at an integration. */
function get(parameters: readonly object[], whole: object = {}, definition: object = {}) {
  const paths = { '/x/{id}': { get: { parameters } } }
  return only(importInto(acme(definition), { openapi: '3.0.3', info: {}, paths, ...whole }))
}

describe('a field', () => {
  test('goes where its parameter is', () => {
    const action = get([
      { name: 'id', in: 'path', required: true, schema: text },
      { name: 'q', in: 'query', schema: text },
      { name: 'x-version', in: 'header', schema: { type: 'array', items: text } },
      { name: 'lang', in: 'cookie', schema: text },
      { name: 'filter', in: 'query', content: { 'application/json': { schema: { type: 'object' } } } },
    ])
    const input = { id: 'a/b', q: 'x', 'x-version': ['1', '2'], lang: 'de;x=1', filter: { a: [1] } }
    expect(action.check(input)).toEqual([])
    expect(action.build(input)).toMatchObject({
      path: '/x/{p0}?q=x&filter=%7B%22a%22%3A%5B1%5D%7D',
      headers: { 'x-version': '1,2', cookie: 'lang=de%3Bx%3D1' },
      options: { pathParams: { p0: 'a/b' } },
    })
  })

  test('has the name of its parameter; where another place has that name, its place is added', () => {
    const action = get([
      { name: 'id', in: 'path', required: true, schema: text },
      { name: 'id', in: 'query', schema: text },
      { name: 'id', in: 'header', schema: text },
      { name: 'id_query', in: 'query', schema: text },
    ])
    expect(fieldsOf(action)).toEqual(['id', 'id_query', 'id_header', 'id_query_query'])
    expect(action.build({ id: '1', id_query: '2', id_header: '3', id_query_query: '4' })).toMatchObject({
      path: '/x/{p0}?id=2&id_query=4',
      headers: { id: '3' },
    })
  })

  test('named body leaves the body another name', () => {
    const requestBody = { required: true, content: { 'application/json': { schema: { type: 'array' } } } }
    const action = operation({ parameters: [{ name: 'body', in: 'query', schema: text }], requestBody })
    expect(action.build({ body: 'q', body_content: [1] })).toMatchObject({ path: '/things?body=q', body: [1] })
  })

  test('is needed when its parameter is; placeholders of the path always are, declared or not', () => {
    const action = get([{ name: 'q', in: 'query', required: true, schema: text }])
    expect(action.check({}).map(({ message }) => message)).toEqual([
      'input.id is missing; the action needs it.',
      'input.q is missing; the action needs it.',
    ])
  })

  test('is unknown when no parameter has its name', () => {
    expect(get([]).check({ id: '1', q: 'x' })).toEqual([
      { field: 'input.q', message: 'input.q is unknown; input takes id.' },
    ])
  })

  test('of the operation replaces that of its path', () => {
    const paths = {
      '/x': {
        parameters: [{ name: 'a', in: 'query', required: true, schema: text }, { $ref: '#/components/parameters/B' }],
        get: { parameters: [{ name: 'a', in: 'query', schema: { type: 'integer' } }] },
      },
    }
    const components = { parameters: { B: { name: 'b', in: 'query', schema: text } } }
    const action = only(importInto(acme(), { openapi: '3.1.0', info: {}, components, paths }))
    expect(action.definition.input).toMatchObject({ properties: { a: { type: 'integer' }, b: text } })
    expect(action.check({})).toEqual([])
  })

  test('says what its parameter says', () => {
    const parameter = {
      name: 'q',
      in: 'query',
      description: 'What to find.',
      example: 'ada',
      deprecated: true,
      schema: text,
    }
    expect(get([parameter]).definition.input.properties).toMatchObject({
      q: { type: 'string', description: 'What to find.', examples: ['ada'], deprecated: true },
    })
  })
})

describe('no field is', () => {
  const needed = (name: string, place: string, more: object = {}) => ({
    name,
    in: place,
    required: true,
    schema: text,
    ...more,
  })

  test('what a security scheme names', () => {
    const securitySchemes = {
      a: { type: 'apiKey', in: 'query', name: 'appid' },
      b: { type: 'apiKey', in: 'header', name: 'X-Secret' },
    }
    const action = get([needed('appid', 'query'), needed('x-secret', 'header'), needed('q', 'query')], {
      components: { securitySchemes },
    })
    expect(fieldsOf(action)).toEqual(['id', 'q'])
  })

  test('what the integration’s credential is written to', () => {
    const auth = [
      {
        scheme: 'apiKey',
        inject: { headers: { 'X-Acme': '{apiKey}' }, query: { k: '{apiKey}' }, body: { secret: '{apiKey}' } },
      },
    ]
    expect(fieldsOf(get([needed('x-acme', 'header'), needed('K', 'query')], {}, { auth }))).toEqual(['id'])
    const schema = { type: 'object', properties: { secret: text, open: text }, required: ['secret', 'open'] }
    const requestBody = { required: true, content: { 'application/json': { schema } } }
    const paths = { '/x': { post: { requestBody } } }
    const action = only(importInto(acme({ auth }), { openapi: '3.1.0', info: {}, paths }))
    expect([fieldsOf(action), action.check({ open: 'a' })]).toEqual([['open'], []])
  })

  test.each(['access_token', 'api_key', 'apikey', 'X-Api-Key', 'authToken', 'private_token'])('%s', name => {
    const action = get([needed(name, 'query')])
    expect(fieldsOf(action)).toEqual(['id'])
    expect(action.warnings).toEqual([
      `The query parameter ${name} is no input: it is a credential, which the connection has to bring.`,
    ])
  })

  test.each(['session_key', 'session_token', 'private_key', 'bearer_key', 'access_key'])(
    '%s only where the credential is written to it',
    name => {
      const action = get([needed(name, 'query')])
      expect([fieldsOf(action), action.warnings]).toEqual([['id', name], []])
      const auth = [{ scheme: 'apiKey', inject: { query: { [name]: '{apiKey}' } } }]
      const injected = get([needed(name, 'query')], {}, { auth })
      expect([fieldsOf(injected), injected.warnings]).toEqual([['id'], []])
    },
  )

  test('a token that is said to authenticate; any other token is a field', () => {
    const token = (description: string) => fieldsOf(get([needed('token', 'query', { description })]))
    expect(token('Authentication token. Requires scope: `chat:write`')).toEqual(['id'])
    expect(token('Where the list goes on.')).toEqual(['id', 'token'])
  })

  test('a header that OpenAPI says to ignore, or that the gateway writes, which is told', () => {
    const names = [
      'Accept',
      'Content-Type',
      'Authorization',
      'Host',
      'content-length',
      'X-Passgate-Rewrite',
      'not a name',
    ]
    const action = get(names.map(name => needed(name, 'header')))
    expect(fieldsOf(action)).toEqual(['id'])
    expect(action.warnings).toEqual([
      ...['Host', 'content-length', 'X-Passgate-Rewrite'].map(
        name => `The header ${name} is the gateway's to write, so it is no input.`,
      ),
      'The header "not a name" is no input: no header can have this name.',
    ])
  })

  test('what has no name or place, which is told', () => {
    const action = get([{ in: 'query' }, { name: 'a' }, { name: 'b', in: 'elsewhere' }, 7 as never])
    expect(fieldsOf(action)).toEqual(['id'])
    expect(action.warnings).toEqual(
      ['{"in":"query"}', '{"name":"a"}', '{"name":"b","in":"elsewhere"}', '{}'].map(
        shown => `The parameter ${shown} is no input: it takes a name, and path, query, header or cookie as its place.`,
      ),
    )
  })
})
