/** JSONPath: RFC 9535's own examples, each match as its exact text, and no query that holds up the process. */
import { describe, expect, test } from 'vitest'
import { GatewayError } from '../../src/errors.ts'
import { UpstreamResponse } from '../../src/passthrough/response.ts'

async function select(body: string, path: string, timeoutMs = 2000): Promise<string | undefined> {
  const headers = [{ name: 'content-type', value: 'application/json' }]
  const response = new UpstreamResponse({ status: 200, headers, bytes: Buffer.from(body) })
  return (await response.queryable())?.select(path, timeoutMs).text
}

async function refuse(body: string, path: string, timeoutMs?: number): Promise<GatewayError> {
  try {
    await select(body, path, timeoutMs)
  } catch (error) {
    if (error instanceof GatewayError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

/** RFC 9535 figure 1, with spellings that a parser would lose. */
const one = '{ "category": "reference","author":"Nigel Rees", "title":"Sayings of the Century", "price": 8.950 }'
const two = '{"category":"fiction","author":"Evelyn Waugh","title":"Sword of Honour","price":1.299E1}'
const three =
  '{"category":"fiction","author":"Herman Melville","title":"Moby Dick","isbn":"0-553-21311-3","price":8.99}'
const four =
  '{"category":"fiction","author":"J. R. R. Tolkien","title":"The Lord of the Rings","isbn":"0-395-19395-8","price":22.99}'
const bicycle = '{"color":"\\u0072ed","price":399}'
const books = `[${one}, ${two},\n${three}, ${four}]`
const store = `{ "store": { "book": ${books}, "bicycle": ${bicycle} } }`

describe('RFC 9535 table 2', () => {
  test.each([
    ['$.store.book[*].author', ['"Nigel Rees"', '"Evelyn Waugh"', '"Herman Melville"', '"J. R. R. Tolkien"']],
    ['$..author', ['"Nigel Rees"', '"Evelyn Waugh"', '"Herman Melville"', '"J. R. R. Tolkien"']],
    ['$.store.*', [books, bicycle]],
    ['$.store..price', ['8.950', '1.299E1', '8.99', '22.99', '399']],
    ['$..book[2]', [three]],
    ['$..book[2].author', ['"Herman Melville"']],
    ['$..book[2].publisher', []],
    ['$..book[-1]', [four]],
    ['$..book[0,1]', [one, two]],
    ['$..book[:2]', [one, two]],
    ['$..book[?@.isbn]', [three, four]],
    ['$..book[?@.price<10]', [one, three]],
    ['$..*', undefined],
  ])('%s', async (path, expected) => {
    if (expected === undefined) return expect(JSON.parse((await select(store, path)) ?? '')).toHaveLength(27)
    expect(await select(store, path)).toBe(`[${expected.join(',')}]`)
  })
})

describe('a match is the exact text', () => {
  test.each([
    ['{"id": 9007199254740993}', '$.id', '[9007199254740993]'],
    // Filters compare doubles (RFC 9535 §2.1).
    ['[9007199254740993,9007199254740995]', '$[?@==9007199254740992]', '[9007199254740993]'],
    ['{"a": 1.0, "b": 1e400, "c": -0.0}', '$.*', '[1.0,1e400,-0.0]'],
    ['{"a":1,"a":2}', '$.a', '[2]'],
    ['{"a":{"b":1},"a":{"b": 2 }}', '$.a.b', '[2]'],
    ['{"a":{"b":1},"a":[7]}', '$.a[0]', '[7]'],
    ['{"a":[[1]],"a":{"b":3}}', '$.a', '[{"b":3}]'],
    ['{"2":"two","1":"one","b":0}', "$['2','1']", '["two","one"]'],
    ['{"2":"two","1":"one"}', '$.*', '["one","two"]'],
    ['[0,1,2]', "$['0']", '[]'],
    ['{"0":"x"}', '$[0]', '[]'],
    ['{"\\u0061\\"]\\\\": "x" }', `$['a"]\\\\']`, '["x"]'],
    ['{"a]":[1],"b":{"}":"{"}}', "$.b['}']", '["{"]'],
    ['{"":1}', "$['']", '[1]'],
    ['{"ü":"\\u00fc","😀":"\\ud83d\\ude00"}', '$["\\u00fc","😀"]', '["\\u00fc","\\ud83d\\ude00"]'],
    [' \n[ 1 , [ 2 ] ]\t', '$[1][0]', '[2]'],
    [' \n[ 1 , [ 2 ] ]\t', '$', '[[ 1 , [ 2 ] ]]'],
    ['"x"', '$', '["x"]'],
    ['[[1,2],[3]]', '$[0,0]', '[[1,2],[1,2]]'],
    ['[0,1,2,3,4,5]', '$[5:1:-2]', '[5,3]'],
    ['[0,1,2]', '$[-1,7,-9]', '[2]'],
    ['{"__proto__":{"a":1}}', '$.__proto__.a', '[1]'],
    ['{}', '$.__proto__', '[]'],
    ['{}', '$.constructor', '[]'],
    ['[1]', '$.length', '[]'],
    ['"abc"', '$.length', '[]'],
    ['"abc"', '$[0]', '[]'],
    ['{"a":null}', '$.a', '[null]'],
    ['[{"a":null},{}]', '$[?@.a==null]', '[{"a":null}]'],
    ['["ab","b"]', '$[?match(@,"a.*")]', '["ab"]'],
    ['["xaby","b"]', '$[?search(@,"ab")]', '["xaby"]'],
    ['["a"]', '$[?match(@,"(")]', '[]'],
    ['[1]', '$[?match(@,"1")]', '[]'],
    ['[[1,2],[1]]', '$[?length(@)>1]', '[[1,2]]'],
    ['[[1,2],[1]]', '$[?count(@.*)==1]', '[[1]]'],
  ])('%s at %s', async (body, path, expected) => expect(await select(body, path)).toBe(expected))
})

describe('a path that is refused', () => {
  test.each([
    '',
    'a',
    '$.',
    '$[',
    '$[?]',
    '$..',
    '$.a b',
    '$[01]',
    "$['a",
    '$[?nope(@)]',
    '$[?@.a==]',
    '$ ',
    '$[9007199254740992]',
    '@.a',
    '$[?match(@)]',
  ])('%j', async path => {
    const { code, message, details } = await refuse('{}', path)
    expect(code).toBe('INVALID_INPUT')
    expect(
      message.startsWith(`path takes a JSONPath (RFC 9535) such as $.data[*].id; got ${JSON.stringify(path)}: `),
    ).toBe(true)
    expect(details?.map(({ field }) => field)).toEqual(['path'])
  })

  test('for its length, its matches or their text', async () => {
    expect((await refuse('{}', `$.${'a'.repeat(999)}`)).message).toBe(
      'path takes a JSONPath of at most 1000 characters; got 1001.',
    )
    const many = `[${Array(10_001).fill('1').join()}]`
    expect((await refuse(many, '$[*]')).message).toBe('path matches more than 10000 values.')
    expect(await select(many, '$[1:]')).toHaveLength(20_001)
    const large = `{"a":"${'x'.repeat(5_000_000)}"}`
    const error = await refuse(large, '$[*,*,*,*]')
    expect([error.code, error.message]).toEqual([
      'RESPONSE_TOO_LARGE',
      'The values that "$[*,*,*,*]" matches have 20000008 characters; at most 16777216 are sent.',
    ])
  })

  const nest = (depth: number, inner = '') => `${'['.repeat(depth)}${inner}${']'.repeat(depth)}`
  test.each([
    ['$..*', nest(500_000)],
    ['$..a', nest(1000)],
    [`$${'[0]'.repeat(300)}`, nest(500_000)],
  ])('or goes too deep: %s', async (path, body) => {
    const result = await select(body, path).catch((error: unknown) => error)
    if (typeof result !== 'string')
      expect(result).toMatchObject({ code: 'INVALID_INPUT', message: 'The body is nested too deeply for this path.' })
  })

  const hard = `${'a'.repeat(28)}!`
  test.each<[string, string, string]>([
    ['repeated selectors', nest(40), `$${'[0,0]'.repeat(40)}.x`],
    ['repeated wildcards', nest(40), `$${'[*,*]'.repeat(40)}.x`],
    ['repeated descents', nest(45, '1,'.repeat(2000).slice(0, -1)), '$..*..*..*..*..*..*.x'],
    ['nested filters', `[${Array(2000).fill('[1]').join()}]`, '$[?$[?$[?$[?@.x]]]]'],
    [
      'searches in every value',
      `[${Array(9000)
        .fill(`"${hard.repeat(40)}"`)
        .join()}]`,
      '$[?search(@,"(a+)+(b{1,300}){1,3}$")]',
    ],
  ])('or takes too long: %s', async (_, body, path) => {
    const started = performance.now()
    const { code, message } = await refuse(body, path, 200)
    expect([code, message]).toEqual(['INVALID_INPUT', 'path takes more than 200 ms on this body; ask for less.'])
    expect(performance.now() - started).toBeLessThan(10_000)
  })

  test.each(['(a+)+$', '(a|a)*$', '(.*a){20}', '([a-zA-Z]+)*$', '(a*)*b'])(
    'a regular expression of any shape ends: %s',
    async pattern => {
      expect(await select(JSON.stringify([hard.repeat(50)]), `$[?match(@,${JSON.stringify(pattern)})]`)).toBe('[]')
    },
  )

  test('and the next query is none the worse', async () => {
    expect(await select('{"a":[1]}', '$.a[0]')).toBe('[1]')
  })
})
