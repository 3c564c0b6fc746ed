/** Rules about bodies may name every element of a list, within bounds, and never search. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkCallBodies } from '../../src/connections/call-body-settings.ts'
import { keep } from './keep-answer.ts'

describe('a path with [*]', () => {
  test.each([
    [
      '$.data[*].email',
      '{"data":[{"email":"canary","n":1},{"n":2},{"email":"canary"}]}',
      '{"data":[{"email":"[redacted]","n":1},{"n":2},{"email":"[redacted]"}]}',
    ],
    ['$[*].pin', '[{"pin":"canary"},{"pin":["canary"]},7,null]', '[{"pin":"[redacted]"},{"pin":"[redacted]"},7,null]'],
    [
      '$.users[*].pin',
      '{"users":{"ann":{"pin":"canary"},"bob":{"pin":"canary","n":1}}}',
      '{"users":{"ann":{"pin":"[redacted]"},"bob":{"pin":"[redacted]","n":1}}}',
    ],
    [
      '$.rows[*][ * ]',
      '{"rows":[["canary",2],[],[null]],"n":[[1]]}',
      '{"rows":[["[redacted]","[redacted]"],[],["[redacted]"]],"n":[[1]]}',
    ],
    [
      '$.a.*',
      '{"a":{"x":"canary","__proto__":"canary"},"b":1}',
      '{"a":{"x":"[redacted]","__proto__":"[redacted]"},"b":1}',
    ],
    [
      '$.list[*][-1].pin',
      '{"list":[[{"pin":1},{"pin":"canary"}],[]]}',
      '{"list":[[{"pin":1},{"pin":"[redacted]"}],[]]}',
    ],
    ['$.big[*].x', '{"big":[12345678901234567890,{"x":1}]}', '{"big":[12345678901234567890,{"x":"[redacted]"}]}'],
    ["$['a[*]b']", '{"a[*]b":"canary","a":["kept"]}', '{"a[*]b":"[redacted]","a":["kept"]}'],
    ['$.none[*].x', '{"some":[{"x":"kept"}]}', '{"some":[{"x":"kept"}]}'],
  ])('%s takes the values of every member out', async (rule, body, kept) => {
    expect((await keep(body, { rules: [rule] })).text).toBe(kept)
  })

  test('reaches every value at its place, of any shape', async () => {
    const step = fc.oneof(fc.constantFrom('a', 'b'), fc.nat(2))
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 4 }),
        fc.array(fc.boolean()),
        fc.json(),
        async (path, every, filler) => {
          const value = path.reduceRight<unknown>((inner, name) => {
            if (typeof name === 'string') return { before: JSON.parse(filler), [name]: inner }
            return [...Array.from({ length: name }, () => JSON.parse(filler)), inner]
          }, 'the-canary')
          const rule = path.map((name, at) =>
            every[at] ? '[*]' : `[${typeof name === 'number' ? name : `'${name}'`}]`,
          )
          const { text, body } = await keep(JSON.stringify(value), { rules: [`$${rule.join('')}`], maxBytes: 100_000 })
          expect(text ?? body?.omitted).not.toContain('the-canary')
        },
      ),
      { numRuns: 200 },
    )
  })

  test('keeps a body out that has more values on the paths than are looked at', async () => {
    const body = JSON.stringify(Array(4100).fill({ a: 'canary' }))
    const rules = Array.from({ length: 50 }, (_, index) => `$[*]['${index}']`)
    const kept = await keep(body, { rules, maxBytes: 200_000 })
    expect(kept.body).toMatchObject({ bytes: null, omitted: 'The redaction rules look at too many values of it.' })
    const { text } = await keep(body, { rules: rules.slice(0, 48), maxBytes: 200_000 })
    expect(text).toBe(body)
  })
})

describe('the setting', () => {
  const set = (rule: string) => checkCallBodies('callBodies', { maxBytes: 1, retentionDays: 1, redact: [rule] })

  test.each(['$.data[*].email', '$[*]', '$.a.*.b', '$.a[*][*]', "$['x y'][ * ].z"])('takes %s', rule => {
    expect(set(rule)?.redact).toEqual([rule])
  })

  test.each([
    '$..email',
    '$.data..email',
    '$..*',
    '$.data[*]..x',
    '$',
    '$.',
    '$.a[',
    '$.a[0:2]',
    '$.a[0,1]',
    '$.a[?@.b]',
    '$[**]',
    '$.a*',
  ])('refuses %s', rule => {
    expect(() => set(rule)).toThrow(
      expect.objectContaining({
        code: 'INVALID_INPUT',
        message: `callBodies.redact.0 takes a header name, or a JSONPath that names every step (names, indexes, [*]; no ..) such as $.data[*].email; got ${JSON.stringify(rule)}.`,
      }),
    )
  })
})
