import { expect, test } from 'vitest'
import { GatewayError } from '../../src/errors.ts'
import { defaultMaxBytes, Memory } from '../../src/gateway/memory.ts'
import { createGateway } from '../support/gateway.ts'
import { createUpstream } from '../support/upstream.ts'

test('takes up to its bound, and what is given back again', () => {
  const memory = new Memory(100)
  memory.take(60)
  expect(() => memory.take(41)).toThrow(GatewayError)
  memory.take(40)
  memory.give(60)
  memory.take(60)
  expect(memory.heldBytes).toBe(100)
  expect(defaultMaxBytes()).toBeGreaterThanOrEqual(128 * 1024 * 1024)
})

test('answers and bodies are held while they are needed, and no longer', async () => {
  await using upstream = await createUpstream((request, response) => {
    if (request.url === '/reset') return void response.destroy()
    response.end(Buffer.alloc(1_000_000))
  })
  await using gateway = await createGateway({ allow: [upstream.host] })
  const { memory } = gateway.app.services.gateway
  await gateway.createIntegration({ slug: 'v', name: 'V', baseUrl: upstream.url, auth: [{ scheme: 'none' }] })
  await gateway.createConnection({ integration: 'v', endUserId: 'u', credential: { none: { ok: true } } })
  let most = 0
  const take = memory.take.bind(memory)
  memory.take = bytes => {
    take(bytes)
    most = Math.max(most, memory.heldBytes)
  }
  const read = (path: string) =>
    gateway.run(`{ passthrough(integration: "v", endUserId: "u", path: "${path}") { sizeBytes } }`)
  await Promise.all(['/a', '/b', '/reset', '/c'].map(read))
  expect(most).toBeGreaterThan(1_000_000)
  await expect.poll(() => memory.heldBytes).toBe(0)
})

test('what is more than there is gets OVERLOADED, as an error of its field or before the body is read', async () => {
  await using upstream = await createUpstream((_request, response) => response.end(Buffer.alloc(1_000_000)))
  await using gateway = await createGateway({ allow: [upstream.host] })
  const { memory } = gateway.app.services.gateway
  await gateway.createIntegration({ slug: 'v', name: 'V', baseUrl: upstream.url, auth: [{ scheme: 'none' }] })
  await gateway.createConnection({ integration: 'v', endUserId: 'u', credential: { none: { ok: true } } })
  const free = defaultMaxBytes() - 500_000
  memory.take(free)
  const read = () => gateway.run('{ passthrough(integration: "v", endUserId: "u", path: "/") { sizeBytes } }')
  expect((await read()).errors?.[0]?.extensions).toMatchObject({ code: 'OVERLOADED', retryAfterMs: 1000 })
  const large = await gateway.run('query($b: JSON) { __typename }', { b: 'x'.repeat(600_000) })
  expect([large.status, large.errors?.[0]?.extensions.code]).toEqual([503, 'OVERLOADED'])
  memory.give(free)
  expect((await read()).data.passthrough.sizeBytes).toBe(1_000_000)
})
