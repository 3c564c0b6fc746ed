/** Documents are JSON or YAML of three versions, within bounds; each operation is an action under one name, or skipped with a reason. */
import { describe, expect, test } from 'vitest'
import { acme, importInto, only } from './document.ts'

const info = { title: 'Things', version: '1.2' }
const one = { '/things': { get: { operationId: 'list', summary: 'Lists things.' } } }

describe('a document', () => {
  test.each([
    ['JSON', JSON.stringify({ openapi: '3.0.3', info, paths: one })],
    ['JSON behind a byte order mark', `\ufeff${JSON.stringify({ openapi: '3.1.0', info, paths: one })}`],
    [
      'YAML behind one',
      '\ufeffopenapi: 3.1.0\ninfo: {title: Things, version: 1.2}\npaths: {/things: {get: {operationId: list, summary: Lists things.}}}\n',
    ],
    ['JSON behind spaces', ` \n${JSON.stringify({ openapi: '3.1.0', info, paths: one })}`],
    [
      'YAML',
      'openapi: 3.1.0\ninfo: {title: Things, version: 1.2}\npaths:\n  /things:\n    get:\n      operationId: list\n      summary: Lists things.\n',
    ],
    [
      'YAML with anchors',
      'openapi: 3.0.0\nx-info: &i {title: Things, version: "1.2"}\ninfo: {<<: *i}\npaths:\n  /things: {get: {operationId: list, summary: Lists things.}}\n',
    ],
    ['2.0', JSON.stringify({ swagger: '2.0', info, paths: one })],
    [
      '2.0 in YAML, as a number',
      'swagger: 2.0\ninfo: {title: Things, version: 1.2}\npaths: {/things: {get: {operationId: list, summary: Lists things.}}}',
    ],
    ['3.2', JSON.stringify({ openapi: '3.2.0', info, paths: one })],
  ])('may be %s', (_what, text) => {
    const imported = importInto(acme(), text)
    expect(imported).toMatchObject({ title: 'Things', version: '1.2', skipped: [], warnings: [] })
    expect(only(imported)).toMatchObject({ name: 'list', method: 'GET', path: '/things', description: 'Lists things.' })
  })

  test.each([
    ['a text', 'hello', 'is no OpenAPI document: it holds no object'],
    ['a list', '[1]', 'is no OpenAPI document: it holds no object'],
    ['broken JSON', '{"openapi": ', 'is neither JSON nor YAML: Unexpected end of JSON input'],
    ['broken YAML', 'a: [1', 'is neither JSON nor YAML: Flow sequence'],
    ['two of them in YAML', '---\nopenapi: 3.0.0\npaths: {}\n---\na: 1\n', 'is several YAML documents; one is taken'],
    ['something else', '{"a": 1}', 'has the OpenAPI version null; 2.0, 3.0 and 3.1 are taken'],
    ['Swagger 1.2', '{"swagger": "1.2"}', 'has the OpenAPI version "1.2"; 2.0, 3.0 and 3.1 are taken'],
    [
      'brackets without end',
      `{"openapi":"3.1.0","x":${'['.repeat(300)}${']'.repeat(300)}}`,
      'is nested deeper than 200 levels',
    ],
    ['YAML that holds itself', 'openapi: 3.1.0\npaths: &p\n  /a: *p\n', 'is nested deeper than 200 levels'],
    [
      'an alias bomb',
      `a: &a [x,x,x,x,x,x,x,x,x]\n${[...'bcdefghi'].map((name, index) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[index]}`).join(',')}]`).join('\n')}`,
      'is neither JSON nor YAML: Excessive alias count',
    ],
  ])('is not %s', (_what, text, message) => {
    expect(() => importInto(acme(), text)).toThrow(message)
  })

  test('may be empty, or full of what is not expected', () => {
    for (const paths of [undefined, null, [], 'x', { '/a': null, 'x-own': { get: {} }, '/b': 7, '/c': { get: 'x' } }]) {
      expect(() => importInto(acme(), { openapi: '3.1.0', info: null, paths })).not.toThrow()
    }
  })
})

