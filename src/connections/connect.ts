/** The way of an end user through the connect page: choose, consent or type, and come back with a connection. */
import type { Credential } from '../auth/credential.ts'
import type { AuthEntry } from '../auth/scheme.ts'
import { TokenError, type TokenFetch } from '../auth/tokens/token-endpoint.ts'
import type { Logos } from '../catalog/logos.ts'
import { keptConfig, parseGivenConfig, usableConfig } from '../catalog/target.ts'
import { GatewayError, invalidInput } from '../errors.ts'
import type { ConnectFlightRow, ConnectSessionRow, ConnectSessionStore } from '../store/connect-sessions.ts'
import type { ConnectionRow } from '../store/connections.ts'
import { connectFlightBinding } from '../vault/bindings.ts'
import type { Vault } from '../vault/vault.ts'
import type { Candidate } from './admission.ts'
import { configFieldsOf, methodsOf, readConfig, readCredential, renamed } from './connect-form.ts'
import { type ConnectSessions, hashOf, withSlash } from './connect-sessions.ts'
import {
  type ConnectChoice,
  ConnectError,
  type ConnectField,
  type ConnectFlow,
  type ConnectStep,
  type ConnectSubmission,
  type ConnectView,
  type VisitOutcome,
  type VisitSource,
} from './connect-view.ts'
import type { Connections } from './connections.ts'
import { type Integration, type Integrations, integrationNotFound } from './integrations.ts'
import { authorizeOAuth1, finishOAuth1 } from './oauth1-flow.ts'
import { authorizeOAuth2, finishOAuth2, requireOAuth2 } from './oauth2-flow.ts'
import { requireClient } from './renewal.ts'
import { compareAccounts, isCertainlyOther } from './verification.ts'

interface VisitParts {
  readonly store: ConnectSessionStore
  readonly sessions: ConnectSessions
  readonly connections: Connections
  readonly integrations: Integrations
  readonly vault: Vault
  readonly logos: Pick<Logos, 'of'>
  readonly fetch: TokenFetch
  /** What the callback's address is built on. */
  readonly publicUrl: () => URL
  /** Awaited before the end user goes on; does not reject. */
  readonly onDone?: (outcome: VisitOutcome, source: VisitSource | undefined) => Promise<void>
}

/** What has to be known when the browser comes back from the vendor. */
interface FlightMemory {
  readonly token: string
  readonly codeVerifier?: string | undefined
  /** OAuth 1.0a, RFC 5849 §2.1. */
  readonly requestToken?: string | undefined
  readonly requestSecret?: string | undefined
}

type Done = Extract<ConnectStep, { kind: 'done' }>

export class ConnectVisits implements ConnectFlow {
  readonly #parts: VisitParts

  constructor(parts: VisitParts) {
    this.#parts = parts
  }

