/** What happens to a connection while its token is being renewed: the newest word wins, and nothing comes back to life. */

import { describe, expect, test } from 'vitest'
import { createConnectionStore } from '../../../src/store/connections.ts'
import { createUpstream, sendJson } from '../../support/upstream.ts'
import { createVisitor } from '../../support/visitor.ts'
import {
  configureClient,
  disable,
  enable,
  erase,
  inspect,
  openVendorHouse,
  read,
  readRows,
  refresh,
} from './vendor-house.ts'

const consent = { integration: 'vendor', scheme: 'oauth2' }
const verify = { path: '/me', account: { id: '$.account' } }

describe('a connection that is deleted while its token is renewed', () => {
  test('stays gone, the waiting call is told so, and no new token is kept anywhere', async () => {
    await using house = await openVendorHouse()
    const { vendor, gateway } = house
    const id = await house.connect()
    vendor.behaviour.delayMs = 400
    const waiting = gateway.run(read, { id })
    await expect.poll(() => vendor.requests.length).toBe(1)
    await gateway.ask(erase, { id })
    const { errors } = await waiting
    expect(errors?.[0]?.extensions.code).toBe('CONNECTION_NOT_FOUND')
    expect(await house.codeOf(refresh, { id })).toBe('CONNECTION_NOT_FOUND')
    expect(vendor.calls).toEqual([])
    for (const table of ['connections', 'token_refreshes']) {
      expect({ table, rows: await readRows(gateway, `select * from ${table}`) }).toEqual({ table, rows: [] })
    }
    const events = await readRows(gateway, 'select type from connection_events order by id')
    expect(events.at(-1)).toEqual({ type: 'connection.deleted' })
  })
})

describe('a connection that is repaired while its token is renewed', () => {
  test('keeps what the end user brought, whatever the vendor answers to the renewal', async () => {
    await using house = await openVendorHouse()
    const { vendor, gateway } = house
    for (const refused of [false, true]) {
      const id = await house.connect(`ann-${refused}`)
      const url = await house.createLink({ endUserId: `ann-${refused}`, connectionId: id })
      const visitor = createVisitor()
      const left = await visitor.submit(await visitor.visit(url), consent)
      const consented = await visitor.visit(left.location ?? '')
      vendor.requests.length = 0
      vendor.behaviour.delayMs = 600
      if (refused) vendor.behaviour.failWith = { status: 400, body: '{"error":"invalid_grant"}' }
      const waiting = gateway.run(read, { id })
      await expect.poll(() => vendor.requests.length).toBe(1)
      // The answer to the renewal is decided only when its delay is over, so the repair has to be without one.
      vendor.behaviour.delayMs = 0
      const held = vendor.behaviour.failWith
      vendor.behaviour.failWith = undefined
      const done = await visitor.visit(consented.location ?? '')
      vendor.behaviour.failWith = held
      expect(done.status).toBe(200)
      const repaired = vendor.tokens.access
      await waiting
      vendor.behaviour.failWith = undefined
      // The vendor's newest token is the renewal's when it was given after the repair.
      vendor.tokens.access = repaired
      expect((await gateway.ask(inspect, { id })).connection).toMatchObject({ status: 'ACTIVE', statusReason: null })
      expect((await gateway.ask(read, { id })).passthrough).toEqual({ status: 200, attempts: 1 })
    }
  })

  test('works again, when the vendor ended the old grant in the middle of the repair', async () => {
    await using house = await openVendorHouse({ verify })
    const { vendor, gateway } = house
    const id = await house.connect('ann', new Date(Date.now() + 3_600_000).toISOString())
    const url = await house.createLink({ connectionId: id })
    const visitor = createVisitor()
    const left = await visitor.submit(await visitor.visit(url), consent)
    const consented = await visitor.visit(left.location ?? '')
    // The repair reads the connection, then asks the vendor for a code's token; meanwhile the old grant is refused.
    vendor.requests.length = 0
    vendor.behaviour.delayMs = 500
    const repairing = visitor.visit(consented.location ?? '')
    await expect.poll(() => vendor.requests.length).toBe(1)
    const service = gateway.app.services.connections
    const row = await service.get(gateway.app.workspace.id, id)
    expect(row?.status).toBe('ACTIVE')
    const store = createConnectionStore(gateway.database.db)
    const patch = { status: 'NEEDS_REAUTH' as const, statusReason: 'invalid_grant', statusChangedAt: new Date() }
    const { prepare } = service.admission
    let isMarked = false
    service.admission.prepare = async (...args) => {
      const candidate = await prepare.apply(service.admission, args)
      isMarked =
        (await store.update(gateway.app.workspace.id, id, patch, 'connection.needs_reauth', { version: 1 })) !==
        undefined
      return candidate
    }
    expect((await repairing).status).toBe(200)
    expect(isMarked).toBe(true)
    expect((await gateway.ask(inspect, { id })).connection).toMatchObject({ status: 'ACTIVE', statusReason: null })
    expect((await gateway.ask(read, { id })).passthrough.status).toBe(200)
  })
})

