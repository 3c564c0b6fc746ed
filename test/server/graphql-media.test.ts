/** Who writes a GraphQL request in a form that is not taken, or wants another answer than there is, is told so before anything runs. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { adminKey, createGateway, type TestGateway } from '../support/gateway.ts'

const listed = 'https://app.example'
let gateway: TestGateway
beforeAll(async () => {
  gateway = await createGateway({ env: { PASSGATE_CORS_ORIGINS: listed } })
})
afterAll(() => gateway[Symbol.asyncDispose]())

const mutation = 'mutation { createAccessKey(input: {name: "made", scopes: [PASSTHROUGH_READ]}) { secret } }'

async function post(headers: Record<string, string>, query = mutation) {
  const response = await fetch(new URL('graphql', gateway.url), {
    method: 'POST',
    headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query }),
  })
  return { status: response.status, headers: response.headers, text: await response.text() }
}

const countKeys = async () => (await gateway.ask('{ accessKeys(first: 100) { nodes { id } } }')).accessKeys.nodes.length

describe('a content type', () => {
  const takes = 'application/json, application/graphql, multipart/form-data or application/x-www-form-urlencoded'
  test.each([
    ['text/plain', '"text/plain"'],
    ['application/xml', '"application/xml"'],
    [`text/${'x'.repeat(200)}`, 'a text of 205 characters'],
  ])('%s is refused', async (type, got) => {
    const { status, headers, text } = await post({ 'content-type': type, origin: listed })
    const message = `The header content-type takes ${takes}; got ${got}.`
    expect([status, headers.get('content-type')]).toEqual([415, 'application/json; charset=utf-8'])
    const requestId = headers.get('x-request-id')
    const details = [{ field: 'headers.content-type', message }]
    const extensions = { code: 'INVALID_INPUT', origin: 'GATEWAY', requestId, details }
    expect(JSON.parse(text)).toEqual({ errors: [{ message, extensions }] })
    expect(headers.get('access-control-allow-origin')).toBe(listed)
  })

  test('none is refused', async () => {
    const body = new Blob([JSON.stringify({ query: mutation })])
    const headers = { authorization: `Bearer ${adminKey}` }
    const response = await fetch(new URL('graphql', gateway.url), { method: 'POST', headers, body })
    expect([response.status, (await response.json()).errors[0].message]).toEqual([
      415,
      `The header content-type takes ${takes}; got none.`,
    ])
  })
})

describe('a wish for an answer', () => {
  const takes = 'application/json, application/graphql-response+json, text/event-stream or multipart/mixed, in UTF-8'
  test.each(['application/xml', 'text/csv;q=1, image/*', 'application/json; charset=latin1'])(
    'as %s is refused, and nothing runs',
    async accept => {
      const before = await countKeys()
      const { status, headers, text } = await post({ accept })
      const message = `The header accept takes ${takes}; got ${JSON.stringify(accept)}.`
      expect([status, headers.get('content-type')]).toEqual([406, 'application/json; charset=utf-8'])
      const details = [{ field: 'headers.accept', message }]
      expect(JSON.parse(text)).toMatchObject({ errors: [{ message, extensions: { code: 'INVALID_INPUT', details } }] })
      expect(await countKeys()).toBe(before)
    },
  )

  test.each(['', '*/*', 'application/*', 'text/html, */*;q=0.1', 'text/event-stream', 'multipart/mixed'])(
    'as %j is met',
    async accept => expect((await post({ accept }, '{ viewer { name } }')).status).toBe(200),
  )

  test('as JSON is none for a subscription', async () => {
    const query = 'subscription { connectionEvents { connectionId } }'
    const { status, text } = await post({ accept: 'application/json' }, query)
    const message = 'The header accept takes text/event-stream for a subscription; got "application/json".'
    expect([status, JSON.parse(text).errors[0].message]).toEqual([406, message])
  })
})
