/** Links and ways back in the wrong hands, twice, at once, or with more in them than they should have. */
import { describe, expect, test } from 'vitest'
import { createVisitor, type Page } from '../../support/visitor.ts'
import { openVendorHouse, type VendorHouse } from './vendor-house.ts'

const consent = { integration: 'vendor', scheme: 'oauth2' }
const list = '{ connections(first: 50) { nodes { id endUserId status account { id } } } }'
const connectionsOf = async (house: VendorHouse) => (await house.gateway.ask(list)).connections.nodes

/** Leaves for the vendor, consents there, and stops before the way back. */
async function fly(url: string, visitor = createVisitor()): Promise<string> {
  const left = await visitor.submit(await visitor.visit(url), consent)
  return (await visitor.visit(left.location ?? '')).location ?? ''
}

describe('a way back that an attacker prepared', () => {
  test.each(['with no cookie', 'with a cookie of its own', 'with a cookie somebody made up'])(
    'ends in nothing for a victim %s, and for the attacker',
    async how => {
      await using house = await openVendorHouse()
      const attacker = createVisitor()
      const back = await fly(await house.createLink({ endUserId: 'attacker' }), attacker)
      const victim = createVisitor()
      const own = await house.createLink({ endUserId: 'victim' })
      if (how === 'with a cookie of its own') await victim.visit(own)
      const headers = { cookie: `passgate-connect=${'A'.repeat(43)}` }
      const seen =
        how === 'with a cookie somebody made up'
          ? await fetch(back, { headers, redirect: 'manual' })
          : await victim.visit(back)
      expect(seen.status).toBe(400)
      expect((await attacker.visit(back)).status).toBe(400)
      expect(house.vendor.requests).toEqual([])
      expect(await connectionsOf(house)).toEqual([])
      // Neither link is worn out by it.
      await victim.follow({ ...blank, location: await fly(own, victim) })
      expect(await connectionsOf(house)).toMatchObject([{ endUserId: 'victim' }])
    },
  )

  test('with the code of another account in it brings nothing to whoever began a flight of their own', async () => {
    await using house = await openVendorHouse()
    const [one, other] = [createVisitor(), createVisitor()]
    const mine = new URL(await fly(await house.createLink({ endUserId: 'one' }), one))
    const theirs = new URL(await fly(await house.createLink({ endUserId: 'other' }), other))
    // The vendor binds a code to the challenge of its own flight (RFC 7636).
    mine.searchParams.set('code', theirs.searchParams.get('code') ?? '')
    expect((await one.visit(mine.href)).status).toBe(400)
    expect(house.vendor.requests).toHaveLength(1)
    expect(await connectionsOf(house)).toEqual([])
  })
})

