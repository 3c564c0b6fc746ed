/** A gateway with one integration at a vendor that echoes, and connections of two end users. */
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { type Answer, createUpstream, type Upstream } from '../support/upstream.ts'

export interface ActionVendor extends AsyncDisposable {
  readonly gateway: TestGateway
  readonly upstream: Upstream
  /** Of the end user `ann`. */
  readonly connectionId: string
}

/** The integration is `acme`; its one hand-written action is `ping`. */
export async function createActionVendor(answer?: Answer, allow: readonly string[] = []): Promise<ActionVendor> {
  await using parts = new AsyncDisposableStack()
  const upstream = parts.use(await createUpstream(answer))
  const gateway = parts.use(await createGateway({ allow: [upstream.host, ...allow] }))
  await gateway.createIntegration({
    slug: 'acme',
    name: 'Acme',
    baseUrl: upstream.url,
    auth: [{ scheme: 'bearer' }],
    actions: {
      ping: {
        description: 'Asks whether it is there.',
        method: 'GET',
        path: '/ping',
        input: { type: 'object', properties: {}, additionalProperties: false },
      },
    },
  })
  const credential = { bearer: { token: 'vendor-secret' } }
  const connectionId = await gateway.createConnection({ integration: 'acme', endUserId: 'ann', credential })
  const owned = parts.move()
  return { gateway, upstream, connectionId, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** Operations by their id, at `/<id>`. */
export function documentOf(ids: readonly string[], more: object = {}): object {
  const parameters = [{ name: 'q', in: 'query', schema: { type: 'string', maxLength: 5 } }]
  const paths = Object.fromEntries(ids.map(id => [`/${id}`, { get: { operationId: id, parameters } }]))
  return { openapi: '3.1.0', info: { title: 'Acme API', version: '7' }, paths, ...more }
}

export async function createKey(gateway: TestGateway, scopes: readonly string[], more: object = {}): Promise<string> {
  const { createAccessKey } = await gateway.ask(
    'mutation($input: CreateAccessKeyInput!) { createAccessKey(input: $input) { secret } }',
    { input: { name: scopes.join(), scopes, ...more } },
  )
  return createAccessKey.secret
}
