/** No spelling of a path slips past a rule: judged in every reading, and refused where it can have too many. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Bypass, createBypass } from './bypass.ts'

let bypass: Bypass
let tokens: Record<'contacts' | 'one' | 'admin', string>

beforeAll(async () => {
  bypass = await createBypass()
  tokens = {
    contacts: await bypass.session([{ effect: 'ALLOW', methods: ['GET'], paths: ['/contacts*'] }]),
    one: await bypass.session([{ effect: 'ALLOW', methods: ['GET'], paths: ['/contacts/:id'] }]),
    admin: await bypass.session([{ effect: 'DENY', paths: ['/admin*', '/caf%C3%A9', '/chat.delete'] }]),
  }
})
afterAll(() => bypass[Symbol.asyncDispose]())

const denied = 'POLICY_DENIED'
const invalid = 'INVALID_INPUT'

/** On the raw route a path of one segment that is encoded is decoded first: what is no UTF-8 ends there. */
type Row = readonly [who: keyof typeof tokens, path: string, code: string, rawCode?: string]

const tries: Row[] = [
  ['one', '/contacts/1%2f%ffdelete', denied],
  ['one', '/contacts/1%ff%2fdelete', denied],
  ['one', '/contacts/1%2fdelete', denied],
  ['one', '/contacts/1%252fdelete', denied],
  ['one', '/contacts/1%5cdelete', denied],
  ['one', '/contacts/1%c0%afdelete', denied],
  ['one', '/contacts/1%u002fdelete', denied],
  ['one', '/contacts/1%e2%88%95delete', denied],
  ['one', '/contacts/1%ef%bc%8fdelete', denied],
  ['one', '/contacts/1%00/delete', denied],
  ['one', '/contacts/1%25', denied],
  ['one', '/contacts/1%', denied],
  ['one', '/contacts/1%25252525252541', denied],
  ['contacts', '/contacts/..%3b/admin', denied],
  ['contacts', '/contacts/..%3bx=y%2fadmin', denied],
  ['contacts', '/contacts/..%23/admin', denied],
  ['contacts', '/contacts/..%3f/admin', denied],
  ['contacts', '/contacts/..%01/admin', denied],
  ['contacts', '/contacts/..%0b/admin', denied],
  ['contacts', '/contacts/..%7f/admin', denied],
  ['contacts', '/contacts/..%c2%a0/admin', denied],
  ['contacts', '/contacts/..%e2%80%8b/admin', denied],
  ['contacts', '/contacts/%2e%2e%00.json/admin', denied],
  ['contacts', '/contacts/%%32%65%%32%65/admin', denied],
  ['contacts', '/contacts/%2%65%2%65/admin', denied],
  ['contacts', '/contacts/%ef%bc%8e%ef%bc%8e/admin', denied],
  ['contacts', '/contacts/%e2%80%a5/admin', denied],
  ['contacts', '/contacts/%2e%2e%ff/admin', denied],
  ['contacts', '/contacts/%2e%2e%2fadmin', invalid],
  ['contacts', '/contacts/..;/admin', invalid],
  ['contacts', '/%63ontacts', denied],
  ['admin', '/admin', denied],
  ['admin', '/%61%64%6d%69%6e%2f%ff', denied, invalid],
  ['admin', '/%ff%61dmin', denied],
  ['admin', '/%61%64%6d%69%6e%ff', denied],
  ['admin', '/%20admin', denied],
  ['admin', '/%c2%a0admin', denied],
  ['admin', '/ad%00min', denied],
  ['admin', '/ad%c2%admin', denied],
  ['admin', '/%u0061dmin', denied],
  ['admin', '/adm%C4%B1n', denied],
  ['admin', '/ADM%C4%B0N', denied],
  ['admin', '/%ef%bd%81dmin', denied],
  ['admin', '/%2561dmin', denied],
  ['admin', '/%2fadmin', denied],
  ['admin', '/%5cadmin', denied],
  ['admin', '/;x/admin', denied],
  ['admin', '/%3bx/admin', denied],
  ['admin', '/CAF%C3%89', denied],
  ['admin', '/cafe%CC%81', denied],
  ['admin', '/chat.delete/', denied],
  ['admin', '/chat.delete.', denied],
  ['admin', '/chat.delete%20', denied],
  ['admin', '/chat%2edelete;v=1', denied],
  ['admin', '/chat.delete%3fx', denied],
  ['admin', '/%EF%BD%83hat.delete', denied],
]