describe('the same thing many times at once', () => {
  test('is one connection and one exchange, for a way back', async () => {
    await using house = await openVendorHouse()
    const visitor = createVisitor()
    const back = await fly(await house.createLink(), visitor)
    house.vendor.behaviour.delayMs = 100
    const pages = await Promise.all(Array.from({ length: 8 }, () => visitor.visit(back)))
    expect(pages.map(({ status }) => status).sort()).toEqual([200, ...Array(7).fill(400)])
    expect(house.vendor.requests).toHaveLength(1)
    expect(await connectionsOf(house)).toHaveLength(1)
  })

  test('is one connection for a form, and the link is worn out', async () => {
    const verify = { path: '/me' }
    const inject = { headers: { 'x-token': '{apiKey}' } }
    await using house = await openVendorHouse({ verify, auth: [{ scheme: 'apiKey', inject }] })
    const visitor = createVisitor()
    const page = await visitor.visit(await house.createLink())
    const values = { integration: 'vendor', scheme: 'apiKey', 'credential.key': house.vendor.tokens.access }
    const pages = await Promise.all(Array.from({ length: 8 }, () => visitor.submit(page, values)))
    expect(pages.map(({ status }) => status).sort()).toEqual([200, ...Array(7).fill(410)])
    expect(await connectionsOf(house)).toHaveLength(1)
    expect((await visitor.visit(page.url)).status).toBe(410)
    expect((await visitor.submit(page, values)).status).toBe(410)
  })

  test('is one repair, when a repair link is followed in many tabs', async () => {
    await using house = await openVendorHouse()
    const id = await house.connect('ann', new Date(Date.now() + 3_600_000).toISOString())
    const { services, workspace } = house.gateway.app
    const url = services.connectSessions.repairUrl({ workspaceId: workspace.id, id })
    const visitor = createVisitor()
    const opened = await Promise.all(Array.from({ length: 6 }, () => visitor.visit(url)))
    expect(opened.map(({ status }) => status)).toEqual(Array(6).fill(200))
    const backs = await Promise.all(Array.from({ length: 3 }, () => fly(url, visitor)))
    const pages = await Promise.all(backs.map(back => visitor.visit(back)))
    expect(pages.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(await connectionsOf(house)).toMatchObject([{ id, status: 'ACTIVE' }])
  })
})

test('a vendor that gives two end users the token of one account makes two connections of it, and mixes none', async () => {
  await using house = await openVendorHouse({ verify: { path: '/me', account: { id: '$.account' } } })
  const { vendor } = house
  const body = JSON.stringify({ access_token: vendor.tokens.access, token_type: 'Bearer' })
  for (const endUserId of ['ann', 'bob']) {
    const visitor = createVisitor()
    const back = await fly(await house.createLink({ endUserId }), visitor)
    vendor.behaviour.failWith = { status: 200, body }
    expect((await visitor.visit(back)).status).toBe(200)
    vendor.behaviour.failWith = undefined
  }
  const found = await connectionsOf(house)
  expect(found.map(({ endUserId }: { endUserId: string }) => endUserId).sort()).toEqual(['ann', 'bob'])
  // Both look alike to the workspace, which can tell by the account.
  expect(new Set(found.map(({ account }: { account: { id: string } }) => account.id))).toEqual(new Set(['acc-1']))
  // A repair of the first with another account's token is refused.
  vendor.behaviour.account = 'acc-2'
  const visitor = createVisitor()
  const ann = found.find(({ endUserId }: { endUserId: string }) => endUserId === 'ann')
  const back = await fly(await house.createLink({ connectionId: ann.id }), visitor)
  expect((await visitor.visit(back)).status).toBe(409)
})

describe('what a workspace passes through the page', () => {
  const hostile = [
    'a\r\nset-cookie: evil=1',
    '"><script>alert(1)</script>',
    '{clientSecret}',
    '\u2028\u202e',
    '%0d%0aevil: 1',
  ]

  test.each(hostile)('%j as state comes back as it was, in the query and nowhere else', async state => {
    await using house = await openVendorHouse()
    const url = await house.createLink({ returnUrl: 'https://app.example/?a=1#end', state })
    const visitor = createVisitor()
    const page = await visitor.visit(url)
    expect(page.html).not.toContain('<script')
    const back = await fly(url, visitor)
    // Once more by hand, to see the headers.
    const response = await fetch(back, { redirect: 'manual' })
    expect([...response.headers.keys()]).not.toContain('evil')
    const again = await visitor.visit(await fly(url, visitor))
    expect(again.status).toBe(303)
    const target = new URL(again.location ?? '')
    expect(target.origin + target.hash).toBe('https://app.example#end')
    expect(target.searchParams.get('state')).toBe(state)
    expect([...target.searchParams.keys()].sort()).toEqual(['a', 'connection_id', 'state'])
  })

  test.each([
    'https://app.example/\r\nset-cookie: evil=1',
    'https://app.example/"><script>alert(1)</script>',
    'https://app.example/?connection_id=conn_mine&state=theirs',
    'https://app.example/?connection_id=a&connection_id=b',
  ])('the return address %j leads there with our values, once each', async returnUrl => {
    await using house = await openVendorHouse()
    const url = await house.createLink({ returnUrl, state: 'ours' })
    const visitor = createVisitor()
    expect((await visitor.visit(url)).html).not.toContain('<script')
    const response = await visitor.visit(await fly(url, visitor))
    const target = new URL(response.location ?? '')
    const [{ id }] = await connectionsOf(house)
    expect(target.origin).toBe('https://app.example')
    expect(target.searchParams.getAll('connection_id')).toEqual([id])
    expect(target.searchParams.getAll('state')).toEqual(['ours'])
  })

  test('metadata of every kind is kept as data', async () => {
    await using house = await openVendorHouse()
    const metadata = { __proto__x: 1, constructor: 'x', 'a\r\nb': '<script>', nested: { '{clientSecret}': ['{x}'] } }
    const visitor = createVisitor()
    await visitor.visit(await fly(await house.createLink({ metadata }), visitor))
    const { connections } = await house.gateway.ask('{ connections(first: 1) { nodes { metadata } } }')
    expect(connections.nodes[0].metadata).toEqual(metadata)
  })
})

describe('forms that no page made', () => {
  test('are refused without a fault, and nothing is connected', async () => {
    const inject = { headers: { 'x-token': '{apiKey}' } }
    await using house = await openVendorHouse({ auth: [{ scheme: 'apiKey', inject }] })
    const url = await house.createLink()
    const visitor = createVisitor()
    const page = await visitor.visit(url)
    const key = { integration: 'vendor', scheme: 'apiKey', 'credential.key': 'canary-key' }
    const sent: [Record<string, string>, number][] = [
      [{ ...key, 'credential.key': 'x'.repeat(70_000) }, 413],
      [{ ...key, 'credential.key': 'x'.repeat(17_000) }, 422],
      [{ ...key, 'credential.key': 'canary\nkey' }, 422],
      [{ ...key, 'credential.key': 'canary\u0000key' }, 422],
      [{ ...key, integration: 'github' }, 422],
      [{ ...key, integration: '__proto__' }, 422],
      [{ ...key, scheme: 'oauth2' }, 422],
      [{ ...key, scheme: 'constructor' }, 422],
      [{ ...key, csrf: 'x' }, 403],
      [Object.fromEntries(Array.from({ length: 3_000 }, (_, index) => [`f${index}`, 'x'])), 422],
    ]
    for (const [values, status] of sent) {
      const answer = await visitor.submit(page, values)
      expect({ values: JSON.stringify(values).slice(0, 60), status: answer.status }).toEqual({
        values: JSON.stringify(values).slice(0, 60),
        status,
      })
      expect(answer.html).not.toContain('canary')
    }
    expect(await connectionsOf(house)).toEqual([])
    expect(house.gateway.log()).not.toMatch(/canary-key|request failed/)
    // What no field asked for is not taken along.
    const more = { 'credential.minted': 'x', 'credential.scheme': 'none', 'config.region': 'x', endUserId: 'eve' }
    expect((await visitor.submit(page, { ...key, ...more })).status).toBe(200)
    expect(await connectionsOf(house)).toMatchObject([{ endUserId: 'ann' }])
  })

  test('with the token of another link of the same browser are refused', async () => {
    await using house = await openVendorHouse()
    const visitor = createVisitor()
    const one = await visitor.visit(await house.createLink({ endUserId: 'one' }))
    const other = await visitor.visit(await house.createLink({ endUserId: 'other' }))
    expect((await visitor.submit({ ...one, url: other.url }, consent)).status).toBe(403)
    expect(house.vendor.authorizations).toEqual([])
  })
})

const blank: Page = { url: '', status: 303, html: '', location: undefined }
