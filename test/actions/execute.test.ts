/** An action takes the road of every call: scopes, rules, one record, repeats that are safe; what is wrong with it is told by field. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { executeMutation, importMutation } from '../support/actions.ts'
import { sendJson } from '../support/upstream.ts'
import { type ActionVendor, createActionVendor, createKey } from './vendor.ts'

let vendor: ActionVendor
let failuresLeft = 0

const text = { type: 'string' }
const document = {
  openapi: '3.1.0',
  info: { title: 'Acme', version: '1' },
  paths: {
    '/things/{id}': {
      get: { operationId: 'read', parameters: [{ name: 'x-trace', in: 'header', schema: text }] },
      put: {
        operationId: 'write',
        requestBody: {
          required: true,
          content: { 'application/json': { schema: { type: 'object', properties: { a: text } } } },
        },
      },
    },
    '/upload': {
      post: { operationId: 'upload', requestBody: { required: true, content: { 'application/octet-stream': {} } } },
    },
  },
}

beforeAll(async () => {
  vendor = await createActionVendor((request, response) => {
    if (failuresLeft > 0) {
      failuresLeft -= 1
      return sendJson(response, { error: 'try again' }, 503)
    }
    sendJson(response, {
      method: request.method,
      url: request.url,
      body: request.text,
      count: vendor.upstream.seen.length,
    })
  })
  await vendor.gateway.ask(importMutation, { input: { integration: 'acme', name: 'doc', source: { document } } })
})
afterAll(() => vendor[Symbol.asyncDispose]())

const run = (action: string, input: object, more: object = {}, key?: string) =>
  vendor.gateway.run(executeMutation, { connectionId: vendor.connectionId, action, input, ...more }, key)

async function execute(action: string, input: object, more: object = {}, key?: string) {
  const { data, errors } = await run(action, input, more, key)
  expect(errors).toBeUndefined()
  return data.executeAction
}

const sent = () => vendor.upstream.seen.length

test('a call is recorded as an action, by its name', async () => {
  const { result } = await execute('write', { id: 'a/b', a: 'x' })
  expect(result).toMatchObject({ status: 200, attempts: 1, toCurl: expect.stringContaining('/things/a%2Fb') })
  expect(vendor.upstream.seen.at(-1)).toMatchObject({ method: 'PUT', url: '/things/a%2Fb', text: '{"a":"x"}' })
  expect(vendor.upstream.seen.at(-1)?.headers).toMatchObject({
    authorization: 'Bearer vendor-secret',
    'content-type': 'application/json',
  })
  await vendor.gateway.app.flush()
  const { calls } = await vendor.gateway.ask('{ calls(first: 1) { nodes { kind action method path status } } }')
  expect(calls.nodes).toEqual([{ kind: 'ACTION', action: 'write', method: 'PUT', path: '/things/a%2Fb', status: 200 }])
})

describe('scopes', () => {
  test('a safe method needs passthrough:read, another one passthrough:write', async () => {
    const reader = await createKey(vendor.gateway, ['PASSTHROUGH_READ'])
    expect(await execute('read', { id: '1' }, {}, reader)).toMatchObject({ status: 'SUCCESS' })
    const before = sent()
    const { errors } = await run('write', { id: '1', a: 7 }, {}, reader)
    expect(errors?.[0]).toMatchObject({
      message: expect.stringContaining('This needs the scope passthrough:write'),
      extensions: { code: 'FORBIDDEN' },
    })
    expect(sent()).toBe(before)
  })

  test('whoever may call nothing is told nothing', async () => {
    const other = await createKey(vendor.gateway, ['CONNECTIONS_READ'])
    for (const variables of [{ connectionId: 'conn_00000000000000000000000000' }, {}]) {
      const { errors } = await run('nope', {}, variables, other)
      expect(errors?.[0]?.extensions.code).toBe('FORBIDDEN')
    }
  })
})

test('rules are asked as for any call', async () => {
  const rules = [{ effect: 'DENY', name: 'no things', paths: ['/things/*'] }]
  const key = await createKey(vendor.gateway, ['PASSTHROUGH_WRITE', 'PASSTHROUGH_READ'], { rules })
  const before = sent()
  const { errors } = await run('read', { id: '1' }, {}, key)
  expect(errors?.[0]).toMatchObject({
    message: expect.stringContaining('no things'),
    extensions: { code: 'POLICY_DENIED' },
  })
  expect(await execute('ping', {}, {}, key)).toMatchObject({ status: 'SUCCESS' })
  expect(sent()).toBe(before + 1)
})

describe('repeats', () => {
  test('a read is sent again by itself, a write is not', async () => {
    failuresLeft = 1
    expect(await execute('read', { id: '1' })).toMatchObject({ status: 'SUCCESS', result: { attempts: 2 } })
    failuresLeft = 1
    expect(await execute('write', { id: '1' })).toMatchObject({
      status: 'FAILED',
      httpStatus: 503,
      result: { attempts: 1 },
    })
  })

  test('the same idempotency key answers the same write once, and refuses another', async () => {
    const key = { idempotencyKey: 'write-1' }
    const first = await execute('write', { id: '1', a: 'x' }, key)
    const before = sent()
    expect(await execute('write', { id: '1', a: 'x' }, key)).toMatchObject({
      data: first.data,
      result: { attempts: 0 },
    })
    const { errors } = await run('write', { id: '1', a: 'y' }, key)
    expect(errors?.[0]?.extensions.code).toBe('IDEMPOTENCY_CONFLICT')
    expect(sent()).toBe(before)
  })
})

describe('is refused, and nothing is sent:', () => {
  test.each<[string, string, object, object]>([
    [
      'an action that is not there',
      'nope',
      {},
      { code: 'ACTION_NOT_FOUND', message: 'The integration "acme" has no action "nope".', field: 'action' },
    ],
    ['a name that is no text of a database', 'a\u0000b', {}, { code: 'ACTION_NOT_FOUND', field: 'action' }],
    [
      'a missing field',
      'read',
      {},
      { code: 'INVALID_INPUT', field: 'input.id', message: 'input.id is missing; the action needs it.' },
    ],
    [
      'a segment that means another place',
      'read',
      { id: '..' },
      { code: 'INVALID_INPUT', field: 'input.id', message: 'input.id is "..", which would mean another place.' },
    ],
    [
      'an empty segment',
      'read',
      { id: '' },
      {
        code: 'INVALID_INPUT',
        field: 'input.id',
        message: 'input.id is empty; the path would mean another place without it.',
      },
    ],
    [
      'a header with a line break',
      'read',
      { id: '1', 'x-trace': 'a\r\nb: c' },
      {
        code: 'INVALID_INPUT',
        field: 'input.x-trace',
        message: expect.stringContaining('input.x-trace has a line break'),
      },
    ],
    [
      'bytes that are no base64',
      'upload',
      { body: '***' },
      { code: 'INVALID_INPUT', field: 'input.body', message: expect.stringContaining('input.body') },
    ],
  ])(
    '%s',
    async (_what, action, input, {
      code,
      message = expect.any(String),
      field,
    }: { code?: string; message?: string; field?: string }) => {
      const before = sent()
      const { data, errors } = await run(action, input)
      expect(data.executeAction).toBeNull()
      expect(errors?.[0]).toMatchObject({ message, extensions: { code, details: [{ field }] } })
      expect(sent()).toBe(before)
    },
  )

  test('no input at all counts as an empty one', async () => {
    const answer = await vendor.gateway.run(
      'mutation($id: ID!) { executeAction(connectionId: $id, action: "ping") { status } }',
      { id: vendor.connectionId },
    )
    expect(answer.data).toEqual({ executeAction: { status: 'SUCCESS' } })
  })

  test('a connection that is disabled', async () => {
    const disable = 'mutation($id: ID!) { disableConnection(input: {id: $id}) { connection { status } } }'
    const credential = { bearer: { token: 'x' } }
    const id = await vendor.gateway.createConnection({ integration: 'acme', endUserId: 'off', credential })
    await vendor.gateway.ask(disable, { id })
    const { errors } = await run('ping', {}, { connectionId: id })
    expect(errors?.[0]?.extensions.code).toBe('CONNECTION_DISABLED')
  })
})

test('an action counts as a call of its operation, which is refused before the first when there are too many', async () => {
  const inner = 'result { connection { p: passthrough(path: "/p") { status } q: passthrough(path: "/q") { status } } }'
  const aliases = (selection: string) =>
    Array.from(
      { length: 100 },
      (_, index) => `a${index}: executeAction(connectionId: $id, action: "ping") { ${selection} }`,
    )
  const ask = (selection: string) =>
    vendor.gateway.run(`mutation($id: ID!) { ${aliases(selection).join(' ')} }`, { id: vendor.connectionId })
  const before = sent()
  const { errors } = await ask(inner)
  expect(errors?.[0]).toMatchObject({
    message: 'This operation could make 300 upstream calls; one makes at most 200. Send several operations.',
    extensions: { code: 'BUDGET_EXCEEDED' },
  })
  expect(sent()).toBe(before)
  expect((await ask('status')).errors).toBeUndefined()
  expect(sent()).toBe(before + 100)
})
