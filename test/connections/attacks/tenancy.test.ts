/** Two workspaces with the same slug and the same end user: nothing of one is of any use to the other. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newId } from '../../../src/store/ids.ts'
import { adminKey } from '../../support/gateway.ts'
import { createUpstream, sendJson, type Upstream } from '../../support/upstream.ts'
import { createVisitor, type Page } from '../../support/visitor.ts'
import {
  configureClient,
  disable,
  enable,
  erase,
  inspect,
  openVendorHouse,
  read,
  refresh,
  type VendorHouse,
} from './vendor-house.ts'

const consent = { integration: 'vendor', scheme: 'oauth2' }
const list = '{ connections(first: 50) { nodes { id endUserId status } } }'
const define = 'mutation($d: JSONObject!) { createIntegration(input: {definition: $d}) { integration { slug } } }'
const verify = 'mutation($id: ID!) { verifyConnection(input: { id: $id }) { connection { id } } }'
const update = 'mutation($id: ID!) { updateConnection(input: { id: $id, metadata: {a: 1} }) { connection { id } } }'
const link = 'mutation($i: CreateConnectSessionInput!) { createConnectSession(input: $i) { url } }'
const verified = { verify: { path: '/me', account: { id: '$.account' } } }

let house: VendorHouse
let foreign: string
beforeAll(async () => {
  house = await openVendorHouse(verified)
  foreign = await house.gateway.createWorkspace()
  await house.gateway.ask(define, { d: house.vendor.definition('vendor', verified) }, foreign)
  const own = { clientId: 'client-2', clientSecret: 'canary-other-secret', key: foreign }
  await configureClient(house.gateway, 'vendor', own)
})
afterAll(() => house[Symbol.asyncDispose]())

const listOf = async (key: string) => (await house.gateway.ask(list, {}, key)).connections.nodes

describe('another workspace’s connection', () => {
  test.each([
    ['read', inspect, undefined],
    ['called', read, 'CONNECTION_NOT_FOUND'],
    ['refreshed', refresh, 'CONNECTION_NOT_FOUND'],
    ['verified', verify, 'CONNECTION_NOT_FOUND'],
    ['changed', update, 'CONNECTION_NOT_FOUND'],
    ['disabled', disable, 'CONNECTION_NOT_FOUND'],
    ['enabled', enable, 'CONNECTION_NOT_FOUND'],
    ['deleted', erase, 'CONNECTION_NOT_FOUND'],
  ])('is not %s', async (_, query, code) => {
    const id = await house.connect('ann')
    house.vendor.requests.length = 0
    house.vendor.calls.length = 0
    const { errors, data } = await house.gateway.run(query, { id }, foreign)
    expect(errors?.[0]?.extensions.code).toBe(code)
    if (code === undefined) expect(data).toEqual({ connection: null })
    expect([...house.vendor.requests, ...house.vendor.calls]).toEqual([])
    expect((await house.gateway.ask(inspect, { id })).connection.status).toBe('ACTIVE')
    await house.gateway.ask(erase, { id })
  })

  test('is not repaired by a link made for it, with its own end user or any', async () => {
    const id = await house.connect('ann')
    for (const endUserId of ['ann', 'eve']) {
      const { errors } = await house.gateway.run(link, { i: { endUserId, connectionId: id } }, foreign)
      expect(errors?.[0]?.extensions.code).toBe('CONNECTION_NOT_FOUND')
    }
    await house.gateway.ask(erase, { id })
  })

  test('is not reached by a repair link whose sealed facts are exchanged', async () => {
    const id = await house.connect('ann')
    const { services, workspace } = house.gateway.app
    const url = services.connectSessions.repairUrl({ workspaceId: workspace.id, id })
    // A bit of the sealed part is turned at a time: never another connection, always an unknown link.
    const [start = '', token = ''] = url.split('/connect/r-')
    const bytes = Buffer.from(token, 'base64url')
    for (let at = 0; at < bytes.length; at += 7) {
      const turned = Buffer.from(bytes)
      turned[at] = (turned[at] ?? 0) ^ 1
      const page = await createVisitor().visit(`${start}/connect/r-${turned.toString('base64url')}`)
      expect({ at, status: page.status }).toEqual({ at, status: 404 })
    }
    // Of a workspace that does not have it, it is unknown too.
    const other = services.connectSessions.repairUrl({ workspaceId: newId('ws'), id })
    expect((await createVisitor().visit(other)).status).toBe(404)
    await house.gateway.ask(erase, { id })
    expect((await createVisitor().visit(url)).status).toBe(404)
  })
})

describe('links and ways back', () => {
  test('lead into the workspace that made them, with its own client, for the same end user of both', async () => {
    const visitor = createVisitor()
    const [mine, theirs] = [await house.createLink(), await house.createLink({}, foreign)]
    const backs: string[] = []
    for (const url of [mine, theirs]) {
      const left = await visitor.submit(await visitor.visit(url), consent)
      backs.push((await visitor.visit(left.location ?? '')).location ?? '')
    }
    expect(house.vendor.authorizations.slice(-2).map(asked => asked.get('client_id'))).toEqual(['client-1', 'client-2'])
    // In the other order than they left.
    for (const back of backs.toReversed()) expect((await visitor.visit(back)).status).toBe(200)
    const [own, others] = [await listOf(adminKey), await listOf(foreign)]
    expect(own).toMatchObject([{ endUserId: 'ann' }])
    expect(others).toMatchObject([{ endUserId: 'ann' }])
    expect(own[0].id).not.toBe(others[0].id)
  })

  test('cannot be crossed: the state of one with the code of the other', async () => {
    const visitor = createVisitor()
    const urls = [await house.createLink({ endUserId: 'bob' }), await house.createLink({ endUserId: 'bob' }, foreign)]
    const backs: URL[] = []
    for (const url of urls) {
      const left: Page = await visitor.submit(await visitor.visit(url), consent)
      backs.push(new URL((await visitor.visit(left.location ?? '')).location ?? ''))
    }
    const [one, other] = backs
    one?.searchParams.set('code', other?.searchParams.get('code') ?? '')
    expect((await visitor.visit(one?.href ?? '')).status).toBe(400)
    for (const key of [adminKey, foreign]) {
      expect((await listOf(key)).filter(({ endUserId }: { endUserId: string }) => endUserId === 'bob')).toEqual([])
    }
  })
})

describe('OAuth clients of one slug in two workspaces', () => {
  let vendor: Upstream
  const basic = (id: string, secret: string) => `Basic ${btoa(`${id}:${secret}`)}`
  beforeAll(async () => {
    vendor = await createUpstream((_request, response) => {
      sendJson(response, { access_token: `t-${Math.random()}`, expires_in: 3600, refresh_token: 'r' })
    })
  })
  afterAll(() => vendor[Symbol.asyncDispose]())

  test('never mix: each token and revocation request has its own workspace’s secret', async () => {
    const { createGateway } = await import('../../support/gateway.ts')
    await using gateway = await createGateway({ allow: [vendor.host] })
    const other = await gateway.createWorkspace()
    const auth = [{ scheme: 'oauth2', tokenUrl: `${vendor.url}/token`, revocationUrl: `${vendor.url}/revoke` }]
    const keys = [
      { key: adminKey, clientId: 'one', clientSecret: 'canary-one' },
      { key: other, clientId: 'two', clientSecret: 'canary-two' },
    ]
    const ids: { key: string; id: string; proof: string; refreshToken: string }[] = []
    for (const { key, clientId, clientSecret } of keys) {
      await gateway.ask(define, { d: { slug: 'same', name: 'Same', baseUrl: vendor.url, auth } }, key)
      await configureClient(gateway, 'same', { clientId, clientSecret, key })
      const refreshToken = `refresh-${clientId}`
      const oauth2 = { accessToken: `a-${clientId}`, refreshToken, expiresAt: '2020-01-01T00:00:00Z' }
      const input = { integration: 'same', endUserId: 'ann', credential: { oauth2 } }
      const create = 'mutation($i: CreateConnectionInput!) { createConnection(input: $i) { connection { id } } }'
      const { id } = (await gateway.ask(create, { i: input }, key)).createConnection.connection
      ids.push({ key, id, proof: basic(clientId, clientSecret), refreshToken })
    }
    await Promise.all(ids.flatMap(({ key, id }) => Array.from({ length: 5 }, () => gateway.ask(read, { id }, key))))
    const asked = vendor.seen.filter(({ url }) => url === '/token')
    expect(asked).toHaveLength(2)
    for (const { proof, refreshToken } of ids) {
      const own = asked.filter(({ text }) => new URLSearchParams(text).get('refresh_token') === refreshToken)
      expect(own.map(({ headers }) => headers.authorization)).toEqual([proof])
    }
    for (const { key, id, proof } of ids) {
      const before = vendor.seen.length
      await gateway.ask(erase, { id }, key)
      const revoked = vendor.seen.slice(before).map(({ headers }) => headers.authorization)
      expect(new Set(revoked)).toEqual(new Set([proof]))
    }
  })
})
