/** Enabling a connection gives back what it was: one whose credential is dead needs its end user, however it got there. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createConnectionStore } from '../../src/store/connections.ts'
import { createVisitor } from '../support/visitor.ts'
import {
  disable,
  enable,
  inspect,
  openVendorHouse,
  read,
  readRows,
  refresh,
  type VendorHouse,
} from './attacks/vendor-house.ts'

const refusal = 'The token endpoint answered 400: invalid_grant: no such token'
const consent = { integration: 'vendor', scheme: 'oauth2' }

let house: VendorHouse
beforeEach(async () => {
  house = await openVendorHouse()
})
afterEach(() => house[Symbol.asyncDispose]())

const ask = async (mutation: string, id: string) => Object.values(await house.gateway.ask(mutation, { id }))[0]
const look = async (id: string) => (await house.gateway.ask(inspect, { id })).connection

/** The vendor forgets the refresh token that the connection has. */
function kill(): void {
  house.vendor.tokens.refresh = 'another'
}

async function repair(id: string): Promise<void> {
  const visitor = createVisitor()
  const page = await visitor.visit(await house.createLink({ connectionId: id, integrations: undefined }))
  expect((await visitor.follow(await visitor.submit(page, consent))).status).toBe(200)
}

describe('a connection that needs its end user', () => {
  test('needs it still once it was disabled and enabled, and nobody asks the vendor', async () => {
    const id = await house.connect()
    kill()
    expect(await house.codeOf(read, { id })).toBe('CONNECTION_NEEDS_REAUTH')
    expect(await ask(disable, id)).toEqual({ connection: { status: 'DISABLED' } })
    expect(await ask(disable, id)).toEqual({ connection: { status: 'DISABLED' } })
    expect(await look(id)).toMatchObject({ status: 'DISABLED', statusReason: refusal })
    expect(await house.codeOf(read, { id })).toBe('CONNECTION_DISABLED')
    expect(await ask(enable, id)).toEqual({ connection: { status: 'NEEDS_REAUTH' } })
    expect(await look(id)).toMatchObject({ status: 'NEEDS_REAUTH', statusReason: refusal })
    const { errors } = await house.gateway.run(read, { id })
    expect(errors?.[0]).toMatchObject({
      message: `The credential of ${id} no longer works; its end user has to connect again. ${refusal}`,
      extensions: { code: 'CONNECTION_NEEDS_REAUTH', connectUrl: expect.stringContaining('/connect/') },
    })
    expect(house.vendor.requests).toHaveLength(1)
  })

  test('is told as one when it is enabled', async () => {
    const id = await house.connect()
    kill()
    await house.codeOf(read, { id })
    await ask(disable, id)
    await ask(enable, id)
    const types = (await readRows(house.gateway, 'select type from connection_events')).map(({ type }) => type)
    expect(types.filter(type => type === 'connection.needs_reauth')).toHaveLength(2)
  })

  test('that is repaired while it is disabled works when it is enabled', async () => {
    const id = await house.connect()
    kill()
    await house.codeOf(read, { id })
    await ask(disable, id)
    await repair(id)
    expect(await look(id)).toMatchObject({ status: 'DISABLED', statusReason: null })
    expect(await ask(enable, id)).toEqual({ connection: { status: 'ACTIVE' } })
    expect((await house.gateway.ask(read, { id })).passthrough.status).toBe(200)
  })
})

describe('a connection that is disabled', () => {
  test('and refused meanwhile needs its end user when it is enabled', async () => {
    const id = await house.connect()
    house.vendor.behaviour.delayMs = 400
    kill()
    const waiting = house.codeOf(read, { id })
    await expect.poll(() => house.vendor.requests.length).toBe(1)
    await ask(disable, id)
    expect(await waiting).toBe('CONNECTION_NEEDS_REAUTH')
    expect(await look(id)).toMatchObject({ status: 'DISABLED', statusReason: refusal })
    expect(await ask(enable, id)).toEqual({ connection: { status: 'NEEDS_REAUTH' } })
  })

  test('and refused meanwhile is not asked for by the upkeep, and lives when its refresh succeeds', async () => {
    const id = await house.connect()
    await ask(disable, id)
    const good = house.vendor.tokens.refresh
    kill()
    expect(await house.codeOf(refresh, { id })).toBe('CONNECTION_NEEDS_REAUTH')
    expect(await look(id)).toMatchObject({ status: 'DISABLED', statusReason: refusal })
    const { db } = house.gateway.database
    await db.execute("update token_refreshes set due_at = now() - interval '1 second'")
    expect(await house.gateway.app.services.connections.keepAlive(10)).toBe(1)
    expect(house.vendor.requests).toHaveLength(1)
    house.vendor.tokens.refresh = good
    expect(await ask(refresh, id)).toEqual({ connection: { status: 'DISABLED' } })
    expect(await look(id)).toMatchObject({ status: 'DISABLED', statusReason: null })
    expect(await ask(enable, id)).toEqual({ connection: { status: 'ACTIVE' } })
  })

  test('and good is active again', async () => {
    const id = await house.connect()
    await ask(disable, id)
    expect(await ask(enable, id)).toEqual({ connection: { status: 'ACTIVE' } })
    expect(await ask(enable, id)).toEqual({ connection: { status: 'ACTIVE' } })
    expect((await house.gateway.ask(read, { id })).passthrough.status).toBe(200)
  })
})

test('a repair between the look and the enabling has the last word', async () => {
  const id = await house.connect()
  kill()
  await house.codeOf(read, { id })
  await ask(disable, id)
  const store = createConnectionStore(house.gateway.database.db)
  const workspaceId = house.gateway.app.workspace.id
  const stale = await store.get(workspaceId, id)
  await repair(id)
  const patch = { status: 'NEEDS_REAUTH' as const }
  const only = { version: stale?.credentialVersion ?? 0, onlyDisabled: true }
  expect(await store.update(workspaceId, id, patch, 'connection.needs_reauth', only)).toBeUndefined()
  expect(await ask(enable, id)).toEqual({ connection: { status: 'ACTIVE' } })
})
