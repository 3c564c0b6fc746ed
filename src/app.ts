/** Builds every part once, in the order they need each other, and takes them down in reverse. */
import { setTimeout as sleep } from 'node:timers/promises'
import { AuditTrail, firstKeyOf, recordVisit } from './access/audit.ts'
import { Callers } from './access/callers.ts'
import { FailedAttempts } from './access/failed-attempts.ts'
import { AccessKeys } from './access/keys.ts'
import { RegisteredOperations } from './access/registered-operations.ts'
import { SessionBudgets } from './access/session-budget.ts'
import { Sessions } from './access/sessions.ts'
import { SigningKeys } from './access/signing-keys.ts'
import { Workspaces } from './access/workspaces.ts'
import { Actions } from './actions/actions.ts'
import { OpenApiImports } from './actions/openapi-imports.ts'
import { createCallLog, startCallRetention } from './app/call-log.ts'
import { createReadiness } from './app/readiness.ts'
import { createSessionReach } from './app/session-reach.ts'
import { startTelemetry, watchLevels } from './app/telemetry.ts'
import type { TokenFetch } from './auth/tokens/token-endpoint.ts'
import { IdempotencyKeys } from './calls/idempotency.ts'
import { Catalog } from './catalog/catalog.ts'
import { Logos } from './catalog/logos.ts'
import { type Config, formatListeningUrl, type Secrets } from './config.ts'
import { ConnectVisits } from './connections/connect.ts'
import { ConnectSessions } from './connections/connect-sessions.ts'
import { Connections } from './connections/connections.ts'
import { CredentialSeal } from './connections/credential-seal.ts'
import { EncryptionKeys } from './connections/encryption-keys.ts'
import { Integrations } from './connections/integrations.ts'
import { proveKeys } from './connections/key-proof.ts'
import { Upkeep, type UpkeepTask } from './connections/upkeep.ts'
import { StartError } from './errors.ts'
import type { Events } from './events.ts'
import { Gateway } from './gateway/gateway.ts'
import type { GraphQLServices } from './graphql/context.ts'
import { createLimits } from './limits/limits.ts'
import { createRedisStore } from './limits/redis-store.ts'
import { createMemoryStore, type LimitStore } from './limits/store.ts'
import type { Logger } from './log.ts'
import { refuseDestination } from './passthrough/egress.ts'
import { createPassthrough } from './passthrough/passthrough.ts'
import { type Sandbox, sandboxApiKey, startSandbox } from './sandbox/sandbox.ts'
import { createAddressReader } from './server/client-address.ts'
import { createConnectRoutes } from './server/connect-routes.ts'
import { createGraphQLMount } from './server/graphql.ts'
import { createRawRoute } from './server/raw-route.ts'
import { createServer } from './server/server.ts'
import { CallFeed } from './store/call-feed.ts'
import { type Database, openDatabase } from './store/database.ts'
import { EventFeed } from './store/event-feed.ts'
import { StoreError } from './store/failure.ts'
import type { IdempotencyPlace } from './store/idempotency.ts'
import { createStores } from './store/stores.ts'
import type { Workspace } from './store/workspaces.ts'
import {
  idempotentAnswerBinding,
  type SecretBinding,
  signingKeyBinding,
  webhookEndpointBinding,
} from './vault/bindings.ts'
import { readOrCreateKeyFile } from './vault/key-file.ts'
import { KeyRing } from './vault/key-ring.ts'
import { Vault } from './vault/vault.ts'
import type { EndpointPlace } from './webhooks/dispatcher.ts'
import { createWebhooks, type Webhooks } from './webhooks/webhooks.ts'

export interface AppOptions {
  readonly config: Config
  readonly secrets: Secrets
  readonly log: Logger
  /** Used instead of the one that the configuration names; the app does not close it. */
  readonly database?: Database
}