  async open(token: string): Promise<ConnectView> {
    const session = await this.#parts.sessions.find(token)
    const theme = await this.#parts.sessions.theme(session.workspaceId)
    const before = await this.#repaired(session)
    const integrations = await this.#allowed(session, before)
    const choices = integrations.flatMap(integration => this.#choice(integration, before))
    const { returnUrl, expiresAt } = session
    return { theme, choices, isRepair: session.connectionId !== null, expiresAt, returnUrl }
  }

  async submit(
    token: string,
    browser: string,
    submission: ConnectSubmission,
    source?: VisitSource,
  ): Promise<ConnectStep> {
    const session = await this.#parts.sessions.find(token)
    const before = await this.#repaired(session)
    const integration = (await this.#allowed(session, before)).find(({ slug }) => slug === submission.integration)
    if (integration === undefined) throw integrationNotFound(submission.integration)
    const client = this.#parts.integrations.clientOf(integration)
    const method = methodsOf(integration, client !== undefined).find(({ scheme }) => scheme === submission.scheme)
    const entry = integration.definition.auth.find(({ scheme }) => scheme === submission.scheme)
    if (method === undefined || entry === undefined) {
      throw invalidInput('scheme', `${integration.definition.name} cannot be connected this way.`)
    }
    const known = before && keptConfig(integration.definition, before.config, entry)
    const typed = { ...known, ...readConfig(integration, entry, submission.values) }
    const config = parseGivenConfig(integration.definition, typed, entry)
    if (method.kind === 'redirect') {
      return await this.#depart(session, token, browser, integration, entry, config).catch(async error => {
        if (!(error instanceof TokenError)) throw error
        throw new ConnectError('vendor', error.message, { ...(await this.#wayBack(session, token)), cause: error })
      })
    }
    const credential = readCredential(entry, submission.values)
    try {
      return await this.#arrive(session, integration, entry, { config, credential }, source)
    } catch (error) {
      throw renamed(error)
    }
  }

  async finish(browser: string | undefined, params: URLSearchParams, source?: VisitSource): Promise<Done> {
    const states = params.getAll('state')
    const flight = states.length === 1 ? await this.#parts.store.takeFlight(hashOf(states[0] ?? '')) : undefined
    if (flight === undefined) throw new ConnectError('state', 'the state is unknown, used or over')
    const { token, ...memory } = this.#remember(flight)
    const session = await this.#parts.sessions.find(token)
    const way = await this.#wayBack(session, token)
    if (browser === undefined || !hashOf(browser).equals(flight.browserHash)) {
      throw new ConnectError('state', 'another browser came back than the one that left')
    }
    try {
      const integration = await this.#parts.integrations.get(session.workspaceId, flight.integration)
      const entry = integration?.definition.auth.find(({ scheme }) => scheme === flight.scheme)
      if (integration === undefined || entry === undefined) throw integrationNotFound(flight.integration)
      const account = await this.#exchange(integration, entry, flight, memory, params)
      return await this.#arrive(session, integration, entry, account, source)
    } catch (error) {
      if (error instanceof ConnectError) throw new ConnectError(error.reason, error.message, { ...way, cause: error })
      if (error instanceof TokenError) {
        const reason = error.error === 'access_denied' ? 'denied' : 'vendor'
        throw new ConnectError(reason, error.message, { ...way, cause: error })
      }
      if (error instanceof GatewayError) throw new ConnectError('vendor', error.message, { ...way, cause: error })
      throw error
    }
  }

  async #wayBack({ workspaceId, returnUrl }: ConnectSessionRow, token: string) {
    const theme = await this.#parts.sessions.theme(workspaceId)
    return { theme, retryPath: `/connect/${token}`, returnTo: returnUrl }
  }

  get #redirectUri(): string {
    return new URL('oauth/callback', withSlash(this.#parts.publicUrl())).href
  }

  async #repaired({ workspaceId, connectionId }: ConnectSessionRow): Promise<ConnectionRow | undefined> {
    if (connectionId === null) return undefined
    const row = await this.#parts.connections.get(workspaceId, connectionId)
    if (row === undefined) throw new ConnectError('unknown', 'the connection to repair is gone')
    return row
  }

  async #allowed(session: ConnectSessionRow, before: ConnectionRow | undefined): Promise<Integration[]> {
    const { workspaceId, integrations } = session
    if (before !== undefined) {
      const integration = await this.#parts.integrations.get(workspaceId, before.integration)
      return integration === undefined ? [] : [integration]
    }
    const all =
      integrations === null
        ? (await this.#parts.integrations.list(workspaceId)).filter(({ configured }) => configured)
        : await this.#parts.integrations.getMany(workspaceId, integrations)
    return all.filter(integration => integration !== undefined)
  }

  #choice(integration: Integration, before: ConnectionRow | undefined): ConnectChoice[] {
    const { slug, definition } = integration
    const ways = methodsOf(integration, this.#parts.integrations.clientOf(integration) !== undefined).map(method => {
      const entry = definition.auth.find(({ scheme }) => scheme === method.scheme)
      return { method, config: entry === undefined ? [] : configFieldsOf(integration, entry, before?.config ?? {}) }
    })
    if (ways.length === 0) return []
    // What only some ways need is asked with them.
    const isCommon = ({ name }: ConnectField) => ways.every(({ config }) => config.some(field => field.name === name))
    const methods = ways.map(({ method, config }) => {
      return { ...method, fields: [...config.filter(field => !isCommon(field)), ...method.fields] }
    })
    const { name, description = null, docs = null } = definition
    const config = (ways[0]?.config ?? []).filter(isCommon)
    const logoPath = this.#parts.logos.of(definition)?.path ?? null
    return [{ slug, name, description, docs, logoPath, config, methods: sortFor(methods, before?.scheme) }]
  }