describe('a connection that is disabled while its token is renewed', () => {
  test('stays disabled when that comes between the refusal and its note', async () => {
    await using house = await openVendorHouse()
    const { gateway } = house
    const id = await house.connect()
    const store = createConnectionStore(gateway.database.db)
    const workspaceId = gateway.app.workspace.id
    await gateway.ask(disable, { id })
    const patch = { status: 'NEEDS_REAUTH' as const, statusReason: 'invalid_grant' }
    const only = { version: 1, unlessDisabled: true }
    expect(await store.update(workspaceId, id, patch, 'connection.needs_reauth', only)).toBeUndefined()
    expect((await gateway.ask(inspect, { id })).connection.status).toBe('DISABLED')
    await gateway.ask(enable, { id })
    expect(await store.update(workspaceId, id, patch, 'connection.needs_reauth', only)).toMatchObject(patch)
  })

  test('stays disabled with its new token kept, and works when it is enabled', async () => {
    await using house = await openVendorHouse()
    const { vendor, gateway } = house
    const id = await house.connect()
    vendor.behaviour.delayMs = 400
    const waiting = gateway.run(read, { id })
    await expect.poll(() => vendor.requests.length).toBe(1)
    await gateway.ask(disable, { id })
    await waiting
    expect(await house.codeOf(read, { id })).toBe('CONNECTION_DISABLED')
    expect((await gateway.ask(inspect, { id })).connection.status).toBe('DISABLED')
    await gateway.ask(enable, { id })
    expect((await gateway.ask(read, { id })).passthrough).toEqual({ status: 200, attempts: 1 })
    expect(vendor.requests).toHaveLength(1)
  })

  test('stays disabled when the vendor refuses, and no repair enables it', async () => {
    await using house = await openVendorHouse()
    const { vendor, gateway } = house
    const id = await house.connect()
    vendor.behaviour.delayMs = 400
    vendor.behaviour.failWith = { status: 400, body: '{"error":"invalid_grant"}' }
    const waiting = gateway.run(read, { id })
    await expect.poll(() => vendor.requests.length).toBe(1)
    await gateway.ask(disable, { id })
    await waiting
    expect((await gateway.ask(inspect, { id })).connection.status).toBe('DISABLED')
    vendor.behaviour.delayMs = 0
    vendor.behaviour.failWith = undefined
    const visitor = createVisitor()
    const page = await visitor.visit(await house.createLink({ connectionId: id }))
    await visitor.follow(await visitor.submit(page, consent))
    expect((await gateway.ask(inspect, { id })).connection.status).toBe('DISABLED')
    expect(await house.codeOf(read, { id })).toBe('CONNECTION_DISABLED')
  })
})

describe('a vendor that rotates and drops the connection before it answers', () => {
  test('is asked again with the token that there is; where it takes that once more, nothing is lost', async () => {
    let drops = 1
    const seen: (string | null)[] = []
    await using vendor = await createUpstream((request, response, raw) => {
      if (!request.url.startsWith('/token')) return sendJson(response, { ok: true })
      seen.push(new URLSearchParams(request.text).get('refresh_token'))
      if (drops-- > 0) return void raw.socket.destroy()
      sendJson(response, { access_token: 'new', refresh_token: 'r-2', expires_in: 3600 })
    })
    await using house = await openAt(vendor.url, vendor.host)
    expect((await house.gateway.ask(read, { id: house.id })).passthrough.status).toBe(200)
    expect(seen).toEqual(['r-1', 'r-1'])
  })

  test('and takes the spent one for theft: the end user is asked again, and nobody tries a third time', async () => {
    let isSpent = false
    const seen: string[] = []
    await using vendor = await createUpstream((request, response, raw) => {
      if (!request.url.startsWith('/token')) return sendJson(response, { ok: true })
      seen.push(request.text)
      if (isSpent) return sendJson(response, { error: 'invalid_grant' }, 400)
      isSpent = true
      raw.socket.destroy()
    })
    await using house = await openAt(vendor.url, vendor.host)
    const { errors } = await house.gateway.run(read, { id: house.id })
    expect(errors?.[0]?.extensions).toMatchObject({
      code: 'CONNECTION_NEEDS_REAUTH',
      connectUrl: expect.stringContaining('/connect/r-'),
    })
    await house.gateway.run(read, { id: house.id })
    await house.gateway.run(refresh, { id: house.id })
    expect(seen).toHaveLength(2)
  })
})

async function openAt(url: string, host: string) {
  const { createGateway } = await import('../../support/gateway.ts')
  const gateway = await createGateway({ allow: [host] })
  const auth = [{ scheme: 'oauth2', tokenUrl: `${url}/token` }]
  await gateway.createIntegration({ slug: 'acme', name: 'Acme', baseUrl: url, auth })
  await configureClient(gateway, 'acme')
  const oauth2 = { accessToken: 'old', refreshToken: 'r-1', expiresAt: '2020-01-01T00:00:00Z' }
  const id = await gateway.createConnection({ integration: 'acme', endUserId: 'ann', credential: { oauth2 } })
  return { gateway, id, [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose]() }
}
