/** Headers: the gateway's, then the integration's, then the caller's; what frames or proves a request is nobody else's. */
import { describe, expect, test } from 'vitest'
import { createCore, refusalOf } from '../support/passthrough-core.ts'
import { createUpstream } from '../support/upstream.ts'

const core = createCore({ url: 'https://api.acme.example' })
const fixed = {
  headers: { accept: 'application/json', 'acme-version': '2024-01-01' },
  injected: { headers: ['x-api-key', 'authorization'], query: [], body: [] },
}

const framing = 'is written by the HTTP client; leave it out'
const refused: [string, string][] = [
  ...[
    ...['connection', 'content-length', 'expect', 'host', 'keep-alive', 'proxy-authenticate', 'proxy-authorization'],
    ...['proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'],
  ].map((name): [string, string] => [name, framing]),
  ['proxy-anything', 'is meant for one hop only; leave it out'],
  ['http2-settings', 'is meant for one hop only; leave it out'],
  ['authorization', "is set by the connection's credential; leave it out"],
  ['x-passgate-rewrite', 'belongs to the gateway; leave it out'],
  ['x-api-key', "is set by the connection's credential; leave it out"],
]

describe('a header the caller may not set', () => {
  test.each(refused)('%s, in any case, with any value', async (name, problem) => {
    const titled = name.replace(/(^|-)[a-z]/g, letter => letter.toUpperCase())
    for (const written of [name, name.toUpperCase(), titled]) {
      for (const value of ['x', '', null, ['x'], 0]) {
        expect(await refusalOf(core.plan({ headers: { [written]: value } }, fixed))).toEqual({
          code: 'INVALID_INPUT',
          message: `headers.${name} ${problem}.`,
          fields: [`headers.${name}`],
        })
      }
    }
  })

  test('authorization stays refused where the credential goes elsewhere', async () => {
    expect(await refusalOf(core.plan({ headers: { Authorization: 'Bearer x' } }))).toMatchObject({
      code: 'INVALID_INPUT',
      message: "headers.authorization is set by the connection's credential; leave it out.",
    })
  })

  const unclean = 'has a line break, control character or character beyond Latin-1'
  const noName = 'is no header name (RFC 9110 §5.6.2: letters, digits and some signs)'
  const kinds = 'takes text, a number, a boolean or an array of those'
  test.each<[unknown, string]>([
    [{ a: 'b\r\nc: d' }, `headers.a ${unclean}.`],
    [{ a: 'b\n' }, `headers.a ${unclean}.`],
    [{ a: '\rb' }, `headers.a ${unclean}.`],
    [{ a: 'b\0' }, `headers.a ${unclean}.`],
    [{ a: '\x7f' }, `headers.a ${unclean}.`],
    [{ a: '\u010a' }, `headers.a ${unclean}.`],
    [{ a: '日本' }, `headers.a ${unclean}.`],
    [{ a: ['b', 'c\r\nd'] }, `headers.a ${unclean}.`],
    [{ a: '\u560a\u560dx' }, `headers.a ${unclean}.`],
    [{ 'a b': 'c' }, `headers."a b" ${noName}.`],
    [{ '': 'c' }, `headers."" ${noName}.`],
    [{ 'a:': 'c' }, `headers."a:" ${noName}.`],
    [{ 'a\r\nb': 'c' }, `headers."a\\r\\nb" ${noName}.`],
    [{ 'host ': 'c' }, `headers."host " ${noName}.`],
    [{ ':path': 'c' }, `headers.":path" ${noName}.`],
    [{ ü: 'c' }, `headers."ü" ${noName}.`],
    [{ ['x'.repeat(129)]: 'c' }, `headers."${'x'.repeat(64)}" ${noName}.`],
    [{ 'X-A': 1, 'x-a': 2 }, 'headers.x-a is given twice; names differ only in case.'],
    [{ 'X-A': null, 'x-a': 2 }, 'headers.x-a is given twice; names differ only in case.'],
    [{ a: {} }, `headers.a ${kinds}; got an object.`],
    [{ a: [['b']] }, `headers.a ${kinds}; got an array.`],
    [{ a: [null] }, `headers.a ${kinds}; got an array.`],
    ['a: b', 'headers takes an object; got text.'],
    [[], 'headers takes an object; got an array.'],
    [{ a: 'x'.repeat(33_000) }, 'The headers have 33040 bytes; at most 32768 are sent.'],
    [Object.fromEntries(Array.from({ length: 99 }, (_, i) => [`x-${i}`, 1])), '101 headers are more than 100.'],
  ])('%j is refused', async (headers, message) => {
    expect(await refusalOf(core.plan({ headers }))).toMatchObject({ code: 'INVALID_INPUT', message })
  })

  test('is reported with every other one', async () => {
    const { fields, message } = await refusalOf(core.plan({ headers: { host: 'x', ok: 1, Te: 'x' } }))
    expect(fields).toEqual(['headers.host', 'headers.te'])
    expect(message).toBe(`headers.host ${framing}. headers.te ${framing}.`)
  })
})

describe('what the upstream receives', () => {
  test.each<[string, unknown, Record<string, string | undefined>]>([
    ['the defaults below the static ones', undefined, { accept: 'application/json', 'user-agent': 'passgate' }],
    ['the caller last', { Accept: 'text/csv', 'USER-AGENT': 'me' }, { accept: 'text/csv', 'user-agent': 'me' }],
    [
      'without what null removes',
      { 'Acme-Version': null, accept: null },
      { 'acme-version': undefined, accept: undefined },
    ],
    [
      'numbers and booleans as text',
      { a: 2, b: false, c: JSON.rawJSON('9007199254740993') },
      { a: '2', b: 'false', c: '9007199254740993' },
    ],
    ['lists by comma', { a: ['x', 1, true], cookie: ['a=1', 'b=2'] }, { a: 'x, 1, true', cookie: 'a=1; b=2' }],
    ['Latin-1 and inner tabs', { a: 'é\tü' }, { a: 'é\tü' }],
    ['no outer blanks', { a: ' \tx ' }, { a: 'x' }],
    ['empty values', { a: '' }, { a: '' }],
    ['odd tokens', { "!#$%&'*+-.^_`|~": 'x' }, { "!#$%&'*+-.^_`|~": 'x' }],
    [
      'names of prototypes',
      JSON.parse('{"__proto__":"a","constructor":"b","tostring":"c"}'),
      { constructor: 'b', tostring: 'c' },
    ],
  ])('%s', async (_, headers, expected) => {
    await using upstream = await createUpstream()
    await using live = createCore({ url: upstream.url })
    await live.send({ headers }, {}, { headers: fixed.headers })
    const seen = new Map(Object.entries(upstream.seen[0]?.headers ?? {}))
    for (const [name, value] of Object.entries(expected)) expect([name, seen.get(name)]).toEqual([name, value])
    expect([seen.get('host'), ...seen.keys()].join()).not.toMatch(/passgate-|authorization/)
  })

  test('one of each name, in lower case, and nothing of the gateway’s own', async () => {
    await using upstream = await createUpstream((_, response, raw) => response.end(JSON.stringify(raw.rawHeaders)))
    await using live = createCore({ url: upstream.url })
    const { response } = await live.send(
      { method: 'POST', headers: { 'X-One': '1' }, body: {} },
      {},
      { headers: fixed.headers },
    )
    const names = (JSON.parse(response.text()) as string[]).filter((_, index) => index % 2 === 0)
    expect(names.sort()).toEqual(
      ['accept', 'acme-version', 'connection', 'content-length', 'content-type', 'host', 'user-agent', 'x-one'].sort(),
    )
  })
})
