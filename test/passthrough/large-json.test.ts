/** A large JSON body holds nobody up, whatever is in it: it is checked and read in slices, with the results of `JSON.parse`. */
import { randomInt } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { JsonBuild } from '../../src/passthrough/json-build.ts'
import { JsonCheck } from '../../src/passthrough/json-check.ts'
import { UpstreamResponse } from '../../src/passthrough/response.ts'
import { runInSlices } from '../../src/passthrough/slices.ts'

/** One token run after another: the work stops and goes on as often as it can. */
function finish<Work extends JsonCheck | JsonBuild>(work: Work): Work {
  while (!work.advance(0));
  return work
}

const isJson = (text: string) => finish(new JsonCheck(text)).isValid
const build = (text: string) => finish(new JsonBuild(text)).value

function parse(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) }
  } catch {
    return undefined
  }
}

const values = [
  ['null', 'true', 'false', '0', '-0', '-0.0', '10', '1.50', '1e5', '1E+5', '1e-7', '1e400', '9007199254740993'],
  [
    '""',
    '"a"',
    '"\\""',
    '"\\\\"',
    '"\\\\\\""',
    '"\\u00e9\\ud83d\\ude00"',
    '"é😀\u2028\ud800"',
    '"\\b\\f\\n\\r\\t\\/"',
    '"]}"',
  ],
  ['[]', '{}', '[[]]', '[{}]', '{"a":{}}', '[1,2]', '[ 1 , [ 2 ] ]', '{"a":1,"b":[{}]}', '{"a":[],"b":{},"c":0}'],
  [
    '{"a":1,"a":{"b":2}}',
    '{"b":0,"2":0,"1":0}',
    '{"":1}',
    '{"\\u0061":1,"a":2}',
    '{"__proto__":{"x":1},"constructor":2}',
  ],
  [' [1]', '[1] ', '\t\r\n{ "a" : 1 }\n', ' 1 '],
].flat()
const nonsense = [
  ['', ' ', 'nul', 'nulls', 'True', 'NaN', 'undefined', "'a'", '\ufeff1', '\u00a01', '1\u2028', '\v1', '//', '1 1'],
  ['01', '-', '+1', '.5', '1.', '1.e1', '1e', '1e+', '-01', '0x1', '1_0', '--1', '00', '1e1.5', 'Infinity'],
  ['"', '"\\"', '"\\x"', '"\\u00g0"', '"\\u00"', '"\n"', '"\t"', '"\u0000"', '"a" "b"', '"\\'],
  ['[', ']', '[1', '[1,]', '[,1]', '[1 2]', '[,]', '[1]]', '[}', '[1}', '{', '}', '{]', '{1:2}', '{"a"}', '{"a":}'],
  [
    '{"a":1,}',
    '{,"a":1}',
    '{"a" 1}',
    '{"a"::1}',
    '{"a":1 "b":2}',
    '{a:1}',
    '[:]',
    '{"a":1]',
    '["a":1]',
    '{"a",1}',
    ',',
    ':',
  ],
].flat()

