/** A caller who does not wait is no failure of the vendor's: recorded, and counted as a call that did not fail. */
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { adminKey, createGateway } from '../support/gateway.ts'
import { createUpstream } from '../support/upstream.ts'

test('by GraphQL and on the raw route', async () => {
  const arrivals: (() => void)[] = []
  const gone: Promise<unknown>[] = []
  await using upstream = await createUpstream((_request, response) => {
    gone.push(once(response, 'close'))
    arrivals.shift()?.()
  })
  await using gateway = await createGateway({ allow: [upstream.host] })
  await gateway.createIntegration({ slug: 'slow', name: 'Slow', baseUrl: upstream.url, auth: [{ scheme: 'none' }] })
  const id = await gateway.createConnection({
    integration: 'slow',
    endUserId: 'ann',
    credential: { none: { ok: true } },
  })
  const headers = { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' }
  const leave = async (start: (signal: AbortSignal) => Promise<unknown>) => {
    const leaving = new AbortController()
    const arrived = new Promise<void>(resolve => arrivals.push(resolve))
    const left = start(leaving.signal).catch((error: Error) => error.name)
    await arrived
    leaving.abort()
    expect(await left).toBe('AbortError')
  }
  const query = `{ passthrough(connectionId: "${id}", path: "/graphql") { status } }`
  const body = JSON.stringify({ query })
  await leave(signal => fetch(new URL('graphql', gateway.url), { method: 'POST', headers, body, signal }))
  await leave(signal => fetch(new URL(`passthrough/${id}/raw`, gateway.url), { headers, signal }))
  await Promise.all(gone)
  await gateway.app.services.gateway.whenIdle(10_000)
  await gateway.app.flush()
  const { calls, callStats, failed, others } = await gateway.ask(`{
    calls { nodes { path status errorCode attemptLog { status reason } } }
    callStats { total { calls failures errorRate } }
    failed: calls(filter: { failed: true }) { nodes { path } }
    others: calls(filter: { failed: false }) { nodes { path } }
  }`)
  const attemptLog = [{ status: null, reason: 'the caller left' }]
  const ofBoth = ['/raw', '/graphql'].map(path => ({ path, status: null, errorCode: null, attemptLog }))
  expect(calls.nodes).toEqual(ofBoth)
  expect(callStats.total).toEqual({ calls: 2, failures: 0, errorRate: 0 })
  expect([failed.nodes, others.nodes]).toEqual([[], [{ path: '/raw' }, { path: '/graphql' }]])
})
