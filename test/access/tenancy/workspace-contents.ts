/** Fills a workspace with something of everything, through the interfaces that its own people use. */
import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import type { TestGateway } from '../../support/gateway.ts'
import { openApiDocument } from './arguments.ts'
import { type Possessions, shared } from './possessions.ts'
import { listCursors, listIds, settle } from './rows.ts'

/** How much of what there is. */
export interface Contents {
  readonly ownConnections: number
  readonly sharedConnections: number
  readonly metadataSize: number
  readonly isOneDisabled: boolean
  readonly isLimited: boolean
}

export const contents = fc.record<Contents>({
  ownConnections: fc.integer({ min: 1, max: 3 }),
  sharedConnections: fc.integer({ min: 1, max: 2 }),
  metadataSize: fc.integer({ min: 1, max: 5 }),
  isOneDisabled: fc.boolean(),
  isLimited: fc.boolean(),
})

export interface FilledWorkspace {
  readonly id: string
  readonly key: string
  readonly possessions: Possessions
  /** Tokens of callers that are narrower than the admin key. */
  readonly session: string
  readonly boundKey: string
  readonly connectUrl: string
  readonly downloadUrl: string
}

/** Random, as possessions have to end. */
const uniqueText = (word: string) => `${word}-${randomBytes(8).toString('hex')}`

/**
 * @param word in every text that nobody else can know; credentials start with it too
 * @param vendorUrl what the integrations lead to and webhooks are sent to
 */
export async function fillWorkspace(
  gateway: TestGateway,
  { key, word, vendorUrl, size }: { key: string; word: string; vendorUrl: string; size: Contents },
): Promise<FilledWorkspace> {
  const secret = () => uniqueText(word)
  async function change(name: string, input: object, selection: string) {
    const type = `${name[0]?.toUpperCase()}${name.slice(1)}Input`
    const data = await gateway.ask(`mutation($i: ${type}!) { ${name}(input: $i) { ${selection} } }`, { i: input }, key)
    return data[name]
  }
  const { viewer } = await gateway.ask('{ viewer { workspace { id } } }', {}, key)
  const [slug, endUser, plan] = [uniqueText('slug'), uniqueText('user'), uniqueText('plan')]
  const [action, openApi] = [uniqueText('action'), uniqueText('document')]
  const names: string[] = []
  const name = () => {
    const text = uniqueText('name')
    names.push(text)
    return `${text} ${secret()}`
  }
  await change('configureConnectPage', { name: name() }, 'connectPage { name }')
  const url = `${vendorUrl}/${secret()}`
  await change('createWebhookEndpoint', { url, description: name() }, 'webhookEndpoint { id }')
  const config = { region: { title: secret(), pattern: '[a-z0-9-]+' } }
  for (const each of [shared.sharedSlug[0], slug]) {
    const auth = [{ scheme: 'bearer' }]
    const headers = { 'x-owner': secret() }
    const definition = { slug: each, name: name(), description: secret(), baseUrl: vendorUrl, config, headers, auth }
    await change('createIntegration', { definition }, 'integration { id }')
    const quota = size.isLimited ? { requests: 10_000, perSeconds: 60 } : null
    const rules = [{ effect: 'DENY', name: name(), paths: [`/${secret()}`] }]
    const document = openApiDocument(each === slug ? action : 'list_things', secret())
    const source = { document }
    await change('importOpenApi', { integration: each, name: openApi, source }, 'openApiImport { taken }')
    const callBodies = { maxBytes: 10_000, retentionDays: 3 }
    await change('configureIntegration', { slug: each, quota, rules, callBodies }, 'integration { id }')
  }
  const metadata = () => ({ plan, note: Array.from({ length: size.metadataSize }, secret) })
  const connections: string[] = []
  async function connect(integration: string, endUserId: string) {
    const credential = { bearer: { token: secret() } }
    const input = { integration, endUserId, config: { region: secret() }, metadata: metadata(), credential }
    const { connection } = await change('createConnection', input, 'connection { id }')
    const rules = [{ effect: 'DENY', name: name(), paths: [`/${secret()}`] }]
    await change('updateConnection', { id: connection.id, rules }, 'connection { id }')
    connections.push(connection.id)
    return connection.id as string
  }
  const main = await connect(slug, endUser)
  for (let count = 1; count < size.ownConnections; count += 1) await connect(shared.sharedSlug[0], endUser)
  for (let count = 0; count < size.sharedConnections; count += 1) {
    await connect(shared.sharedSlug[0], shared.sharedEndUser[0])
  }
  const gone = await connect(slug, endUser)
  await change('deleteConnection', { id: gone }, 'deletedConnectionId')
  const disabled = await connect(slug, uniqueText('user'))
  if (size.isOneDisabled) await change('disableConnection', { id: disabled }, 'connection { id }')

  const keyRules = [{ effect: 'DENY', name: name(), paths: [`/${secret()}`] }]
  await change('createAccessKey', { name: name(), scopes: ['CALLS_READ'], rules: keyRules }, 'secret')
  const revoked = await change('createAccessKey', { name: name(), scopes: ['ADMIN'] }, 'accessKey { id }')
  await change('deleteAccessKey', { id: revoked.accessKey.id }, 'deletedAccessKeyId')
  const scopes = ['PASSTHROUGH_READ', 'PASSTHROUGH_WRITE']
  const bound = await change('createAccessKey', { name: name(), scopes, connectionId: main }, 'secret')
  const sessionRules = [{ effect: 'ALLOW', name: name() }]
  const ofEndUser = { endUserId: shared.sharedEndUser[0], rules: sessionRules }
  const session = await change('createSession', ofEndUser, 'id token')
  const link = {
    endUserId: endUser,
    metadata: metadata(),
    returnUrl: `https://app.example/${secret()}`,
    state: secret(),
  }
  const connectSession = await change('createConnectSession', link, 'id url')

  const operation = uniqueText('operation').replace('-', '_')
  const document = `query ${operation} { viewer { name } } # ${uniqueText('text')}`
  const own = `query ${secret().replace('-', '_')} { viewer { name } } # ${secret()}`
  const operations = [
    { name: operation, document },
    { name: secret(), document: own },
  ]
  await change('registerOperations', { operations }, 'operations { id }')

  const idempotencyKey = uniqueText('idempotency')
  const path = `/${uniqueText('path')}`
  const asking = `query($id: ID!, $path: String!) { passthrough(connectionId: $id, path: $path) { body downloadUrl } }`
  const { passthrough } = await gateway.ask(asking, { id: main, path: `${path}/${secret()}` }, key)
  const writing = `mutation($id: ID!, $path: String!, $options: PassthroughOptions, $body: JSON) {
    passthrough(connectionId: $id, method: POST, path: $path, options: $options, body: $body) { status body }
  }`
  const written = { path: `${path}/${secret()}`, body: { note: secret() }, options: { idempotencyKey } }
  await gateway.ask(writing, { id: main, ...written }, key)
  await settle(gateway)

  const cursors = await listCursors(gateway, key)
  const ids = await listIds(gateway, viewer.workspace.id)
  const texts = {
    slug: [slug],
    endUser: [endUser],
    name: names,
    plan: [plan],
    action: [action],
    openApi: [openApi],
    path: [path],
    idempotencyKey: [idempotencyKey],
    operation: [operation],
    document: [document],
  }
  return {
    id: viewer.workspace.id,
    key,
    possessions: { ...shared, ...texts, ...cursors, ...ids },
    session: session.token,
    boundKey: bound.secret,
    connectUrl: connectSession.url,
    downloadUrl: passthrough.downloadUrl,
  }
}
