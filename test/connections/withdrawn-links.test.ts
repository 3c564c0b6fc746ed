/** A connect link is good for as long as the access key that made it: withdrawn with it, at whatever step the end user is. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createVisitor, type Page, type Visitor } from '../support/visitor.ts'
import { openVendorHouse, read, readRows, type VendorHouse } from './attacks/vendor-house.ts'

const consent = { integration: 'vendor', scheme: 'oauth2' }
const mint = 'mutation($input: CreateAccessKeyInput!) { createAccessKey(input: $input) { secret accessKey { id } } }'
const drop = 'mutation($id: ID!) { deleteAccessKey(input: { id: $id }) { deletedAccessKeyId } }'
const change = 'mutation($input: UpdateAccessKeyInput!) { updateAccessKey(input: $input) { accessKey { scopes } } }'
const rotate = 'mutation($id: ID!) { rotateAccessKey(input: { id: $id, overlapSeconds: 0 }) { secret } }'

let house: VendorHouse
let visitor: Visitor
beforeEach(async () => {
  house = await openVendorHouse()
  visitor = createVisitor()
})
afterEach(() => house[Symbol.asyncDispose]())

async function mintKey(more: object = {}): Promise<{ secret: string; id: string }> {
  const input = { name: 'backend', scopes: ['CONNECTIONS_WRITE', 'CONNECTIONS_READ'], ...more }
  const { secret, accessKey } = (await house.gateway.ask(mint, { input })).createAccessKey
  return { secret, id: accessKey.id }
}

const count = async () => (await house.gateway.ask('{ connections { totalCount } }')).connections.totalCount

function expectWithdrawn(page: Page): void {
  expect(page.status).toBe(410)
  expect(page.html).toContain('<h1>This link was withdrawn</h1>')
  expect(page.html).toContain('Nothing was connected. Ask for a new link where you got it.')
}

describe('once its key is deleted, a link', () => {
  test('opens no page, and says where to go on', async () => {
    const { secret, id } = await mintKey()
    const url = await house.createLink({ returnUrl: 'https://app.example/settings' }, secret)
    expect((await visitor.visit(url)).status).toBe(200)
    await house.gateway.ask(drop, { id })
    const page = await visitor.visit(url)
    expectWithdrawn(page)
    expect(page.html).toContain('href="https://app.example/settings"')
  })

  test('takes no form that is open already', async () => {
    const { secret, id } = await mintKey()
    const page = await visitor.visit(await house.createLink({}, secret))
    await house.gateway.ask(drop, { id })
    expectWithdrawn(await visitor.submit(page, consent))
    expect(house.vendor.authorizations).toHaveLength(0)
  })

  test('brings nobody back from the vendor, and exchanges no code', async () => {
    const { secret, id } = await mintKey()
    const left = await visitor.submit(await visitor.visit(await house.createLink({}, secret)), consent)
    const consented = await visitor.visit(left.location ?? '')
    await house.gateway.ask(drop, { id })
    expectWithdrawn(await visitor.visit(consented.location ?? ''))
    expect(house.vendor.requests).toHaveLength(0)
    expect(await count()).toBe(0)
  })

  test('connects nothing, although the code is being exchanged', async () => {
    const { secret, id } = await mintKey()
    house.vendor.behaviour.delayMs = 400
    const left = await visitor.submit(await visitor.visit(await house.createLink({}, secret)), consent)
    const arriving = visitor.follow(left)
    await expect.poll(() => house.vendor.requests.length).toBe(1)
    await house.gateway.ask(drop, { id })
    expectWithdrawn(await arriving)
    expect(await count()).toBe(0)
  })
})

test('a link ends with a key that ends before it', async () => {
  const { secret, id } = await mintKey()
  const url = await house.createLink({}, secret)
  expect((await visitor.visit(url)).status).toBe(200)
  await readRows(
    house.gateway,
    `update access_keys set expires_at = now() - interval '1 second' where name = 'backend'`,
  )
  expect(id).toMatch(/^key_/)
  expectWithdrawn(await visitor.visit(url))
})

describe('once its key may make no links any more, a link', () => {
  const narrow = (id: string) => house.gateway.ask(change, { input: { id, scopes: ['CONNECTIONS_READ'] } })

  test('opens no page and takes no form', async () => {
    const { secret, id } = await mintKey()
    const url = await house.createLink({}, secret)
    const page = await visitor.visit(url)
    expect(page.status).toBe(200)
    await narrow(id)
    expectWithdrawn(await visitor.visit(url))
    expectWithdrawn(await visitor.submit(page, consent))
    expect(house.vendor.authorizations).toHaveLength(0)
  })

  test('brings nobody back from the vendor, and exchanges no code', async () => {
    const { secret, id } = await mintKey()
    const left = await visitor.submit(await visitor.visit(await house.createLink({}, secret)), consent)
    const consented = await visitor.visit(left.location ?? '')
    await narrow(id)
    expectWithdrawn(await visitor.visit(consented.location ?? ''))
    expect(house.vendor.requests).toHaveLength(0)
    expect(await count()).toBe(0)
  })
})

describe('a link works on', () => {
  test.each([['ADMIN'], ['CONNECTIONS_WRITE']])('when its key is changed and keeps %s', async scope => {
    const { secret, id } = await mintKey()
    const url = await house.createLink({}, secret)
    await house.gateway.ask(change, { input: { id, name: 'renamed', scopes: [scope] } })
    expect((await visitor.visit(url)).status).toBe(200)
  })

  test('when its key gets another secret', async () => {
    const { secret, id } = await mintKey()
    const url = await house.createLink({}, secret)
    await house.gateway.ask(rotate, { id })
    const left = await visitor.submit(await visitor.visit(url), consent)
    expect((await visitor.follow(left)).status).toBe(200)
    expect(await count()).toBe(1)
  })

  test('when another key is deleted', async () => {
    const [own, other] = [await mintKey(), await mintKey()]
    const url = await house.createLink({}, own.secret)
    await house.gateway.ask(drop, { id: other.id })
    expect((await visitor.visit(url)).status).toBe(200)
  })

  test('when the gateway itself made it, for a repair', async () => {
    const id = await house.connect()
    house.vendor.tokens.refresh = 'another'
    const { errors } = await house.gateway.run(read, { id })
    const page = await visitor.visit(String(errors?.[0]?.extensions.connectUrl))
    expect((await visitor.follow(await visitor.submit(page, consent))).status).toBe(200)
  })
})