describe('a text', () => {
  test.each(values)('that is JSON: %j', text => {
    expect(isJson(text)).toBe(true)
    expect(build(text)).toEqual(JSON.parse(text))
    expect(JSON.stringify(build(text))).toBe(JSON.stringify(JSON.parse(text)))
  })

  test.each(nonsense)('that is none: %j', text => {
    expect([parse(text), isJson(text)]).toEqual([undefined, false])
  })

  test('of any other kind is judged and read as JSON.parse does it', () => {
    const pieces = [
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '"',
      '\\',
      'u0041',
      '1',
      '-',
      '.',
      'e',
      '0',
      'true',
      'null',
      ' ',
      '\n',
    ]
    const pick = (from: readonly string[]) => from[randomInt(from.length)] ?? ''
    const spoil = (text: string) => {
      const at = randomInt(text.length + 1)
      return text.slice(0, at) + pick(['', ...pieces]) + text.slice(at + randomInt(2))
    }
    const write = (depth: number): string => {
      const inner = () => Array.from({ length: randomInt(4) }, () => write(depth - 1))
      if (depth === 0 || randomInt(4) === 0) return pick(values)
      if (randomInt(2) === 0) return `[${inner().join(pick([',', ' ,', ',\n']))}]`
      return `{${inner()
        .map(value => `${pick(['"a"', '"b"', '"7"', '"__proto__"'])}: ${value}`)
        .join()}}`
    }
    for (let round = 0; round < 20_000; round++) {
      const whole = write(4)
      const text = round % 2 === 0 ? spoil(whole) : whole
      const parsed = parse(text)
      expect([text, isJson(text)]).toEqual([text, parsed !== undefined])
      if (parsed !== undefined)
        expect([text, JSON.stringify(build(text))]).toEqual([text, JSON.stringify(parsed.value)])
    }
  })

  test('with a member called __proto__ gets no other prototype', () => {
    const read = build('{"__proto__":{"a":1}}') as object
    expect([Object.getPrototypeOf(read) === Object.prototype, Object.keys(read)]).toEqual([true, ['__proto__']])
  })
})

const respond = (body: string) => {
  const headers = [{ name: 'content-type', value: 'application/json' }]
  return new UpstreamResponse({ status: 200, headers, bytes: Buffer.from(body) })
}

const repeat = (value: string, length: number) =>
  `[${Array(Math.floor(length / (value.length + 1)))
    .fill(value)
    .join()}]`
const long = 3_000_000

/** How many turns the event loop had meanwhile: what held it up would leave it none. */
async function turnsWhile(work: Promise<unknown> | unknown): Promise<number> {
  let turns = 0
  let isOver = false
  const count = () => {
    turns += 1
    if (!isOver) setImmediate(count)
  }
  setImmediate(count)
  await work
  isOver = true
  return turns
}

describe('a large body of', () => {
  test.each([
    ['empty objects', repeat('{}', long)],
    ['numbers', repeat('0', long)],
    ['brackets', `${'['.repeat(long / 2)}${']'.repeat(long / 2)}`],
    ['objects', repeat('{"id":9007199254740993,"tags":["a"],"ok":true}', long)],
  ])('%s is embedded as it came, and others have their turns', async (_, body) => {
    const response = respond(body)
    expect(await turnsWhile(response.json())).toBeGreaterThan(1)
    expect((await response.json())?.text === body).toBe(true)
    expect(await turnsWhile(response.queryable())).toBeGreaterThan(1)
    expect((await response.queryable())?.select('$', 10_000).text === `[${body}]`).toBe(true)
  })

  test('nonsense is none', async () => {
    const response = respond(`${repeat('{}', long).slice(0, -1)},]`)
    expect([await response.json(), await response.queryable()]).toEqual([null, null])
  })

  test('anything is checked and read once', async () => {
    const response = respond(repeat('{}', long))
    expect(response.json()).toBe(response.json())
    expect(response.queryable()).toBe(response.queryable())
    await response.queryable()
  })
})

test('many at once take turns: each turn of the event loop belongs to one of them', async () => {
  const order: string[] = []
  const work = (name: string) => {
    let left = 3
    return runInSlices({
      advance() {
        order.push(name)
        setImmediate(() => order.push('others'))
        left -= 1
        return left === 0
      },
    })
  }
  await Promise.all([work('a'), work('b')])
  expect(order.filter(name => name !== 'others')).toEqual(['a', 'b', 'a', 'b', 'a', 'b'])
  for (const [at, name] of order.entries()) if (name !== 'others') expect(order[at + 1] ?? 'others').toBe('others')
})

test('work that fails fails alone', async () => {
  const failing = runInSlices({
    advance() {
      throw new TypeError('broken')
    },
  })
  const other = runInSlices(new JsonCheck('[1]'))
  await expect(failing).rejects.toThrow('broken')
  await expect(other).resolves.toBeUndefined()
})