export interface App extends AsyncDisposable {
  readonly services: GraphQLServices
  readonly workspace: Workspace
  /**
   * Makes the workspace's first admin key, unless it has a key already: to be called once the gateway listens, because
   * the secret is in this answer and nowhere else.
   */
  createFirstAdminKey(): Promise<string | undefined>
  /** The built-in vendor, when it is on. */
  readonly sandbox: Sandbox | undefined
  /** Starts to accept requests. @returns where it listens */
  listen(): Promise<URL>
  /** Where the vendors' paths are at the root, once it listens there. */
  readonly rootUrl: URL | undefined
  /** Resolves when every executed call so far is in the store. */
  flush(): Promise<void>
  /** Not ready from now on, it goes on to answer for as long as whoever sends requests may take to notice. */
  drain(): Promise<void>
}

const lastCallsMs = 5_000

/** @throws StartError with the one sentence for the operator */
export async function createApp(options: AppOptions): Promise<App> {
  try {
    return await buildApp(options)
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    throw new StartError(`The gateway cannot start: ${error.message}.`, { cause: error })
  }
}

async function buildApp(options: AppOptions): Promise<App> {
  const { config, secrets } = options
  await using parts = new AsyncDisposableStack()
  const telemetry = parts.use(await startTelemetry(options, slug => catalog.get(slug) !== undefined))
  const { events, metrics, tracing, strippedHeaders } = telemetry
  const { databaseUrl: url } = secrets
  const database = options.database ?? parts.use(await openDatabase({ url, dataDir: config.dataDir }))
  const stores = createStores(database)
  const vault = new Vault(new KeyRing(secrets.encryptionKeys ?? readOrCreateKeyFile(config.dataDir)))
  const keyStores = { keys: stores.encryptionKeys, sealedRows: stores.sealedRows }
  const { missing, retiring } = await proveKeys(vault, keyStores)
  for (const [keyId, rows] of Object.entries(missing)) events.keyMissing(keyId, rows)
  for (const [keyId, rows] of Object.entries(retiring)) events.keyRetiring(keyId, rows)
  const workspace = await stores.workspaces.ensureDefault()
  const accessKeys = new AccessKeys(
    stores.accessKeys,
    async (workspaceId, id) => (await stores.connections.get(workspaceId, id)) !== undefined,
  )
  const signingKeys = new SigningKeys(stores.signingKeys, workspace.id, {
    seal: (id, text) => vault.seal(signingKeyBinding(workspace.id, id), text).envelope,
    open: (id, sealed) => vault.open(signingKeyBinding(workspace.id, id), sealed),
  })
  const reach = createSessionReach(() => integrations, stores.connections)
  const sessions = new Sessions({ store: stores.sessions, keys: accessKeys, signingKeys, ...reach })
  const auditTrail = new AuditTrail(stores.auditEvents, (change, error) => events.changeNotAudited(change, error))
  const failedAttempts = new FailedAttempts()
  if (secrets.adminKey !== undefined) await accessKeys.presetAdmin(workspace.id, secrets.adminKey)
  const sandbox = config.sandbox ? parts.use(await startSandbox()) : undefined
  const catalog = loadCatalog(sandbox)
  const logos = new Logos(catalog)
  const allow = sandbox === undefined ? config.egressAllow : config.egressAllow.with(sandbox.host)
  const refuse = (url: URL) => refuseDestination(url, [url.host], allow)
  const integrations = new Integrations({
    catalog,
    store: stores.integrations,
    connections: stores.connections,
    vault,
    onUnreadable: events.integrationUnreadable,
  })
  const limitStore = openLimitStore(secrets.redisUrl, events)
  const limits = parts.use(createLimits({ store: limitStore }))
  const callers = new Callers({ keys: accessKeys, sessions, limits })
  const passthrough = parts.use(createPassthrough({ allow, limits, strippedHeaders }))
  let { publicUrl } = config
  const fetch: TokenFetch = (url, request) => passthrough.fetch(url, request)
  const connections = parts.use(
    new Connections({
      store: stores.connections,
      refreshes: stores.tokenRefreshes,
      deletions: stores.connectionDeletions,
      integrations,
      seal: new CredentialSeal(vault, events),
      events,
      tracing,
      fetch,
      verify: (row, integration) => gateway.verify(row, integration),
      connectUrl: row => connectSessions.repairUrl(row),
      onDeleted: (workspaceId, id) => passthrough.forget(workspaceId, id),
    }),
  )
  const connectParts = { store: stores.connectSessions, connections, integrations, vault, publicUrl: () => publicUrl }
  const connectSessions = new ConnectSessions({
    ...connectParts,
    workspaces: stores.workspaces,
    keys: stores.accessKeys,
  })
  const callLog = parts.use(createCallLog(stores, vault, events))
  const gateway: Gateway = new Gateway({
    connections,
    integrations,
    passthrough,
    idempotencyKeys: new IdempotencyKeys({
      store: stores.idempotency,
      onFailure: error => events.answerNotKept(error),
      seal: createSeal(vault, answerBinding),
    }),
    ticketSeal: {
      seal: text => vault.seal(ticketBinding, text).envelope,
      open: sealed => vault.open(ticketBinding, sealed),
    },
    findCaller: (workspaceId, id) => callers.callerOf(workspaceId, id),
    budgets: new SessionBudgets(stores.sessions),
    spendFailed: error => events.upkeepFailed('the budget of a session', error),
    record: call => callLog.record(call),
    replays: { calls: stores.calls, callLog },
    callFinished: call => events.callFinished(call),
    trace: telemetry,
  })
  watchLevels(metrics, { gateway, passthrough, recorder: callLog })
  if (sandbox !== undefined) await seedSandbox(connections, workspace)
  const seal = createSeal(vault, endpointBinding)
  const webhooks = parts.use(createWebhooks({ stores, events, seal, refuse, fetch: passthrough.fetch }))
  const eventFeed = parts.use(
    await EventFeed.open({
      database,
      store: stores.connectionEvents,
      onDeliveries: endpointId => webhooks.dispatcher.wake(endpointId),
      onFailure: error => events.eventsNotRead(error),
    }),
  )
  const callFeed = parts.use(
    await CallFeed.open({ database, store: stores.calls, onFailure: error => events.callsNotTold(error) }),
  )
  const callTasks = await startCallRetention(stores, events)
  parts.use(createUpkeep({ webhooks, connections, connectSessions, sessions, auditTrail, events, callTasks }))
  const encryptionKeys = parts.use(new EncryptionKeys({ vault, stores: keyStores, events }))
  const actions = new Actions(stores.importedActions)
  const importParts = {
    store: stores.importedActions,
    actions,
    memory: gateway.memory,
    fetch: passthrough.fetch,
    allow,
  }
  const { calls } = stores
  const services: GraphQLServices = {
    accessKeys,
    actions,
    auditTrail,
    callers,
    sessions,
    calls,
    callFeed,
    callHours: stores.callHours,
    callLog,
    connectionCounts: stores.connectionCounts,
    connections,
    connectSessions,
    encryptionKeys,
    eventFeed,
    failedAttempts,
    gateway,
    integrations,
    logos,
    openApiImports: new OpenApiImports(importParts),
    operatorWorkspaceId: workspace.id,
    registeredOperations: new RegisteredOperations(stores.registeredOperations),
    webhooks: webhooks.endpoints,
    workspaces: new Workspaces(stores.workspaces),
    publicUrl: () => publicUrl,
  }
  const { corsOrigins, introspection, graphiql } = config
  const readAddress = createAddressReader(config.trustedProxies)
  const graphql = createGraphQLMount({ services, events, corsOrigins, readAddress, introspection, graphiql })
  const raw = createRawRoute({
    callers,
    failedAttempts,
    gateway,
    events,
    readAddress,
    corsOrigins,
    publicUrl: config.hasPublicUrl ? config.publicUrl : undefined,
  })
  const connectVisits = new ConnectVisits({
    ...connectParts,
    sessions: connectSessions,
    logos,
    fetch,
    onDone: (outcome, source) => recordVisit(auditTrail, outcome, source),
  })
  const connect = createConnectRoutes({ flow: connectVisits, events, readAddress, publicUrl: () => publicUrl })
  // A call whose client was cut off ends a moment later, and its record is to be written.
  parts.defer(() => gateway.whenIdle(lastCallsMs))
  const server = parts.use(
    createServer({
      graphql,
      raw,
      connect,
      jwks: () => signingKeys.jwks(),
      readLogo: icon => logos.read(icon),
      readiness: createReadiness({ database, keys: stores.encryptionKeys, vault, limitStore, missing }),
      metrics,
      metricsToken: secrets.metricsToken,
      events,
      tracing,
      drainTimeoutMs: config.drainTimeoutMs,
    }),
  )
  // Before the server drains: a stream would last until it is cut off.
  parts.defer(() => eventFeed[Symbol.asyncDispose]())
  parts.defer(() => callFeed[Symbol.asyncDispose]())
  const owned = parts.move()
  let rootUrl: URL | undefined
  return {
    services,
    workspace,
    async createFirstAdminKey() {
      const secret = await accessKeys.createFirstAdmin(workspace.id)
      if (secret !== undefined) await auditTrail.record(firstKeyOf(workspace))
      return secret
    },
    sandbox,
    async listen() {
      const { host, port, rootPort } = config
      const url = formatListeningUrl(host, await server.listen(host, port))
      if (!config.hasPublicUrl) publicUrl = url
      if (rootPort !== undefined) rootUrl = formatListeningUrl(host, await server.listenRoot(host, rootPort))
      return url
    },
    get rootUrl() {
      return rootUrl
    },
    flush: () => callLog.flush(),
    async drain() {
      server.drain()
      await sleep(config.drainDelayMs)
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

function openLimitStore(redisUrl: string | undefined, events: Events): LimitStore {
  if (redisUrl === undefined) return createMemoryStore()
  return createRedisStore(redisUrl, { onError: error => events.limitsNotShared(error) })
}

function answerBinding({ workspaceId, connectionId, key }: IdempotencyPlace) {
  return idempotentAnswerBinding(workspaceId, connectionId, key)
}

function endpointBinding({ workspaceId, id }: EndpointPlace) {
  return webhookEndpointBinding(workspaceId, id)
}

/** Download links belong to no row. */
const ticketBinding = { workspaceId: '', kind: 'download', id: '' }

/** The built-in vendor's address is known only once it listens; switched off it is found by its old connections alone. */
function loadCatalog(sandbox: Sandbox | undefined): Catalog {
  const catalog = Catalog.load()
  const entry = catalog.get('sandbox')
  if (sandbox === undefined || entry === undefined) return catalog.unlist('sandbox')
  return catalog.with({ ...entry, baseUrl: sandbox.url, hosts: [sandbox.host] })
}

/** The connection of the first query; made once, however often the gateway starts. */
async function seedSandbox(connections: Connections, { id }: Workspace): Promise<void> {
  const demo = { integration: 'sandbox', endUserId: 'demo' }
  const [existing] = await connections.findByEndUser(id, demo.integration, demo.endUserId, 1)
  if (existing === undefined) {
    await connections.create(id, { ...demo, credential: { scheme: 'apiKey', key: sandboxApiKey } })
  }
}

/** Sealed at a place, and opened there only. */
function createSeal<Place>(vault: Vault, bindingOf: (place: Place) => SecretBinding) {
  return {
    seal: (place: Place, text: string) => vault.seal(bindingOf(place), text).envelope,
    open: (place: Place, sealed: Buffer) => vault.open(bindingOf(place), sealed),
  }
}

function createUpkeep(parts: {
  webhooks: Webhooks
  connections: Connections
  connectSessions: ConnectSessions
  sessions: Sessions
  auditTrail: AuditTrail
  events: Events
  callTasks: readonly UpkeepTask[]
}): Upkeep {
  const { webhooks, connections, connectSessions, sessions, auditTrail, events, callTasks } = parts
  const tasks: UpkeepTask[] = [
    { what: 'tokens kept alive', run: (limit, ending) => connections.keepAlive(limit, ending) },
    { what: 'deletions finished', run: (limit, ending) => connections.finishDeletions(limit, ending) },
    { what: 'old connect sessions', run: (limit: number) => connectSessions.deleteExpired(limit) },
    { what: 'old sessions', run: (limit: number) => sessions.deleteExpired(limit) },
    { what: 'old audit events', run: (limit: number) => auditTrail.deleteOld(limit) },
    ...webhooks.retention,
    ...callTasks,
  ]
  return new Upkeep(tasks, (what, error) => events.upkeepFailed(what, error))
}