  /** To the vendor's own page; what is needed at the return is kept under the hash of the `state`. */
  async #depart(
    session: ConnectSessionRow,
    token: string,
    browser: string,
    integration: Integration,
    entry: AuthEntry,
    config: Record<string, string>,
  ): Promise<ConnectStep> {
    const client = requireClient(this.#parts.integrations.clientOf(integration))
    const redirectUri = this.#redirectUri
    const departure =
      entry.scheme === 'oauth1'
        ? await authorizeOAuth1(entry, client, config, redirectUri, this.#parts.fetch)
        : authorizeOAuth2(requireOAuth2(entry), client.clientId, config, redirectUri)
    const { url, state, ...memory } = departure
    await this.#parts.store.insertFlight({
      stateHash: hashOf(state),
      workspaceId: session.workspaceId,
      sessionId: session.id,
      integration: integration.slug,
      scheme: entry.scheme,
      config,
      browserHash: hashOf(browser),
      sealedMemory: this.#parts.vault.seal(
        connectFlightBinding(session.workspaceId, hashOf(state)),
        JSON.stringify({ token, ...memory }),
      ).envelope,
      redirectUri,
      expiresAt: session.expiresAt,
    })
    return { kind: 'redirect', url }
  }

  #remember(flight: ConnectFlightRow): FlightMemory {
    return JSON.parse(
      this.#parts.vault.open(connectFlightBinding(flight.workspaceId, flight.stateHash), flight.sealedMemory),
    )
  }

  async #exchange(
    integration: Integration,
    entry: AuthEntry,
    flight: ConnectFlightRow,
    memory: Omit<FlightMemory, 'token'>,
    params: URLSearchParams,
  ): Promise<{ credential: Credential; config: Record<string, string> }> {
    const client = requireClient(this.#parts.integrations.clientOf(integration))
    const { fetch } = this.#parts
    const { config, redirectUri } = flight
    if (entry.scheme !== 'oauth1') {
      const accept = (given: Readonly<Record<string, string>>) => parseGivenConfig(integration.definition, given, entry)
      const back = { ...memory, config, redirectUri, params, accept }
      return await finishOAuth2(requireOAuth2(entry), client, back, fetch, this.#parts.connections.proofs)
    }
    const usable = usableConfig(integration.definition, config)
    return { credential: await finishOAuth1(entry, client, { ...memory, config: usable, params }, fetch), config }
  }

  /** The account is there: it becomes a connection, or repairs the one that the session is for. */
  async #arrive(
    session: ConnectSessionRow,
    integration: Integration,
    entry: AuthEntry,
    { config, credential }: { readonly config: Record<string, string>; readonly credential: Credential },
    source: VisitSource | undefined,
  ): Promise<Done> {
    const { store } = this.#parts
    const { admission } = this.#parts.connections
    const { workspaceId, endUserId, metadata } = session
    const before = await this.#repaired(session)
    const input = { integration: integration.slug, endUserId, config, credential, metadata }
    const candidate = await admission.prepare(workspaceId, input, before === undefined ? {} : { id: before.id })
    if (candidate.verification?.outcome === 'REFUSED') throw invalidInput('credential', candidate.verification.message)
    if (before !== undefined && !session.allowOtherAccount) {
      const relation = judgeAccount(before, candidate, entry, integration)
      // Told apart by an email, a name or an address alone, it may be the same, whose tokens some vendors end together.
      if (relation === 'certainly other') await this.#parts.connections.revokeRefused(before, candidate.row, credential)
      if (relation !== 'same') throw new ConnectError('account', 'another account than the one of the connection')
    }
    // The vendor may have taken its time.
    await this.#parts.sessions.requireMaker(session)
    if (!(await store.complete(workspaceId, session.id))) throw new ConnectError('used', 'the link was used or is over')
    try {
      const { id } = before === undefined ? await admission.admit(candidate) : await admission.repair(before, candidate)
      await store.settle(workspaceId, session.id, id)
      const made = { integration: integration.slug, authScheme: entry.scheme, connectionId: id }
      const outcome = { workspaceId, sessionId: session.id, endUserId, ...made, isRepair: before !== undefined }
      await this.#parts.onDone?.(outcome, source)
      const { name: integrationName } = integration.definition
      const theme = await this.#parts.sessions.theme(workspaceId)
      return { kind: 'done', connectionId: id, integrationName, theme, returnTo: withConnection(session.returnUrl, id) }
    } catch (error) {
      await store.settle(workspaceId, session.id, null)
      throw error
    }
  }
}

/** @throws {ConnectError} vendor, when it cannot be told whose account it is now */
function judgeAccount(
  { account: before, config }: ConnectionRow,
  { row: { account: now, config: nowConfig } }: Candidate,
  entry: AuthEntry,
  { definition }: Integration,
): 'same' | 'other' | 'certainly other' {
  const comparison = compareAccounts(before, now)
  const isKnown = Object.values(before ?? {}).some(value => value !== null)
  if (isKnown && comparison === 'UNTOLD' && definition.verify?.account !== undefined) {
    throw new ConnectError('vendor', 'the vendor did not say whose account it is')
  }
  const captured = Object.keys((entry.scheme === 'oauth2' && entry.captures) || {})
  const moved = captured.filter(name => config[name] !== nowConfig[name])
  const isCertain = (['id', 'email'] as const).some(name => before?.[name] != null && now?.[name] != null)
  if (isCertain && comparison === 'SAME') return 'same'
  if (isCertainlyOther(before, now) || moved.some(name => config[name] !== undefined)) return 'certainly other'
  return comparison === 'OTHER' || moved.length > 0 ? 'other' : 'same'
}

function sortFor<Method extends { readonly scheme: string }>(
  methods: readonly Method[],
  scheme: string | undefined,
): Method[] {
  return [...methods.filter(method => method.scheme === scheme), ...methods.filter(method => method.scheme !== scheme)]
}

function withConnection(returnUrl: string | null, connectionId: string): string | null {
  if (returnUrl === null) return null
  const url = new URL(returnUrl)
  url.searchParams.set('connection_id', connectionId)
  return url.href
}
