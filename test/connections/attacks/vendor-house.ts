/** A gateway with one integration at a vendor whose tokens end, and what the attacks of this folder ask of both. */
import { sql } from 'drizzle-orm'
import { createGateway, type TestGateway } from '../../support/gateway.ts'
import { createTokenVendor, type TokenVendor } from '../../support/token-vendor.ts'

export const read = 'query($id: ID!) { passthrough(connectionId: $id, path: "/me") { status attempts } }'
export const inspect =
  'query($id: ID!) { connection(id: $id) { id status statusReason tokenExpiresAt config endUserId account { id } } }'
export const refresh = 'mutation($id: ID!) { refreshConnection(input: { id: $id }) { connection { status } } }'
export const erase = 'mutation($id: ID!) { deleteConnection(input: { id: $id }) { steps { step outcome message } } }'
export const disable = 'mutation($id: ID!) { disableConnection(input: { id: $id }) { connection { status } } }'
export const enable = 'mutation($id: ID!) { enableConnection(input: { id: $id }) { connection { status } } }'
const configure =
  'mutation($input: ConfigureIntegrationInput!) { configureIntegration(input: $input) { integration { slug } } }'
const link = 'mutation($input: CreateConnectSessionInput!) { createConnectSession(input: $input) { url id } }'

export interface VendorHouse extends AsyncDisposable {
  readonly vendor: TokenVendor
  readonly gateway: TestGateway
  /** Imports the vendor's tokens as they are; their end is past unless told otherwise. */
  connect(endUserId?: string, expiresAt?: string): Promise<string>
  /** A link for an end user. */
  createLink(input?: object, key?: string): Promise<string>
  codeOf(query: string, variables: object, key?: string): Promise<unknown>
}

export async function openVendorHouse(more: object = {}): Promise<VendorHouse> {
  await using parts = new AsyncDisposableStack()
  const vendor = parts.use(await createTokenVendor())
  const gateway = parts.use(await createGateway({ allow: [vendor.host] }))
  await gateway.createIntegration(vendor.definition('vendor', more))
  await configureClient(gateway, 'vendor')
  const owned = parts.move()
  return {
    vendor,
    gateway,
    connect(endUserId = 'ann', expiresAt = new Date(Date.now() - 3_600_000).toISOString()) {
      const oauth2 = { accessToken: vendor.tokens.access, refreshToken: vendor.tokens.refresh, expiresAt }
      return gateway.createConnection({ integration: 'vendor', endUserId, credential: { oauth2 } })
    },
    async createLink(input = {}, key) {
      const given = { endUserId: 'ann', integrations: ['vendor'], ...input }
      return (await gateway.ask(link, { input: given }, key)).createConnectSession.url
    },
    async codeOf(query, variables, key) {
      return (await gateway.run(query, variables, key)).errors?.[0]?.extensions.code
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** Rows as the database prints them; each column a text. */
export async function readRows(gateway: TestGateway, statement: string): Promise<Record<string, string>[]> {
  return [...((await gateway.database.db.execute(sql.raw(statement))) as Iterable<Record<string, string>>)]
}

export async function configureClient(
  gateway: TestGateway,
  slug: string,
  { clientId = 'client-1', clientSecret = 'canary-client-secret', key }: Record<string, string> = {},
): Promise<void> {
  await gateway.ask(configure, { input: { slug, oauthClient: { clientId, clientSecret } } }, key)
}