describe('a name', () => {
  const namesOf = (paths: object) =>
    importInto(acme(), { openapi: '3.1.0', info, paths }).actions.map(({ name }) => name)

  test.each([
    ['repos/get', 'repos/get'],
    ['users.list-all_1', 'users.list-all_1'],
    ['Find pets (by tag)', 'Find_pets_by_tag'],
    ['  größe  ', 'gr_e'],
    ['__proto__', 'proto__'.replace(/_+$/, '')],
    ['x'.repeat(300), 'x'.repeat(120)],
  ])('is the id "%s" as far as it can be one', (operationId, name) => {
    expect(namesOf({ '/a': { get: { operationId } } })).toEqual([name])
  })

  test('is method and path where there is no id, or one that another operation has', () => {
    expect(
      namesOf({
        '/a/{id}/b': { get: {}, delete: { operationId: 'gone' } },
        '/c': { get: { operationId: 'gone' }, post: { operationId: '???' } },
        '/c/': { get: { operationId: 'gone' } },
      }),
    ).toEqual(['get_a_id_b', 'gone', 'get_c', 'post_c', 'get_c_2'])
  })
})

describe('an operation is skipped', () => {
  const reasonsOf = (paths: object) => importInto(acme(), { openapi: '3.1.0', info, paths }).skipped

  test.each<[string, object, object]>([
    [
      'with a method that is not sent',
      { '/a': { trace: { operationId: 't' } } },
      { method: 'TRACE', path: '/a', operationId: 't', reason: 'the method TRACE is not sent' },
    ],
    [
      'with a path that leads elsewhere',
      { '/a/../b': { get: {} } },
      { method: 'GET', reason: 'its path has a "." or ".." segment (perhaps encoded); write the path without it.' },
    ],
    ['with a stray brace', { '/a}': { get: {} } }, { reason: 'its path has a brace that is no placeholder' }],
    ['with a fragment in its middle', { '/a#b/c': { get: {} } }, { reason: 'its path has a fragment in its middle' }],
    ['with a backslash', { '/a\\b': { get: {} } }, { reason: expect.stringContaining('its path has a backslash') }],
    ['that is a text', { '/a': { post: 'x' } }, { method: 'POST', reason: 'what stands there is no object' }],
    ['that is a list', { '/a': { put: [] } }, { method: 'PUT', reason: 'what stands there is no object' }],
    ['whose path is a number', { '/a': 7 }, { method: '*', reason: 'what stands there is no object' }],
    [
      'described elsewhere',
      { '/a': { $ref: 'https://x.example/paths.json' } },
      { method: '*', operationId: null, reason: 'its path is described outside the document' },
    ],
  ])('%s', (_what, paths, skipped) => {
    expect(reasonsOf(paths)).toEqual([expect.objectContaining(skipped)])
  })

  test('unless nothing stands there', () => {
    const { actions, skippedTotal } = importInto(acme(), {
      openapi: '3.1.0',
      info,
      paths: { '/a': { get: null, trace: null }, '/b': null },
    })
    expect([actions, skippedTotal]).toEqual([[], 0])
  })

  test('after the first 5,000', () => {
    const paths = Object.fromEntries(Array.from({ length: 5600 }, (_, index) => [`/p${index}`, { get: {} }]))
    const { actions, skipped, skippedTotal } = importInto(acme(), { openapi: '3.1.0', info, paths })
    expect([actions.length, skipped.length, skippedTotal]).toEqual([5000, 500, 600])
    expect(skipped[0]).toMatchObject({ path: '/p5000', reason: 'it comes after the first 5000 operations' })
  })
})

test('a fragment at the end tells operations of one path apart, and a query there is sent', () => {
  const paths = { '/#Action=List': { post: {} }, '/x?kind=a b&id={id}': { get: {} } }
  const { actions } = importInto(acme(), { openapi: '3.1.0', info, paths })
  expect(actions.map(({ name, path }) => [name, path])).toEqual([
    ['post_Action_List', '/'],
    ['get_x_kind_a_b_id_id', '/x?kind=a b&id={id}'],
  ])
  const [, query] = actions
  const action = only({ skipped: [], warnings: [], actions: query === undefined ? [] : [query] })
  expect(action.build({ id: 'c&d' }).path).toBe('/x?kind=a b&id=c%26d')
})

test('descriptions join summary and text, and what is deprecated says so', () => {
  const operation = { summary: 'Short', description: 'Long.', deprecated: true }
  const { actions } = importInto(acme(), { openapi: '3.1.0', info, paths: { '/a': { get: operation } } })
  expect(actions[0]).toMatchObject({ description: 'Short\n\nLong.', deprecated: true })
})
