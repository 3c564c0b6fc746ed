/** Stripe’s client on the root listener: it takes a host and a port but no path, so its key says which connection. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startEmulators } from '../support/emulate.ts'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { createRecorder } from '../support/recorder.ts'
import type { Upstream } from '../support/upstream.ts'
import { configure, createCallKey, loadSdk, rootUrl, runAs } from '../support/vendor-sdk.ts'

interface Customer {
  readonly id: string
  readonly name: string
  readonly metadata: object
  readonly lastResponse: { readonly statusCode: number; readonly requestId: string }
}

interface Paged<Item> extends AsyncIterable<Item> {
  autoPagingToArray(options: { limit: number }): Promise<Item[]>
}

interface StripeClient {
  readonly customers: {
    create(customer: object, options?: object): Promise<Customer>
    update(id: string, customer: object): Promise<Customer>
    retrieve(id: string): Promise<Customer>
    list(options: object): Paged<Customer>
    del(id: string): Promise<{ deleted: boolean }>
  }
}

interface StripeOptions {
  readonly host: string
  readonly port: string
  readonly protocol: 'http'
  readonly maxNetworkRetries: number
}

const { Stripe } = loadSdk<{ Stripe: new (key: string, options: StripeOptions) => StripeClient }>('stripe')

const names = ['One', 'Two', 'Three', 'Four', 'Five', 'Six', 'Seven']
const seed = { stripe: { customers: names.map(name => ({ name, email: `${name}@example.com` })) } }

const stack = new AsyncDisposableStack()
let stripe: Upstream
let gateway: TestGateway
/** Each bound to a connection of its own. */
const keys: Record<string, string> = {}
const connections: Record<string, string> = {}

beforeAll(async () => {
  const emulators = stack.use(await startEmulators(seed))
  stripe = stack.use(await createRecorder(emulators.stripe.url))
  gateway = stack.use(await createGateway({ allow: [stripe.host], env: { PASSGATE_ROOT_PORT: '0' } }))
  await configure(gateway, { slug: 'stripe', baseUrl: stripe.url })
  for (const name of ['one', 'two']) {
    const credential = { apiKey: { key: `sk_test_${name}` } }
    connections[name] = await gateway.createConnection({ integration: 'stripe', endUserId: name, credential })
    keys[name] = await createCallKey(gateway, connections[name])
  }
})

afterAll(async () => {
  await stack.disposeAsync()
})

function client(key = ''): StripeClient {
  const { hostname, port } = rootUrl(gateway)
  return new Stripe(key, { host: hostname, port, protocol: 'http', maxNetworkRetries: 0 })
}

const as = <Result>(name: string, run: (api: StripeClient) => Promise<Result>) => {
  const account = { authorization: `Basic ${Buffer.from(`sk_test_${name}:`).toString('base64')}` }
  const [connectionId, key] = [connections[name] ?? '', keys[name] ?? '']
  return runAs({ gateway, vendor: stripe, connectionId, account, key }, () => run(client(key)))
}

test.each(['one', 'two'])('the key %s reads every page of its own account', async name => {
  const { result, seen } = await as(name, api => api.customers.list({ limit: 2 }).autoPagingToArray({ limit: 100 }))
  expect(result.map(customer => customer.name)).toEqual(expect.arrayContaining(names))
  expect(seen.length).toBe(Math.ceil(result.length / 2))
  expect(seen.length).toBeGreaterThan(3)
  const cursors = seen.map(({ url }) => new URL(url, stripe.url).searchParams.get('starting_after'))
  expect(cursors).toEqual([
    null,
    ...result.filter((_, at) => at % 2 === 1 && at < result.length - 1).map(({ id }) => id),
  ])
})

test('a customer is created, changed, read and deleted', async () => {
  const { result, seen } = await as('two', async ({ customers }) => {
    const metadata = { plan: 'pro', note: 'a=b+c & d' }
    const created = await customers.create({ name: 'Ünïcode', metadata }, { idempotencyKey: 'once-1' })
    const changed = await customers.update(created.id, { name: 'Other' })
    const found = await customers.retrieve(created.id)
    return { created, changed, found, deleted: await customers.del(created.id) }
  })
  expect(result).toMatchObject({
    created: { name: 'Ünïcode', metadata: { plan: 'pro', note: 'a=b+c & d' }, lastResponse: { statusCode: 200 } },
    changed: { id: result.created.id, name: 'Other' },
    found: { id: result.created.id, name: 'Other', metadata: { plan: 'pro' } },
    deleted: { deleted: true },
  })
  expect(seen.map(({ method, url }) => `${method} ${url}`)).toEqual([
    'POST /v1/customers',
    `POST /v1/customers/${result.created.id}`,
    `GET /v1/customers/${result.created.id}`,
    `DELETE /v1/customers/${result.created.id}`,
  ])
  // What the client says of itself reaches the vendor.
  expect(seen[0]?.headers).toMatchObject({
    'idempotency-key': 'once-1',
    'stripe-version': expect.stringMatching(/^20\d\d-/),
    'user-agent': expect.stringContaining('Stripe/v1 NodeBindings'),
  })
})

test('the vendor’s 404 is an error of the client’s own kind', async () => {
  await as('one', async ({ customers }) => {
    const failure = customers.retrieve('cus_none')
    await expect(failure).rejects.toMatchObject({ type: 'StripeInvalidRequestError', statusCode: 404 })
  })
})

test('a key that is bound to nothing is refused, and nothing is sent', async () => {
  const before = stripe.seen.length
  // This client tells a failure by a member `error` in the body and not by the status.
  const ask = async (key: string) =>
    await client(key)
      .customers.retrieve('cus_x')
      .catch((error: unknown) => error)
  expect(await ask(await createCallKey(gateway))).toMatchObject({ code: 'INVALID_INPUT' })
  expect(await ask('pgk_wrong')).toMatchObject({ code: 'UNAUTHENTICATED' })
  expect(stripe.seen.length).toBe(before)
})

test('a refusal of the gateway is an error to the client', async () => {
  const unbound = client(await createCallKey(gateway)).customers.retrieve('cus_x')
  await expect(unbound).rejects.toMatchObject({ statusCode: 400, code: 'INVALID_INPUT' })
  const unknown = client('pgk_wrong').customers.retrieve('cus_x')
  await expect(unknown).rejects.toMatchObject({ type: 'StripeAuthenticationError', statusCode: 401 })
})