describe('nothing is sent', () => {
  const rows = tries.map(([who, path, code, rawCode = code]) => [who, path, code, rawCode] as const)
  test.each(rows)('%s: %s', async (who, path, code, rawCode) => {
    const id = bypass.connections.flat
    expect(await bypass.attempt(tokens[who], id, { path })).toEqual([code, 0])
    expect(await bypass.attemptRaw(tokens[who], id, { target: path })).toEqual([rawCode, 0])
  })
})

test.each<[path: string, says: string]>([
  [
    '/contacts/%ff',
    'The path has bytes that are no UTF-8; rules of the session name paths, and let no such request pass.',
  ],
  ['/contacts/%u0041', 'The path has an encoding with %u; '],
  ['/contacts/100%25', 'The path has a percent sign that begins no encoded byte; '],
  ['/contacts/%07', 'The path has a control character; '],
  ['/contacts/..%3b/x', 'The path has a "." or ".." segment in one of its readings; '],
  ['/contacts/%25252525252541', 'The path has more than 5 encodings in each other; '],
])('%s: says what is odd', async (path, says) => {
  const query = 'query($id: ID!, $path: String!) { explain(connectionId: $id, path: $path) { refusal { message } } }'
  const variables = { id: bypass.connections.flat, path }
  const { explain } = await bypass.gateway.ask(query, variables, tokens.contacts)
  expect(explain.refusal.message).toContain(says)
})

describe('what is meant to pass passes', () => {
  test.each<[who: keyof typeof tokens, path: string]>([
    ['one', '/contacts/1'],
    ['one', '/contacts/a%20b'],
    ['one', '/contacts/S%C3%A3o'],
    ['one', '/contacts/a.b'],
    ['one', '/contacts/...'],
    ['one', '/contacts/a+b,c;v=1'],
    ['contacts', '/contacts'],
    ['contacts', '/contacts/group%2Fproject/issues'],
    ['contacts', '/contacts/a%3Fb'],
    ['admin', '/projects/group%2Fproject'],
    ['admin', '/badmin'],
    ['admin', '/x/admin'],
    ['admin', '/caf%C3%A9s'],
  ])('%s: %s', async (who, path) => {
    const id = bypass.connections.flat
    expect(await bypass.attempt(tokens[who], id, { path })).toEqual(['sent', 1])
    expect(await bypass.attemptRaw(tokens[who], id, { target: path })).toEqual(['sent', 1])
    expect(bypass.upstream.seen.slice(-2).map(({ url }) => url)).toEqual([path, path])
  })

  test('an odd path, where no rule that concerns it names paths', async () => {
    const elsewhere = await bypass.session([{ effect: 'DENY', integrations: ['based'], paths: ['/admin*'] }])
    const byMethod = await bypass.session([{ effect: 'DENY', methods: ['DELETE'] }])
    for (const token of [elsewhere, byMethod]) {
      for (const path of ['/contacts/%ff', '/contacts/100%25']) {
        expect(await bypass.attempt(token, bypass.connections.flat, { path })).toEqual(['sent', 1])
      }
    }
  })
})

test.each([
  'x-original-url',
  'X-Rewrite-URL',
  'X_Original_URL',
  'x-forwarded-uri',
  'x-forwarded-path',
  'X-Forwarded-Prefix',
])('the header %s may name another path: not where rules name paths', async name => {
  const id = bypass.connections.flat
  const asked = { path: '/contacts', headers: { [name]: '/admin' } }
  const raw = { target: '/contacts', headers: [name, '/admin'] }
  for (const token of [tokens.contacts, tokens.admin]) {
    expect(await bypass.attempt(token, id, asked)).toEqual([denied, 0])
    expect(await bypass.attemptRaw(token, id, raw)).toEqual([denied, 0])
  }
  const byMethod = await bypass.session([{ effect: 'ALLOW', methods: ['GET'] }])
  expect(await bypass.attempt(byMethod, id, asked)).toEqual(['sent', 1])
  expect(await bypass.attemptRaw(byMethod, id, raw)).toEqual(['sent', 1])
})
