/** An address that leads nowhere, or not with this method, is refused like everything else: a problem that says what there is. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { sendRaw } from './send-raw.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await createGateway()
})
afterAll(() => gateway[Symbol.asyncDispose]())

async function send(method: string, path: string, headers: Record<string, string> = {}, body?: string) {
  const answer = await sendRaw(path, {
    origin: new URL(gateway.url),
    key: null,
    method,
    headers,
    ...(body && { body }),
  })
  return { ...answer, problem: answer.text === '' ? undefined : JSON.parse(answer.text) }
}

const there = 'this gateway has /graphql, /passthrough/{connectionId}/{path}, /livez, /readyz and /metrics.'

describe('an unknown address', () => {
  test.each([
    ['GET', '/passthrough', '/passthrough'],
    ['POST', '/graphql/', '/graphql/'],
    ['POST', '/graphiql', '/graphiql'],
    ['GET', '/livez/', '/livez/'],
    ['PROPFIND', '/v1/users?access_token=canary', '/v1/users'],
    ['GET', '/logos/nobody.svg', '/logos/nobody.svg'],
    ['GET', `/${'x'.repeat(300)}`, `/${'x'.repeat(199)}…`],
  ])('%s %s', async (method, path, shown) => {
    const { status, headers, problem, text } = await send(method, path, { 'x-request-id': 'order-4711-a' })
    const message = `There is nothing at ${shown}; ${there}`
    expect([status, headers['content-type']]).toEqual([404, 'application/problem+json'])
    expect(problem).toEqual({
      type: 'about:blank',
      title: 'INVALID_INPUT',
      status: 404,
      detail: message,
      code: 'INVALID_INPUT',
      error: { code: 'INVALID_INPUT', message },
      origin: 'GATEWAY',
      requestId: 'order-4711-a',
      details: [{ field: 'path', message }],
    })
    expect(headers).toMatchObject({ 'x-request-id': 'order-4711-a', 'x-passgate-error': 'INVALID_INPUT' })
    expect(text).not.toContain('canary')
  })

  test('with a body of any type is no other', async () => {
    const { status, problem } = await send('POST', '/nothing', { 'content-type': 'application/xml' }, '<a/>')
    expect([status, problem.detail]).toEqual([404, `There is nothing at /nothing; ${there}`])
  })

  test('to HEAD has no body', async () => {
    const { status, headers, text } = await send('HEAD', '/nothing')
    expect([status, headers['content-type'], text]).toEqual([404, 'application/problem+json', ''])
  })

  test('that cannot be decoded is refused by that', async () => {
    const { status, problem } = await send('GET', '/%zz?key=canary')
    const message = 'The address /%zz has percent-encoding that is no UTF-8.'
    expect([status, problem.code, problem.details]).toEqual([400, 'INVALID_INPUT', [{ field: 'path', message }]])
  })
})

describe('a known address', () => {
  test.each([
    ['POST', '/livez', 'GET, HEAD'],
    ['DELETE', '/readyz?x=1', 'GET, HEAD'],
    ['PUT', '/metrics', 'GET, HEAD'],
    ['OPTIONS', '/.well-known/jwks.json', 'GET, HEAD'],
    ['POST', '/logos/github.svg', 'GET, HEAD'],
    ['POST', '/oauth/callback', 'GET, HEAD'],
    ['POST', '/', 'GET, HEAD'],
  ])('%s %s hears what it takes', async (method, path, allow) => {
    const { status, headers, problem } = await send(method, path)
    const message = `${path.replace(/\?.*/, '')} takes ${allow}; got ${method}.`
    expect([status, headers.allow]).toEqual([405, allow])
    expect(problem).toMatchObject({ code: 'INVALID_INPUT', status: 405, details: [{ field: 'method', message }] })
    expect(problem.requestId).toBe(headers['x-request-id'])
  })
})

test('the refusal is counted and logged by its code', async () => {
  await send('GET', '/nowhere', { 'x-request-id': 'order-4712-a' })
  await expect
    .poll(() =>
      gateway
        .log()
        .split('\n')
        .find(line => line.includes('order-4712-a')),
    )
    .toContain('INVALID_INPUT')
  expect(await (await fetch(new URL('metrics', gateway.url))).text()).toMatch(/code="INVALID_INPUT"/)
})
