/** Builds every part once, in the order they need each other, and takes them down in reverse. */
import { AccessKeys } from './access/keys.ts'
import { IdempotencyKeys } from './calls/idempotency.ts'
import { CallRecorder } from './calls/recorder.ts'
import { Catalog } from './catalog/catalog.ts'
import { type Config, formatListeningUrl, type Secrets } from './config.ts'
import { Connections } from './connections/connections.ts'
import { Integrations } from './connections/integrations.ts'
import { proveKeys } from './connections/key-proof.ts'
import { StartError } from './errors.ts'
import { createEvents, type Events } from './events.ts'
import { Gateway } from './gateway/gateway.ts'
import type { GraphQLServices } from './graphql/context.ts'
import { createLimits } from './limits/limits.ts'
import { createRedisStore } from './limits/redis-store.ts'
import { createMemoryStore, type LimitStore } from './limits/store.ts'
import type { Logger } from './log.ts'
import { createPassthrough } from './passthrough/passthrough.ts'
import { type Sandbox, sandboxApiKey, startSandbox } from './sandbox/sandbox.ts'
import { createGraphQLMount } from './server/graphql.ts'
import { createRawRoute } from './server/raw-route.ts'
import { createServer } from './server/server.ts'
import { createAccessKeyStore } from './store/access-keys.ts'
import { createCallStore } from './store/calls.ts'
import { createConnectionStore } from './store/connections.ts'
import { type Database, openDatabase } from './store/database.ts'
import { createEncryptionKeyStore } from './store/encryption-keys.ts'
import { StoreError } from './store/failure.ts'
import { createIdempotencyStore, type IdempotencyPlace } from './store/idempotency.ts'
import { createIntegrationStore } from './store/integrations.ts'
import { createWorkspaceStore, type Workspace } from './store/workspaces.ts'
import { readOrCreateKeyFile } from './vault/key-file.ts'
import { KeyRing } from './vault/key-ring.ts'
import { Vault } from './vault/vault.ts'

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
}

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
  const { config, secrets, log } = options
  await using parts = new AsyncDisposableStack()
  const events = createEvents(log)
  const { databaseUrl: url } = secrets
  const database = options.database ?? parts.use(await openDatabase({ url, dataDir: config.dataDir }))
  const stores = createStores(database)
  const vault = new Vault(new KeyRing(secrets.encryptionKeys ?? readOrCreateKeyFile(config.dataDir)))
  const orphans = await proveKeys(vault, { keys: stores.encryptionKeys, connections: stores.connections })
  for (const [keyId, count] of Object.entries(orphans)) events.keyMissing(keyId, count)
  const workspace = await stores.workspaces.ensureDefault()
  const accessKeys = new AccessKeys(
    stores.accessKeys,
    async (workspaceId, id) => (await stores.connections.get(workspaceId, id)) !== undefined,
  )
  if (secrets.adminKey !== undefined) await accessKeys.presetAdmin(workspace.id, secrets.adminKey)
  const sandbox = config.sandbox ? parts.use(await startSandbox()) : undefined
  const catalog = loadCatalog(sandbox)
  const integrations = new Integrations({ catalog, store: stores.integrations, connections: stores.connections, vault })
  const allow = sandbox === undefined ? config.egressAllow : config.egressAllow.with(sandbox.host)
  const limits = parts.use(createLimits({ store: openLimitStore(secrets.redisUrl, events) }))
  const passthrough = parts.use(createPassthrough({ allow, limits }))
  const connections = new Connections({
    store: stores.connections,
    integrations,
    vault,
    events,
    onDeleted: (workspaceId, id) => passthrough.forget(workspaceId, id),
  })
  if (sandbox !== undefined) await seedSandbox(connections, workspace)
  const recorder = parts.use(createRecorder(stores, events))
  const gateway = new Gateway({
    connections,
    integrations,
    passthrough,
    idempotencyKeys: new IdempotencyKeys({
      store: stores.idempotency,
      onFailure: error => events.answerNotKept(error),
      seal: {
        seal: (place, text) => vault.seal(answerBinding(place), text).envelope,
        open: (place, sealed) => vault.open(answerBinding(place), sealed),
      },
    }),
    ticketSeal: {
      seal: text => vault.seal(ticketBinding, text).envelope,
      open: sealed => vault.open(ticketBinding, sealed),
    },
    findCaller: (workspaceId, keyId) => accessKeys.callerOf(workspaceId, keyId),
    record: call => recorder.record(call),
    callFinished: call => events.callFinished(call),
  })
  const { calls, workspaces } = stores
  let { publicUrl } = config
  const services: GraphQLServices = {
    accessKeys,
    calls,
    connections,
    gateway,
    integrations,
    workspaces,
    publicUrl: () => publicUrl,
  }
  const graphql = createGraphQLMount({ services, events, corsOrigins: config.corsOrigins })
  const raw = createRawRoute({
    accessKeys,
    gateway,
    events,
    publicUrl: config.hasPublicUrl ? config.publicUrl : undefined,
  })
  const server = parts.use(createServer({ graphql, raw, checkReady: () => database.ping() }))
  const owned = parts.move()
  let rootUrl: URL | undefined
  return {
    services,
    workspace,
    createFirstAdminKey: () => accessKeys.createFirstAdmin(workspace.id),
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
    flush: () => recorder.flush(),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

function openLimitStore(redisUrl: string | undefined, events: Events): LimitStore {
  if (redisUrl === undefined) return createMemoryStore()
  return createRedisStore(redisUrl, { onError: error => events.limitsNotShared(error) })
}

function answerBinding({ workspaceId, connectionId, key }: IdempotencyPlace) {
  return { workspaceId, kind: 'idempotentAnswer', id: `${connectionId} ${key}` }
}

/** Download links belong to no row. */
const ticketBinding = { workspaceId: '', kind: 'download', id: '' }

type Stores = ReturnType<typeof createStores>

function createStores({ db }: Database) {
  return {
    accessKeys: createAccessKeyStore(db),
    calls: createCallStore(db),
    connections: createConnectionStore(db),
    encryptionKeys: createEncryptionKeyStore(db),
    idempotency: createIdempotencyStore(db),
    integrations: createIntegrationStore(db),
    workspaces: createWorkspaceStore(db),
  }
}

/** The built-in vendor's address is known only once it listens; switched off it stays listed and answers no call. */
function loadCatalog(sandbox: Sandbox | undefined): Catalog {
  const catalog = Catalog.load()
  const entry = catalog.get('sandbox')
  if (sandbox === undefined || entry === undefined) return catalog
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

/** A batch of calls also says which connections were used. */
function createRecorder({ calls, connections }: Stores, events: Events): CallRecorder {
  return new CallRecorder({
    write: async batch => {
      await calls.insertMany(batch)
      await connections.touch(
        batch.map(call => ({ workspaceId: call.workspaceId, id: call.connectionId, at: call.startedAt })),
      )
    },
    onFailure: (error, waiting) => events.callsNotWritten(error, waiting),
    onLoss: lost => events.callsLost(lost),
  })
}
